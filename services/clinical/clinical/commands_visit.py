"""The door and the stations: appointments, visits, and whose readings a station's next ones are."""

from __future__ import annotations

from datetime import datetime

from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.ids import new_id
from chassis.records.envelope import Record
from chassis.roles import Role
from clinical import store
from clinical.appointment import APPOINTMENT, Appointment, VisitPurpose
from clinical.visit import (
    VISIT,
    AppointmentOfAnother,
    ArmedStation,
    Visit,
    VisitOpened,
    require_open,
)

_MEASURED_FIRST = frozenset({VisitPurpose.SPECTACLES, VisitPurpose.RECHECK})


def book_appointment(
    work: UnitOfWork,
    *,
    customer_id: str,
    starts_at: datetime,
    purpose: VisitPurpose,
    note: str = "",
) -> Record[Appointment]:
    """Book an appointment at the caller's branch."""
    branch_id = work.actor.branch_id
    day = store.day_at(work.connection, branch_id, starts_at)
    content = Appointment(starts_at=starts_at, day=day, purpose=purpose, note=note)
    appointment = work.records.add(
        APPOINTMENT, content, customer_id=customer_id, responsible_role=Role.RECEPTION
    )
    store.add_day_entry(
        work.connection,
        branch_id=branch_id,
        day=day,
        at=starts_at,
        appointment_id=appointment.id,
    )
    return appointment


def cancel_appointment(
    work: UnitOfWork, *, appointment_id: str, reason: str
) -> Record[Appointment]:
    """Cancel an appointment that nobody has come to. Raises Unknown, MoveForbidden."""
    appointment = work.records.get(APPOINTMENT, appointment_id)
    return work.records.move(appointment, "cancel", nobody_next=True, closed=True, reason=reason)


def open_visit(
    work: UnitOfWork,
    *,
    customer_id: str,
    person_id: str = "",
    purpose: VisitPurpose | None = None,
    appointment_id: str = "",
    age_years: int | None = None,
    is_minor: bool = False,
) -> Record[Visit]:
    """Open a visit and with it a case. `person_id` is the live person behind `customer_id`.

    Raises Unknown (appointment), AppointmentOfAnother, MoveForbidden, Invalid (purpose).
    """
    person_id = person_id or customer_id
    appointment = work.records.get(APPOINTMENT, appointment_id) if appointment_id else None
    if appointment is not None and appointment.customer_id not in (customer_id, person_id):
        raise AppointmentOfAnother("the appointment was booked for somebody else")
    purpose = purpose or (appointment.content.purpose if appointment else None)
    if purpose is None:
        raise invalid("purpose", "required", "must be given for a walk-in")
    content = Visit(
        purpose=purpose,
        day=store.day_at(work.connection, work.actor.branch_id, work.at),
        appointment_id=appointment_id,
        age_years=age_years,
        is_minor=is_minor,
    )
    visit = work.records.add(
        VISIT,
        content,
        customer_id=person_id,
        case_id=new_id("case"),
        responsible_role=Role.TECHNICIAN if purpose in _MEASURED_FIRST else Role.OPTICIAN,
        closes_when="visit closed",
    )
    _on_day_list(work, visit, appointment)
    work.tell(
        visit,
        VisitOpened(
            visit_id=visit.id,
            case_id=visit.case_id,
            customer_id=person_id,
            branch_id=visit.branch_id,
            purpose=purpose,
            opened_at=work.at,
        ),
    )
    return visit


def _on_day_list(
    work: UnitOfWork, visit: Record[Visit], appointment: Record[Appointment] | None
) -> None:
    if appointment is not None:
        work.records.move(appointment, "arrive", nobody_next=True, closed=True, visit_id=visit.id)
        store.note_arrival(work.connection, appointment.id, visit.id)
        return
    store.add_day_entry(
        work.connection,
        branch_id=visit.branch_id,
        day=visit.content.day,
        at=work.at,
        visit_id=visit.id,
    )


def arm_station(work: UnitOfWork, *, visit_id: str, station_code: str) -> dict[str, object]:
    """Tell a station of the caller's branch whose readings come next. Raises Unknown,
    VisitClosed."""
    visit = require_open(work.records.get(VISIT, visit_id))
    if visit.state == "opened":
        visit = work.records.move(visit, "measure")
    elif visit.handover_id:
        visit = work.records.note(visit)
    armed = ArmedStation(
        branch_id=work.actor.branch_id,
        station_code=station_code,
        visit_id=visit_id,
        armed_by=work.actor.id,
        armed_at=work.at,
    )
    store.arm(work.connection, armed)
    return {"visit": visit, "station": armed}


def disarm_station(work: UnitOfWork, *, visit_id: str, station_code: str) -> None:
    """Tell a station that nobody's readings come next. Raises Unknown."""
    visit = work.records.get(VISIT, visit_id)
    store.disarm(work.connection, visit.id, branch_id=work.actor.branch_id, code=station_code)


def hand_to_examiner(work: UnitOfWork, *, visit_id: str) -> Record[Visit]:
    """End the pre-tests: the optometrist acts next. Raises Unknown, MoveForbidden."""
    visit = work.records.get(VISIT, visit_id)
    store.disarm(work.connection, visit.id)
    return work.records.move(visit, "hand_over", responsible_role=Role.OPTOMETRIST)


def close_visit(
    work: UnitOfWork, *, visit_id: str, revision: int = 0, outcome: str
) -> Record[Visit]:
    """Close a visit and disarm its stations. Raises Unknown, MoveForbidden, Outdated."""
    visit = work.records.get(VISIT, visit_id, revision=revision)
    store.disarm(work.connection, visit.id)
    return work.records.move(visit, "close", nobody_next=True, closed=True, outcome=outcome)


def keep_branch_zone(work: UnitOfWork, *, branch_id: str, time_zone: str) -> None:
    """Keep the zone that a branch's dates follow."""
    store.keep_zone(work.connection, branch_id, time_zone, work.actor.drill)
