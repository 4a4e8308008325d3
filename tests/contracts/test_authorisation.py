"""Every RPC over real gRPC: refused without a token, to the wrong role, for a wrong-kind id."""

from __future__ import annotations

from typing import Any

import pytest

from chain import Chain
from chassis.contract import Rule, rule_of
from chassis.errors import Invalid, NotPermitted, Unauthenticated
from chassis.ids import new_id
from chassis.roles import Role
from chassis.wire import message_class_of
from contract import SERVICES, methods
from optichain.field.v1 import rule_pb2 as field_pb2

SHARED = {"optichain.record.v1", "optichain.object.v1", "optichain.auth.v1"}
RPCS = [m for m in methods() if m.containing_service.file.package not in SHARED]


@pytest.fixture(scope="module")
def served(whole_chain: Chain) -> Chain:
    whole_chain.serve(*(name for name in SERVICES if name != "organisation"))
    return whole_chain


def call(chain: Chain, method: Any, request: Any = None, **who: Any) -> Any:
    request = request or message_class_of(method.input_type)()
    return chain.ask(request, message_class_of(method.output_type), **who)


def outsider(rule: Rule) -> Role | None:
    """A role that the rule does not admit."""
    if rule.open or rule.signed_in:
        return None
    return next((role for role in Role if role not in rule.roles), None)


@pytest.mark.parametrize("method", RPCS, ids=lambda m: m.full_name)
def test_an_rpc_is_refused_without_a_token_and_to_the_wrong_role(
    served: Chain, method: Any
) -> None:
    rule = rule_of(method)
    if rule.open:
        assert method.name in ("SignIn", "RenewSession")
        return
    with pytest.raises(Unauthenticated):
        call(served, method)
    role = outsider(rule)
    if role is not None:
        with pytest.raises(NotPermitted) as refused:
            call(served, method, as_=served.person(role))
        assert refused.value.code == "ROLE_NOT_PERMITTED"


@pytest.mark.parametrize("method", RPCS, ids=lambda m: m.full_name)
def test_an_rpc_is_refused_to_a_service_its_rule_does_not_name(served: Chain, method: Any) -> None:
    rule = rule_of(method)
    if rule.open or rule.any_service:
        return
    stranger = next(name for name in SERVICES if name not in rule.services)
    request = message_class_of(method.input_type)()
    with pytest.raises(NotPermitted) as refused:
        served.ask_as_service(stranger, request, message_class_of(method.output_type))
    assert refused.value.code == "SERVICE_NOT_PERMITTED"


@pytest.mark.parametrize("method", RPCS, ids=lambda m: m.full_name)
def test_an_id_of_the_wrong_kind_is_refused_at_the_border(served: Chain, method: Any) -> None:
    wrong = []
    request = message_class_of(method.input_type)()
    for field in method.input_type.fields:
        kind = field.GetOptions().Extensions[field_pb2.rule].id
        if kind and kind != "any" and not field.is_repeated and field.message_type is None:
            setattr(request, field.name, new_id("zzz"))
            wrong.append(field.name)
    rule = rule_of(method)
    if not wrong or not (rule.roles or rule.signed_in):
        return
    person = served.person(rule.roles[0] if rule.roles else Role.OPTICIAN)
    with pytest.raises(Invalid) as refused:
        call(served, method, request, as_=person)
    named = {problem.field for problem in refused.value.problems if problem.rule == "id"}
    assert set(wrong) <= named
