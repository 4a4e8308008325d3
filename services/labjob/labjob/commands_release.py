"""Releasing a job, revising it after a lawful change, making it again, printing its ticket."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chassis.db import UnitOfWork
from chassis.errors import Refused
from chassis.records.envelope import Record
from chassis.records.pins import Pin, fixed
from chassis.roles import Role
from chassis.rules import in_force
from labjob import store
from labjob.commands_tray import require_arrived
from labjob.errors import JobExists, JobIsCut
from labjob.facts import JobCancelled, JobReleased, JobRemade, JobRevised
from labjob.inspection import TOLERANCE_SET_KIND, tolerance_set_for
from labjob.job import ENDED, JOB, Job, Ticket, ticket_of
from labjob.making import JOB_QUERY, REPAIR, Repair, RepairDecision
from labjob.order_basis import OrderBasis
from labjob.reason import FaultSide, check_fault
from labjob.slip_number import slip_number
from labjob.station import JobPart, Route, Station, done_without


class JobEnded(Refused):
    """The job is collected, remade or cancelled: its ticket is history."""

    reason = "JOB_ENDED"


def release_job(
    work: UnitOfWork,
    *,
    order_id: str,
    lab_id: str,
    collect_at_id: str,
    basis: OrderBasis,
    pins: tuple[Pin, ...],
) -> Record[Job]:
    """Release a job on a confirmed order. Raises OrderNotConfirmed, JobExists, NotDerivable,
    ReservationMissing, NoRoute, NoToleranceSet."""
    store.hold_order(work.connection, order_id)
    _require_no_job(work, order_id)
    content = _content(
        work, basis, lab_id=lab_id, collect_at_id=collect_at_id, states=("confirmed",)
    )
    job = _released(work, content, basis, pins)
    _tell_released(work, job)
    return job


def _require_no_job(work: UnitOfWork, order_id: str) -> None:
    there = store.open_job_of(work.connection, order_id)
    if there is not None:
        raise JobExists(
            f"the order has the job {there.content.slip_number}", id=there.id, state=there.state
        )


def _content(
    work: UnitOfWork,
    basis: OrderBasis,
    *,
    lab_id: str,
    collect_at_id: str,
    states: tuple[str, ...],
    job_id: str = "",
    remake_of_id: str = "",
    number: str = "",
) -> Job:
    day = work.at.date()
    promised_on = basis.require_released_from(states)
    ordered = basis.ordered_pair()
    routes = in_force(work.connection, "routes", day)
    route = Route.choose(basis.lens_supply, edition=routes.edition, body=routes.body)
    policy = in_force(work.connection, "tolerance_policy", day)
    return Job(
        slip_number=number or slip_number(day, store.next_slip_sequence(work.connection)),
        order_id=basis.order_id,
        lab_id=lab_id,
        prescription_id=basis.prescription_id,
        lens_specification_id=basis.lens_specification_id,
        frame_selection_id=basis.frame_selection_id,
        fitting_measurement_id=basis.fitting_measurement_id,
        lens_design=basis.lens_design,
        ordered=ordered,
        frame_origin=basis.frame_origin,
        frame_product_id=basis.frame_product_id,
        lens_product_id=basis.lens_product_id,
        reserved_lenses=basis.reserved_lenses(
            ordered, job_id, store.given_up_lenses(work.connection, basis.order_id)
        ),
        route=route.name,
        route_edition=route.edition,
        stations=route.stations,
        tolerance_set=tolerance_set_for(basis.lens_design, policy.body),
        tolerance_policy_edition=policy.edition,
        promised_on=promised_on,
        remake_of_id=remake_of_id,
        terms_id=basis.terms_id,
        terms_version=basis.terms_version,
        warranty_days=basis.warranty_days,
        collect_at_id=collect_at_id or work.actor.branch_id,
    )


def _released(
    work: UnitOfWork, content: Job, basis: OrderBasis, pins: tuple[Pin, ...]
) -> Record[Job]:
    """Record a job; one whose frame lies at the lab already waits for the lab clerk there."""
    at_lab = bool(content.lab_receipt_id)
    return work.records.add(
        JOB,
        content,
        customer_id=basis.customer_id,
        case_id=basis.case_id,
        responsible_role=Role.LAB_CLERK if at_lab else Role.FRAME_CONTROLLER,
        held_at_id=content.lab_id if at_lab else work.actor.branch_id,
        closes_when="record_in_state(collected)",
        relies_on=_with_tolerance_set(pins, content.tolerance_set),
    )


def _with_tolerance_set(pins: tuple[Pin, ...], name: str) -> tuple[Pin, ...]:
    return (*pins, fixed(name, TOLERANCE_SET_KIND, 1))


def _tell_released(work: UnitOfWork, job: Record[Job]) -> None:
    fact = JobReleased(
        job_id=job.id,
        order_id=job.content.order_id,
        case_id=job.case_id,
        customer_id=job.customer_id,
        branch_id=job.branch_id,
        lab_id=job.content.lab_id,
        released_by=work.actor.id,
        remake_of_id=job.content.remake_of_id,
    )
    work.tell(job, fact)


def require_revisable(job: Record[Job]) -> None:
    """Refuse to revise what is cut, under way or past making. Raises JobIsCut, StationUnderWay,
    MoveForbidden."""
    if job.content.is_cut:
        raise JobIsCut("the lenses are being cut: the job can only be made again", id=job.id)
    job.content.require_between_stations()
    JOB.transitions.after(job.state, "revise")


def revise_job(
    work: UnitOfWork,
    *,
    job_id: str,
    revision: int,
    reason: str,
    basis: OrderBasis,
    pins: tuple[Pin, ...],
) -> Record[Job]:
    """Derive a job anew after its order was approved again: an amendment, new pins, back to
    released. Raises as release_job, and JobIsCut, StationUnderWay, MoveForbidden,
    Outdated, TrayOnItsWay when another frame is wanted while the first one travels."""
    job = work.records.get(JOB, job_id, revision=revision)
    require_revisable(job)
    before = job.content
    fresh = _content(
        work,
        basis,
        lab_id=before.lab_id,
        collect_at_id=before.collect_at_id,
        states=("confirmed", "in_work"),
        job_id=job.id,
        remake_of_id=before.remake_of_id,
        number=before.slip_number,
    )
    if fresh.frame_product_id != before.frame_product_id:
        require_arrived(work, job)
    agreed = {name: getattr(fresh, name) for name in JOB.settled_fields}
    pins = _with_tolerance_set(pins, fresh.tolerance_set)
    if any(getattr(before, name) != value for name, value in agreed.items()):
        job = work.records.amend(
            job, reason_code="RX_CHANGE", reason=reason, relies_on=pins, **agreed
        )
    if before.job_query_id and job.state == "queried":
        work.records.move(work.records.find(JOB_QUERY, before.job_query_id), "drop")
    job = work.records.move(
        job, "revise", relies_on=pins, reason=reason, **_after_revision(work, before, job)
    )
    work.tell(
        job,
        JobRevised(
            job_id=job.id,
            order_id=job.content.order_id,
            case_id=job.case_id,
            customer_id=job.customer_id,
            branch_id=job.branch_id,
            lab_id=job.content.lab_id,
            version=job.version,
        ),
    )
    return job


def _after_revision(work: UnitOfWork, before: Job, job: Record[Job]) -> dict[str, Any]:
    """Return what a revision undoes: stations that worked on what changed, lenses of reservations
    that were given up, the tray when the frame is another; and who acts next where."""
    content = job.content
    kept = {lens.reservation_id for lens in content.reserved_lenses}
    drawn = tuple(lens for lens in before.drawn_lenses if lens.reservation_id in kept)
    same_frame = before.frame_product_id == content.frame_product_id
    parts = {JobPart.LENS_OD, JobPart.LENS_OS} if content.ordered != before.ordered else set()
    changed: dict[str, Any] = {
        "acceptance_id": "",
        "eta_date": None,
        "job_query_id": "",
        "drawn_lenses": drawn,
        "missing_parts": tuple(p for p in before.missing_parts if p is JobPart.FRAME),
    }
    if not same_frame:
        parts = {*parts, JobPart.FRAME}
        changed |= {"lab_receipt_id": "", "frame_reservation_id": "", "frame_draw_id": ""}
        changed["missing_parts"] = ()
    changed["done_stations"] = done_without(
        before.done_stations, parts, store.works_on(work.connection)
    )
    if before.lab_receipt_id and same_frame and not changed["missing_parts"]:
        changed |= {"responsible_role": Role.LAB_CLERK, "held_at_id": content.lab_id}
    elif before.lab_receipt_id:
        changed |= {"responsible_role": Role.FRAME_CONTROLLER, "held_at_id": job.branch_id}
    return changed


def remake_job(
    work: UnitOfWork,
    *,
    job_id: str,
    reason_code: str,
    fault_side: FaultSide,
    reason: str,
    basis: OrderBasis,
    pins: tuple[Pin, ...],
) -> dict[str, Any]:
    """Give a job up and release another on the same order, with lenses that were not drawn to the
    first. Raises as release_job, and MoveForbidden, Invalid (REASON_UNKNOWN, FAULT_SIDE_UNUSUAL).
    """
    old = work.records.get(JOB, job_id)
    check_fault(store.reasons(work.connection, "reasons"), reason_code, fault_side)
    JOB.transitions.after(old.state, "remake")
    content = _content(
        work,
        basis,
        lab_id=old.content.lab_id,
        collect_at_id=old.content.collect_at_id,
        states=("confirmed", "in_work", "ready"),
        remake_of_id=old.id,
    )
    content = _with_frame_of(old, content)
    # The old job ends first: an order has one open job at a time.
    old = work.records.move(old, "remake", nobody_next=True, closed=True, reason_code=reason_code)
    job = _released(work, content, basis, pins)
    old = work.records.note(old, remade_by_id=job.id)
    repair = work.records.add(
        REPAIR,
        Repair(
            job_id=old.id,
            decision=RepairDecision.REMAKE,
            station=None,
            reason_code=reason_code,
            fault_side=fault_side,
            reason=reason,
            new_job_id=job.id,
            qc_result_id=old.content.qc_result_id,
        ),
        customer_id=old.customer_id,
        case_id=old.case_id,
        relies_on=[fixed(old.id, JOB.name, old.version)],
    )
    work.tell(
        old,
        JobRemade(
            job_id=old.id,
            new_job_id=job.id,
            order_id=old.content.order_id,
            case_id=old.case_id,
            reason_code=reason_code,
        ),
    )
    _tell_released(work, job)
    return {"repair": repair, "job": old, "new_job": job}


def _with_frame_of(old: Record[Job], content: Job) -> Job:
    """Let a new job go on with the frame of the old one, at the lab or at the branch."""
    before = old.content
    if JobPart.FRAME in before.missing_parts or before.frame_product_id != content.frame_product_id:
        return content
    at_lab = old.state in ("qc_failed", "awaiting_lens")
    is_traced = at_lab and Station.TRACING in before.done_stations
    return replace(
        content,
        tray_code=before.tray_code,
        shipment_id=before.shipment_id,
        lab_receipt_id=before.lab_receipt_id if at_lab else "",
        frame_reservation_id=before.frame_reservation_id,
        frame_draw_id=before.frame_draw_id,
        done_stations=(Station.TRACING,) if is_traced else (),
        # Who worked on what is kept made this pair too.
        maker_ids=before.maker_ids if is_traced else (),
    )


def print_ticket(work: UnitOfWork, *, job_id: str) -> dict[str, Ticket]:
    """Return the ticket and count the print. Raises JobEnded."""
    job = work.records.get(JOB, job_id)
    if job.state in ENDED:
        raise JobEnded(f"the job is {job.state}", state=job.state)
    printed = work.records.note(job, ticket_prints=job.content.ticket_prints + 1)
    return {"ticket": ticket_of(printed, work.at)}


def cancel_job_of(work: UnitOfWork, *, order_id: str) -> Record[Job] | None:
    """Stop the open job of an order that was cancelled; nothing when it has none."""
    store.hold_order(work.connection, order_id)
    job = store.open_job_of(work.connection, order_id)
    if job is None or job.state in ENDED:
        return None
    return cancelled(work, job, reason_code="ORDER_CANCELLED")


def cancelled(work: UnitOfWork, job: Record[Job], *, reason_code: str) -> Record[Job]:
    """Return a job stopped for good, and tell it. Raises MoveForbidden."""
    job = work.records.move(job, "cancel", nobody_next=True, closed=True, reason_code=reason_code)
    told = JobCancelled(
        job_id=job.id,
        order_id=job.content.order_id,
        case_id=job.case_id,
        reservation_ids=tuple(lens.reservation_id for lens in job.content.reserved_lenses),
    )
    work.tell(job, told)
    return job
