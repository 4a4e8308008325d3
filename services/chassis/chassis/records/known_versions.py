"""The row that makes sure no change is missed: the highest version of a record this service has
heard of.

Who hears of a change raises the row before looking for holders; who relies on a pin holds the row
for share and is refused when it is higher. Whichever comes second sees the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, case, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from chassis.errors import Outdated
from chassis.records.pins import Pin
from chassis.records.tables import known_version


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
    connection.execute(
        insert(known_version).on_conflict_do_nothing(),
        [{"record_id": record_id, "version": 0, "void": False} for record_id in settled],
    )
    rows = connection.execute(
        select(known_version)
        .where(known_version.c.record_id.in_(list(settled)))
        .order_by(known_version.c.record_id)
        .with_for_update(read=True)
    ).mappings()
    late = [
        row["record_id"]
        for row in rows
        if row["void"] or row["version"] > settled[row["record_id"]]
    ]
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
