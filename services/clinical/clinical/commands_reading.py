"""Device readings: recorded as they come, bound to the armed visit or claimed later."""

from __future__ import annotations

from datetime import datetime, timedelta

from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.ids import new_id
from chassis.records.book import NothingChanged
from chassis.records.envelope import Evidence, Record, Source, SourceKind
from chassis.roles import Role
from clinical import store
from clinical.device_reading import (
    DEVICE_READING,
    DeviceReading,
    Observation,
    ReadingBound,
    ReadingRecorded,
    require_whole,
)
from clinical.value import Eye
from clinical.visit import VISIT, Visit, require_open

_RAW = "application/octet-stream"


def record_reading(
    work: UnitOfWork,
    *,
    idempotency_key: str,
    branch_id: str,
    station_code: str,
    instrument_id: str,
    model: str,
    serial_number: str,
    measured_at: datetime,
    observations: tuple[Observation, ...],
    is_partial: bool = False,
    is_clock_off: bool = False,
    object_key: str,
    sha256: str,
    size_bytes: int,
) -> Record[DeviceReading]:
    """Record a transmission once, bound to the visit armed at its station or unclaimed. Raises
    Invalid for a value without its state."""
    require_whole(observations)
    reading_id = new_id("drd")
    kept = store.claim_key(work.connection, instrument_id, idempotency_key, reading_id)
    if kept != reading_id:
        return work.records.find(DEVICE_READING, kept)
    visit = _armed_visit(work, branch_id, station_code, measured_at)
    content = DeviceReading(
        instrument_id=instrument_id,
        model=model,
        serial_number=serial_number,
        station_code=station_code,
        measured_at=measured_at,
        observations=observations,
        is_partial=is_partial,
        is_clock_off=is_clock_off,
        visit_id=visit.id if visit else "",
    )
    raw = Evidence(object_key=object_key, sha256=sha256, media_type=_RAW, size_bytes=size_bytes)
    reading = work.records.add(
        DEVICE_READING,
        content,
        id=reading_id,
        state="bound" if visit else "",
        customer_id=visit.customer_id if visit else "",
        case_id=visit.case_id if visit else "",
        branch_id=branch_id,
        source=Source(SourceKind.DEVICE, f"{model} {serial_number}"),
        evidence=(raw,),
        responsible_role=None if visit else Role.TECHNICIAN,
    )
    work.tell(
        reading,
        ReadingRecorded(
            reading_id=reading.id,
            instrument_id=instrument_id,
            branch_id=branch_id,
            visit_id=content.visit_id,
            case_id=reading.case_id,
        ),
    )
    return reading


def _armed_visit(
    work: UnitOfWork, branch_id: str, station_code: str, measured_at: datetime
) -> Record[Visit] | None:
    """Return the visit a station is armed for. It ends with the branch's day, or sooner by rule: a
    visit that was left open takes nobody else's readings."""
    armed = store.armed_at(work.connection, branch_id, station_code, measured_at)
    if armed is None:
        return None
    day = store.day_at(work.connection, branch_id, measured_at)
    most = timedelta(hours=store.rule(work.connection, "station_arming", day)["hours"])
    same_day = store.day_at(work.connection, branch_id, armed.armed_at) == day
    if not same_day or measured_at - armed.armed_at > most:
        return None
    return work.records.find(VISIT, armed.visit_id)


def claim_reading(
    work: UnitOfWork,
    *,
    reading_id: str,
    visit_id: str,
    unnamed_eye: Eye | None = None,
    reason: str = "",
) -> Record[DeviceReading]:
    """Bind an unclaimed reading to a visit, or move one that was bound to the wrong visit.

    Raises Unknown, WrongBranch, VisitClosed, ReadingBound without a reason, NothingChanged,
    Invalid.
    """
    if unnamed_eye is Eye.OU:
        raise invalid("unnamed_eye", "eye", "must be right or left")
    reading = work.records.get(DEVICE_READING, reading_id)
    visit = require_open(work.records.get(VISIT, visit_id))
    observations = reading.content.with_unnamed_eye(unnamed_eye)
    if reading.state == "unclaimed":
        return work.records.move(
            reading,
            "claim",
            nobody_next=True,
            customer_id=visit.customer_id,
            case_id=visit.case_id,
            visit_id=visit.id,
            claimed_by=work.actor.id,
            observations=observations,
        )
    if reading.content.visit_id == visit.id and observations == reading.content.observations:
        raise NothingChanged(f"{reading.id} belongs to that visit already", id=reading.id)
    if not reason.strip():
        raise ReadingBound(
            "the reading is bound; say why it is changed", missing=["reason"], id=reading.id
        )
    return work.records.amend(
        reading,
        reason_code="WRONG_VISIT",
        reason=reason,
        customer_id=visit.customer_id,
        case_id=visit.case_id,
        visit_id=visit.id,
        claimed_by=work.actor.id,
        observations=observations,
    )
