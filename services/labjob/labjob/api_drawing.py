"""Stock for a job, asked of inventory: the frame and the lenses that are drawn to it, and what of
them broke. What was asked is asked again under the same id, so that a repeat draws nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chassis.errors import invalid
from chassis.records.envelope import Record
from chassis.rpc import Call
from labjob import api_asking as asking
from labjob.errors import FrameNotReserved, WrongFrame, WrongLens
from labjob.job import DrawnLens, FrameOrigin, Job
from labjob.lens import Eye
from labjob.order_basis import HeldStock, is_lens_for
from labjob.station import JobPart
from labjob.wire import word
from optichain.inventory.v1 import inventory_service_pb2 as inventory

_DRAWABLE = ("reserved", "drawn")
"""States of a reservation that can be drawn, or was: the same draw is answered twice."""


@dataclass(frozen=True)
class DrawnFrame:
    """The reservation and the draw of a frame; both empty for the customer's own."""

    reservation_id: str = ""
    draw_id: str = ""


def draw_frame(call: Call, job: Record[Job], frame_serial: str) -> DrawnFrame:
    """Draw the frame that is reserved for the order, once it is the one in the tray; what is drawn
    already stays so. Raises FrameNotReserved, WrongFrame, Unavailable, and what inventory refuses
    with."""
    content = job.content
    if content.frame_origin is FrameOrigin.OWN:
        return DrawnFrame()
    frame = _reserved_frame(content, asking.held_for(call, job.case_id)[0])
    _require_piece(frame, frame_serial)
    return DrawnFrame(frame.id, content.frame_draw_id or _draw(call, job, frame.id).envelope.id)


def _reserved_frame(content: Job, held: Iterable[HeldStock]) -> HeldStock:
    """Return the frame that was drawn, or the one to draw."""
    drawn = content.frame_reservation_id if content.frame_draw_id else ""
    lost = content.frame_reservation_id if JobPart.FRAME in content.missing_parts else ""
    reserved = [
        one
        for one in held
        if one.is_frame
        and one.id != lost
        and drawn in ("", one.id)
        and one.product_id == content.frame_product_id
        and one.order_id == content.order_id
        and one.state in _DRAWABLE
    ]
    if not reserved:
        raise FrameNotReserved(
            "no piece of the frame is reserved for the order",
            missing=[f"frame reserved: {content.frame_product_id}"],
        )
    # The newest comes last: it takes the place of those before.
    return reserved[-1]


def _require_piece(frame: HeldStock, code: str) -> None:
    if not frame.is_piece(code):
        raise WrongFrame(
            "another piece of the frame is kept for the order",
            missing=[f"frame in the tray: {frame.serial or frame.piece_id}"],
            field="frame_serial",
            rule="piece_of_the_order",
        )


def _draw(call: Call, job: Record[Job], reservation_id: str) -> Any:
    request = inventory.DrawToJobRequest(
        request_id=f"{job.id}:{reservation_id}",
        reservation_id=reservation_id,
        job_id=job.id,
        case_id=job.case_id,
    )
    return call.ask(request, inventory.DrawToJobResponse).draw


def draw_lenses(call: Call, job: Record[Job], chosen: Iterable[Any]) -> tuple[DrawnLens, ...]:
    """Draw the lens of every eye that has none, each held against the order first.

    `chosen` names reservations other than the job's own, or those that took their place. Raises
    WrongLens, Invalid (EYE_NOT_ORDERED), Unavailable, and what inventory refuses with.
    """
    content = job.content
    held = asking.held_for(call, job.case_id)[0]
    wanted = {
        lens.eye: _standing(job, lens.eye, lens.reservation_id, held)
        for lens in content.reserved_lenses
    }
    for index, one in enumerate(chosen):
        eye = Eye(word(one, "eye"))
        if eye not in wanted:
            place = f"reservations[{index}].eye"
            raise invalid(place, "eye", "has no lens in this job", reason="EYE_NOT_ORDERED")
        wanted[eye] = one.reservation_id
    by_id = {one.id: one for one in held}
    eyes = content.eyes_to_draw()
    for eye in eyes:
        _require_lens(job, eye, by_id.get(wanted[eye]))
    return tuple(_drawn(call, job, eye, wanted[eye]) for eye in eyes)


def eyes_without_blank(call: Call, job: Record[Job]) -> tuple[Eye, ...]:
    """Return the eyes whose lens is not drawn and could not be drawn now. Raises Unavailable."""
    held, locked_lot_ids = asking.held_for(call, job.case_id)
    reserved = {lens.eye: lens.reservation_id for lens in job.content.reserved_lenses}
    can_be_drawn = {
        one.id for one in held if _is_drawable(job, one) and one.lot_id not in locked_lot_ids
    }
    return tuple(
        eye
        for eye in job.content.eyes_to_draw()
        if _standing(job, eye, reserved[eye], held) not in can_be_drawn
    )


def _standing(job: Record[Job], eye: Eye, reservation_id: str, held: tuple[HeldStock, ...]) -> str:
    """Return the job's own reservation of an eye, or the newest in its place once it is broken or
    went into the pair that this job makes again."""
    if any(one.id == reservation_id and _is_drawable(job, one) for one in held):
        return reservation_id
    lens = dict(job.content.ordered.lenses())[eye]
    others = [
        one.id
        for one in held
        if one.state == "reserved"
        and one.is_free_for(job.content.order_id)
        and one.product_id == job.content.lens_product_id
        and is_lens_for(one, eye, lens)
    ]
    return others[-1] if others else reservation_id


def _is_drawable(job: Record[Job], held: HeldStock) -> bool:
    """Tell whether a lens waits for the job, or was drawn to it and is answered so again."""
    return held.state == "reserved" or (held.state == "drawn" and held.job_id == job.id)


def _require_lens(job: Record[Job], eye: Eye, held: HeldStock | None) -> None:
    lens = dict(job.content.ordered.lenses())[eye]
    content = job.content
    if (
        held is None
        or not _is_drawable(job, held)
        or held.product_id != content.lens_product_id
        or not held.is_free_for(content.order_id)
        or not is_lens_for(held, eye, lens)
    ):
        raise WrongLens(
            f"the reservation is not the lens ordered for {eye}",
            missing=[f"lens reserved as ordered: {eye}"],
            eye=eye,
        )


def _drawn(call: Call, job: Record[Job], eye: Eye, reservation_id: str) -> DrawnLens:
    draw = _draw(call, job, reservation_id)
    return DrawnLens(
        eye=eye,
        reservation_id=reservation_id,
        draw_id=draw.envelope.id,
        product_id=draw.product_id,
        lot_id=draw.lot_id,
    )


def break_stock(call: Call, job: Record[Job], part: JobPart, request: Any) -> str:
    """Tell inventory what broke, and return its breakage; empty for the customer's own frame.
    Raises Unavailable, and what inventory refuses with."""
    reservation_id = _reservation_of(job.content, part)
    if not reservation_id:
        return ""
    asked = inventory.RecordBreakageRequest(
        # The revision tells this breakage from a later one of the same part.
        request_id=f"{part}:{job.id}:{job.revision}",
        reservation_id=reservation_id,
        reason_code=request.reason_code,
        note=request.note,
    )
    return call.ask(asked, inventory.RecordBreakageResponse).breakage.envelope.id


def _reservation_of(content: Job, part: JobPart) -> str:
    if part is JobPart.FRAME:
        return content.frame_reservation_id
    eye = Eye.OD if part is JobPart.LENS_OD else Eye.OS
    return next(lens.reservation_id for lens in content.drawn_lenses if lens.eye is eye)
