"""What the bridge is asked: a branch's instruments, its captures, and the rules of reading them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from chassis.db import Reading
from chassis.errors import invalid
from chassis.pages import Page, after, size_of
from chassis.records.envelope import Record
from chassis.records.queries import record_at
from chassis.rules import in_force
from device_bridge import reprint, store
from device_bridge.capture import CaptureState
from device_bridge.instrument import Instrument
from device_bridge.print_reader import ReadPrint
from device_bridge.spool import Print
from device_bridge.store import LineState


def list_instruments(
    reading: Reading, *, branch_id: str, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of a branch's instruments with their lines."""
    size, key = size_of(page_size), after(page_token, 1)
    found = store.instruments_page(
        reading.connection, branch_id or reading.actor.branch_id, key[0] if key else "", size + 1
    )
    page = Page.of(found, size, key=lambda one: [one[0].id])
    return {
        "instruments": [_with_line(*one) for one in page.rows],
        "next_page_token": page.next_page_token,
    }


def list_captures(
    reading: Reading, *, branch_id: str, state: str, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of a branch's captures, newest first. Raises Invalid (state)."""
    if state and state not in set(CaptureState):
        raise invalid("state", "state", f"must be one of {', '.join(sorted(CaptureState))}")
    size = size_of(page_size)
    found = store.captures_page(
        reading.connection,
        branch_id or reading.actor.branch_id,
        state,
        after(page_token, 2),
        size + 1,
    )
    page = Page.of(found, size, key=lambda one: [one.recorded_at.isoformat(), one.id])
    return {"captures": page.rows, "next_page_token": page.next_page_token}


def get_capture(reading: Reading, *, capture_id: str) -> Record[Any]:
    """Return a capture. Raises Unknown."""
    return record_at(reading.connection, capture_id)


def instrument(connection: Connection, instrument_id: str) -> Record[Instrument]:
    """Return an instrument. Raises Unknown, ValueError for text that is no id."""
    return record_at(connection, instrument_id)


def may_be_repeat(connection: Connection, one: Print, reading: ReadPrint) -> bool:
    """Tell whether it takes clinical to say if a print is the same as one that came before."""
    return reprint.may_be_repeat(
        store.newest_capture(connection, reading.content_key), one, reading
    )


def clock_allowance(connection: Connection, day: date) -> timedelta:
    """Return how far an instrument's clock may lie from the bridge's (rule `instrument_clock`)."""
    rule = in_force(connection, "instrument_clock", day)
    return timedelta(minutes=rule.body["allowed_minutes"])


def _with_line(instrument: Record[Instrument], line: LineState) -> dict[str, Any]:
    return {"envelope": instrument, **asdict(instrument.content), **asdict(line)}
