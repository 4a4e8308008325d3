"""Reads that every service answers about its own records: envelope, pins, changes, a case, what
waits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ARRAY,
    Connection,
    RowMapping,
    Select,
    Uuid,
    any_,
    bindparam,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB

from chassis.actor import Actor, Scope
from chassis.errors import Unknown
from chassis.ids import as_id, as_uuid
from chassis.pages import Page, position
from chassis.records import history
from chassis.records.changes import Change
from chassis.records.envelope import Record
from chassis.records.kinds import kind_named, kind_of
from chassis.records.pins import Pin
from chassis.records.rows import pin_of, record_of
from chassis.records.tables import handover as handover_table
from chassis.records.tables import pin as pin_table
from chassis.records.tables import record as record_table
from chassis.roles import Role
from chassis.telemetry import trace_id_of

_RECORD = select(record_table).where(record_table.c.id == bindparam("record_id"))
_PINS = (
    select(func.jsonb_agg(func.to_jsonb(literal_column("pin")), type_=JSONB))
    .select_from(pin_table)
    .where(pin_table.c.holder_id == record_table.c.id)
    .scalar_subquery()
)
_STANDING = select(record_table, _PINS.label("pins")).where(
    record_table.c.id == bindparam("record_id")
)
"""One statement, so that record and pins are of one moment: who copies the pins of what it read
must not copy those of another revision."""
_RECORDS = select(record_table).where(
    record_table.c.id == any_(bindparam("ids", type_=ARRAY(Uuid)))
)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A record and the pins it stands on."""

    envelope: Record[Any]
    pins: tuple[Pin, ...]


@dataclass(frozen=True, kw_only=True)
class Handover:
    """Who gave responsibility for a record to whom, on which versions, and how long it waited."""

    id: str
    record_id: str
    kind: str
    case_id: str
    from_role: Role
    to_role: Role
    from_branch_id: str
    to_branch_id: str
    given_by: str
    given_at: datetime
    accepted_by: str
    accepted_at: datetime | None
    waited_ms: int
    pins: tuple[Pin, ...]
    trace_id: str
    version: int


def standing(connection: Connection, record_id: str) -> Standing:
    """Return one record with the pins it stands on at the same moment. Raises Unknown."""
    row = _row(connection, _STANDING, record_id)
    pins = sorted(map(pin_of, row["pins"] or ()), key=lambda one: one.record_id)
    return Standing(envelope=record_of(row), pins=tuple(pins))


def record_at(connection: Connection, record_id: str) -> Record[Any]:
    """Return one record without its pins. Raises Unknown."""
    return record_of(_row(connection, _RECORD, record_id))


def _row(connection: Connection, statement: Select[Any], record_id: str) -> RowMapping:
    kind_of(record_id)
    row = connection.execute(statement, {"record_id": as_uuid(record_id)}).mappings().first()
    if row is None:
        raise Unknown(f"{record_id} is not kept here", id=record_id)
    return row


def records_at(connection: Connection, record_ids: Iterable[str]) -> dict[str, Record[Any]]:
    """Return records by id without their pins, in one statement; those not kept here are left
    out."""
    asked = {"ids": [as_uuid(one) for one in record_ids]}
    rows = connection.execute(_RECORDS, asked).mappings()
    found: list[Record[Any]] = [record_of(row) for row in rows]
    return {one.id: one for one in found}


def of_case(connection: Connection, case_id: str) -> list[Standing]:
    """Return the records of a case in the order they were recorded, with their pins."""
    rows = connection.execute(
        select(record_table)
        .where(record_table.c.case_id == case_id)
        .order_by(record_table.c.recorded_at, record_table.c.id)
    ).mappings()
    records: list[Record[Any]] = [record_of(row) for row in rows]
    pins = _pins(connection, [as_uuid(record.id) for record in records])
    return [
        Standing(envelope=record, pins=tuple(pins.get(as_uuid(record.id), ())))
        for record in records
    ]


def _pins(connection: Connection, holders: Sequence[Any]) -> dict[Any, list[Pin]]:
    rows = connection.execute(
        select(pin_table).where(pin_table.c.holder_id.in_(holders)).order_by(pin_table.c.record_id)
    ).mappings()
    found: dict[Any, list[Pin]] = {}
    for row in rows:
        found.setdefault(row["holder_id"], []).append(pin_of(row))
    return found


def changes(
    connection: Connection, record_id: str, actor: Actor, seal: history.Seal | None
) -> list[Change]:
    """Return a record's changes, oldest first; values only for roles that may read its kind."""
    with_values = sees_values(record_id, actor)
    return [
        history.change_in(row, seal, with_values=with_values)
        for row in history.changes_of(connection, record_id)
    ]


def sees_values(record_id: str, actor: Actor) -> bool:
    """Tell whether the actor's roles may see earlier values of such a record. Raises Unknown."""
    return bool(kind_of(record_id).readers & (actor.roles | {actor.role}))


def handovers_of_case(connection: Connection, case_id: str) -> list[Handover]:
    """Return the handovers of a case in the order they were given."""
    rows = connection.execute(
        select(handover_table)
        .where(handover_table.c.case_id == case_id)
        .order_by(handover_table.c.given_at)
    ).mappings()
    return [_handover(row) for row in rows]


def waiting(
    connection: Connection, actor: Actor, *, page_size: int, page_token: str
) -> Page[Handover]:
    """Return what waits for the actor's roles at the actor's branch, longest waiting first.

    A handover that nobody took up waits no more once its record was given on, or is void.
    """
    table = handover_table.c
    statement = (
        select(handover_table)
        .join(record_table, record_table.c.handover_id == table.id)
        .where(
            record_table.c.id == table.record_id,
            record_table.c.responsible_role == table.to_role,
            table.accepted_at.is_(None),
            table.to_role.in_(sorted(actor.roles)),
            record_table.c.drill == actor.drill,
        )
        .order_by(table.given_at, table.id)
        .limit(page_size + 1)
    )
    if actor.scope is Scope.OWN_BRANCH:
        statement = statement.where(table.to_branch_id == actor.branch_id)
    key = position(page_token, datetime.fromisoformat, _handover_id)
    if key:
        statement = statement.where(tuple_(table.given_at, table.id) > tuple(key))
    found = [_handover(row) for row in connection.execute(statement).mappings()]
    return Page.of(found, page_size, key=lambda one: (one.given_at.isoformat(), one.id))


def _handover_id(text: str) -> str:
    as_uuid(text)
    return text


def _handover(row: RowMapping) -> Handover:
    accepted_at = row["accepted_at"]
    waited = accepted_at - row["given_at"] if accepted_at else None
    return Handover(
        id=row["id"],
        record_id=as_id(kind_named(row["kind"]).prefix, row["record_id"]),
        kind=row["kind"],
        case_id=row["case_id"] or "",
        from_role=Role(row["from_role"]),
        to_role=Role(row["to_role"]),
        from_branch_id=row["from_branch_id"] or "",
        to_branch_id=row["to_branch_id"] or "",
        given_by=row["given_by"],
        given_at=row["given_at"],
        accepted_by=row["accepted_by"],
        accepted_at=accepted_at,
        waited_ms=int(waited.total_seconds() * 1000) if waited else 0,
        pins=tuple(msgspec.convert(row["pins"], list[Pin])),
        trace_id=trace_id_of(row["traceparent"]),
        version=row["version"],
    )
