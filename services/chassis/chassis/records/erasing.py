"""Lawful erasure, as far as it is the same for every kind of record: a person's key is destroyed,
what stands in the clear is blanked, and nothing that was answered about the person stays.

History is not touched: its rows stay, unreadable, and their hashes still verify. What a kind shows
instead of its personal fields stands on the kind (`erased`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select, text, update

from chassis import evidence
from chassis.ids import as_uuid
from chassis.records import person_keys
from chassis.records.envelope import Record
from chassis.records.kinds import Kind
from chassis.records.rows import record_of
from chassis.records.tables import record, reply

_FORGET = text(
    """
    DELETE FROM reply WHERE replied_at >= :since AND replied_at < :until AND EXISTS (
        SELECT FROM unnest(CAST(:ids AS text[])) AS id
        WHERE position(convert_to(id, 'UTF8') IN response) > 0
    )
    """
)
_AT_ONCE = timedelta(hours=1)
"""A stretch of replies that one statement reads well within its time."""


def erase(connection: Connection, customer_ids: Sequence[str], at: datetime) -> None:
    """Erase a person, every id of whom is given: blank what stands of each, let go of evidence,
    forget replies, destroy the keys. The last thing a unit of work does about the person."""
    ids = list(customer_ids)
    of_person = record.c.customer_id.in_(ids)
    rows = connection.execute(select(record).where(of_person).with_for_update()).mappings()
    shown: list[str] = []
    for row in rows:
        found: Record[Any] = record_of(row)
        shown += [one.object_key for one in found.evidence]
        if found.kind.personal:
            _blank(connection, found)
    evidence.let_go(connection, shown, at)
    for customer_id in ids:
        person_keys.destroy(connection, customer_id, at)
    _forget_replies(connection, ids, at)


def _blank(connection: Connection, row: Record[Any]) -> None:
    notes = [replace(one, note="") for one in row.evidence]
    connection.execute(
        update(record)
        .where(record.c.id == as_uuid(row.id))
        .values(
            content=row.kind.pack(blanked(row.kind, row.content)),
            evidence=msgspec.to_builtins(notes),
        )
    )


def blanked(kind: Kind[Any], content: Any) -> Any:
    """Return a content with what is personal in it gone; what was empty stays so."""
    there = {name: blank for name, blank in kind.erased.items() if getattr(content, name)}
    return replace(content, **there)


def _forget_replies(connection: Connection, customer_ids: Sequence[str], at: datetime) -> None:
    since = connection.execute(select(func.min(reply.c.replied_at))).scalar()
    while since is not None and since <= at:
        until = since + _AT_ONCE
        asked = {"ids": list(customer_ids), "since": since, "until": until}
        connection.execute(_FORGET, asked)
        since = until
