"""Which answers show people: whoever can see what is personal or clinical in an answer is seen
looking, or a reason stands here why not."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import pytest

from chassis.access import OWN_FILE, AccessKind, AccessPolicy, AccessPurpose, access_of
from chassis.actor import Actor
from chassis.contract import rule_of
from chassis.looks import UnusualAccess
from chassis.roles import Role
from contract import ROOT, methods
from customer.protection import ProtectionTier
from optichain.auth.v1 import access_pb2
from optichain.record.v1 import look_pb2
from test_contract import READS

ENVELOPE = "optichain.record.v1.Envelope"
"""What every record carries; its words are about the record, and ids are all it has of people."""

COMMERCE = "an order and its papers name goods and money; what they rest on is read in the files"
FABRICATION = "a job shows the lens to be made to who makes it, without the customer's identity"
STOCK = "a reservation shows a lens of a power, without the customer's identity"
STAFF = "about staff at work, not about customers"
DECISION = "words about a decision; what it is about is read from the record's own changes"
NOT_SEEN_LOOKING = {
    "GetReceipt": COMMERCE,
    "GetTransfer": STOCK,
    "GetReservation": STOCK,
    "ListCaseReservations": STOCK,
    "ListCaseDraws": STOCK,
    "PrintTicket": FABRICATION,
    "GetJob": FABRICATION,
    "ListJobs": FABRICATION,
    "GetTicket": FABRICATION,
    "ListJobSteps": FABRICATION,
    "GetStaff": STAFF,
    "ListStaff": STAFF,
    "ListQualifications": STAFF,
    "ListExpiringQualifications": STAFF,
    "GetReview": DECISION,
    "ListReviews": DECISION,
    "ListCaseReviews": DECISION,
    "ListBreakGlasses": DECISION,
    "GetErasure": DECISION,
    "ListErasures": DECISION,
    "GetIssue": DECISION,
    "ListIssues": DECISION,
    "ListCaseIssues": DECISION,
}
"""Reads that show something redacted and are not written into the book of looks."""

METHODS = list(methods())


def hidden_in(descriptor: Any, above: frozenset[str] = frozenset()) -> set[str]:
    """Return the redacted fields that a message can hold, at whatever depth."""
    if descriptor.full_name in above | {ENVELOPE} or descriptor.full_name.startswith("google."):
        return set()
    above = above | {descriptor.full_name}
    found = {
        f"{descriptor.name}.{field.name}"
        for field in descriptor.fields
        if field.GetOptions().debug_redact
    }
    for field in descriptor.fields:
        if field.message_type is not None:
            found |= hidden_in(field.message_type, above)
    return found


def unseen(method: Any) -> str:
    """Return what people can read by an RPC without being seen; empty when there is nothing.

    A command shows what its caller wrote, and its own history says who that was; other people that
    it shows are declared.
    """
    rule = rule_of(method)
    people = rule.roles or rule.signed_in
    if not people or access_of(method) is not None or method.name in NOT_SEEN_LOOKING:
        return ""
    if not method.name.startswith(READS):
        others = {"FoundPerson.name"} & hidden_in(method.output_type)
        return f"{method.name} shows other people" if others else ""
    found = hidden_in(method.output_type)
    return f"{method.full_name}: {', '.join(sorted(found))}" if found else ""


def test_whoever_reads_what_is_personal_or_clinical_is_seen_looking() -> None:
    assert [told for method in METHODS if (told := unseen(method))] == []


def test_no_reason_stands_here_for_an_rpc_that_needs_none() -> None:
    showing = {
        method.name
        for method in METHODS
        if hidden_in(method.output_type) and access_of(method) is None
    }
    assert set(NOT_SEEN_LOOKING) <= showing


@pytest.mark.parametrize("name", ["GetPerson", "GetVisionFile", "ListChanges", "SearchPeople"])
def test_the_check_itself_would_see_an_rpc_that_lost_its_option(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = next(one for one in METHODS if one.name == name)
    see: Callable[[Any], Any] = access_of
    monkeypatch.setattr(f"{__name__}.access_of", lambda one: None if one is method else see(one))
    assert unseen(method)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.full_name)
def test_fields_in_which_an_answer_shows_people_are_fields_of_the_answer(method: Any) -> None:
    access = access_of(method)
    assert access is None or access.only_in <= set(method.output_type.fields_by_name)


@pytest.mark.parametrize(
    ("enum", "ours", "prefix"),
    [
        (access_pb2.AccessKind, AccessKind, "ACCESS_KIND_"),
        (access_pb2.AccessPurpose, AccessPurpose, "ACCESS_PURPOSE_"),
        (look_pb2.UnusualAccess, UnusualAccess, "UNUSUAL_ACCESS_"),
    ],
)
def test_words_of_looks_are_those_of_the_contract(
    enum: Any, ours: type[StrEnum], prefix: str
) -> None:
    told = {name.removeprefix(prefix).lower() for name in enum.DESCRIPTOR.values_by_name}
    assert told - {"unspecified"} == {str(member) for member in ours}


def policy() -> AccessPolicy:
    import yaml

    path = ROOT / "services/chassis/chassis/rules/access_policy.yaml"
    return AccessPolicy(yaml.safe_load(path.read_text())["body"])


def test_whoever_may_read_vision_files_sees_those_of_minors() -> None:
    """Clinical keeps no birthdays, and asks nobody about a minor's file at its own branch."""
    readers = {
        role
        for method in METHODS
        if (access := access_of(method)) and access.kind is AccessKind.VISION_FILE
        for role in rule_of(method).roles
    }
    blind = [
        role
        for role in readers
        if not policy().sees(Actor(id="x", role=role), ProtectionTier.MINOR)
    ]
    assert readers
    assert blind == []


def test_every_closed_file_can_be_opened_by_somebody_who_cares_and_looked_at_by_the_auditor() -> (
    None
):
    assert set(policy().body["sees"]) == set(ProtectionTier) - {ProtectionTier.ORDINARY}
    for tier in ProtectionTier:
        for role in (Role.OPTOMETRIST, Role.AUDITOR):
            assert policy().sees(Actor(id="x", role=role), tier)


def test_who_reads_one_persons_file_may_break_the_glass_or_needs_not() -> None:
    breaking = next(rule_of(one) for one in METHODS if one.name == "BreakGlass")
    stuck = {
        role
        for method in METHODS
        if (access := access_of(method)) and access.kind in OWN_FILE and rule_of(method).roles
        for role in rule_of(method).roles
        if method.containing_service.name in ("CustomerService", "ClinicalService")
        and role not in breaking.roles
        and not policy().serves_every_branch(Actor(id="x", role=role))
    }
    assert stuck == set()
