"""What goes wrong in a drill, case by case: the journey up to the change, the change, the gates
that must hold, who must be told, and how the work goes on lawfully."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from gateway.drill import journey, tellings
from gateway.drill.floor import Floor
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.clinical.v1 import clinical_service_pb2 as clinical
from optichain.inventory.v1 import inventory_service_pb2 as inventory
from optichain.organisation.v1 import organisation_service_pb2 as organisation

_SHUT = ("PIN_STALE", "REVIEW_OPEN")
"""How a gate refuses who stands on what changed: at once, or because the review waits."""


@dataclass(frozen=True)
class Case:
    """One case: its code, what it shows, and how it is played."""

    code: str
    text: str
    play: Callable[[Floor], Awaitable[None]]


async def prescription_amended(floor: Floor) -> None:
    """An axis is corrected while the lab is about to cut."""
    await journey.up_to_lab(floor)
    await journey.accept(floor)
    await journey.prepare(floor)
    prescription = floor.known["prescription"]
    amended = await floor.do(
        "optometrist",
        clinical.AmendPrescriptionRequest,
        prescription_id=prescription.envelope.id,
        revision=prescription.envelope.revision,
        reason_code="RX_TRANSCRIPTION",
        reason="Drill: the power was read from the wrong line.",
        od=journey.SECOND_TEST["od"],
    )
    floor.injected("prescription amended", prescription.envelope.id)
    floor.known["prescription"] = amended.prescription
    await floor.must_refuse("start edging", _SHUT, journey.start(floor, "edging"))
    await tellings.review_of(floor, "billing.order", prescription.envelope.id, role="optician")
    await tellings.review_of(floor, "labjob.job", prescription.envelope.id, role="optician")
    await journey.order_anew(floor)
    await journey.revise(floor)
    await journey.accept(floor)
    await journey.prepare(floor)
    await journey.start(floor, "edging")
    floor.report.went_on.append("specified, quoted and approved anew; edging starts")


async def prescription_superseded(floor: Floor) -> None:
    """A second test takes the place of the prescription after the order was approved and paid."""
    await journey.up_to_confirmed(floor)
    old_id = floor.known["prescription"].envelope.id
    await journey.refract(floor, journey.SECOND_TEST)
    await journey.prescribe(floor, journey.SECOND_TEST, supersedes_id=old_id)
    floor.injected("prescription superseded", old_id)
    await floor.must_refuse("release job", _SHUT, journey.release(floor))
    await tellings.review_of(floor, "billing.order", old_id, role="optician")
    await journey.order_anew(floor)
    await journey.release(floor)
    floor.report.went_on.append("specified, quoted and approved anew; the job is released")


async def lab_delayed(floor: Floor) -> None:
    """The lab cannot keep the day that was promised to the customer."""
    await journey.up_to_lab(floor, promised_in_days=0)
    floor.injected("lab delayed beyond the promise", floor.known["job_id"])
    await floor.must_refuse("accept job", ("ETA_AFTER_PROMISE",), journey.accept(floor, in_days=2))
    await tellings.promise_at_risk(floor)
    promised_on = floor.known["promised_on"] + timedelta(days=5)
    await floor.do(
        "optician",
        billing.RePromiseRequest,
        order_id=floor.known["order_id"],
        promised_on=promised_on.isoformat(),
        reason="Drill: the lab is late.",
        informed_how="in_person",
    )
    await journey.accept(floor, in_days=2)
    floor.report.went_on.append("promised anew with the customer informed; the lab accepts")


async def lot_locked(floor: Floor) -> None:
    """Quality locks the lot that the lenses are to be drawn from."""
    await journey.up_to_lab(floor)
    await journey.accept(floor)
    lot_id = floor.known["lens_lot_id"]
    await floor.do(
        "quality_manager",
        inventory.LockLotRequest,
        lot_id=lot_id,
        reason_code="RECALL",
        reason="Drill: the maker recalls the lot.",
    )
    floor.injected("lot locked", lot_id)
    await floor.must_refuse("draw lenses", ("LOT_LOCKED", *_SHUT), journey.draw(floor))
    await tellings.review_of(floor, "inventory.reservation", lot_id, role="optician")
    await floor.do(
        "quality_manager",
        inventory.ReleaseLotRequest,
        lot_id=lot_id,
        quality_decision="Drill: the lot is sound.",
    )
    await journey.draw(floor)
    floor.report.went_on.append("the lot is released by quality; the lenses are drawn")


async def qualification_expired(floor: Floor) -> None:
    """The examiner's course is over before the prescription is signed."""
    await journey.up_to_prescription(floor)
    staff_id = floor.staff_id("optometrist")
    held = await floor.do(
        "quality_manager", organisation.ListQualificationsRequest, staff_id=staff_id
    )
    (in_force,) = held.qualifications
    today = await journey.today(floor)
    await floor.do(
        "quality_manager",
        organisation.RevokeQualificationRequest,
        qualification_id=in_force.envelope.id,
        reason="Drill: recorded anew with its true last day.",
    )
    await _qualify(floor, staff_id, today - timedelta(days=30), today - timedelta(days=1))
    floor.injected("qualification expired", in_force.envelope.id)
    refused = await floor.must_refuse(
        "sign prescription", ("QUALIFICATION_NOT_IN_FORCE",), journey.prescribe(floor)
    )
    tellings.by_refusal(floor, "optometrist", in_force.course, refused)
    await _qualify(floor, staff_id, today, today + timedelta(days=1))
    await journey.prescribe(floor)
    floor.report.went_on.append("the course is renewed; the prescription is signed")


async def set_aside_expired(floor: Floor) -> None:
    """Nobody approves the order within the time that its frame is held."""
    await journey.up_to_quotation(floor)
    set_aside_id = floor.known["set_aside_id"]

    async def expired() -> bool:
        found = await floor.do("optician", inventory.GetSetAsideRequest, set_aside_id=set_aside_id)
        return bool(found.set_aside.envelope.state == "expired")

    await floor.require("the set-aside expires", expired, floor.begun.due_within_seconds)
    floor.injected("set-aside expired", set_aside_id)
    await floor.must_refuse("approve order", _SHUT, journey.approve(floor))
    await tellings.review_of(floor, "billing.order", set_aside_id, role="optician")
    await journey.set_aside(floor)
    await journey.specify_and_reserve(floor)
    await journey.quote(floor)
    await journey.measure(floor)
    await journey.approve(floor)
    floor.report.went_on.append("a frame is set aside again; the order is quoted and approved")


async def _qualify(floor: Floor, staff_id: str, valid_from: object, valid_to: object) -> None:
    await floor.do(
        "quality_manager",
        organisation.RecordQualificationRequest,
        staff_id=staff_id,
        course="refraction",
        valid_from=str(valid_from),
        valid_to=str(valid_to),
        assessor="Drill",
    )


CASES = {
    play.__name__: Case(play.__name__, str(play.__doc__), play)
    for play in (
        prescription_amended,
        prescription_superseded,
        lab_delayed,
        lot_locked,
        qualification_expired,
        set_aside_expired,
    )
}
"""Every case by its code."""
