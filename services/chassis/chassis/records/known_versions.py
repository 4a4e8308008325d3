"""The row that makes sure no change is missed: the highest version of a record this service has
heard of.

Who hears of a change raises the row before looking for holders; who relies on a pin holds the row
for share and is refused when it is higher. Whichever comes second sees the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, case, func, or_, text
from sqlalchemy.dialects.postgresql import insert

from chassis.errors import Outdated
from chassis.records.pins import Pin
from chassis.records.tables import known_version

_HOLD = text(
    """
    WITH added AS (
        INSERT INTO known_version (record_id, version, void)
        SELECT record_id, 0, false FROM unnest(CAST(:ids AS text[])) AS record_id
        ON CONFLICT DO NOTHING
        RETURNING record_id, version, void
    ), held AS (
        SELECT record_id, version, void FROM known_version
        WHERE record_id = ANY(CAST(:ids AS text[])) ORDER BY record_id FOR SHARE
    )
    SELECT * FROM added UNION ALL SELECT * FROM held
    """
)
"""Adds rows that are missing and holds the rest, as they stood when the statement began. A row that
somebody else added since is neither: then it must be run again, and finds it."""


class PinOutdated(Outdated):
    """This service has already heard of a later version than the one the pin was read at: read
    again."""

    reason = "PIN_OUTDATED"


def hold(connection: Connection, pins: Sequence[Pin]) -> None:
    """Hold the rows of live pins for share, in id order, and refuse those that have moved on.
    Raises PinOutdated."""
    if not pins:
        return
    settled = {
        one.record_id: one.settled_version for one in sorted(pins, key=lambda p: p.record_id)
    }
    asked = {"ids": list(settled)}
    rows = connection.execute(_HOLD, asked).all()
    while len(rows) < len(settled):
        rows = connection.execute(_HOLD, asked).all()
    late = [row.record_id for row in rows if row.void or row.version > settled[row.record_id]]
    if late:
        raise PinOutdated(
            f"changed while being relied on: {', '.join(late)}", records=", ".join(late)
        )


def raise_to(connection: Connection, record_id: str, version: int, *, void: bool) -> None:
    """Note that a version exists; the row only ever rises, in whatever order events arrive."""
    statement = insert(known_version).values(record_id=record_id, version=version, void=void)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["record_id"],
            set_={
                "version": func.greatest(known_version.c.version, statement.excluded.version),
                # A lock ends with the next version, and may be heard of after its end.
                "void": case(
                    (statement.excluded.version > known_version.c.version, statement.excluded.void),
                    (statement.excluded.version < known_version.c.version, known_version.c.void),
                    else_=or_(known_version.c.void, statement.excluded.void),
                ),
            },
        )
    )
