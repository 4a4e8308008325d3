"""The tray on its way: out to the lab with frame and ticket, back to the branch with the finished
pair. What arrived is always recorded, but never for the wrong tray, job or frame."""

from __future__ import annotations

from typing import Any

from chassis.db import UnitOfWork
from chassis.records.book import WrongBranch
from chassis.records.envelope import Record
from chassis.records.gates import gate
from chassis.records.pins import fixed
from chassis.roles import Role
from labjob.errors import TrayNotSent, TrayOnItsWay, WrongFrame, WrongJob, WrongTray
from labjob.job import JOB, Job
from labjob.shipment import (
    BRANCH_RECEIPT,
    LAB_RECEIPT,
    SHIPMENT,
    ArrivalCondition,
    BranchReceipt,
    LabReceipt,
    Shipment,
    ShipmentDirection,
)
from labjob.slip_number import check_slip_number
from labjob.station import JobPart


def advance(work: UnitOfWork, job: Record[Job], verb: str, **changes: Any) -> Record[Job]:
    """Move a job by a fact; one on hold stays there, and resumes where the fact has brought it."""
    if job.state != "on_hold":
        return work.records.move(job, verb, **changes)
    after = JOB.transitions.after(job.content.held_from_state, verb)
    return work.records.move(job, "stay_on_hold", held_from_state=after, **changes)


def require_sendable(job: Record[Job], frame_product_id: str) -> None:
    """Refuse a tray that is under way, at the lab, or holds another frame. Raises MoveForbidden,
    TrayOnItsWay, WrongFrame."""
    JOB.transitions.after(job.state, "send_tray")
    content = job.content
    if content.lab_receipt_id and JobPart.FRAME not in content.missing_parts:
        raise TrayOnItsWay(f"the lab has the tray {content.tray_code}", tray=content.tray_code)
    _require_frame(content, frame_product_id)


def _require_frame(job: Job, frame_product_id: str) -> None:
    if frame_product_id != job.frame_product_id:
        wanted = job.frame_product_id or "the customer's own frame"
        raise WrongFrame(
            f"the job is for {wanted}",
            missing=[f"frame in the tray: {wanted}"],
            field="frame_product_id",
            rule="frame_of_the_order",
            wanted=wanted,
        )


def require_arrived(work: UnitOfWork, job: Record[Job]) -> None:
    """Refuse while a tray of the job is under way. Raises TrayOnItsWay."""
    if not job.content.shipment_id:
        return
    shipment = work.records.find(SHIPMENT, job.content.shipment_id)
    if shipment.state != "received":
        raise TrayOnItsWay(f"the tray is {shipment.state}", id=shipment.id, state=shipment.state)


def send_tray(
    work: UnitOfWork,
    *,
    job_id: str,
    tray_code: str,
    frame_product_id: str,
    frame_serial: str,
    evidence_keys: tuple[str, ...],
    frame_reservation_id: str,
    frame_draw_id: str,
) -> dict[str, Record[Any]]:
    """Send frame and ticket to the lab. Raises MoveForbidden, TrayOnItsWay, WrongFrame."""
    job = work.records.get(JOB, job_id)
    require_sendable(job, frame_product_id)
    require_arrived(work, job)
    shipment = _pack(
        work,
        job,
        ShipmentDirection.TO_LAB,
        to_id=job.content.lab_id,
        tray_code=tray_code,
        frame_serial=frame_serial,
        evidence_keys=evidence_keys,
    )
    job = work.records.move(
        job,
        "send_tray",
        responsible_role=Role.COURIER,
        held_at_id=work.actor.branch_id,
        tray_code=tray_code,
        shipment_id=shipment.id,
        frame_reservation_id=frame_reservation_id,
        frame_draw_id=frame_draw_id,
    )
    return {"shipment": shipment, "job": job}


def _pack(
    work: UnitOfWork,
    job: Record[Job],
    direction: ShipmentDirection,
    *,
    to_id: str,
    tray_code: str,
    frame_serial: str,
    evidence_keys: tuple[str, ...] = (),
) -> Record[Shipment]:
    content = Shipment(
        job_id=job.id,
        slip_number=job.content.slip_number,
        direction=direction,
        from_id=work.actor.branch_id,
        to_id=to_id,
        tray_code=tray_code,
        frame_product_id=job.content.frame_product_id,
        frame_serial=frame_serial,
        ticket_version=job.version,
    )
    return work.records.add(
        SHIPMENT,
        content,
        customer_id=job.customer_id,
        case_id=job.case_id,
        evidence=work.records.evidence(evidence_keys),
        relies_on=[fixed(job.id, JOB.name, job.version)],
    )


def take_shipment(work: UnitOfWork, *, shipment_id: str) -> dict[str, Record[Any]]:
    """Take a shipment over as its courier. Raises MoveForbidden."""
    shipment = work.records.get(SHIPMENT, shipment_id)
    shipment = work.records.move(shipment, "take", courier_id=work.actor.id)
    job = work.records.find(JOB, shipment.content.job_id)
    job = advance(work, job, "take", responsible_role=Role.COURIER)
    return {"shipment": shipment, "job": job}


def hand_over_shipment(work: UnitOfWork, *, shipment_id: str) -> dict[str, Record[Any]]:
    """Hand a shipment over where it was sent to. Raises MoveForbidden."""
    shipment = work.records.get(SHIPMENT, shipment_id)
    to_lab = shipment.content.direction is ShipmentDirection.TO_LAB
    shipment = work.records.move(shipment, "hand_over", held_at_id=shipment.content.to_id)
    job = advance(
        work,
        work.records.find(JOB, shipment.content.job_id),
        "hand_over",
        responsible_role=Role.LAB_CLERK if to_lab else Role.RECEPTION,
        held_at_id=shipment.content.to_id,
    )
    return {"shipment": shipment, "job": job}


def _arriving(work: UnitOfWork, job: Record[Job], way: ShipmentDirection) -> Record[Shipment]:
    """Return the shipment that arrives here now. Raises WrongBranch, TrayNotSent."""
    to_lab = way is ShipmentDirection.TO_LAB
    if work.actor.branch_id != (job.content.lab_id if to_lab else job.content.collect_at_id):
        raise WrongBranch(f"{job.id} is sent to another place", id=job.id)
    shipment_id = job.content.shipment_id
    shipment = work.records.find(SHIPMENT, shipment_id) if shipment_id else None
    if shipment is None or shipment.state == "received" or shipment.content.direction is not way:
        raise TrayNotSent("no tray of this job is on its way here", id=job.id)
    return shipment


def _require_slip(job: Record[Job], given: str) -> None:
    if check_slip_number("slip_number", given) != job.content.slip_number:
        raise WrongJob("the slip number belongs to another job", id=job.id)


def receive_tray(
    work: UnitOfWork,
    *,
    job_id: str,
    tray_code: str,
    slip_number: str,
    frame_product_id: str,
    frame_serial: str,
    condition: ArrivalCondition,
    note: str,
    evidence_keys: tuple[str, ...],
) -> dict[str, Record[Any]]:
    """Receive a tray at the lab with a photo of its condition; what is damaged or incomplete waits
    for another frame. Raises TrayNotSent, WrongBranch, WrongTray, WrongJob, WrongFrame."""
    job = work.records.find(JOB, job_id)
    shipment = _arriving(work, job, ShipmentDirection.TO_LAB)
    sent = shipment.content
    if tray_code != sent.tray_code:
        raise WrongTray(f"the tray {sent.tray_code} was sent", wanted=sent.tray_code)
    _require_slip(job, slip_number)
    _require_frame(job.content, frame_product_id)
    if frame_serial != sent.frame_serial:
        raise WrongFrame(
            "the frame has another serial number than the one sent",
            field="frame_serial",
            rule="frame_sent",
            id=shipment.id,
        )
    receipt = work.records.add(
        LAB_RECEIPT,
        LabReceipt(job_id=job.id, shipment_id=shipment.id, condition=condition, note=note),
        customer_id=job.customer_id,
        case_id=job.case_id,
        evidence=work.records.evidence(evidence_keys),
        relies_on=[fixed(job.id, JOB.name, job.version)],
    )
    work.records.move(shipment, "receive", held_at_id=sent.to_id)
    job = _with_tray(work, job, receipt)
    return {"lab_receipt": receipt, "job": job}


def _with_tray(work: UnitOfWork, job: Record[Job], receipt: Record[LabReceipt]) -> Record[Job]:
    """Go on with what arrived: the lab has the tray, or the branch must send another frame."""
    content = job.content
    state = content.held_from_state or job.state
    others = tuple(part for part in content.missing_parts if part is not JobPart.FRAME)
    if receipt.content.condition is not ArrivalCondition.AS_SENT:
        return advance(
            work,
            job,
            "lack_frame",
            responsible_role=Role.FRAME_CONTROLLER,
            held_at_id=job.branch_id,
            lab_receipt_id=receipt.id,
            missing_parts=(*others, JobPart.FRAME),
            # The piece that arrived so is given up: its reservation is not drawn from again.
            frame_draw_id="",
        )
    verb, role = "receive_tray", Role.LAB_CLERK
    if state == "awaiting_frame":
        if not content.acceptance_id:
            verb = "regain_before_acceptance"
        else:
            verb, role = ("lack_lens" if others else "regain"), Role.LAB_TECHNICIAN
    return advance(
        work,
        job,
        verb,
        responsible_role=role,
        held_at_id=content.lab_id,
        lab_receipt_id=receipt.id,
        missing_parts=others,
    )


@gate("ship job", JOB, by="job_id")
def ship_job(work: UnitOfWork, *, job_id: str, tray_code: str) -> dict[str, Record[Any]]:
    """Ship a pair that passed inspection to the branch that hands it over. Raises StalePins,
    MoveForbidden."""
    job = work.records.get(JOB, job_id)
    JOB.transitions.after(job.state, "ship")
    shipment = _pack(
        work,
        job,
        ShipmentDirection.TO_BRANCH,
        to_id=job.content.collect_at_id,
        tray_code=tray_code or job.content.tray_code,
        frame_serial="",
    )
    job = work.records.move(
        job,
        "ship",
        responsible_role=Role.COURIER,
        tray_code=shipment.content.tray_code,
        shipment_id=shipment.id,
    )
    return {"shipment": shipment, "job": job}


def receive_job(
    work: UnitOfWork,
    *,
    job_id: str,
    slip_number: str,
    frame_product_id: str,
    condition: ArrivalCondition,
    note: str,
    evidence_keys: tuple[str, ...],
) -> dict[str, Record[Any]]:
    """Receive a finished pair at the branch; one that is damaged or incomplete waits for rework or
    remake. Raises TrayNotSent, WrongBranch, WrongJob, WrongFrame."""
    job = work.records.find(JOB, job_id)
    shipment = _arriving(work, job, ShipmentDirection.TO_BRANCH)
    _require_slip(job, slip_number)
    _require_frame(job.content, frame_product_id)
    receipt = work.records.add(
        BRANCH_RECEIPT,
        BranchReceipt(job_id=job.id, shipment_id=shipment.id, condition=condition, note=note),
        customer_id=job.customer_id,
        case_id=job.case_id,
        evidence=work.records.evidence(evidence_keys),
        relies_on=[fixed(job.id, JOB.name, job.version)],
    )
    work.records.move(shipment, "receive", held_at_id=shipment.content.to_id)
    job = advance(
        work,
        job,
        "receive" if condition is ArrivalCondition.AS_SENT else "receive_failed",
        responsible_role=Role.OPTICIAN,
        held_at_id=shipment.content.to_id,
        lab_receipt_id="",
    )
    return {"branch_receipt": receipt, "job": job}
