"""What somebody needs, the frames tried, and the one chosen."""

from __future__ import annotations

from datetime import date

from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.records.envelope import Record
from chassis.records.pins import Pin
from clinical.commands_case import add_to_case, require_case
from clinical.dispensing.frame_selection import (
    FRAME_SELECTION,
    ChosenBy,
    FrameBox,
    FrameSelection,
    FrameSource,
    OwnFrame,
    PhotoMissing,
    RiskUnacknowledged,
    TriedFrame,
)
from clinical.dispensing.needs_analysis import NEEDS_ANALYSIS, Activity, NeedsAnalysis
from clinical.visit import VISIT


def record_needs_analysis(
    work: UnitOfWork,
    *,
    visit_id: str,
    activities: tuple[Activity, ...],
    screen_hours: int | None = None,
    working_distance_micrometres: int | None = None,
    wishes: str = "",
    outcomes_shown: str = "",
) -> Record[NeedsAnalysis]:
    """Record what somebody needs from a pair of glasses. Raises Unknown."""
    content = NeedsAnalysis(
        visit_id=visit_id,
        activities=activities,
        screen_hours=screen_hours,
        working_distance_micrometres=working_distance_micrometres,
        wishes=wishes,
        outcomes_shown=outcomes_shown,
    )
    return add_to_case(work, NEEDS_ANALYSIS, content, work.records.get(VISIT, visit_id))


def select_frame(
    work: UnitOfWork,
    *,
    visit_id: str,
    source: FrameSource,
    chosen_by: ChosenBy,
    box: FrameBox | None = None,
    product_id: str = "",
    piece_id: str = "",
    tried: tuple[TriedFrame, ...] = (),
    own_frame: OwnFrame | None = None,
    is_risk_acknowledged: bool = False,
    evidence_keys: tuple[str, ...] = (),
    expected_on: date | None = None,
    needs_analysis_id: str = "",
    supersedes_id: str = "",
    product_pin: Pin | None = None,
) -> Record[FrameSelection]:
    """Record the frames tried and the one chosen; `box` is the catalogue's, or measured on an own
    frame. Raises Unknown, Invalid, PhotoMissing, RiskUnacknowledged, CaseDiffers, RecordVoid."""
    visit = work.records.get(VISIT, visit_id)
    if box is None and source is not FrameSource.OWN:
        raise invalid("product_id", "required", "must be given")
    if box is None:
        raise invalid("box", "required", "must be measured on an own frame")
    if source is FrameSource.SPECIAL_ORDER and expected_on is None:
        raise invalid("expected_on", "required", "must say when the frame will be here")
    content = FrameSelection(
        visit_id=visit_id,
        source=source,
        box=box,
        chosen_by=chosen_by,
        product_id=product_id,
        piece_id=piece_id,
        tried=tried,
        own_frame=own_frame,
        is_risk_acknowledged=is_risk_acknowledged,
        expected_on=expected_on,
        needs_analysis_id=needs_analysis_id,
        supersedes_id=supersedes_id,
    )
    photos = work.records.evidence(evidence_keys)
    if content.is_own and not any(one.is_picture for one in photos):
        raise PhotoMissing("an own frame needs a photo of its condition", missing=["photo"])
    if content.is_own and not is_risk_acknowledged:
        raise RiskUnacknowledged(
            "the customer must accept that an old frame may break",
            missing=["is_risk_acknowledged"],
        )
    if needs_analysis_id:
        require_case(visit, work.records.find(NEEDS_ANALYSIS, needs_analysis_id))
    relies_on = [product_pin] if product_pin is not None else []
    return add_to_case(work, FRAME_SELECTION, content, visit, relies_on=relies_on, evidence=photos)
