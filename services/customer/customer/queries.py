"""What customer is asked of one person: the file, the household, the answers, who looks like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from chassis import clock
from chassis.db import Reading
from chassis.errors import invalid
from chassis.records.envelope import Record
from customer import names, store, store_protection
from customer import phone as phones
from customer.contact import CONTACT_PERMISSION, CONTACT_VERIFICATION, Purpose
from customer.contact import answers as answers_of
from customer.country import Country, age_years
from customer.duplicate import Likeness, candidates
from customer.guardian import GUARDIAN_LINK, GuardianLink, HouseholdMember
from customer.person import Person, shown

_MOST_OF_HOUSEHOLD = 50


def get_person(reading: Reading, *, customer_id: str) -> dict[str, Any]:
    """Return the basic part of a person's vision file. Raises Unknown."""
    file = store.file_of(reading.connection, customer_id)
    country = store.country(reading.connection, clock.now())
    person = file.person.content
    verified = [
        one for one in file.of(CONTACT_VERIFICATION) if one.content.still_verifies(person, date.min)
    ]
    born = person.birthday
    return {
        "person": file.person,
        "age_years": age_years(born, country.today()) if born else None,
        "is_minor": country.is_minor(born),
        "permissions": tuple(answers_of(file.of(CONTACT_PERMISSION)).values()),
        "last_verification": verified[-1] if verified else None,
        "guardians": file.of(GUARDIAN_LINK),
        "duplicates": file.duplicates,
        "alias_ids": file.ids[1:],
        "missing": person.missing,
    }


def find_duplicates(
    reading: Reading, *, phone: str, name: str, birthday: date | None
) -> dict[str, Any]:
    """Return who looks like a newcomer, the likest first. Raises Invalid."""
    region = store.country(reading.connection, clock.now()).phone_region
    wanted = Likeness(
        phone_e164=phones.e164(phone, region), name_folded=names.folded(name), birthday=birthday
    )
    if sum(map(bool, (wanted.phone_e164, wanted.name_folded, wanted.birthday))) < 2:
        raise invalid("name", "two_of_three", "two of phone, name and birthday must be given")
    others = [
        *store.alike(reading.connection, wanted, drill=reading.actor.drill),
        *store.namesakes(reading.connection, wanted, drill=reading.actor.drill),
    ]
    veil = store_protection.veil(reading.connection, reading.actor)
    return {"candidates": veil.over_all(candidates(wanted, others))}


def get_contact_permission(
    reading: Reading, *, customer_id: str, purpose: Purpose
) -> dict[str, Any]:
    """Return how one purpose stands. Raises Unknown."""
    person_id = store.living(reading.connection, customer_id)
    ids = store.ids_of(reading.connection, [person_id])
    permissions = store.of_people(reading.connection, CONTACT_PERMISSION, ids)
    return {"permission": answers_of(permissions)[purpose], "customer_id": person_id}


def list_household(reading: Reading, *, customer_id: str) -> dict[str, Any]:
    """Return the household of a person, the person first. Raises Unknown."""
    connection = reading.connection
    country = store.country(connection, clock.now())
    person_id = store.living(connection, customer_id)
    guardians = _guardians_of(connection, [person_id])
    elders = [person_id, *(link.guardian for link in guardians)]
    wards = _wards_of(connection, elders)
    links = [*wards, *_guardians_of(connection, [person_id, *(link.ward for link in wards)])]
    ids = dict.fromkeys([person_id, *(one for link in links for one in (link.guardian, link.ward))])
    kept = list(ids)[:_MOST_OF_HOUSEHOLD]
    people = store.people(connection, kept)
    veil = store_protection.veil(connection, reading.actor)
    members = [_member(people[one], links, country) for one in kept]
    # The file that was asked for is open, or the answer will not leave; others may be closed.
    others = [replace(one, person=veil.over(one.person)) for one in members[1:]]
    return {"members": [*members[:1], *others]}


class _Link:
    """A guardian and a ward as they are known now, whatever id the record holds."""

    def __init__(self, record: Record[GuardianLink], living: dict[str, str]) -> None:
        self.guardian = living[record.content.guardian_id]
        self.ward = living[record.customer_id]


def _guardians_of(connection: Any, ward_ids: Sequence[str]) -> list[_Link]:
    ids = store.ids_of(connection, list(ward_ids))
    return _known(connection, store.of_people(connection, GUARDIAN_LINK, ids))


def _wards_of(connection: Any, guardian_ids: Sequence[str]) -> list[_Link]:
    ids = store.ids_of(connection, list(guardian_ids))
    return _known(connection, store.links_by_guardians(connection, ids))


def _known(connection: Any, links: list[Record[GuardianLink]]) -> list[_Link]:
    ids = {one for link in links for one in (link.content.guardian_id, link.customer_id)}
    living = store.living_of(connection, ids)
    return [_Link(link, living) for link in links]


def _member(person: Record[Person], links: list[_Link], country: Country) -> HouseholdMember:
    guardians = dict.fromkeys(link.guardian for link in links if link.ward == person.id)
    return HouseholdMember(
        person=shown(person.id, person.content),
        guardian_ids=tuple(guardians),
        is_minor=country.is_minor(person.content.birthday),
    )
