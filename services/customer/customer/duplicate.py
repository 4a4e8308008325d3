"""Two records that may be of one person. Only a person decides, and neither may be seen before.

Namesakes born on one day are many among millions, so they are shown but hold up nobody; a phone in
common with the name or the birthday does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from chassis.records.envelope import Record
from chassis.records.kinds import Kind, Transitions, moves
from customer import names
from customer.person import READERS, FoundPerson, Person, shown

MOST_CANDIDATES = 20


class SharedTrait(StrEnum):
    """What two people have in common."""

    PHONE = "phone"
    NAME = "name"
    BIRTHDAY = "birthday"


class DuplicateDecision(StrEnum):
    """What was decided about two people who look like one."""

    MERGE = "merge"
    DISTINCT = "distinct"


@dataclass(frozen=True, kw_only=True)
class Duplicate:
    """The other person (the envelope names the one recorded first) and what they share."""

    other_id: str
    shared: tuple[SharedTrait, ...]


DUPLICATE = Kind(
    "customer.duplicate",
    "dup",
    Duplicate,
    Transitions(
        "suspected",
        moves(
            merge={"suspected": "merged"},
            tell_apart={"suspected": "distinct"},
            lapse={"suspected": "lapsed"},
        ),
    ),
    readers=READERS,
    personal=True,
)


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """What is compared of a person: phone (E.164), folded name, birthday; empty is not known."""

    phone_e164: str = ""
    name_folded: str = ""
    birthday: date | None = None

    @classmethod
    def of(cls, person: Person | FoundPerson) -> Likeness:
        """Return what is compared of a person."""
        return cls(
            phone_e164=person.phone_e164,
            name_folded=names.folded(person.name),
            birthday=person.birthday,
        )

    def shared_with(self, other: Likeness) -> tuple[SharedTrait, ...]:
        """Return what two have in common; what is not known is in common with nobody."""
        same = {
            SharedTrait.PHONE: bool(self.phone_e164) and self.phone_e164 == other.phone_e164,
            SharedTrait.NAME: bool(self.name_folded) and self.name_folded == other.name_folded,
            SharedTrait.BIRTHDAY: self.birthday is not None and self.birthday == other.birthday,
        }
        return tuple(trait for trait, is_same in same.items() if is_same)


@dataclass(frozen=True, kw_only=True)
class DuplicateCandidate:
    """Somebody who looks like the person asked about, and whether that holds up a visit."""

    person: FoundPerson
    shared: tuple[SharedTrait, ...]
    holds_up_visit: bool


def candidates(wanted: Likeness, others: Iterable[Record[Person]]) -> list[DuplicateCandidate]:
    """Return those worth showing, the likest first; at most 20."""
    found = []
    for other in others:
        shared = wanted.shared_with(Likeness.of(other.content))
        if is_worth_showing(shared):
            found.append(
                DuplicateCandidate(
                    person=shown(other.id, other.content),
                    shared=shared,
                    holds_up_visit=holds_up_visit(shared),
                )
            )
    found.sort(key=lambda one: (-len(one.shared), not one.holds_up_visit, one.person.customer_id))
    return found[:MOST_CANDIDATES]


def is_worth_showing(shared: Iterable[SharedTrait]) -> bool:
    """Tell whether two of the three are in common."""
    return len(set(shared)) >= 2


def holds_up_visit(shared: Iterable[SharedTrait]) -> bool:
    """Tell whether somebody must decide before a visit: the phone and one more in common."""
    traits = set(shared)
    return is_worth_showing(traits) and SharedTrait.PHONE in traits
