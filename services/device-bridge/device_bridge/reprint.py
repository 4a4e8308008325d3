"""Whether a print is one that came before, printed once more, or the next customer's."""

from __future__ import annotations

from chassis.records.envelope import Evidence, Record
from device_bridge.capture import ArmedStation, Capture
from device_bridge.print_reader import ReadPrint
from device_bridge.spool import Print


def may_be_repeat(newest: Record[Capture] | None, one: Print, reading: ReadPrint) -> bool:
    """Tell whether the time alone makes a print the same as the newest of equal content, so that
    it depends on whether another visit was armed since."""
    if newest is None or newest.id == one.id or reading.same_within is None:
        return False
    # From when it first came: a repeat of a repeat must not reach into the next customer's visit.
    return one.received_at - newest.content.received_at <= reading.same_within


def is_same_print(
    newest: Record[Capture],
    one: Print,
    reading: ReadPrint,
    kept: Evidence,
    armed: ArmedStation | None,
) -> bool:
    """Tell whether a print is the same as the newest of equal content. `armed` is whose readings
    come at its station now."""
    if bool(newest.content.reading_count) != bool(reading.verdict.reading_count):
        # The evidence of a reading is what was read, never the bytes of a spoilt print.
        return newest.evidence[0].sha256 == kept.sha256
    if reading.same_within is None:
        return True
    return may_be_repeat(newest, one, reading) and not _is_next_visit(newest.content, armed)


def _is_next_visit(content: Capture, armed: ArmedStation | None) -> bool:
    if armed is None:
        return False
    return armed.visit_id != content.visit_id and armed.armed_at > content.received_at
