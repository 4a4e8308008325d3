"""What became of the records of a case: every change of them, and every gate that was refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, or_, select, tuple_

from chassis.actor import Actor
from chassis.ids import as_id, as_uuid, prefix_of
from chassis.pages import Page, position
from chassis.records import history
from chassis.records.changes import Change, ChangeKind
from chassis.records.kinds import kind_named
from chassis.records.tables import history as history_table
from chassis.records.tables import record as record_table
from chassis.records.tables import refusal as refusal_table
from chassis.roles import Role


@dataclass(frozen=True, kw_only=True)
class RecordChange:
    """A change, of which record about whom, and where that waited afterwards: where it was made
    when nobody had to act."""

    record_id: str
    kind: str
    customer_id: str
    branch_id: str
    held_at_id: str
    change: Change


@dataclass(frozen=True, kw_only=True)
class RefusedPin:
    """What was stale when a gate was refused: versions and names, no values."""

    record_id: str
    relied_version: int
    live_version: int
    what: ChangeKind
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A gate that did not let a record pass."""

    id: str
    holder_id: str
    holder_kind: str
    gate: str
    refused_at: datetime
    refused_to: str
    role: Role
    stale: tuple[RefusedPin, ...]
    trace_id: str


def changes(
    connection: Connection,
    case_id: str,
    actor: Actor,
    seal: history.Seal | None,
    *,
    page_size: int,
    page_token: str,
) -> Page[RecordChange]:
    """Return a page of the changes of all records of a case, oldest first; values only for roles
    that may read the kind. Raises Invalid (PAGE_TOKEN_REFUSED)."""
    row = history_table.c
    statement = (
        select(history_table, record_table.c.kind)
        .join(record_table, record_table.c.id == row.record_id)
        .where(record_table.c.case_id == case_id)
        .order_by(row.recorded_at, row.record_id, row.revision)
        .limit(page_size + 1)
    )
    key = position(page_token, datetime.fromisoformat, as_uuid, int)
    if key:
        place = tuple_(row.recorded_at, row.record_id, row.revision)
        statement = statement.where(place > tuple(key))
    found = [_changed(one, actor, seal) for one in connection.execute(statement).mappings()]
    return Page.of(found, page_size, key=_place)


def _changed(row: RowMapping, actor: Actor, seal: history.Seal | None) -> RecordChange:
    kind = kind_named(row["kind"])
    with_values = bool(kind.readers & (actor.roles | {actor.role}))
    told = msgspec.json.decode(row["body"])["record"]
    branch_id = told["branch_id"] or ""
    return RecordChange(
        record_id=as_id(kind.prefix, row["record_id"]),
        kind=kind.name,
        customer_id=told["customer_id"] or "",
        branch_id=branch_id,
        held_at_id=told["held_at_id"] or branch_id,
        change=history.change_in(row, seal, with_values=with_values),
    )


def _place(one: RecordChange) -> tuple[str, ...]:
    return one.change.changed_at.isoformat(), one.record_id, str(one.change.revision)


def refusals(connection: Connection, case_id: str, holder_ids: Sequence[str] = ()) -> list[Refusal]:
    """Return what gates refused the records of a case here, and these records that other services
    keep, oldest first."""
    of_case = select(record_table.c.id).where(record_table.c.case_id == case_id)
    named = [as_uuid(one) for one in holder_ids]
    row = refusal_table.c
    rows = connection.execute(
        select(refusal_table)
        .where(or_(row.holder_id.in_(of_case), row.holder_id.in_(named)))
        .order_by(row.refused_at, row.id)
    ).mappings()
    prefixes = {as_uuid(one): prefix_of(one) for one in holder_ids}
    return [_refusal(one, prefixes) for one in rows]


def _refusal(row: RowMapping, prefixes: dict[Any, str]) -> Refusal:
    prefix = prefixes.get(row["holder_id"]) or kind_named(row["holder_kind"]).prefix
    return Refusal(
        id=row["id"],
        holder_id=as_id(prefix, row["holder_id"]),
        holder_kind=row["holder_kind"],
        gate=row["gate"],
        refused_at=row["refused_at"],
        refused_to=row["actor"],
        role=Role(row["role"]),
        stale=tuple(msgspec.convert(row["stale"], list[RefusedPin])),
        trace_id=row["trace_id"],
    )
