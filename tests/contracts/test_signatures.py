"""A signature is somebody's own, just now: over real gRPC, for every RPC that signs."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf import descriptor_pb2

from asking import call
from chain import Chain
from chassis import clock
from chassis.contract import RuleMissing, rule_of
from chassis.errors import DomainError, Unauthenticated
from contract import SERVICES, methods
from minimal import filled
from optichain.auth.v1 import rule_pb2


def method_with(rule: rule_pb2.Rule) -> Any:
    """Return what a contract says of an RPC with this rule."""
    options = descriptor_pb2.MethodOptions()
    options.Extensions[rule_pb2.rule].CopyFrom(rule)
    return SimpleNamespace(full_name="a.small.Rpc", GetOptions=lambda: options)


SIGNING = [method for method in methods() if rule_of(method).fresh]
STALE = timedelta(minutes=16)
FRESH = timedelta(minutes=14)


@pytest.fixture(scope="module")
def served(whole_chain: Chain) -> Chain:
    whole_chain.serve(*(name for name in SERVICES if name != "organisation"))
    return whole_chain


def test_prescription_qc_approval_and_acceptance_are_signed() -> None:
    assert {method.name for method in SIGNING} == {
        "SignRefraction",
        "ConfirmPlausibility",
        "SignPrescription",
        "RecordExternalPrescription",
        "AmendPrescription",
        "RecordQcResult",
        "ApproveOrder",
        "AcceptJob",
        "AcceptLot",
        "RefuseLot",
    }


@pytest.mark.parametrize("method", SIGNING, ids=lambda m: m.name)
def test_who_confirmed_the_password_too_long_ago_signs_nothing(served: Chain, method: Any) -> None:
    request = filled(method.input_type, {})
    role = rule_of(method).roles[0]
    stale = served.person(role, authenticated_at=clock.now() - STALE)
    with pytest.raises(Unauthenticated) as refused:
        call(served, method, request, as_=stale)
    assert refused.value.code == "REAUTHENTICATION_NEEDED"
    assert refused.value.details["minutes"] == "15"

    with pytest.raises(DomainError) as other:  # what it names is not there, but it may be signed
        call(served, method, request, as_=served.person(role, authenticated_at=clock.now() - FRESH))
    assert other.value.code != "REAUTHENTICATION_NEEDED"


@pytest.mark.parametrize(
    "wider", [{"services": ["billing"]}, {"any_service": True}, {"open": True}], ids=str
)
def test_no_rule_lets_a_service_sign_in_a_persons_name(wider: dict[str, Any]) -> None:
    rule = rule_pb2.Rule(staff=True, scope=rule_pb2.SCOPE_CHAIN, fresh=True)
    assert rule_of(method_with(rule)).fresh
    rule.MergeFrom(rule_pb2.Rule(**wider))
    with pytest.raises(RuleMissing):
        rule_of(method_with(rule))
