"""What holders stand on: their pins, those they copy, and those that settle by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ARRAY,
    Connection,
    RowMapping,
    Uuid,
    any_,
    bindparam,
    delete,
    select,
    text,
    update,
)

from chassis.ids import as_uuid
from chassis.records import known_versions
from chassis.records.envelope import Record
from chassis.records.pins import Pin
from chassis.records.rows import pin_of, record_of
from chassis.records.tables import pin as pin_table
from chassis.records.tables import record as record_table

_PIN_COLUMNS = tuple(column.name for column in pin_table.columns if column.name != "holder_id")
_OF_HOLDERS = (
    select(pin_table)
    .where(pin_table.c.holder_id == any_(bindparam("holder_ids", type_=ARRAY(Uuid))))
    .order_by(pin_table.c.record_id)
)
_HOLDERS = (
    select(
        record_table,
        *(pin_table.c[name].label(f"pin_{name}") for name in _PIN_COLUMNS),
    )
    .join(pin_table, pin_table.c.holder_id == record_table.c.id)
    .where(
        pin_table.c.record_id == bindparam("pinned_id"),
        ~pin_table.c.fixed,
        record_table.c.responsible_role.is_not(None),
        record_table.c.void == "",
    )
    .order_by(record_table.c.id)
)
_HOLD = (
    select(record_table.c.id)
    .where(record_table.c.id == any_(bindparam("holder_ids", type_=ARRAY(Uuid))))
    .order_by(record_table.c.id)
    .with_for_update(read=True)
)
_ADD = text(
    """
    INSERT INTO pin (holder_id, record_id, kind, relied_version, settled_version, settled_by,
        fields, fixed, settled_void, may_expire)
    SELECT :holder_id, added.* FROM jsonb_to_recordset(CAST(:pins AS jsonb)) AS added (
        record_id text, kind text, relied_version integer, settled_version integer,
        settled_by text, fields text[], fixed boolean, settled_void boolean,
        may_expire boolean)
    """
)


def pins_of(connection: Connection, *holder_ids: str) -> tuple[Pin, ...]:
    """Return the pins that records stand on."""
    if not holder_ids:
        return ()
    asked = {"holder_ids": [as_uuid(one) for one in holder_ids]}
    rows = connection.execute(_OF_HOLDERS, asked).mappings()
    return tuple(pin_of(row) for row in rows)


def stand_on(
    connection: Connection, holder_id: str, pins: Sequence[Pin], *, afresh: bool
) -> tuple[Pin, ...]:
    """Store a holder's flat set of pins, in place of those it had when `afresh`, and return them as
    they were stored.

    Raises PinOutdated when this service has heard of a later change that touches one of them.
    """
    if afresh:
        connection.execute(delete(pin_table).where(pin_table.c.holder_id == as_uuid(holder_id)))
    held = known_versions.hold(connection, pins)
    if held:
        added = {"holder_id": as_uuid(holder_id), "pins": msgspec.json.encode(held).decode()}
        connection.execute(_ADD, added)
    return held


def settle(connection: Connection, holder_id: str, live: Mapping[str, int]) -> None:
    """Settle live pins whose amendments touched nothing the holder relied on; the row tells."""
    for record_id, version in live.items():
        connection.execute(
            update(pin_table)
            .where(
                pin_table.c.holder_id == as_uuid(holder_id),
                pin_table.c.record_id == record_id,
                pin_table.c.settled_version < version,
            )
            .values(settled_version=version, settled_by="system", settled_void=False)
        )


def let_expire(connection: Connection, holder_id: str, kind: str) -> None:
    """Let a holder be finished though records of a kind that it stands on expire meanwhile."""
    connection.execute(
        update(pin_table)
        .where(pin_table.c.holder_id == as_uuid(holder_id), pin_table.c.kind == kind)
        .values(may_expire=True)
    )


def settle_judged(
    connection: Connection, holder_id: str, record_id: str, version: int, *, is_void: bool, by: str
) -> None:
    """Settle a pin at the version that somebody judged, its record's end included."""
    connection.execute(
        update(pin_table)
        .where(pin_table.c.holder_id == as_uuid(holder_id), pin_table.c.record_id == record_id)
        .values(settled_version=version, settled_by=by, settled_void=is_void)
    )


def holders_of(connection: Connection, record_id: str) -> list[tuple[Record[Any], Pin]]:
    """Return the records that somebody must act on and that stand on a record live, with the pin by
    which they do."""
    rows = connection.execute(_HOLDERS, {"pinned_id": record_id}).mappings().all()
    return [(record_of(row), pin_of(_pin_beside(row))) for row in rows]


def hold(connection: Connection, holders: Sequence[Record[Any]]) -> None:
    """Wait for whoever writes these records now, and let nobody write them until this transaction
    ends."""
    connection.execute(_HOLD, {"holder_ids": [as_uuid(one.id) for one in holders]})


def _pin_beside(row: RowMapping) -> dict[str, Any]:
    return {name: row[f"pin_{name}"] for name in _PIN_COLUMNS}
