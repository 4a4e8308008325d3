"""What the bridge does with a print on its way to the examiner: record it once, note where it went,
read it again, or end its wait."""

from __future__ import annotations

import hashlib
from typing import Any

from chassis import evidence as objects
from chassis.db import UnitOfWork
from chassis.records.envelope import Evidence, Record, Source, SourceKind
from chassis.records.kinds import MoveForbidden
from chassis.roles import Role
from device_bridge import store
from device_bridge.capture import (
    CAPTURE,
    READ_AGAIN,
    RETRIED,
    ArmedStation,
    Bound,
    Capture,
    CaptureDelivered,
    CaptureFailed,
    CaptureState,
    Verdict,
)
from device_bridge.print_reader import ReadPrint
from device_bridge.reprint import is_same_print
from device_bridge.spool import Print


def record_capture(
    work: UnitOfWork,
    *,
    one: Print,
    reading: ReadPrint,
    kept: Evidence,
    armed: ArmedStation | None = None,
) -> Record[Capture]:
    """Record what a print came to, once: the same print from the disk changes nothing, the same
    bytes sent again count as a repeat. `armed` is whose readings come at the station now; it is
    needed where the print may be a repeat."""
    objects.kept(work.connection, kept, work.actor.id, work.at)
    store.hold_content(work.connection, reading.content_key)
    earlier = store.capture_of_print(work.connection, one.id)
    if earlier is None:
        newest = store.newest_capture(work.connection, reading.content_key)
        is_same = newest and is_same_print(newest, one, reading, kept, armed)
        earlier = newest if is_same else None
        if earlier is None:
            return _new_capture(work, one, reading, kept, is_first=newest is None)
    return _came_again(work, earlier, one, reading)


def capture_delivered(work: UnitOfWork, *, capture_id: str, bound: Bound) -> Record[Capture]:
    """Note that clinical took a capture's readings. Raises Unknown, MoveForbidden."""
    return _delivered(work, work.records.find(CAPTURE, capture_id), bound)


def capture_refused(work: UnitOfWork, *, capture_id: str, failure: str) -> Record[Capture]:
    """Note that clinical will not take a capture's readings, and why. Raises Unknown,
    MoveForbidden."""
    capture = work.records.find(CAPTURE, capture_id)
    refused = work.records.move(
        capture, "refuse", failure=failure, responsible_role=Role.TECHNICIAN, reason_code=failure
    )
    work.tell(refused, _failed(refused))
    return refused


def capture_to_retry(work: UnitOfWork, *, capture_id: str, revision: int) -> Record[Capture]:
    """Return a capture that may be read again: a dismissed one has been dealt with. Raises Unknown,
    Outdated, MoveForbidden."""
    capture = work.records.get(CAPTURE, capture_id, revision=revision)
    if capture.state not in RETRIED:
        text = f"cannot retry while {capture.state}; possible from: {', '.join(RETRIED)}"
        raise MoveForbidden(text, verb="retry", state=capture.state)
    return capture


def retry_capture(
    work: UnitOfWork, *, capture_id: str, revision: int, reading: ReadPrint, bound: Bound | None
) -> Record[Capture]:
    """Note what a new reading of a capture came to, and its delivery if there was one. Raises
    Unknown, Outdated, MoveForbidden."""
    capture = capture_to_retry(work, capture_id=capture_id, revision=revision)
    again = _judged_again(work, capture, reading.verdict)
    return again if bound is None else _delivered(work, again, bound)


def dismiss_capture(
    work: UnitOfWork, *, capture_id: str, revision: int, reason: str
) -> Record[Capture]:
    """End the wait of a capture that a person has looked at. Raises Unknown, Outdated,
    MoveForbidden."""
    capture = work.records.get(CAPTURE, capture_id, revision=revision)
    return work.records.move(
        capture, "dismiss", nobody_next=True, closed=True, reason_code="DISMISSED", reason=reason
    )


def _new_capture(
    work: UnitOfWork, one: Print, reading: ReadPrint, kept: Evidence, *, is_first: bool
) -> Record[Capture]:
    verdict, frame = reading.verdict, one.frame
    content = Capture(
        instrument_id=one.instrument_id,
        model=one.model,
        serial_number=one.serial_number,
        station_code=one.station_code,
        received_at=one.received_at,
        idempotency_key=reading.content_key if is_first else _own_key(one, reading),
        content_key=reading.content_key,
        frame_format=str(frame.format),
        ending=str(frame.ending),
        checksum=frame.checksum,
        noise_bytes=len(frame.noise),
        last_print_id=one.id,
        last_received_at=one.received_at,
        **_findings(verdict),
    )
    failed = verdict.state is CaptureState.FAILED
    capture = work.records.add(
        CAPTURE,
        content,
        id=one.id,
        state=verdict.state,
        branch_id=one.branch_id,
        source=Source(SourceKind.DEVICE, f"{one.model} {one.serial_number}"),
        evidence=(kept,),
        responsible_role=Role.TECHNICIAN if failed else None,
        closes_when="delivered or dismissed",
    )
    if failed:
        work.tell(capture, _failed(capture))
    return capture


def _own_key(one: Print, reading: ReadPrint) -> str:
    """Equal bytes that are another print need another key, or clinical would take them once."""
    return hashlib.sha256(f"{reading.content_key}/{one.id}".encode()).hexdigest()


def _came_again(
    work: UnitOfWork, capture: Record[Capture], one: Print, reading: ReadPrint
) -> Record[Capture]:
    if capture.content.last_print_id == one.id:
        return capture
    capture = work.records.note(
        capture,
        repeats=capture.content.repeats + 1,
        last_print_id=one.id,
        last_received_at=one.received_at,
    )
    if capture.state in (CaptureState.FAILED, CaptureState.REFUSED, CaptureState.DISMISSED):
        capture = _judged_again(work, capture, reading.verdict)
    return capture


def _judged_again(work: UnitOfWork, capture: Record[Capture], verdict: Verdict) -> Record[Capture]:
    failed = verdict.state is CaptureState.FAILED
    again = work.records.move(
        capture,
        READ_AGAIN[verdict.state],
        responsible_role=Role.TECHNICIAN if failed else None,
        nobody_next=not failed,
        **_findings(verdict),
    )
    if failed:
        work.tell(again, _failed(again))
    return again


def _findings(verdict: Verdict) -> dict[str, Any]:
    return {
        "partial": verdict.state is CaptureState.PARTIAL,
        "reading_count": verdict.reading_count,
        "failure": verdict.failure,
        "remarks": verdict.remarks,
        "clock_differs": verdict.clock_differs,
        "model_differs": verdict.model_differs,
        "read_with": verdict.read_with,
    }


def _delivered(work: UnitOfWork, capture: Record[Capture], bound: Bound) -> Record[Capture]:
    delivered = work.records.move(
        capture,
        "deliver",
        nobody_next=True,
        closed=True,
        failure="",
        delivered_at=work.at,
        reading_id=bound.reading_id,
        visit_id=bound.visit_id,
    )
    content = delivered.content
    fact = CaptureDelivered(
        capture_id=delivered.id,
        instrument_id=content.instrument_id,
        branch_id=delivered.branch_id,
        station_code=content.station_code,
        reading_id=bound.reading_id,
        visit_id=bound.visit_id,
        delivered_at=work.at,
    )
    work.tell(delivered, fact)
    return delivered


def _failed(capture: Record[Capture]) -> CaptureFailed:
    return CaptureFailed(
        capture_id=capture.id,
        instrument_id=capture.content.instrument_id,
        branch_id=capture.branch_id,
        station_code=capture.content.station_code,
        failure=capture.content.failure,
    )
