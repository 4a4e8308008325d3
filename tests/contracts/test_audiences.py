"""Every personal or clinical value that a reply may hold says whom it is for."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import chassis
from chassis.contract import Rule
from chassis.contract import rule_of as rule_of_rpc
from chassis.masking import ALL, audience_of, rule_of, withheld_from
from chassis.records.kinds import _BY_NAME
from chassis.roles import STAFF, Role
from contract import SERVICES, messages, methods

EXEMPT = {
    "optichain.auth.v1.IssueServiceTokenResponse.token": "what the service asked for itself",
    "optichain.organisation.v1.Session.token": "what the person asked for",
    "optichain.organisation.v1.ConfirmIdentityResponse.token": "what the person asked for",
    "optichain.organisation.v1.DrillStaff.token": "of a drill, for who began it",
    "optichain.organisation.v1.Session.renewal_secret": "what the person asked for",
    "optichain.inventory.v1.LensPower.sphere_centidioptres": "printed on the bag of a lens",
    "optichain.inventory.v1.LensPower.cylinder_centidioptres": "printed on the bag of a lens",
    "optichain.inventory.v1.LensPower.add_centidioptres": "printed on the bag of a lens",
    "optichain.record.v1.FieldChange.old_value": "ListChanges: by the readers of the kind",
    "optichain.record.v1.FieldChange.new_value": "ListChanges: by the readers of the kind",
}
"""Values without an audience, and why everybody who may call reads them."""

LISTS = ("ListChangesResponse", "ListCaseChangesResponse")
"""Where a difference stands outside of a refusal: told to the readers of the kind."""

BELONGS_TO_A_CASE = ("billing", "clinical", "customer", "labjob")
"""Services whose records are about a customer, so that words on them are for who works on it."""

NOT_ABOUT_A_CUSTOMER = {"PriceList", "Terms", "Shipment", "LabReceipt", "BranchReceipt"}
"""Records of those services that are not: editions, and what travels with its seals."""

RULE = Path(str(chassis.__file__)).parent / "rules" / "masking.yaml"


@dataclass(frozen=True)
class Leaf:
    """A field of a reply that is personal or clinical: where it stands, and for whom."""

    path: str
    field: Any
    audiences: frozenset[str]
    above: Any = None

    @property
    def name(self) -> str:
        return str(self.field.full_name)


def leaves(
    descriptor: Any,
    path: str,
    audiences: frozenset[str] = frozenset(),
    seen: tuple[str, ...] = (),
) -> Iterator[Leaf]:
    if descriptor.full_name in seen:
        return
    for field in descriptor.fields:
        own = rule_of(field).audience
        told = audiences | ({audience_of(own)} if own else frozenset())
        place = f"{path}.{field.name}"
        if field.GetOptions().debug_redact:
            yield Leaf(place, field, told)
        elif field.message_type is not None:
            yield from leaves(field.message_type, place, told, (*seen, descriptor.full_name))


def replies() -> list[Leaf]:
    """Return the values of everything that people may ask for."""
    return [
        leaf
        for method in methods()
        if _is_for_people(rule_of_rpc(method))
        for leaf in leaves(method.output_type, method.output_type.name)
    ]


def _is_for_people(rule: Rule) -> bool:
    return bool(rule.roles) or rule.signed_in or rule.open


def sees() -> dict[str, list[str]]:
    told: dict[str, list[str]] = yaml.safe_load(RULE.read_text(encoding="utf-8"))["body"]["sees"]
    return told


def test_every_personal_or_clinical_value_of_a_reply_has_an_audience_or_a_reason() -> None:
    without = {leaf.name for leaf in replies() if not leaf.audiences}
    assert without == set(EXEMPT)


def test_no_event_carries_anything_personal_or_clinical() -> None:
    told = [
        leaf.name
        for message in messages()
        if message.file.name.endswith("/events.proto")
        for leaf in leaves(message, message.name)
    ]
    assert told == []


def test_a_difference_of_versions_has_an_audience_wherever_it_is_not_told_by_readers() -> None:
    open_ = {
        leaf.path
        for leaf in replies()
        if leaf.field.containing_type.name == "FieldChange" and not leaf.audiences
    }
    assert {path.split(".")[0] for path in open_} <= set(LISTS)


def test_whatever_has_an_audience_is_kept_out_of_renderings_too() -> None:
    marked = [
        field.full_name
        for message in messages()
        for field in message.fields
        if rule_of(field).audience
        and field.message_type is None
        and not field.GetOptions().debug_redact
    ]
    assert marked == []


def test_no_covered_number_is_left_as_a_zero_that_could_be_read_as_a_power() -> None:
    zeros = {
        leaf.path
        for leaf in replies()
        if leaf.audiences
        and leaf.field.message_type is None
        and leaf.field.enum_type is None
        and leaf.field.type != leaf.field.TYPE_STRING
        and not leaf.field.has_presence
    }
    assert zeros == set()


def test_words_on_the_records_of_a_case_are_for_who_works_on_it() -> None:
    open_ = {
        message.name
        for message in messages()
        if message.file.package.split(".")[1] in BELONGS_TO_A_CASE
        and "envelope" in message.fields_by_name
        and not rule_of(message.fields_by_name["envelope"]).audience
    }
    assert open_ == NOT_ABOUT_A_CUSTOMER


def test_the_rule_names_every_audience_and_only_roles_of_the_chain() -> None:
    assert set(sees()) == {audience_of(number) for number in ALL}
    for roles in sees().values():
        assert {Role(name) for name in roles} <= {*STAFF, Role.PARTNER_LAB}
        assert len(roles) == len(set(roles))


@pytest.mark.parametrize(
    ("kinds", "audience"),
    [("clinical.prescription", "lens"), ("labjob.job", "lens"), ("customer.person", "contact")],
)
def test_who_reads_values_in_the_history_of_a_kind_reads_them_in_replies(
    kinds: str, audience: str
) -> None:
    for service in SERVICES:
        importlib.import_module(f"{service}.api")
    assert set(_BY_NAME[kinds].readers) <= {Role(name) for name in sees()[audience]}


def test_who_has_no_role_or_only_the_trade_of_machines_reads_nothing() -> None:
    for roles in ((), (Role.ON_CALL,), (Role.SYSTEM, Role.INSTRUMENT)):
        assert withheld_from(frozenset(roles), sees()) == ALL
    assert withheld_from(frozenset({Role.COURIER, Role.AUDITOR}), sees()) == frozenset()
