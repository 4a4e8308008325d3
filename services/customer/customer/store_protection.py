"""Customer's SQL about closed files: how a file stands towards somebody, where people were seen,
and the breakings of the glass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, cast, exists, func, literal, select, tuple_
from sqlalchemy import case as when
from sqlalchemy.dialects.postgresql import insert

from chassis import clock
from chassis.access import AccessPolicy
from chassis.actor import Actor, Scope
from chassis.errors import Unknown
from chassis.ids import as_id, as_uuid
from chassis.records.envelope import Record
from chassis.records.rows import record_of
from chassis.records.tables import record
from customer import store
from customer.person import PERSON
from customer.protection import BREAK_GLASS, BreakGlass, ProtectionTier
from customer.tables import person_search, seen_at
from customer.veil import Veil

_DUE_AT = record.c.content["due_at"].astext
_IS_OPEN = (record.c.kind == BREAK_GLASS.name) & (record.c.state == "open")

_glass = record.alias("glass")
_ids = (
    select(person_search.c.person_id)
    .where(
        (person_search.c.person_id == record.c.id) | (person_search.c.merged_into == record.c.id)
    )
    .scalar_subquery()
)
_STANDING = select(
    record.c.content["birthday"].astext.label("birthday"),
    record.c.content["protection_tier"].astext.label("tier"),
    when((record.c.branch_id == bindparam("branch_id"), True), else_=False).label("is_from_here"),
    exists()
    .where(
        seen_at.c.person_id.in_(_ids),
        seen_at.c.branch_id == bindparam("branch_id"),
        seen_at.c.last_at > bindparam("known_since"),
    )
    .label("was_seen_here"),
    select(_glass.c.id)
    .where(
        _glass.c.customer_id == record.c.id,
        _glass.c.kind == BREAK_GLASS.name,
        _glass.c.recorded_by == bindparam("actor"),
        cast(_glass.c.content["valid_until"].astext, record.c.recorded_at.type) > bindparam("at"),
    )
    .order_by(_glass.c.recorded_at.desc())
    .limit(1)
    .scalar_subquery()
    .label("break_glass"),
).where(record.c.id == bindparam("person_id"), record.c.kind == PERSON.name)
"""One statement for each look at a person."""


@dataclass(frozen=True)
class FileStanding:
    """What is known of a file and of somebody who wants to see it."""

    birthday: date | None
    tier: ProtectionTier
    is_known_here: bool
    break_glass_id: str


def standing(
    connection: Connection, person_id: str, actor: Actor, *, at: datetime, known_since: datetime
) -> FileStanding:
    """Return how a living person's file stands towards somebody. Raises Unknown."""
    asked = {
        "person_id": as_uuid(person_id),
        "branch_id": actor.branch_id,
        "known_since": known_since,
        "actor": actor.id,
        "at": at,
    }
    row = connection.execute(_STANDING, asked).first()
    if row is None:
        raise Unknown(f"{person_id} is not kept here", id=person_id)
    return FileStanding(
        birthday=date.fromisoformat(row.birthday) if row.birthday else None,
        tier=ProtectionTier(row.tier or ProtectionTier.ORDINARY),
        is_known_here=row.is_from_here or row.was_seen_here,
        break_glass_id=as_id(BREAK_GLASS.prefix, row.break_glass) if row.break_glass else "",
    )


def veil(connection: Connection, actor: Actor) -> Veil:
    """Return what hides closed files from somebody who searches. Raises NoRuleInForce."""
    at = clock.now()
    return Veil(AccessPolicy.in_force(connection, at), store.country(connection, at), actor)


def note_seen(connection: Connection, customer_id: str, branch_id: str, at: datetime) -> None:
    """Keep that a person was seen at a branch; an older visit that is heard of late changes
    nothing."""
    statement = insert(seen_at).values(person_id=customer_id, branch_id=branch_id, last_at=at)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["person_id", "branch_id"],
            set_={"last_at": func.greatest(seen_at.c.last_at, statement.excluded.last_at)},
        )
    )


def waiting(
    connection: Connection, actor: Actor, key: Sequence[Any], size: int
) -> list[Record[BreakGlass]]:
    """Return breakings of the glass that nobody has judged, due first: the branch's own, or those
    of the chain for who reaches it."""
    statement = select(record).where(_IS_OPEN).order_by(_DUE_AT, record.c.id).limit(size)
    if actor.scope is not Scope.CHAIN:
        statement = statement.where(record.c.held_at_id == actor.branch_id)
    if key:
        statement = statement.where(tuple_(_DUE_AT, record.c.id) > tuple(key))
    return [record_of(row, BREAK_GLASS) for row in connection.execute(statement).mappings()]


def overdue(connection: Connection, at: datetime, roles: Sequence[str], most: int) -> list[str]:
    """Return breakings of the glass that one of these roles should have judged by now; others that
    work on them are left alone."""
    statement = (
        select(record.c.id)
        .where(
            _IS_OPEN,
            literal(_as_kept(at)) > _DUE_AT,
            record.c.responsible_role.in_(list(roles)),
        )
        .order_by(_DUE_AT)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(statement)
    return [as_id(BREAK_GLASS.prefix, row.id) for row in rows]


def due_at(glass: Record[BreakGlass]) -> str:
    """Return when a breaking of the glass is due, as content holds it."""
    return _as_kept(glass.content.due_at)


def _as_kept(at: datetime) -> str:
    """Return an instant as content holds it: ISO text in UTC, which sorts by time."""
    kept: str = msgspec.to_builtins(at)
    return kept
