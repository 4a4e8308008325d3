"""Customer's SQL about people: who is meant by an id, who looks like whom, and locks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Text,
    any_,
    bindparam,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from chassis import rules
from chassis.errors import Unknown
from chassis.ids import Id, as_id, as_uuid
from chassis.records.envelope import Record
from chassis.records.kinds import Kind
from chassis.records.person_keys import PersonErased
from chassis.records.rows import record_of
from chassis.records.tables import record
from customer import names, phone
from customer.contact import CONTACT_PERMISSION, CONTACT_VERIFICATION
from customer.country import Country
from customer.duplicate import DUPLICATE, MOST_CANDIDATES, Duplicate, Likeness
from customer.guardian import GUARDIAN_LINK
from customer.person import PERSON, FoundPerson, Person, shown
from customer.tables import person_search

_HOLD = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(key, 0))"
    " FROM unnest(CAST(:keys AS text[])) AS key"
)
_FILE_KINDS = (PERSON, CONTACT_VERIFICATION, CONTACT_PERMISSION, GUARDIAN_LINK)

_IDS: Any = any_(bindparam("ids", type_=ARRAY(Id(PERSON.prefix))))
_LIVING = select(
    person_search.c.person_id, person_search.c.merged_into, person_search.c.standing
).where(person_search.c.person_id == _IDS)
_ALIASES = select(person_search.c.person_id).where(person_search.c.merged_into == _IDS)
_FILE = (
    select(record)
    .where(
        record.c.customer_id == _IDS,
        record.c.kind.in_([kind.name for kind in _FILE_KINDS]),
        record.c.void == "",
    )
    .order_by(record.c.recorded_at, record.c.id)
)
_SUSPECTED = (
    select(record)
    .where(
        record.c.kind == DUPLICATE.name,
        record.c.state == "suspected",
        or_(
            record.c.customer_id == _IDS,
            record.c.content["other_id"].astext == any_(bindparam("texts", type_=ARRAY(Text))),
        ),
    )
    .order_by(record.c.recorded_at, record.c.id)
)


def country(connection: Connection, at: datetime) -> Country:
    """Return what the country of the chain says. Raises NoRuleInForce."""
    return Country(**rules.in_force(connection, "country", at.date()).body)


def hold(connection: Connection, *texts: str) -> None:
    """Make other transactions about the same phones, pairs or files wait until this one ends."""
    keys = sorted({one for one in texts if one})
    if keys:
        connection.execute(_HOLD, {"keys": keys})


def lock_people(connection: Connection, *customer_ids: str) -> None:
    """Make other writers of these people wait until this transaction ends."""
    ids = sorted(as_uuid(one) for one in customer_ids)
    connection.execute(
        select(record.c.id).where(record.c.id.in_(ids)).order_by(record.c.id).with_for_update()
    )


def enter(connection: Connection, person_id: str, person: Person, drill: str) -> bool:
    """Let a new person be found, in a drill or in real work; False when the short code is somebody
    else's."""
    row = connection.execute(
        insert(person_search)
        .values(person_id=person_id, short_code=person.short_code, drill=drill, **_found_by(person))
        .on_conflict_do_nothing(index_elements=["short_code"])
        .returning(person_search.c.person_id)
    ).first()
    return row is not None


def reenter(connection: Connection, person: Record[Person]) -> None:
    """Let an amended person be found by what is known now."""
    columns = person_search.c
    connection.execute(
        update(person_search)
        .where(columns.person_id == person.id, columns.standing == "")
        .values(**_found_by(person.content))
    )


def make_alias(connection: Connection, alias_id: str, person_id: str) -> None:
    """Let a lost id, and every alias it had, mean another person from now on."""
    columns = person_search.c
    connection.execute(
        update(person_search)
        .where(or_(columns.person_id == alias_id, columns.merged_into == alias_id))
        .values(merged_into=person_id)
    )


def _found_by(person: Person) -> dict[str, Any]:
    folded = names.folded(person.name)
    return {
        "name_folded": folded,
        "name_turned": names.turned(person.name),
        "initials": f"{names.initials(person.name)} {folded}",
        "phone_e164": person.phone_e164,
        "phone_last4": phone.last_digits(person.phone_e164),
        "birthday": person.birthday,
    }


def living(connection: Connection, customer_id: str) -> str:
    """Return the id of who is meant: the person, or whom an alias was merged into. Raises Unknown,
    PersonErased saying when, by which erasure and why."""
    row = connection.execute(_LIVING, {"ids": [customer_id]}).first()
    if row is None:
        raise Unknown(f"{customer_id} is not kept here", id=customer_id)
    person_id: str = row.merged_into or row.person_id
    if row.standing == "erased":
        raise _tombstone(connection, customer_id, person_id)
    return person_id


def _tombstone(connection: Connection, customer_id: str, person_id: str) -> PersonErased:
    """Return what is left to say of an erased person."""
    columns = record.c
    erasure = connection.execute(
        select(columns.id, columns.content).where(
            columns.customer_id == person_id,
            columns.kind == "customer.erasure",
            columns.state == "erased",
        )
    ).first()
    if erasure is None:
        return PersonErased("this person was erased", id=customer_id)
    return PersonErased(
        "this person was erased",
        id=customer_id,
        erasure_id=as_id("ers", erasure.id),
        erased_at=erasure.content["erased_at"],
        ground=erasure.content["ground"],
    )


def living_of(connection: Connection, customer_ids: Iterable[str]) -> dict[str, str]:
    """Return who is meant by each id that is known here."""
    asked = list(customer_ids)
    rows = connection.execute(_LIVING, {"ids": asked}) if asked else ()
    return {row.person_id: row.merged_into or row.person_id for row in rows}


def ids_of(connection: Connection, person_ids: Sequence[str]) -> list[str]:
    """Return these people's ids with those of their aliases."""
    rows = connection.execute(_ALIASES, {"ids": list(person_ids)})
    return [*person_ids, *(row.person_id for row in rows)]


@dataclass(frozen=True)
class PersonFile:
    """What is kept of one person, aliases included: all of it live."""

    person: Record[Person]
    ids: tuple[str, ...]
    records: tuple[Record[Any], ...]
    duplicates: tuple[Record[Duplicate], ...]

    def of(self, kind: Kind[Any]) -> list[Record[Any]]:
        """Return the records of a kind, oldest first."""
        return [one for one in self.records if one.kind is kind]


def file_of(connection: Connection, customer_id: str) -> PersonFile:
    """Return what is kept of the person meant by an id. Raises Unknown."""
    person_id = living(connection, customer_id)
    ids = ids_of(connection, [person_id])
    rows = connection.execute(_FILE, {"ids": ids}).mappings()
    found: list[Record[Any]] = [record_of(row) for row in rows]
    return PersonFile(
        person=next(one for one in found if one.kind is PERSON),
        ids=tuple(ids),
        records=tuple(found),
        duplicates=tuple(suspected(connection, ids)),
    )


def people(connection: Connection, customer_ids: Iterable[str]) -> dict[str, Record[Person]]:
    """Return people by id; those not kept here are left out."""
    ids = [as_uuid(one) for one in customer_ids]
    if not ids:
        return {}
    statement = select(record).where(record.c.id.in_(ids), record.c.kind == PERSON.name)
    rows = connection.execute(statement).mappings()
    return {row.id: row for row in (record_of(one, PERSON) for one in rows)}


def found_people(connection: Connection, customer_ids: Iterable[str]) -> dict[str, FoundPerson]:
    """Return people by id as a search shows them: their content alone is read."""
    ids = [as_uuid(one) for one in customer_ids]
    rows = connection.execute(
        select(record.c.id, record.c.content).where(
            record.c.id.in_(ids), record.c.kind == PERSON.name
        )
    )
    known = ((as_id(PERSON.prefix, row.id), PERSON.unpack(row.content)) for row in rows)
    return {person_id: shown(person_id, content) for person_id, content in known}


def of_people(
    connection: Connection, kind: Kind[Any], customer_ids: Sequence[str]
) -> list[Record[Any]]:
    """Return the live records of a kind about these people, oldest first."""
    rows = connection.execute(
        select(record)
        .where(
            record.c.customer_id.in_(list(customer_ids)),
            record.c.kind == kind.name,
            record.c.void == "",
        )
        .order_by(record.c.recorded_at, record.c.id)
    ).mappings()
    return [record_of(row, kind) for row in rows]


def links_by_guardians(connection: Connection, guardian_ids: Sequence[str]) -> list[Record[Any]]:
    """Return the live guardian links of these guardians."""
    rows = connection.execute(
        select(record).where(
            record.c.kind == GUARDIAN_LINK.name,
            record.c.void == "",
            record.c.content["guardian_id"].astext.in_(list(guardian_ids)),
        )
    ).mappings()
    return [record_of(row, GUARDIAN_LINK) for row in rows]


def alike(
    connection: Connection, likeness: Likeness, *, drill: str, but: str = ""
) -> list[Record[Person]]:
    """Return people of real work, or of a drill, with the same phone and one trait more."""
    columns = person_search.c
    if not likeness.phone_e164:
        return []
    one_more = columns.name_folded == likeness.name_folded
    if likeness.birthday:
        one_more = or_(one_more, columns.birthday == likeness.birthday)
    same_phone = columns.phone_e164 == likeness.phone_e164
    return _some(connection, but, columns.drill == drill, same_phone, one_more)


def namesakes(
    connection: Connection, likeness: Likeness, *, drill: str, but: str = ""
) -> list[Record[Person]]:
    """Return people with the same name and birthday but another phone; asked for apart from who is
    `alike`, so that the many of one name hide none of those."""
    columns = person_search.c
    if not (likeness.name_folded and likeness.birthday):
        return []
    conditions = [
        columns.drill == drill,
        columns.birthday == likeness.birthday,
        columns.name_folded == likeness.name_folded,
    ]
    if likeness.phone_e164:
        conditions.append(columns.phone_e164 != likeness.phone_e164)
    return _some(connection, but, *conditions)


def _some(
    connection: Connection, but: str, *conditions: ColumnElement[bool]
) -> list[Record[Person]]:
    columns = person_search.c
    statement = (
        select(columns.person_id)
        .where(columns.merged_into.is_(None), *conditions)
        .limit(MOST_CANDIDATES + 1)
    )
    found = [row.person_id for row in connection.execute(statement) if row.person_id != but]
    return list(people(connection, found).values())


def pair(connection: Connection, one: str, other: str) -> Record[Duplicate] | None:
    """Return what was ever suspected of two people."""
    first, second = sorted((one, other))
    row = (
        connection.execute(
            select(record).where(
                record.c.kind == DUPLICATE.name,
                record.c.customer_id == first,
                record.c.content["other_id"].astext == second,
            )
        )
        .mappings()
        .first()
    )
    return record_of(row, DUPLICATE) if row is not None else None


def suspected(connection: Connection, customer_ids: Sequence[str]) -> list[Record[Duplicate]]:
    """Return the duplicates still suspected of these people."""
    rows = connection.execute(
        _SUSPECTED, {"ids": list(customer_ids), "texts": list(customer_ids)}
    ).mappings()
    return [record_of(row, DUPLICATE) for row in rows]


def code_owner(connection: Connection, short_code: str) -> str:
    """Return whose short code it is, or was before a merge; empty when it is nobody's."""
    columns = person_search.c
    owner = func.coalesce(columns.merged_into, columns.person_id)
    found = connection.execute(select(owner).where(columns.short_code == short_code)).scalar()
    return str(found) if found is not None else ""
