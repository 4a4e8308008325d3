"""What every part of the contract keeps, whoever wrote it."""

from __future__ import annotations

import importlib
from enum import StrEnum
from typing import Any

import pytest

from chassis.actor import Scope
from chassis.contract import rule_of
from chassis.records import kinds
from chassis.records.changes import ChangeKind
from chassis.records.conditions import ConditionType
from chassis.records.envelope import ApprovalStatus, SourceKind
from chassis.records.issues import LinkKind
from chassis.records.proof import Flaw
from chassis.records.reviews import Decision
from chassis.records.worklists import Worklist
from chassis.roles import Role
from contract import ROOT, SERVICES, files, messages, methods
from optichain.auth.v1 import role_pb2, rule_pb2
from optichain.record.v1 import (
    condition_pb2,
    envelope_pb2,
    issue_pb2,
    pin_pb2,
    record_service_pb2,
    review_pb2,
)

READS = (
    *("Get", "List", "Search", "Find", "Require", "CheckVersions", "CheckConditions"),
    *("Offer", "PrintTicket"),
)
WITHOUT_REQUEST_ID = {
    "SignIn": "starts something new each time",
    "RenewSession": "its secret works once",
    "StartDrill": "carries secrets, which are not kept for replay",
    "SignOut": "ending twice changes nothing",
    "ChangePassword": "carries secrets, which are not kept for replay",
    "ConfirmIdentity": "carries secrets, which are not kept for replay",
    "ReleaseLogin": "carries secrets, which are not kept for replay",
    "IssueServiceToken": "starts something new each time",
    "ConfirmObject": "confirming twice changes nothing",
}
SHORT_LISTS = {
    "ListTokenKeys": "three keys at most",
    "ListBranches": "the branches of one chain",
    "ListQualifications": "those of one person",
    "ListChanges": "those of one record",
    "ListCaseRecords": "those of one case",
    "ListHandovers": "those of one case",
    "ListCaseReviews": "those of one case",
    "ListCaseIssues": "those of one case",
    "ListAnchorFlaws": "one anchor a day",
    "ListCaseRefusals": "those of one case",
    "ListCaseReservations": "those of one case",
    "ListCaseDraws": "those of one case",
    "ListPromises": "those of one order",
    "ListHousehold": "one household",
    "ListReadings": "those of one visit",
    "ListPrices": "those of one price list",
    "ListInstruments": "those of one branch",
    "ListJobSteps": "those of one job",
}

KEPT_BACK = {"unit_cost", "acceptance_note", "replaced_by_id", "content_key"}
"""What a record keeps to itself: costs (told by GetProductCost alone) and its own bookkeeping."""


@pytest.mark.parametrize(
    ("enum", "ours", "prefix"),
    [
        (role_pb2.Role, Role, "ROLE_"),
        (rule_pb2.Scope, Scope, "SCOPE_"),
        (pin_pb2.ChangeKind, ChangeKind, "CHANGE_KIND_"),
        (envelope_pb2.SourceKind, SourceKind, "SOURCE_KIND_"),
        (review_pb2.ReviewDecision, Decision, "REVIEW_DECISION_"),
        (record_service_pb2.Worklist, Worklist, "WORKLIST_"),
        (record_service_pb2.Flaw, Flaw, "FLAW_"),
        (condition_pb2.ConditionType, ConditionType, "CONDITION_TYPE_"),
        (issue_pb2.LinkKind, LinkKind, "LINK_KIND_"),
        (envelope_pb2.ApprovalStatus, ApprovalStatus, "APPROVAL_STATUS_"),
    ],
)
def test_words_of_the_chassis_are_those_of_the_contract(
    enum: Any, ours: type[StrEnum], prefix: str
) -> None:
    told = {name.removeprefix(prefix).lower() for name in enum.DESCRIPTOR.values_by_name} - {
        "unspecified"
    }
    assert told == {str(member) for member in ours}


@pytest.mark.parametrize("method", list(methods()), ids=lambda m: m.full_name)
def test_every_rpc_says_who_may_call_it(method: Any) -> None:
    assert rule_of(method)


def test_no_number_of_the_contract_is_a_float() -> None:
    floats = [
        f"{message.full_name}.{field.name}"
        for message in messages()
        for field in message.fields
        if field.type in (field.TYPE_FLOAT, field.TYPE_DOUBLE)
    ]
    assert floats == []


@pytest.mark.parametrize("method", list(methods()), ids=lambda m: m.full_name)
def test_every_write_can_be_repeated_without_harm(method: Any) -> None:
    is_read = method.name.startswith(READS)
    has_id = "request_id" in method.input_type.fields_by_name
    assert has_id != (is_read or method.name in WITHOUT_REQUEST_ID)


@pytest.mark.parametrize("method", list(methods()), ids=lambda m: m.full_name)
def test_every_list_that_can_grow_comes_by_page(method: Any) -> None:
    if method.name.startswith(("List", "Search")) and method.name not in SHORT_LISTS:
        assert "page_token" in method.input_type.fields_by_name
        assert "next_page_token" in method.output_type.fields_by_name


def every_kind() -> list[Any]:
    for service in SERVICES:
        importlib.import_module(f"{service}.api")
    return [kind for kind in kinds._BY_NAME.values() if kind.owner in SERVICES]


def test_a_kind_says_in_its_message_what_it_says_in_its_content() -> None:
    by_name = {m.full_name: m for m in messages()}
    for kind in every_kind():
        name = kind.content.__name__
        message = by_name.get(f"optichain.{kind.owner}.v1.{name}") or by_name.get(
            f"optichain.record.v1.{name}"  # kinds that every service has
        )
        assert message is not None, f"{kind.name} has no message"
        assert message.fields[0].name == "envelope", kind.name
        told = {field.name for field in message.fields}
        content = set(kind.settled_fields)
        missing = content - told - KEPT_BACK
        assert not missing, f"{kind.name}: {sorted(missing)} are not told"


def test_no_two_kinds_share_a_prefix_of_their_ids() -> None:
    prefixes = [kind.prefix for kind in every_kind()]
    assert len(prefixes) == len(set(prefixes))


def test_queues_are_called_what_they_were_always_called() -> None:
    """A declared queue outlives a release: a renamed one would strand its messages."""
    frozen = (ROOT / "tests" / "contracts" / "queues.txt").read_text().split()
    from chassis.amqp import subscription_queue, subscriptions_of

    names = []
    for service in SERVICES:
        worker = importlib.import_module(f"{service}.worker").WORKER
        names += [subscription_queue(service, *told).name for told in subscriptions_of(worker)]
    assert sorted(names) == sorted(frozen)


def test_generated_code_is_not_in_the_repository() -> None:
    assert "proto/generated/" in (ROOT / ".gitignore").read_text()
    assert files()
