"""Every RPC over real gRPC: refused to a service its rule does not name, for a wrong-kind id."""

from __future__ import annotations

from typing import Any

import pytest

from asking import SHARED, call, served_by
from chain import Chain
from chassis.actor import Actor, Scope
from chassis.contract import rule_of
from chassis.errors import Invalid, NotPermitted
from chassis.ids import new_id
from chassis.roles import Role
from chassis.wire import message_class_of
from contract import SERVICES, methods
from optichain.field.v1 import rule_pb2 as field_pb2

SEE_NO_CASE = (Role.ON_CALL, Role.PARTNER_LAB, Role.INSTRUMENT)
RPCS = list(methods())
PEOPLE = [m for m in RPCS if rule_of(m).roles or rule_of(m).signed_in]


@pytest.fixture(scope="module")
def served(whole_chain: Chain) -> Chain:
    whole_chain.serve(*(name for name in SERVICES if name != "organisation"))
    return whole_chain


@pytest.mark.parametrize("method", RPCS, ids=lambda m: m.full_name)
def test_an_rpc_is_refused_to_a_service_its_rule_does_not_name(served: Chain, method: Any) -> None:
    rule = rule_of(method)
    if rule.open or rule.any_service:
        return
    stranger = next(name for name in SERVICES if name not in rule.services)
    request = message_class_of(method.input_type)()
    with pytest.raises(NotPermitted) as refused:
        served.ask_as_service(
            stranger, request, message_class_of(method.output_type), of=served_by(method)
        )
    assert refused.value.code == "SERVICE_NOT_PERMITTED"


@pytest.mark.parametrize("role", SEE_NO_CASE)
@pytest.mark.parametrize(
    "method",
    [m for m in RPCS if m.containing_service.file.package in SHARED],
    ids=lambda m: m.full_name,
)
def test_who_sees_no_case_reads_no_record_and_no_evidence(
    served: Chain, method: Any, role: Role
) -> None:
    """On call, partner labs and instruments: the roles table of the design's language page."""
    with pytest.raises(NotPermitted) as refused:
        call(served, method, as_=served.person(role))
    assert refused.value.code == "ROLE_NOT_PERMITTED"


def test_who_reads_all_and_changes_nothing_uploads_nothing() -> None:
    rules = {m.name: rule_of(m) for m in RPCS}
    assert Role.AUDITOR in rules["GetRecord"].roles
    assert Role.AUDITOR in rules["OfferRead"].chain_roles
    for name in ("OfferUpload", "ConfirmObject"):
        assert Role.AUDITOR not in rules[name].roles


def wrong_ids(message: Any, place: str = "") -> list[str]:
    """Put an id of a kind that nobody has into every field that holds an id of some kind, however
    deep, and return their places."""
    wrong: list[str] = []
    for field in message.DESCRIPTOR.fields:
        at = f"{place}{field.name}"
        kind = field.GetOptions().Extensions[field_pb2.rule].id
        if field.message_type is not None:
            is_ours = field.message_type.file.package.startswith("optichain.")
            if is_ours and field.message_type is not message.DESCRIPTOR:  # one level of a tree
                target = getattr(message, field.name)
                inner = wrong_ids(target.add(), f"{at}[0].") if field.is_repeated else None
                wrong += wrong_ids(target, f"{at}.") if inner is None else inner
        elif kind not in ("", "any"):
            if field.is_repeated:
                getattr(message, field.name).append(new_id("zzz"))
            else:
                setattr(message, field.name, new_id("zzz"))
            wrong.append(f"{at}[0]" if field.is_repeated else at)
    return wrong


@pytest.mark.parametrize("method", PEOPLE, ids=lambda m: m.full_name)
def test_an_id_of_the_wrong_kind_is_refused_at_the_border(served: Chain, method: Any) -> None:
    request = message_class_of(method.input_type)()
    wrong = wrong_ids(request)
    if not wrong:
        return
    rule = rule_of(method)
    person = served.person(rule.roles[0] if rule.roles else Role.OPTICIAN)
    with pytest.raises(Invalid) as refused:
        call(served, method, request, as_=person)
    named = {problem.field for problem in refused.value.problems if problem.rule == "id"}
    assert set(wrong) == named


@pytest.mark.parametrize("scope", [Scope.SELF, Scope.OWN_LAB])
def test_a_scope_that_says_nothing_of_branches_reaches_none(scope: Scope) -> None:
    here = new_id("br")
    assert not Actor(id="stf_x", role=Role.OPTICIAN, branch_id=here, scope=scope).reaches(here)


def test_every_field_that_names_something_says_of_which_kind() -> None:
    """A field called `…_id` carries an id rule, so that the border refuses another kind."""
    silent = [
        f"{message.full_name}.{field.name}"
        for message in asked_messages()
        for field in message.fields
        if field.name.endswith(("_id", "_ids"))
        and field.name not in FREE_IDS
        and not field.GetOptions().Extensions[field_pb2.rule].id
    ]
    assert silent == []


FREE_IDS = {
    "request_id": "the caller's own word for one attempt",
    "wechat_id": "another house's name for a person",
}


def asked_messages() -> list[Any]:
    """Every message that a request carries."""
    found: dict[str, Any] = {}
    waiting = [method.input_type for method in RPCS]
    while waiting:
        message = waiting.pop()
        if message.full_name in found or not message.full_name.startswith("optichain."):
            continue
        found[message.full_name] = message
        waiting += [field.message_type for field in message.fields if field.message_type]
    return list(found.values())
