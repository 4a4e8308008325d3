"""A person: whose eyes are served, or who answers for a child. Kept once for the whole chain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from chassis.errors import invalid
from chassis.records.envelope import Record
from chassis.records.kinds import Kind, Transitions, moves
from chassis.roles import Role
from customer import names
from customer.errors import PersonRestricted
from customer.protection import ProtectionTier, closer

_FIRST_BIRTHDAY = date(1900, 1, 1)

READERS = frozenset(
    {Role.RECEPTION, Role.OPTICIAN, Role.BRANCH_MANAGER, Role.HEAD_OFFICE, Role.AUDITOR}
)
"""Roles that may see what a person was called, and how reached, before a correction."""


class Sex(StrEnum):
    """The sex a person gives."""

    FEMALE = "female"
    MALE = "male"
    NOT_SAID = "not_said"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Name, short code, sex, birthday and contacts (phone in E.164); empty is not known. Raises
    Invalid naming the field."""

    name: str
    short_code: str
    sex: Sex = Sex.NOT_SAID
    birthday: date | None = None
    phone_e164: str = ""
    email: str = ""
    wechat_id: str = ""
    address: str = ""
    protection_tier: ProtectionTier = ProtectionTier.ORDINARY

    def __post_init__(self) -> None:
        if not names.folded(self.name):
            raise invalid("name", "name", "must hold a letter")
        if self.birthday is not None and self.birthday < _FIRST_BIRTHDAY:
            raise invalid("birthday", "min", f"lies before {_FIRST_BIRTHDAY}")
        if self.email and not _is_address(self.email):
            raise invalid("email", "email", "is no e-mail address such as li@example.org")

    def require_born(self, today: date) -> None:
        """Refuse a birthday that lies ahead. Raises Invalid."""
        if self.birthday is not None and self.birthday > today:
            raise invalid("birthday", "max", "lies in the future")

    @property
    def missing(self) -> tuple[str, ...]:
        """What a complete basic part of the vision file still lacks: names of fields."""
        lacks = {
            "sex": self.sex is Sex.NOT_SAID,
            "birthday": self.birthday is None,
            "phone_e164": not self.phone_e164,
        }
        return tuple(name for name, is_missing in lacks.items() if is_missing)


ERASED = "(erased)"
"""Stands where words were that a person could be known by, and may not be empty."""

PERSON = Kind(
    "customer.person",
    "cus",
    Person,
    Transitions("known", moves(restrict={"known": "restricted"})),
    readers=READERS,
    personal=True,
    erased={
        "name": ERASED,
        "short_code": "",
        "sex": Sex.NOT_SAID,
        "birthday": None,
        "phone_e164": "",
        "email": "",
        "wechat_id": "",
        "address": "",
    },
)


def require_unrestricted(person: Record[Person]) -> None:
    """Refuse to go on with a person who asked to be erased and is kept by a retention rule alone.
    Raises PersonRestricted."""
    if person.state == "restricted":
        raise PersonRestricted("this person is kept for the retention time only", id=person.id)


@dataclass(frozen=True, kw_only=True)
class FoundPerson:
    """A person as a search shows it."""

    customer_id: str
    name: str
    short_code: str
    sex: Sex
    birthday: date | None
    phone_e164: str
    protection_tier: ProtectionTier = ProtectionTier.ORDINARY


@dataclass(frozen=True, kw_only=True)
class PersonMerged:
    """Two records were of one person: the lost id is an alias from now on."""

    alias_id: str
    customer_id: str


def shown(customer_id: str, person: Person) -> FoundPerson:
    """Return a person as a search shows it."""
    return FoundPerson(
        customer_id=customer_id,
        name=person.name,
        short_code=person.short_code,
        sex=person.sex,
        birthday=person.birthday,
        phone_e164=person.phone_e164,
        protection_tier=person.protection_tier,
    )


def veiled(person: FoundPerson) -> FoundPerson:
    """Return a found person as those see it to whom the file is closed: name and code alone."""
    return replace(person, sex=Sex.NOT_SAID, birthday=None, phone_e164="")


def blanks_filled(stays: Person, goes: Person) -> dict[str, Any]:
    """Return what the one that stays does not know and the one that goes does, by field."""
    known = {
        field: getattr(goes, field)
        for field in ("birthday", "phone_e164", "email", "wechat_id", "address")
        if getattr(goes, field) and not getattr(stays, field)
    }
    if stays.sex is Sex.NOT_SAID and goes.sex is not Sex.NOT_SAID:
        known["sex"] = goes.sex
    tier = closer(stays.protection_tier, goes.protection_tier)
    if tier is not stays.protection_tier:
        known["protection_tier"] = tier
    return known


def _is_address(email: str) -> bool:
    name, at, domain = email.partition("@")
    has_space = any(one.isspace() for one in email)
    return bool(name and at) and "." in domain.strip(".") and "@" not in domain and not has_space
