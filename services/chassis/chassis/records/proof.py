"""Proof of the past: finds every row of history that was changed, removed, inserted or cut off, and
every record that says something else than its history.

Three things must agree: each row's hash with its body and the row before, the record's head with
its last row, and both with what was anchored. Each can be made to fit the next by whoever owns the
database; not all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, select, text, tuple_

from chassis.ids import as_id
from chassis.records.anchors import Found
from chassis.records.envelope import Record
from chassis.records.erasing import blanked
from chassis.records.history import Seal, as_told, chain, open_part
from chassis.records.kinds import kind_named
from chassis.records.rows import record_of, record_row
from chassis.records.tables import anchor as anchor_table
from chassis.records.tables import history
from chassis.records.tables import record as record_table

_AT_ONCE = 500

_IDS = text(
    """
    (SELECT id FROM record WHERE id > :after ORDER BY id LIMIT :most)
    UNION
    (SELECT DISTINCT record_id FROM history WHERE record_id > :after ORDER BY record_id LIMIT :most)
    ORDER BY 1 LIMIT :most
    """
)
"""Whatever has a record or a history: either may have been removed."""

NOWHERE = UUID(int=0)


class Flaw(StrEnum):
    """What is wrong with a piece of the past."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    CUT_OFF = "cut_off"
    RECORD_DIFFERS = "record_differs"
    RECORD_REMOVED = "record_removed"
    HISTORY_REMOVED = "history_removed"
    ANCHOR_BROKEN = "anchor_broken"
    ANCHOR_MISSING = "anchor_missing"
    NOT_AS_ANCHORED = "not_as_anchored"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One flaw: the record (its id, or its uuid when its kind is gone), the revision, in words."""

    flaw: Flaw
    record_id: str
    revision: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What was looked at, what was found, and the uuid to go on after; None at the end."""

    records: int
    rows: int
    findings: tuple[Finding, ...]
    last: UUID | None = None


def verify(
    connection: Connection, seal: Seal | None, *, after: UUID = NOWHERE, most: int = _AT_ONCE
) -> Verified:
    """Look at some records and their history, in the order of their ids."""
    ids = list(connection.execute(_IDS, {"after": after, "most": most}).scalars())
    current = {
        row["id"]: row
        for row in connection.execute(
            select(record_table).where(record_table.c.id.in_(ids))
        ).mappings()
    }
    rows: dict[UUID, list[Any]] = {}
    told = select(history).where(history.c.record_id.in_(ids))
    for row in connection.execute(told.order_by(history.c.record_id, history.c.revision)):
        rows.setdefault(row.record_id, []).append(row)
    findings = [
        finding
        for record_id in ids
        for finding in _of_record(record_id, rows.get(record_id, []), current.get(record_id), seal)
    ]
    return Verified(
        records=len(ids),
        rows=sum(map(len, rows.values())),
        findings=tuple(findings),
        last=ids[-1] if len(ids) == most else None,
    )


def verify_anchors(connection: Connection, anchors: Iterable[Found]) -> tuple[Finding, ...]:
    """Look whether history is still as it was anchored, and whether no anchor is missing."""
    return tuple(_of_anchors(connection, anchors))


def _of_record(
    record_id: UUID, rows: list[Any], current: Any, seal: Seal | None
) -> Iterator[Finding]:
    if rows:
        yield from _of_chain(record_id, rows, current, seal)
        return
    yield Finding(
        flaw=Flaw.HISTORY_REMOVED,
        record_id=_name(record_id, current),
        revision=current["revision"],
        text="the record is there, its history is gone",
    )


def _of_chain(
    record_id: UUID, rows: list[Any], current: Any, seal: Seal | None
) -> Iterator[Finding]:
    name = _name(record_id, current)

    def flaw(kind: Flaw, revision: int, text: str) -> Finding:
        return Finding(flaw=kind, record_id=name, revision=revision, text=text)

    previous, expected = b"", 1
    for row in rows:
        if row.revision > expected:
            yield flaw(Flaw.REMOVED, expected, f"rows {expected} to {row.revision - 1} are gone")
        elif bytes(row.previous) != previous:
            yield flaw(Flaw.CHANGED, row.revision, "does not follow the row before it")
        if chain(bytes(row.previous), row.body) != bytes(row.hash):
            yield flaw(Flaw.CHANGED, row.revision, "its hash is not that of its body")
        previous, expected = bytes(row.hash), row.revision + 1
    last = rows[-1]
    if current is None:
        yield flaw(Flaw.RECORD_REMOVED, last.revision, "the record is gone, its history is not")
    elif current["revision"] > last.revision:
        yield flaw(Flaw.CUT_OFF, last.revision + 1, f"rows up to {current['revision']} are gone")
    elif current["revision"] < last.revision:
        yield flaw(Flaw.INSERTED, last.revision, f"the record stands at {current['revision']}")
    elif bytes(current["head"]) != bytes(last.hash):
        yield flaw(Flaw.CHANGED, last.revision, "is not the row that the record's head names")
    elif not _says_the_same(current, last.body, seal):
        yield flaw(Flaw.RECORD_DIFFERS, last.revision, "the record is not as its last row says")


def _says_the_same(current: Any, body: str, seal: Seal | None) -> bool:
    """Tell whether a record is as its last row says. What is sealed with a key that was destroyed
    is judged by its hash alone, and the record must be blank."""
    told = msgspec.json.decode(body)
    found: Record[Any] = record_of(current)
    # As they stand, not as this release would write them: a field that it added is no flaw.
    stored = {name: current[name] for name in ("evidence", "approval", "closure", "content")}
    row = {**record_row(found), **stored}
    envelope, content = as_told(row, is_sealed="sealed" in told)
    if envelope != told["record"]:
        return False
    there = open_part(told, seal)
    if there:
        same: bool = content == there["content"]
        return same
    return seal is None or found.content == blanked(found.kind, found.content)


def _of_anchors(connection: Connection, anchors: Iterable[Found]) -> Iterator[Finding]:
    expected, previous = 1, ""
    for found in anchors:
        anchor = found.anchor
        name = f"{anchor.service} anchor {anchor.number}"
        if anchor.number != expected or anchor.previous_sha256 != previous:
            yield Finding(
                flaw=Flaw.ANCHOR_MISSING,
                record_id=name,
                revision=0,
                text=f"does not follow anchor {expected - 1}",
            )
        if not found.is_signed:
            yield Finding(
                flaw=Flaw.ANCHOR_BROKEN,
                record_id=name,
                revision=0,
                text="its signature is not ours",
            )
        else:
            yield from _of_heads(connection, found)
        expected, previous = anchor.number + 1, found.sha256
    yield from _of_last_anchors(connection, expected)


def _of_last_anchors(connection: Connection, expected: int) -> Iterator[Finding]:
    """Find anchors that were made after the last one that lies in the object store."""
    columns = anchor_table.c
    made = select(columns.number, columns.object_key).where(columns.number >= expected)
    for row in connection.execute(made.order_by(columns.number)):
        yield Finding(
            flaw=Flaw.ANCHOR_MISSING,
            record_id=f"{row.object_key.partition('/')[0]} anchor {row.number}",
            revision=0,
            text="was made and is not in the object store",
        )


def _of_heads(connection: Connection, found: Found) -> Iterator[Finding]:
    heads = found.anchor.heads
    for start in range(0, len(heads), _AT_ONCE):
        some = {
            (UUID(one.record), one.revision): one.hash for one in heads[start : start + _AT_ONCE]
        }
        table = history.c
        rows = connection.execute(
            select(table.record_id, table.revision, table.hash).where(
                tuple_(table.record_id, table.revision).in_(list(some))
            )
        )
        there = {(row.record_id, row.revision): bytes(row.hash).hex() for row in rows}
        for (record_id, revision), anchored in some.items():
            if there.get((record_id, revision)) != anchored:
                yield Finding(
                    flaw=Flaw.NOT_AS_ANCHORED,
                    record_id=_kind_of(connection, record_id),
                    revision=revision,
                    text=f"is not as anchor {found.anchor.number} says",
                )


def _kind_of(connection: Connection, record_id: UUID) -> str:
    columns = record_table.c
    row = connection.execute(select(columns.kind).where(columns.id == record_id)).mappings().first()
    return _name(record_id, row)


def _name(record_id: UUID, current: Any) -> str:
    return as_id(kind_named(current["kind"]).prefix, record_id) if current else str(record_id)
