"""The step between an answer and the person it is for: whom it shows is written into the book of
looks first, and a file that is closed to the caller stays closed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from google.protobuf.message import Message

from chassis import looks
from chassis.access import OWN_FILE, Access, AccessPurpose, Clearance, Guard
from chassis.errors import NotPermitted

_CUSTOMER = "customer_id"
_PLACES = ("branch_id", "held_at_id")
_ENVELOPE = "optichain.record.v1.Envelope"


@dataclass
class Shown:
    """Whom an answer shows, in the order met, and the branches of their records."""

    customer_ids: dict[str, None] = field(default_factory=dict)
    branches: set[str] = field(default_factory=set)

    def add(self, customer_id: str, *branches: str) -> None:
        """Take note of a person, and of branches where the person's record was made or waits."""
        if customer_id:
            self.customer_ids[customer_id] = None
            self.branches.update(one for one in branches if one)


def account_for(
    call: Any, access: Access, purpose: AccessPurpose, answer: Message, guard: Guard | None
) -> None:
    """Write down whom the answer of a call shows, unless it shows nobody.

    Raises AccessNotRecorded, and what the guard refuses with: BreakGlassNeeded, Unavailable.
    """
    shown = _shown(call, access, answer)
    people = tuple(shown.customer_ids)
    if not people and not access.counts_of_nobody:
        return

    def write(clearance: Clearance, refused_with: str = "") -> None:
        looking = looks.Looking(
            actor=call.actor,
            kind=access.kind,
            rpc=call.rpc,
            purpose=purpose,
            customer_ids=people,
            record_id=_asked_for(call.request),
            clearance=clearance,
            refused_with=refused_with,
        )
        looks.write(call.database, looking)

    clearance = Clearance()
    if guard is not None and access.kind in OWN_FILE:
        try:
            clearance = guard(call, people[0], frozenset(shown.branches))
        except NotPermitted as refused:
            write(clearance, refused.code)
            raise
    write(clearance)


def _shown(call: Any, access: Access, answer: Message) -> Shown:
    shown: Shown = call.shown
    for descriptor, value in answer.ListFields():
        if not access.only_in or descriptor.name in access.only_in:
            _look_into(descriptor, value, shown)
    if not shown.customer_ids and not access.only_in and access.kind in OWN_FILE:
        shown.add(getattr(call.request, _CUSTOMER, ""))
    return shown


def _look_into(descriptor: Any, value: Any, shown: Shown) -> None:
    if descriptor.name == _CUSTOMER and descriptor.message_type is None:
        shown.add(value)
    elif descriptor.message_type is not None and _names_people(descriptor.message_type):
        for one in value if descriptor.is_repeated else (value,):
            if descriptor.message_type.full_name == _ENVELOPE:
                shown.add(one.customer_id, *(getattr(one, place) for place in _PLACES))
                continue
            for inner, given in one.ListFields():
                _look_into(inner, given, shown)


@cache
def _names_people(descriptor: Any) -> bool:
    """Tell whether a message can hold the id of a customer, at whatever depth."""
    return _may_name(descriptor, frozenset())


def _may_name(descriptor: Any, above: frozenset[str]) -> bool:
    if descriptor.full_name in above or descriptor.GetOptions().map_entry:
        return False
    above = above | {descriptor.full_name}
    return any(
        field.name == _CUSTOMER
        or (field.message_type is not None and _may_name(field.message_type, above))
        for field in descriptor.fields
    )


def _asked_for(request: Message) -> str:
    """Return the id of the record that a request names, if it names one."""
    for descriptor, value in request.ListFields():
        if descriptor.name.endswith("_id") and descriptor.name not in (_CUSTOMER, "request_id"):
            return str(value)
    return ""
