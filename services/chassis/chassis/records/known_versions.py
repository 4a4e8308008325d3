"""The row that makes sure no change is missed: the highest version of a record this service has
heard of.

Who hears of a change raises the row before looking for holders; who relies on a pin holds the row
for share and is refused when it is higher. Whichever comes second sees the other. Beside the row
stands what each change touched, so that a pin settles by itself past changes of fields that it
does not rest on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    ARRAY,
    Connection,
    Row,
    Text,
    any_,
    bindparam,
    case,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from chassis.errors import Outdated
from chassis.records.changes import VOIDING, ChangeKind
from chassis.records.facts import RecordChanged
from chassis.records.pins import Pin
from chassis.records.tables import known_change, known_version

_HOLD = text(
    """
    WITH added AS (
        INSERT INTO known_version (record_id, version, void, expired)
        SELECT record_id, 0, false, false FROM unnest(CAST(:ids AS text[])) AS record_id
        ON CONFLICT DO NOTHING
        RETURNING record_id, version, void, expired
    ), held AS (
        SELECT record_id, version, void, expired FROM known_version
        WHERE record_id = ANY(CAST(:ids AS text[])) ORDER BY record_id FOR SHARE
    )
    SELECT * FROM added UNION ALL SELECT * FROM held
    """
)
"""Adds rows that are missing and holds the rest, as they stood when the statement began. A row that
somebody else added since is neither: then it must be run again, and finds it."""

_HEARD = select(known_change).where(
    known_change.c.record_id == any_(bindparam("ids", type_=ARRAY(Text)))
)
_NOTE = insert(known_change).on_conflict_do_nothing()

Heard = Mapping[tuple[str, int], Sequence[str]]
"""The fields that a change touched, by record and the version it made."""


class PinOutdated(Outdated):
    """This service has already heard of a later version than the one the pin was read at: read
    again."""

    reason = "PIN_OUTDATED"


def hold(connection: Connection, pins: Sequence[Pin]) -> tuple[Pin, ...]:
    """Hold the rows of the live pins for share, in id order, and refuse those that have moved on.

    Returns the pins, settled past what changed without touching them. Raises PinOutdated.
    """
    live = sorted(one.record_id for one in pins if not one.fixed)
    if not live:
        return tuple(pins)
    known = _held(connection, live)
    behind = [one.record_id for one in pins if not one.fixed and _is_behind(one, known)]
    if not behind:
        return tuple(pins)
    heard = _heard(connection, behind)
    settled = tuple(_settled(one, known, heard) if one.record_id in behind else one for one in pins)
    late = [one.record_id for one in settled if not one.fixed and _is_behind(one, known)]
    if late:
        raise PinOutdated(
            f"changed while being relied on: {', '.join(late)}", records=", ".join(late)
        )
    return settled


def hear(connection: Connection, changed: RecordChanged) -> None:
    """Note that a version exists and what its change touched; the row only ever rises, in whatever
    order changes are heard of."""
    is_expired = changed.what is ChangeKind.EXPIRED
    is_void = changed.what in VOIDING
    statement = insert(known_version).values(
        record_id=changed.record_id,
        version=changed.version,
        void=is_void and not is_expired,
        expired=is_expired,
        drill=changed.drill,
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["record_id"],
            set_={
                "version": func.greatest(known_version.c.version, statement.excluded.version),
                "expired": or_(known_version.c.expired, statement.excluded.expired),
                # A lock ends with the next version, and may be heard of after its end.
                "void": case(
                    (statement.excluded.version > known_version.c.version, statement.excluded.void),
                    (statement.excluded.version < known_version.c.version, known_version.c.void),
                    else_=or_(known_version.c.void, statement.excluded.void),
                ),
            },
        )
    )
    if not is_void:
        noted = {
            "record_id": changed.record_id,
            "version": changed.version,
            "fields": list(changed.fields),
            "drill": changed.drill,
        }
        connection.execute(_NOTE, noted)


def _held(connection: Connection, record_ids: Sequence[str]) -> dict[str, Row[Any]]:
    rows = connection.execute(_HOLD, {"ids": record_ids}).all()
    while len(rows) < len(set(record_ids)):
        rows = connection.execute(_HOLD, {"ids": record_ids}).all()
    return {row.record_id: row for row in rows}


def _is_behind(pin: Pin, known: Mapping[str, Row[Any]]) -> bool:
    row = known[pin.record_id]
    is_over = row.void or (row.expired and not pin.may_expire)
    return row.version > pin.settled_version or (is_over and not pin.settled_void)


def _heard(connection: Connection, record_ids: Sequence[str]) -> Heard:
    rows = connection.execute(_HEARD, {"ids": record_ids})
    return {(row.record_id, row.version): row.fields for row in rows}


def _settled(pin: Pin, known: Mapping[str, Row[Any]], heard: Heard) -> Pin:
    """Settle a pin at the version heard of, when every change up to there is known and none touched
    it."""
    version = known[pin.record_id].version
    changes = [
        heard.get((pin.record_id, number)) for number in range(pin.settled_version + 1, version + 1)
    ]
    if known[pin.record_id].void or any(
        fields is None or pin.rests_on(fields) for fields in changes
    ):
        return pin
    return replace(pin, settled_version=version, settled_by="system", settled_void=False)
