"""The bridge's SQL: look-ups of instruments and captures, and how the lines stand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis import locks
from chassis.ids import as_uuid
from chassis.records.envelope import Record
from chassis.records.rows import record_of
from chassis.records.tables import record
from device_bridge.capture import CAPTURE, Capture
from device_bridge.instrument import INSTRUMENT, Instrument
from device_bridge.tables import line


@dataclass(frozen=True, kw_only=True)
class LineState:
    """How an instrument's line stands: its link (empty while nobody reads it), what waits on the
    bridge's disk and why, and when it last printed."""

    link: str = ""
    link_changed_at: datetime | None = None
    prints_waiting: int = 0
    waiting_reason: str = ""
    last_print_at: datetime | None = None


def hold_serial(connection: Connection, model: str, serial_number: str) -> None:
    """Let one registration of a serial number at a time pass, until the transaction ends."""
    locks.take(connection, f"instrument {model} {serial_number}")


def hold_ports(connection: Connection, branch_id: str) -> None:
    """Let one change of a branch's lines at a time pass, until the transaction ends."""
    locks.take(connection, f"lines of {branch_id}")


def has_serial(connection: Connection, model: str, serial_number: str) -> bool:
    """Tell whether an instrument is registered already."""
    content = record.c.content
    statement = select(record.c.id).where(
        record.c.kind == INSTRUMENT.name,
        content["model"].astext == model,
        content["serial_number"].astext == serial_number,
    )
    return connection.execute(statement).first() is not None


def instrument_on(connection: Connection, branch_id: str, port_url: str) -> str:
    """Return the id of the instrument in service on a line of a branch, or empty text."""
    statement = select(record).where(
        record.c.kind == INSTRUMENT.name,
        record.c.state == "in_service",
        record.c.branch_id == branch_id,
        record.c.content["port_url"].astext == port_url,
    )
    row = connection.execute(statement).mappings().first()
    return record_of(row, INSTRUMENT).id if row else ""


def in_service(
    connection: Connection, branch_ids: Collection[str] = ()
) -> list[Record[Instrument]]:
    """Return the instruments whose lines are to be read; of some branches when they are named."""
    statement = select(record).where(
        record.c.kind == INSTRUMENT.name, record.c.state == "in_service"
    )
    if branch_ids:
        statement = statement.where(record.c.branch_id.in_(branch_ids))
    return [record_of(row, INSTRUMENT) for row in connection.execute(statement).mappings()]


def instruments_page(
    connection: Connection, branch_id: str, after_id: str, size: int
) -> list[tuple[Record[Instrument], LineState]]:
    """Return instruments of a branch with their lines, in the order they were registered."""
    statement = select(record).where(
        record.c.kind == INSTRUMENT.name, record.c.branch_id == branch_id
    )
    if after_id:
        statement = statement.where(record.c.id > as_uuid(after_id))
    statement = statement.order_by(record.c.id).limit(size)
    found = [record_of(row, INSTRUMENT) for row in connection.execute(statement).mappings()]
    lines = line_states(connection, [one.id for one in found])
    return [(one, lines.get(one.id, LineState())) for one in found]


def line_states(connection: Connection, instrument_ids: Sequence[str]) -> dict[str, LineState]:
    """Return how the lines of instruments stand, by instrument id."""
    rows = connection.execute(
        select(line).where(line.c.instrument_id.in_(instrument_ids))
    ).mappings()
    return {
        row["instrument_id"]: LineState(
            **{name: value for name, value in row.items() if name != "instrument_id"}
        )
        for row in rows
    }


def keep_line_state(connection: Connection, instrument_id: str, state: LineState) -> None:
    """Overwrite how a line stands."""
    statement = upsert(line).values(instrument_id=instrument_id, **asdict(state))
    new = statement.excluded
    # A bridge that has just started has heard nothing yet: the last print stays known.
    last = func.coalesce(new.last_print_at, line.c.last_print_at)
    changed = {name: new[name] for name in asdict(state)} | {"last_print_at": last}
    connection.execute(
        statement.on_conflict_do_update(index_elements=[line.c.instrument_id], set_=changed)
    )


def hold_content(connection: Connection, content_key: str) -> None:
    """Let one capture of the same bytes at a time pass, until the transaction ends."""
    locks.take(connection, f"print {content_key}")


def capture_of_print(connection: Connection, print_id: str) -> Record[Capture] | None:
    """Return the capture that was made of a print on the disk, or None."""
    return _capture(connection, select(record).where(record.c.id == as_uuid(print_id)))


def newest_capture(connection: Connection, content_key: str) -> Record[Capture] | None:
    """Return the newest capture of these bytes, or None."""
    statement = (
        select(record)
        .where(record.c.kind == CAPTURE.name, record.c.content["content_key"].astext == content_key)
        .order_by(record.c.recorded_at.desc(), record.c.id.desc())
        .limit(1)
    )
    return _capture(connection, statement)


def captures_page(
    connection: Connection, branch_id: str, state: str, key: Sequence[str], size: int
) -> list[Record[Capture]]:
    """Return captures of a branch (of one state, if given), newest first, after a key of
    (recorded_at, id)."""
    statement = select(record).where(record.c.kind == CAPTURE.name, record.c.branch_id == branch_id)
    if state:
        statement = statement.where(record.c.state == state)
    if key:
        place = (datetime.fromisoformat(key[0]), as_uuid(key[1]))
        statement = statement.where(tuple_(record.c.recorded_at, record.c.id) < place)
    statement = statement.order_by(record.c.recorded_at.desc(), record.c.id.desc()).limit(size)
    return [record_of(row, CAPTURE) for row in connection.execute(statement).mappings()]


def _capture(connection: Connection, statement: Select[Any]) -> Record[Capture] | None:
    row = connection.execute(statement).mappings().first()
    return record_of(row, CAPTURE) if row else None
