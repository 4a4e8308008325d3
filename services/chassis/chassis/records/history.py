"""History: one row per revision, each carrying the hash of the row before it of the same record.

A row's body is the whole record after the change, with the change itself, as canonical JSON. What
a kind declares personal is sealed with the customer's own key, so that destroying the key leaves
a chain that still verifies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, RowMapping, select

from chassis.errors import Unknown
from chassis.ids import as_uuid
from chassis.records.changes import Change
from chassis.records.envelope import Record
from chassis.records.rows import record_row
from chassis.records.tables import history

_DERIVED = ("id", "head", "handover_id")


class Seal(Protocol):
    """Hides and shows what a person's own key protects."""

    def close(self, customer_id: str, clear: bytes) -> str:
        """Return the sealed text."""

    def open(self, customer_id: str, sealed: str) -> bytes | None:
        """Return the clear bytes, or None when the person's key has been destroyed."""


@dataclass(frozen=True)
class Written:
    """A history row that is about to be written, and the record's new head."""

    row: dict[str, Any]
    head: bytes


def write(record: Record[Any], change: Change, seal: Seal | None) -> Written:
    """Return the history row of a change and the head it gives the record."""
    row = record_row(record)
    envelope = _envelope(row)
    body: dict[str, Any] = {"record": envelope}
    open_part = {"content": row["content"], "fields": msgspec.to_builtins(change.fields)}
    told = {**msgspec.to_builtins(change), "fields": [f.field for f in change.fields]}
    body["change"] = told
    if record.kind.personal and seal is not None:
        # Words that people write may name the person too.
        hidden = {**open_part, "reason": change.reason, "evidence": row["evidence"]}
        body["sealed"] = seal.close(record.customer_id or record.id, _canonical(hidden))
        told["reason"] = ""
        envelope["evidence"] = [{**one, "note": ""} for one in row["evidence"]]
    else:
        body["open"] = open_part
    text = _canonical(body).decode()
    head = chain(record.head, text)
    return Written(
        row={
            "record_id": row["id"],
            "revision": record.revision,
            "version": record.version,
            "recorded_at": change.changed_at,
            "body": text,
            "previous": record.head,
            "hash": head,
        },
        head=head,
    )


def as_told(row: Mapping[str, Any], *, is_sealed: bool) -> tuple[Any, Any]:
    """Return envelope and content of a record's columns as a row of history tells them; where that
    is sealed, the words of evidence stand in the sealed part."""
    envelope = msgspec.json.decode(_canonical(_envelope(row)))
    if is_sealed:
        envelope["evidence"] = [{**one, "note": ""} for one in envelope["evidence"]]
    return envelope, msgspec.json.decode(_canonical(row["content"]))


def _envelope(row: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in row.items() if name not in (*_DERIVED, "content")}
    if told["signature"] is None:  # rows of before there were signatures say nothing of one
        del told["signature"]
    if not told["drill"]:
        del told["drill"]  # said of a drill alone: a mark that was put on later is found
    return told


def chain(previous: bytes, body: str) -> bytes:
    """Return the hash of a row: sha256 over the hash before it and its own body."""
    return hashlib.sha256(previous + body.encode()).digest()


def changes_of(
    connection: Connection, record_id: str, *, after_version: int = 0
) -> list[RowMapping]:
    """Return a record's history rows, oldest first. Raises Unknown when there are none."""
    rows = connection.execute(
        select(history)
        .where(history.c.record_id == as_uuid(record_id), history.c.version >= after_version)
        .order_by(history.c.revision)
    ).mappings()
    found = list(rows)
    if not found:
        raise Unknown(f"{record_id} is not kept here", id=record_id)
    return found


def change_in(row: RowMapping, seal: Seal | None = None, *, with_values: bool = True) -> Change:
    """Return the change that a history row tells of; without values, or without its key, field
    names only."""
    body = msgspec.json.decode(row["body"])
    told = body["change"]
    shown = open_part(body, seal) if with_values else {}
    blank = [{"field": name, "old_value": "", "new_value": ""} for name in told["fields"]]
    fields, reason = shown.get("fields") or blank, shown.get("reason", told["reason"])
    return msgspec.convert({**told, "fields": fields, "reason": reason}, Change)


def open_part(body: Mapping[str, Any], seal: Seal | None) -> dict[str, Any]:
    """Return what a row tells of content; empty when it is sealed and its key is not to be had."""
    if "open" in body:
        return dict(body["open"])
    customer_id = body["record"]["customer_id"]
    clear = seal.open(customer_id, body["sealed"]) if seal is not None else None
    return dict(msgspec.json.decode(clear)) if clear is not None else {}


def _canonical(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")
