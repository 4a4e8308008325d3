"""What customer does with people: registers and corrects them, and decides who is one person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from chassis.db import UnitOfWork
from chassis.errors import Unavailable, invalid
from chassis.ids import new_id
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Record, Source
from chassis.roles import Role
from customer import phone as phones
from customer import short_code, store, store_protection
from customer.commands_protection import tell_tier
from customer.duplicate import (
    DUPLICATE,
    Duplicate,
    DuplicateCandidate,
    DuplicateDecision,
    Likeness,
    SharedTrait,
    candidates,
    holds_up_visit,
)
from customer.person import (
    PERSON,
    Person,
    PersonMerged,
    Sex,
    blanks_filled,
    require_unrestricted,
)

_CODES_TRIED = 20


def register_person(
    work: UnitOfWork,
    *,
    name: str,
    sex: Sex | None = None,
    birthday: date | None = None,
    phone: str = "",
    email: str = "",
    wechat_id: str = "",
    address: str = "",
) -> dict[str, Any]:
    """Register a person, and suspect whoever looks like the same. Raises Invalid."""
    country = store.country(work.connection, work.at)
    content = Person(
        name=name.strip(),
        short_code=short_code.fresh(),
        sex=sex or Sex.NOT_SAID,
        birthday=birthday,
        phone_e164=phones.e164(phone, country.phone_region),
        email=email.strip(),
        wechat_id=wechat_id.strip(),
        address=address.strip(),
    )
    content.require_born(country.today())
    store.hold(work.connection, content.phone_e164)
    person = add_person(work, content)
    return {
        "person": person,
        "duplicates": suspect(work, person),
        "candidates": _candidates(work, person),
    }


def add_person(
    work: UnitOfWork, content: Person, *, source: Source | None = None, branch_id: str = ""
) -> Record[Person]:
    """Keep a new person under a short code that nobody has. The phone is held by the caller."""
    person_id = new_id(PERSON.prefix)
    for _ in range(_CODES_TRIED):
        if store.enter(work.connection, person_id, content, work.actor.drill):
            return work.records.add(
                PERSON,
                content,
                id=person_id,
                customer_id=person_id,
                source=source,
                branch_id=branch_id,
            )
        content = replace(content, short_code=short_code.fresh())
    raise Unavailable("no free short code was found")


def amend_person(
    work: UnitOfWork,
    *,
    customer_id: str,
    revision: int,
    reason: str,
    name: str | None = None,
    sex: Sex | None = None,
    birthday: date | None = None,
    phone: str | None = None,
    email: str | None = None,
    wechat_id: str | None = None,
    address: str | None = None,
) -> dict[str, Any]:
    """Correct what is known of a person. Raises Unknown, Outdated, RecordVoid, PersonRestricted,
    NothingChanged, Invalid."""
    country = store.country(work.connection, work.at)
    number = None if phone is None else phones.e164(phone, country.phone_region)
    _hold_phones(work, customer_id, also=number or "")
    given = {
        "name": name,
        "sex": sex,
        "birthday": birthday,
        "phone_e164": number,
        "email": email,
        "wechat_id": wechat_id,
        "address": address,
    }
    corrected: dict[str, Any] = {
        field: value.strip() if isinstance(value, str) and not isinstance(value, Sex) else value
        for field, value in given.items()
        if value is not None
    }
    person = work.records.live(PERSON, customer_id, revision=revision)
    require_unrestricted(person)
    amended = work.records.amend(person, reason_code="PERSON_CORRECTED", reason=reason, **corrected)
    amended.content.require_born(country.today())
    store.reenter(work.connection, amended)
    return {
        "person": amended,
        "duplicates": suspect(work, amended),
        "candidates": _candidates(work, amended),
    }


def suspect(work: UnitOfWork, person: Record[Person]) -> list[Record[Duplicate]]:
    """Suspect everybody who looks like a person and was never told apart; returns what is new."""
    likeness = Likeness.of(person.content)
    found = []
    for other in store.alike(work.connection, likeness, drill=person.drill, but=person.id):
        shared = likeness.shared_with(Likeness.of(other.content))
        if holds_up_visit(shared):
            found.append(_suspected(work, person, other, shared))
    return [one for one in found if one is not None]


def _candidates(work: UnitOfWork, person: Record[Person]) -> list[DuplicateCandidate]:
    """Return who else may be this person, with another phone; those told apart are left out."""
    likeness = Likeness.of(person.content)
    others = [
        other
        for other in store.namesakes(work.connection, likeness, drill=person.drill, but=person.id)
        if store.pair(work.connection, person.id, other.id) is None
    ]
    veil = store_protection.veil(work.connection, work.actor)
    return veil.over_all(candidates(likeness, others))


def _hold_phones(work: UnitOfWork, *customer_ids: str, also: str = "") -> None:
    """Let nobody else be compared with these people until this is done. Phones are held before
    rows, everywhere."""
    known = store.people(work.connection, customer_ids).values()
    store.hold(work.connection, also, *(one.content.phone_e164 for one in known))


def _suspected(
    work: UnitOfWork, person: Record[Person], other: Record[Person], shared: Sequence[SharedTrait]
) -> Record[Duplicate] | None:
    first, second = sorted((person.id, other.id))
    store.hold(work.connection, f"{first} {second}")
    if store.pair(work.connection, first, second) is not None:
        return None
    return work.records.add(
        DUPLICATE,
        Duplicate(other_id=second, shared=tuple(shared)),
        customer_id=first,
        branch_id=work.actor.branch_id or person.branch_id,
        responsible_role=Role.RECEPTION,
        closes_when="duplicate_decided",
    )


def resolve_duplicate(
    work: UnitOfWork,
    *,
    customer_id: str,
    other_id: str,
    decision: DuplicateDecision,
    reason: str,
    surviving_id: str = "",
) -> dict[str, Any]:
    """Decide whether two people are one. Raises Unknown, RecordVoid, PersonRestricted,
    MoveForbidden, Invalid."""
    if customer_id == other_id:
        raise invalid("other_id", "distinct", "must be another person")
    if decision is DuplicateDecision.MERGE and surviving_id not in (customer_id, other_id):
        raise invalid("surviving_id", "one_of", "must be one of the two")
    _hold_phones(work, customer_id, other_id)
    store.lock_people(work.connection, customer_id, other_id)
    people = {one: work.records.live(PERSON, one) for one in (customer_id, other_id)}
    for person in people.values():
        require_unrestricted(person)
    duplicate = _pair_of(work, people[customer_id], people[other_id])
    if decision is DuplicateDecision.DISTINCT:
        return {"duplicate": _decided(work, duplicate, "tell_apart", reason)}
    duplicate = _decided(work, duplicate, "merge", reason)
    goes = people[other_id if surviving_id == customer_id else customer_id]
    stays = _merge(work, people[surviving_id], goes, reason)
    return {"duplicate": duplicate, "person": stays}


def _pair_of(work: UnitOfWork, one: Record[Person], other: Record[Person]) -> Record[Duplicate]:
    """Return what is suspected of the two; staff may see what the system did not."""
    first, second = sorted((one.id, other.id))
    store.hold(work.connection, f"{first} {second}")
    known = store.pair(work.connection, first, second)
    if known is not None:
        return known
    shared = Likeness.of(one.content).shared_with(Likeness.of(other.content))
    return work.records.add(DUPLICATE, Duplicate(other_id=second, shared=shared), customer_id=first)


def _decided(
    work: UnitOfWork, duplicate: Record[Duplicate], verb: str, reason: str
) -> Record[Duplicate]:
    return work.records.move(
        duplicate, verb, nobody_next=True, closed=True, reason_code=verb.upper(), reason=reason
    )


def _merge(
    work: UnitOfWork, stays: Record[Person], goes: Record[Person], reason: str
) -> Record[Person]:
    work.records.void(
        goes, ChangeKind.MERGED, reason_code="SAME_PERSON", reason=reason, successor_id=stays.id
    )
    store.make_alias(work.connection, goes.id, stays.id)
    known = blanks_filled(stays.content, goes.content)
    if known:
        stays = work.records.amend(stays, reason_code="SAME_PERSON", reason=reason, **known)
        store.reenter(work.connection, stays)
    if goes.content.protection_tier is not stays.content.protection_tier or (
        "protection_tier" in known
    ):
        tell_tier(work, stays)
    for other in store.suspected(work.connection, [goes.id]):
        _decided(work, other, "lapse", reason)
    suspect(work, stays)
    work.tell(stays, PersonMerged(alias_id=goes.id, customer_id=stays.id))
    return stays
