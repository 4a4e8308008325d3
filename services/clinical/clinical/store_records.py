"""Clinical's look-ups of records: readings of a visit, prescriptions of a customer, rechecks that
are due, and the vision file. Every one is served by an index and ends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Select, func, select, tuple_, union_all

from chassis.ids import as_uuid
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Record
from chassis.records.kinds import Kind
from chassis.records.rows import record_of
from chassis.records.tables import record
from clinical.device_reading import DEVICE_READING, DeviceReading
from clinical.dispensing.fitting_measurement import FITTING_MEASUREMENT, FittingMeasurement
from clinical.dispensing.lens_specification import LENS_SPECIFICATION
from clinical.plausibility_confirmation import (
    PLAUSIBILITY_CONFIRMATION,
    PlausibilityConfirmation,
)
from clinical.prescription import PRESCRIPTION, Prescription, PrescriptionPurpose
from clinical.recheck_plan import RECHECK_PLAN, RecheckPlan
from clinical.tables import branch_zone

C = TypeVar("C")

_columns = record.c
_content = record.c.content

_CONFIRMED_AT_MOST = 20
_EARLIEST_ZONE = timedelta(hours=14)
"""How far ahead of UTC a day may begin."""


def _records(connection: Connection, statement: Select[Any], kind: Kind[C]) -> list[Record[C]]:
    return [record_of(row, kind) for row in connection.execute(statement).mappings()]


def _first(connection: Connection, statement: Select[Any], kind: Kind[C]) -> Record[C] | None:
    row = connection.execute(statement.limit(1)).mappings().first()
    return None if row is None else record_of(row, kind)


def _of_customer(customer_id: str, kind: Kind[Any]) -> Select[Any]:
    return (
        select(record)
        .where(_columns.customer_id == customer_id, _columns.kind == kind.name)
        .order_by(_columns.recorded_at.desc(), _columns.id.desc())
    )


def key_of(one: Record[Any]) -> list[str]:
    """Return the sort key of a record in a list by time."""
    return [one.recorded_at.isoformat(), str(as_uuid(one.id))]


def _after(key: list[str]) -> tuple[datetime, UUID]:
    return datetime.fromisoformat(key[0]), UUID(key[1])


def readings_of_visit(
    connection: Connection, visit_id: str, key: list[str], size: int
) -> list[Record[DeviceReading]]:
    """Return some readings of a visit, oldest first."""
    place = tuple_(_columns.recorded_at, _columns.id)
    statement = (
        select(record)
        .where(_columns.kind == DEVICE_READING.name, _content["visit_id"].astext == visit_id)
        .order_by(_columns.recorded_at, _columns.id)
        .limit(size)
    )
    if key:
        statement = statement.where(place > _after(key))
    return _records(connection, statement, DEVICE_READING)


def unclaimed_readings(
    connection: Connection, branch_id: str, key: list[str], size: int
) -> list[Record[DeviceReading]]:
    """Return some readings of a branch that nobody has claimed, newest first."""
    place = tuple_(_columns.recorded_at, _columns.id)
    statement = (
        select(record)
        .where(
            _columns.kind == DEVICE_READING.name,
            _columns.state == "unclaimed",
            _columns.branch_id == branch_id,
        )
        .order_by(_columns.recorded_at.desc(), _columns.id.desc())
        .limit(size)
    )
    if key:
        statement = statement.where(place < _after(key))
    return _records(connection, statement, DEVICE_READING)


def prescriptions_of(
    connection: Connection, customer_id: str, key: list[str], size: int
) -> list[Record[Prescription]]:
    """Return some prescriptions of a customer, newest first."""
    statement = _of_customer(customer_id, PRESCRIPTION).limit(size)
    if key:
        statement = statement.where(tuple_(_columns.recorded_at, _columns.id) < _after(key))
    return _records(connection, statement, PRESCRIPTION)


def earlier_prescription(
    connection: Connection, customer_id: str, purposes: Iterable[PrescriptionPurpose]
) -> Prescription | None:
    """Return a customer's newest prescription for one of these purposes that was not revoked,
    superseded ones included."""
    statement = _of_customer(customer_id, PRESCRIPTION).where(
        _columns.void != ChangeKind.REVOKED, _content["purpose"].astext.in_(sorted(purposes))
    )
    found = _first(connection, statement, PRESCRIPTION)
    return None if found is None else found.content


def standing_prescriptions(
    connection: Connection, customer_id: str, purpose: PrescriptionPurpose, day: date
) -> list[str]:
    """Return a customer's prescriptions for a purpose that may be dispensed on a day, newest
    first."""
    statement = _of_customer(customer_id, PRESCRIPTION).where(
        _columns.void == "",
        _content["purpose"].astext == purpose,
        _content["expires_on"].astext >= day.isoformat(),
    )
    return [one.id for one in _records(connection, statement, PRESCRIPTION)]


def confirmations_by(
    connection: Connection, case_id: str, staff_id: str
) -> list[Record[PlausibilityConfirmation]]:
    """Return what one person confirmed of the powers of a case, newest first."""
    if not staff_id:
        return []
    statement = _standing_of_case(case_id, PLAUSIBILITY_CONFIRMATION).where(
        _columns.recorded_by == staff_id
    )
    return _records(connection, statement.limit(_CONFIRMED_AT_MOST), PLAUSIBILITY_CONFIRMATION)


def claim_expired(
    connection: Connection, at: datetime, usual_zone: str, size: int
) -> list[Record[Prescription]]:
    """Claim prescriptions whose last day is over where they were signed; other workers claim
    others. A branch not heard of yet follows the usual zone."""
    last_day = _content["expires_on"].astext
    zone = func.coalesce(branch_zone.c.time_zone, usual_zone)
    statement = (
        select(record)
        .outerjoin(branch_zone, branch_zone.c.branch_id == _columns.branch_id)
        .where(
            _columns.kind == PRESCRIPTION.name,
            _columns.void == "",
            last_day < (at + _EARLIEST_ZONE).date().isoformat(),
            last_day < func.to_char(func.timezone(zone, at), "YYYY-MM-DD"),
        )
        .order_by(last_day)
        .limit(size)
        .with_for_update(skip_locked=True, of=record)
    )
    return _records(connection, statement, PRESCRIPTION)


def prescription_behind(
    connection: Connection, case_id: str, frame_selection_id: str = ""
) -> Record[Prescription] | None:
    """Return the prescription of the lenses that were specified last in a case, for a frame when
    one is named; else the newest of the case that stands. The lenses may follow a prescription of
    an earlier case, or one whose days are over meanwhile."""
    lenses = _standing_of_case(case_id, LENS_SPECIFICATION)
    if frame_selection_id:
        lenses = lenses.where(_content["frame_selection_id"].astext == frame_selection_id)
    specified = _first(connection, lenses, LENS_SPECIFICATION)
    if specified is None:
        return _first(connection, _standing_of_case(case_id, PRESCRIPTION), PRESCRIPTION)
    wanted = as_uuid(specified.content.prescription_id)
    return _first(connection, select(record).where(_columns.id == wanted), PRESCRIPTION)


def _standing_of_case(case_id: str, kind: Kind[Any]) -> Select[Any]:
    return (
        select(record)
        .where(_columns.case_id == case_id, _columns.kind == kind.name, _columns.void == "")
        .order_by(_columns.recorded_at.desc(), _columns.id.desc())
    )


def measurement_on(
    connection: Connection, frame_selection_id: str
) -> Record[FittingMeasurement] | None:
    """Return the newest measurement on a selected frame that stands."""
    statement = (
        select(record)
        .where(
            _columns.kind == FITTING_MEASUREMENT.name,
            _columns.void == "",
            _content["frame_selection_id"].astext == frame_selection_id,
        )
        .order_by(_columns.recorded_at.desc())
    )
    return _first(connection, statement, FITTING_MEASUREMENT)


def earlier_measurement(
    connection: Connection, customer_id: str
) -> Record[FittingMeasurement] | None:
    """Return a customer's newest measurement on whatever frame."""
    return _first(connection, _of_customer(customer_id, FITTING_MEASUREMENT), FITTING_MEASUREMENT)


def recheck_of_job(connection: Connection, job_id: str) -> Record[RecheckPlan] | None:
    """Return the recheck plan that a job's collection gave rise to."""
    statement = select(record).where(
        _columns.kind == RECHECK_PLAN.name, _content["job_id"].astext == job_id
    )
    return _first(connection, statement, RECHECK_PLAN)


def planned_recheck(connection: Connection, customer_id: str) -> Record[RecheckPlan] | None:
    """Return a customer's recheck plan that is still open."""
    statement = _of_customer(customer_id, RECHECK_PLAN).where(_columns.state == "planned")
    return _first(connection, statement, RECHECK_PLAN)


def rechecks_due(
    connection: Connection, branch_id: str, due_by: date, key: list[str], size: int
) -> list[Record[RecheckPlan]]:
    """Return some planned rechecks of a branch by due day, up to a day."""
    due_on = _content["due_on"].astext
    statement = (
        select(record)
        .where(
            _columns.kind == RECHECK_PLAN.name,
            _columns.state == "planned",
            _columns.branch_id == branch_id,
            due_on <= due_by.isoformat(),
        )
        .order_by(due_on, _columns.id)
        .limit(size)
    )
    if key:
        statement = statement.where(tuple_(due_on, _columns.id) > (key[0], UUID(key[1])))
    return _records(connection, statement, RECHECK_PLAN)


def newest_of_customer(
    connection: Connection, customer_id: str, kinds: tuple[Kind[Any], ...], each: int
) -> dict[str, list[Record[Any]]]:
    """Return a customer's newest records of several kinds by kind, in one statement."""
    parts = [_of_customer(customer_id, kind).limit(each).subquery() for kind in kinds]
    statement = union_all(*(select(part) for part in parts))
    found: dict[str, list[Record[Any]]] = {kind.name: [] for kind in kinds}
    for row in connection.execute(statement).mappings():
        found[row["kind"]].append(record_of(row))
    for rows in found.values():
        rows.sort(key=key_of, reverse=True)
    return found
