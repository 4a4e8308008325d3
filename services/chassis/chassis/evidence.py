"""Evidence on its way into records: offered for upload, then confirmed by hash, then named by
commands, and shown to those whom its record concerns.

What was offered and never confirmed is swept after a day; so is its object. What was confirmed is a
copy under a key of its own, which nobody can write to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis.actor import Actor
from chassis.errors import NotPermitted, Outdated, Refused, Unknown
from chassis.records.envelope import Evidence
from chassis.records.kinds import Kind, kind_named
from chassis.records.tables import evidence, record

_CONFIRMABLE = timedelta(days=1)
_CONFIRMING = timedelta(hours=1)
"""A confirmation that begins in the last second has this long to read the object before it may be
swept under it."""

_SWEPT_AT_ONCE = 100

_HAS_EVIDENCE = text("record.evidence <> '[]'")
"""Spelled as the index spells it, so that the planner sees that the index serves."""


class EvidenceUnconfirmed(Refused):
    """The object was not confirmed: nobody has checked that the bytes are what they should be."""

    reason = "EVIDENCE_UNCONFIRMED"


@dataclass(frozen=True)
class Offer:
    """An upload that was offered: its media type, and the key of what it was confirmed as (empty
    before that)."""

    media_type: str
    confirmed_as: str


def offered(
    connection: Connection, object_key: str, media_type: str, to: Actor, at: datetime
) -> None:
    """Note that an upload was offered."""
    connection.execute(
        insert(evidence).values(
            object_key=object_key,
            media_type=media_type,
            offered_to=to.id,
            branch_id=to.branch_id or None,
            offered_at=at,
            drill=to.drill,
        )
    )


def offer_of(connection: Connection, object_key: str, to: str) -> Offer:
    """Return what was offered to somebody. Raises Unknown (OBJECT_UNKNOWN), also for what was
    offered to somebody else, or more than a day ago."""
    columns = evidence.c
    found = connection.execute(
        select(columns.media_type, columns.confirmed_as, columns.confirmed_at).where(
            columns.object_key == object_key,
            columns.offered_to == to,
            or_(columns.offered_at > func.now() - _CONFIRMABLE, columns.confirmed_at.is_not(None)),
        )
    ).first()
    if found is None:
        raise Unknown("no upload was offered to you under this key", reason="OBJECT_UNKNOWN")
    return Offer(found.media_type, found.confirmed_as or (object_key if found.confirmed_at else ""))


def confirmed(connection: Connection, shown: Evidence, at: datetime) -> None:
    """Note that the bytes are there and hash as announced."""
    connection.execute(
        update(evidence)
        .where(evidence.c.object_key == shown.object_key)
        .values(sha256=shown.sha256, size_bytes=shown.size_bytes, note=shown.note, confirmed_at=at)
    )


def sealed(connection: Connection, object_key: str, shown: Evidence, at: datetime) -> None:
    """Note as what an upload was confirmed. Raises Outdated when another confirmation of it came
    first."""
    first = connection.execute(
        update(evidence)
        .where(evidence.c.object_key == object_key, evidence.c.confirmed_as == "")
        .values(confirmed_as=shown.object_key)
    )
    if first.rowcount == 0:
        raise Outdated("the upload was confirmed meanwhile: confirm again to hear as what")
    confirmed(connection, shown, at)


def kept(connection: Connection, shown: Evidence, by: str, at: datetime) -> None:
    """Note an object that this service put there itself; the same bytes again change nothing."""
    connection.execute(
        upsert(evidence)
        .values(
            object_key=shown.object_key,
            media_type=shown.media_type,
            offered_to=by,
            offered_at=at,
            sha256=shown.sha256,
            size_bytes=shown.size_bytes,
            note=shown.note,
            confirmed_at=at,
        )
        .on_conflict_do_nothing()
    )


def named(
    connection: Connection, object_keys: Sequence[str], by: Actor | None = None
) -> tuple[Evidence, ...]:
    """Return confirmed evidence in the order named; the key of an upload stands for what it was
    confirmed as. Raises EvidenceUnconfirmed, and NotPermitted (WRONG_BRANCH) for what is another
    branch's than that of the person who names it."""
    if not object_keys:
        return ()
    found = _confirmed_under(connection, object_keys)
    missing = [key for key in object_keys if key not in found]
    if missing:
        raise EvidenceUnconfirmed(
            "evidence is named that was not confirmed",
            missing=[f"confirmed object: {key}" for key in missing],
        )
    if by is not None and not all(_is_own(connection, row, by) for row in found.values()):
        raise NotPermitted("evidence of another branch is named", reason="WRONG_BRANCH")
    return tuple(
        Evidence(
            object_key=found[key].object_key,
            sha256=found[key].sha256,
            media_type=found[key].media_type,
            size_bytes=found[key].size_bytes,
            note=found[key].note,
        )
        for key in object_keys
    )


def _is_own(connection: Connection, row: Row[Any], by: Actor) -> bool:
    """Tell whether an object was uploaded by the caller or at the caller's branch, or shows a
    record that was made there or waits there. A service answers for what it names."""
    if by.service or row.offered_to == by.id or (by.branch_id and row.branch_id == by.branch_id):
        return True
    showing = connection.execute(records_showing(row.object_key))
    return any(by.branch_id in (one.branch_id, one.held_at_id) for one in showing)


def _confirmed_under(connection: Connection, object_keys: Sequence[str]) -> dict[str, Row[Any]]:
    """Return the confirmed objects by the key they are asked for: their own, or their upload's."""
    asked, own = evidence.alias(), evidence.alias()
    own_key = func.coalesce(func.nullif(asked.c.confirmed_as, ""), asked.c.object_key)
    rows = connection.execute(
        select(asked.c.object_key.label("asked"), own)
        .join_from(asked, own, own.c.object_key == own_key)
        .where(
            asked.c.object_key.in_(object_keys),
            own.c.confirmed_at.is_not(None),
            own.c.let_go_at.is_(None),
        )
    )
    return {row.asked: row for row in rows}


def readable(connection: Connection, object_key: str, by: Actor) -> str:
    """Return the key under which an object is kept that the caller may look at: it shows a record
    within reach whose values the caller's roles may read, or the caller uploaded it and no record
    names it yet.

    Raises Unknown (OBJECT_UNKNOWN), NotPermitted (WRONG_BRANCH, ROLE_NOT_PERMITTED).
    """
    kept_row = _confirmed_under(connection, [object_key]).get(object_key)
    own_key: str = kept_row.object_key if kept_row else object_key
    showing = connection.execute(records_showing(own_key)).all()
    if not showing:
        if kept_row is None or kept_row.offered_to != by.id:
            raise Unknown("no evidence is kept under this key", reason="OBJECT_UNKNOWN")
        return own_key
    within = [
        one
        for one in showing
        if kind_named(one.kind).is_within_reach(by, one.branch_id, one.held_at_id)
    ]
    if not within:
        raise NotPermitted("it shows a record of another branch", reason="WRONG_BRANCH")
    if not any(_may_read(kind_named(one.kind), by) for one in within):
        raise NotPermitted("your role may not read what it shows", reason="ROLE_NOT_PERMITTED")
    return own_key


def people_shown(connection: Connection, object_key: str) -> list[tuple[str, ...]]:
    """Return the people whose records an object shows, each with the branches of that record."""
    columns = record.c
    rows = connection.execute(
        select(columns.customer_id, columns.branch_id, columns.held_at_id).where(
            _shows(object_key), columns.customer_id.is_not(None)
        )
    )
    return [(row.customer_id, row.branch_id or "", row.held_at_id or "") for row in rows]


def records_showing(object_key: str) -> Select[Any]:
    """Return the statement that finds the records an object is evidence of."""
    columns = record.c
    return select(columns.kind, columns.branch_id, columns.held_at_id).where(_shows(object_key))


def _shows(object_key: str) -> ColumnElement[bool]:
    return and_(record.c.evidence.contains([{"object_key": object_key}]), _HAS_EVIDENCE)


def _may_read(kind: Kind[Any], actor: Actor) -> bool:
    return not kind.readers or bool(kind.readers & actor.roles)


@dataclass(frozen=True)
class Due:
    """Uploads to be removed, and whether there are more than these."""

    keys: tuple[str, ...]
    more: bool


def let_go(connection: Connection, object_keys: Sequence[str], at: datetime) -> None:
    """Let go of objects whose time is over by rule: nobody is shown them any more, no look misses
    them, and the housekeeping removes the bytes."""
    columns = evidence.c
    connection.execute(
        update(evidence)
        .where(columns.object_key.in_(object_keys), columns.let_go_at.is_(None))
        .values(let_go_at=at, note="")
    )


def to_remove(connection: Connection) -> tuple[str, ...]:
    """Return some objects that were let go of and still lie in the store."""
    columns = evidence.c
    rows = connection.execute(
        select(columns.object_key)
        .where(columns.let_go_at.is_not(None), columns.removed_at.is_(None))
        .order_by(columns.let_go_at)
        .limit(_SWEPT_AT_ONCE)
    )
    return tuple(row.object_key for row in rows)


def removed(connection: Connection, object_keys: Sequence[str], at: datetime) -> None:
    """Note that objects which were let go of lie in the store no more; the row stays and says
    so."""
    connection.execute(
        update(evidence).where(evidence.c.object_key.in_(object_keys)).values(removed_at=at)
    )


def due(connection: Connection, at: datetime) -> Due:
    """Return some uploads that were offered long ago; what was confirmed of them is a copy."""
    columns = evidence.c
    rows = connection.execute(
        select(columns.object_key)
        .where(
            columns.confirmed_at.is_(None),
            columns.offered_at < at - _CONFIRMABLE - _CONFIRMING,
        )
        .order_by(columns.offered_at)
        .limit(_SWEPT_AT_ONCE)
    )
    keys = tuple(row.object_key for row in rows)
    return Due(keys, more=len(keys) == _SWEPT_AT_ONCE)


def forget(connection: Connection, object_keys: Sequence[str]) -> None:
    """Forget uploads whose objects have been removed."""
    columns = evidence.c
    connection.execute(
        delete(evidence).where(columns.object_key.in_(object_keys), columns.confirmed_at.is_(None))
    )
