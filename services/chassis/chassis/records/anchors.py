"""Anchors: once a day each service signs the heads of the records that were written since, and puts
them into the object store. Who rewrites history afterwards, even with every hash made anew, no
longer fits what was anchored; what is newer than the last anchor is protected by roles alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on

from chassis import locks
from chassis.db import Database
from chassis.errors import Unknown
from chassis.objects import ObjectStore
from chassis.records.tables import anchor as anchor_table
from chassis.records.tables import history, record
from chassis.sealing import SigningKey

PURPOSE = "anchor"
_EVERY = timedelta(days=1)
_SETTLED = timedelta(minutes=5)
"""Older than this, no transaction is under way any more that may still commit a row."""


class Head(msgspec.Struct, frozen=True, array_like=True):
    """How far the history of one record had come: its uuid, its last revision, the row's hash."""

    record: str
    revision: int
    hash: str


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """The heads of a stretch of time. `previous_sha256` is the object of the anchor before; empty
    for the first. `rows` counts the rows of history in the stretch."""

    service: str
    number: int
    previous_sha256: str
    since: datetime | None
    until: datetime
    rows: int
    heads: Sequence[Head]


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """An anchor as it lies in the object store: its text, and an Ed25519 signature over it."""

    anchor: str
    signature: bytes


@dataclass(frozen=True)
class Found:
    """An anchor that was read back: what it says, its object's hash, whether it is signed by us."""

    anchor: Anchor
    sha256: str
    is_signed: bool


def make_due(
    service: str, database: Database, objects: ObjectStore, key: SigningKey, at: datetime
) -> bool:
    """Make the next anchor when the last one is a day old and there is something new; true when one
    was made. Raises Unavailable."""
    with database.engine.begin() as connection:
        locks.take(connection, "anchor")
        due = _due(connection, service, at)
        if due is None:
            return False
        said = msgspec.json.encode(due).decode()
        signed = Signed(anchor=said, signature=key.sign(said.encode()))
        # First the object, then the row: an object without a row is anchored all the same.
        kept = objects.put(service, PURPOSE, msgspec.json.encode(signed), "application/json")
        connection.execute(
            insert(anchor_table).values(
                number=due.number,
                until=due.until,
                rows=due.rows,
                object_key=kept.object_key,
                sha256=kept.sha256,
            )
        )
    return True


def _due(connection: Connection, service: str, at: datetime) -> Anchor | None:
    last = connection.execute(
        select(anchor_table).order_by(anchor_table.c.number.desc()).limit(1)
    ).first()
    since = last.until if last else None
    until = at - _SETTLED
    if since is not None and until - since < _EVERY - _SETTLED:
        return None
    # A drill is purged: what was anchored of it would seem to have been removed.
    of_a_drill = select(record.c.id).where(record.c.drill != "")
    new = (history.c.recorded_at <= until) & history.c.record_id.not_in(of_a_drill)
    if since is not None:
        new = new & (history.c.recorded_at > since)
    rows = connection.execute(select(func.count()).select_from(history).where(new)).scalar_one()
    if not rows:
        return None
    newest = (
        select(history.c.record_id, history.c.revision, history.c.hash)
        .where(new)
        .ext(distinct_on(history.c.record_id))
        .order_by(history.c.record_id, history.c.revision.desc())
    )
    heads = [
        Head(row.record_id.hex, row.revision, bytes(row.hash).hex())
        for row in connection.execute(newest)
    ]
    return Anchor(
        service=service,
        number=last.number + 1 if last else 1,
        previous_sha256=last.sha256 if last else "",
        since=since,
        until=until,
        rows=rows,
        heads=heads,
    )


def read_back(service: str, objects: ObjectStore, key: SigningKey) -> Iterator[Found]:
    """Yield the anchors that lie in the object store, oldest first. Raises Unavailable."""
    found = []
    for object_key in objects.keys(f"{service}/{PURPOSE}/"):
        try:
            raw = objects.get(object_key)
            signed = msgspec.json.decode(raw, type=Signed)
            anchor = msgspec.json.decode(signed.anchor, type=Anchor)
        except (msgspec.DecodeError, Unknown):
            continue  # a broken object leaves a gap in the numbers, which is found
        is_signed = key.verifies(signed.signature, signed.anchor.encode())
        found.append(Found(anchor, hashlib.sha256(raw).hexdigest(), is_signed))
    yield from sorted(found, key=lambda one: one.anchor.number)
