"""Whether a visit may begin: one live customer, a guardian for a minor, every purpose answered, a
contact that was verified as it stands now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from chassis import clock, rules
from chassis.db import Reading
from chassis.errors import Refused
from customer import store
from customer.contact import CONTACT_PERMISSION, CONTACT_VERIFICATION, PermissionAnswer, answers
from customer.country import Country, age_years
from customer.errors import (
    BirthdayUnknown,
    ContactUnverified,
    DuplicateUnresolved,
    GuardianMissing,
    PermissionUnasked,
)
from customer.guardian import GUARDIAN_LINK
from customer.person import require_unrestricted
from customer.store import PersonFile

_Lack = tuple[type[Refused], str]


def require_ready_for_visit(reading: Reading, *, customer_id: str) -> dict[str, Any]:
    """Return who is about to be seen. Raises PersonErased, PersonRestricted; then
    DuplicateUnresolved, BirthdayUnknown, GuardianMissing, PermissionUnasked, ContactUnverified:
    the first, with everything missing listed."""
    connection = reading.connection
    file = store.file_of(connection, customer_id)
    require_unrestricted(file.person)
    country = store.country(connection, clock.now())
    born = file.person.content.birthday
    linked = [one.content.guardian_id for one in file.of(GUARDIAN_LINK)]
    guardian_ids = tuple(dict.fromkeys(store.living_of(connection, linked).values()))
    lacking = [
        *_undecided(file),
        *_unguarded(file, country, guardian_ids),
        *_unasked(file),
        *_unverified(reading, file, country, guardian_ids),
    ]
    if lacking or born is None:
        reason, _missing = lacking[0]
        raise reason(
            f"{file.person.id} may not be seen yet",
            missing=[text for _reason, text in lacking],
            id=file.person.id,
        )
    return {
        "person_id": file.person.id,
        "age_years": age_years(born, country.today()),
        "is_minor": country.is_minor(born),
        "guardian_ids": guardian_ids,
    }


def _undecided(file: PersonFile) -> list[_Lack]:
    return [(DuplicateUnresolved, f"decision on {one.id}") for one in file.duplicates]


def _unguarded(file: PersonFile, country: Country, guardian_ids: Sequence[str]) -> list[_Lack]:
    born = file.person.content.birthday
    if born is None:
        return [(BirthdayUnknown, "birthday")]
    is_alone = country.is_minor(born) and not guardian_ids
    return [(GuardianMissing, "guardian of the minor")] if is_alone else []


def _unasked(file: PersonFile) -> list[_Lack]:
    standing = answers(file.of(CONTACT_PERMISSION)).values()
    return [
        (PermissionUnasked, f"answer for {one.purpose}")
        for one in standing
        if one.answer is PermissionAnswer.UNASKED
    ]


def _unverified(
    reading: Reading, file: PersonFile, country: Country, guardian_ids: Sequence[str]
) -> list[_Lack]:
    """A minor is reached through a guardian, so a guardian's contact does as well."""
    rule = rules.in_force(reading.connection, "contact_upkeep", clock.now().date()).body
    since = country.today() - timedelta(days=rule["verified_for_days"])
    person = file.person.content
    if any(one.content.still_verifies(person, since) for one in file.of(CONTACT_VERIFICATION)):
        return []
    if country.is_minor(person.birthday):
        guardians = store.people(reading.connection, guardian_ids)
        ids = store.ids_of(reading.connection, list(guardians))
        checked = store.of_people(reading.connection, CONTACT_VERIFICATION, ids)
        contents = [one.content for one in guardians.values()]
        if any(one.content.still_verifies(adult, since) for one in checked for adult in contents):
            return []
    return [(ContactUnverified, "contact verified as it stands now")]
