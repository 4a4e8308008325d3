"""The fitting measurement on the chosen frame."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chassis.db import UnitOfWork
from chassis.records.envelope import Record
from chassis.records.pins import pin
from clinical import plausibility, store, store_records, usual_range
from clinical.commands_case import add_to_case, require_case
from clinical.dispensing import frame_selection as frames
from clinical.dispensing.fitting_measurement import (
    FITTING_MEASUREMENT,
    Adjustment,
    EyeFitting,
    FittingMeasurement,
    FrameDiffers,
    MeasurementIncomplete,
    MeasuringMethod,
    require_adjusted,
    require_valid,
)
from clinical.dispensing.frame_selection import FRAME_SELECTION, FrameSelection
from clinical.dispensing.lens_product import LensDesign
from clinical.dispensing.needs_analysis import NEEDS_ANALYSIS
from clinical.prescription import (
    FindingSeverity,
    PlausibilityFinding,
    PrescriptionPurpose,
)
from clinical.value import NOT_MEASURED, Eye, Measured
from clinical.visit import VISIT, Visit
from optics.pupillary_distance import load_pupillary_distance_rules


def record_fitting_measurement(
    work: UnitOfWork,
    *,
    visit_id: str,
    frame_selection_id: str,
    frame_id: str,
    design: LensDesign,
    method: MeasuringMethod,
    od: EyeFitting | None,
    os: EyeFitting | None,
    is_individualised: bool = False,
    adjustment: Adjustment | None = None,
    measured_at: datetime | None = None,
    pantoscopic_tilt_decidegrees: Measured | None = None,
    face_form_wrap_decidegrees: Measured | None = None,
    evidence_keys: tuple[str, ...] = (),
    confirmed_rules: tuple[str, ...] = (),
    supersedes_id: str = "",
) -> Record[FittingMeasurement]:
    """Record what was measured on the selected frame, after it was adjusted.

    Raises Unknown, RecordVoid, CaseDiffers, FrameDiffers, NotAdjusted, MeasurementIncomplete,
    PlausibilityUnconfirmed, Invalid.
    """
    visit = work.records.get(VISIT, visit_id)
    selection = work.records.live(FRAME_SELECTION, frame_selection_id)
    require_case(visit, selection)
    if frame_id != frames.frame_id_of(selection.id, selection.content):
        raise FrameDiffers("the frame in hand is not the one that was selected")
    measured_at = measured_at or work.at
    findings = _distance_findings(work, visit, od, os)
    content = FittingMeasurement(
        visit_id=visit_id,
        frame_selection_id=frame_selection_id,
        frame_id=frame_id,
        design=design,
        adjustment=require_adjusted(adjustment, measured_at),
        measured_at=measured_at,
        method=method,
        od=od,
        os=os,
        is_individualised=is_individualised,
        pantoscopic_tilt_decidegrees=pantoscopic_tilt_decidegrees or NOT_MEASURED,
        face_form_wrap_decidegrees=face_form_wrap_decidegrees or NOT_MEASURED,
        findings=plausibility.confirmed(findings, confirmed_rules, second_person_id=""),
        supersedes_id=supersedes_id,
    )
    require_valid(content)
    _require_complete(work, visit, content)
    return add_to_case(
        work,
        FITTING_MEASUREMENT,
        _with_what_follows(work, visit, selection, content),
        visit,
        relies_on=[pin(selection, *frames.RELIED_ON)],
        evidence=work.records.evidence(evidence_keys),
    )


def _distance_findings(
    work: UnitOfWork, visit: Record[Visit], od: EyeFitting | None, os: EyeFitting | None
) -> list[PlausibilityFinding]:
    """Compare the distance with the one known before: of the prescription, else of an earlier
    frame."""
    rule = store.rule(work.connection, "plausibility", visit.content.day)["fitting_distance"]
    age = visit.content.age_years
    halves = [part.monocular_pd_micrometres.amount for part in (od, os) if part is not None]
    known = _known_distance(work, visit)
    young = age is not None and age < rule["from_years"]
    if known is None or young or len(halves) < 2 or None in halves:
        return []
    if abs(sum(half or 0 for half in halves) - known) <= rule["more_than_micrometres"]:
        return []
    text = f"differs by more than {rule['more_than_micrometres']} micrometres from before"
    return [
        PlausibilityFinding(
            rule="R11",
            severity=FindingSeverity(rule["severity"]),
            eye=Eye.OU,
            field="monocular_pd_micrometres",
            text=text,
            is_comparison=True,
        )
    ]


def _known_distance(work: UnitOfWork, visit: Record[Visit]) -> int | None:
    prescription = store_records.earlier_prescription(
        work.connection, visit.customer_id, PrescriptionPurpose
    )
    if prescription is not None and prescription.pd.binocular() is not None:
        return prescription.pd.binocular()
    measurement = store_records.earlier_measurement(work.connection, visit.customer_id)
    return measurement.content.binocular_pd_micrometres() if measurement is not None else None


def _with_what_follows(
    work: UnitOfWork,
    visit: Record[Visit],
    selection: Record[FrameSelection],
    content: FittingMeasurement,
) -> FittingMeasurement:
    """Return the measurement with the distances for near, and with what is unusual in it."""
    content = content.with_near_pd(_work_distance(work, visit, selection))
    return replace(content, findings=(*content.findings, *usual_range.on_frame(content)))


def _work_distance(
    work: UnitOfWork, visit: Record[Visit], selection: Record[FrameSelection]
) -> int:
    """Return the distance the wearer works at: as asked, else by rule for near or for a screen."""
    needs_id = selection.content.needs_analysis_id
    if needs_id:
        asked = work.records.find(NEEDS_ANALYSIS, needs_id).content.working_distance_micrometres
        if asked is not None:
            return asked
    rules = load_pupillary_distance_rules()
    prescription = store_records.prescription_behind(work.connection, visit.case_id, selection.id)
    if prescription and prescription.content.purpose is PrescriptionPurpose.INTERMEDIATE:
        return rules.intermediate_work_distance_micrometres.value
    return rules.near_work_distance_micrometres.value


def _require_complete(work: UnitOfWork, visit: Record[Visit], content: FittingMeasurement) -> None:
    prescription = store_records.prescription_behind(
        work.connection, visit.case_id, content.frame_selection_id
    )
    eyes = tuple(eye for eye, _part in prescription.content.eyes()) if prescription else ()
    missing = content.missing(
        store.rule(work.connection, "fitting", visit.content.day),
        content.design,
        individualised=content.is_individualised,
        eyes=eyes or (Eye.OD, Eye.OS),
    )
    if missing:
        raise MeasurementIncomplete("the lens design requires more", missing=missing)
