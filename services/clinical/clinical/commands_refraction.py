"""Refraction: recorded by the examiner as measured, signed by the same person once complete."""

from __future__ import annotations

from dataclasses import replace

from chassis.db import UnitOfWork
from chassis.records.envelope import Approval, ApprovalStatus, Record
from chassis.records.gates import gate
from chassis.records.pins import Pin, pin
from clinical import store
from clinical.device_reading import DEVICE_READING, ReadingOfAnotherVisit
from clinical.refraction import (
    REFRACTION,
    BothEyes,
    NotTheExaminer,
    Refraction,
    RefractionIncomplete,
    ValuesUnconfirmed,
    require_valid,
    required_for,
)
from clinical.value import Eye
from clinical.visit import VISIT, require_open
from clinical.visual_acuity import VisualAcuity


def record_refraction(
    work: UnitOfWork,
    *,
    visit_id: str,
    objective: BothEyes | None = None,
    subjective: BothEyes | None = None,
    visual_acuities: tuple[VisualAcuity, ...] = (),
    is_cycloplegic: bool = False,
    cycloplegia: str = "",
    is_within_ortho_k_wear: bool = False,
    back_vertex_distance_micrometres: int | None = None,
    dominant_eye: Eye | None = None,
    binocular_checks: str = "",
    history: str = "",
    reading_ids: tuple[str, ...] = (),
) -> Record[Refraction]:
    """Record what the eyes measured, in the caller's name as examiner.

    Raises Unknown, VisitClosed, ReadingOfAnotherVisit, Invalid.
    """
    visit = require_open(work.records.get(VISIT, visit_id))
    content = Refraction(
        visit_id=visit_id,
        objective=objective,
        subjective=subjective,
        visual_acuities=visual_acuities,
        is_cycloplegic=is_cycloplegic,
        cycloplegia=cycloplegia,
        is_within_ortho_k_wear=is_within_ortho_k_wear,
        back_vertex_distance_micrometres=back_vertex_distance_micrometres,
        dominant_eye=dominant_eye,
        binocular_checks=binocular_checks,
        history=history,
        reading_ids=reading_ids,
    )
    require_valid(content)
    pins = [_pin_of_reading(work, reading_id, visit_id) for reading_id in reading_ids]
    if visit.state == "measured" and visit.handover_id:
        work.records.note(visit)  # the examiner has taken the visit up
    return work.records.add(
        REFRACTION,
        content,
        customer_id=visit.customer_id,
        case_id=visit.case_id,
        responsible_role=work.actor.role,
        approval=Approval(status=ApprovalStatus.PENDING),
        closes_when="signed by the examiner",
        relies_on=pins,
    )


def _pin_of_reading(work: UnitOfWork, reading_id: str, visit_id: str) -> Pin:
    reading = work.records.find(DEVICE_READING, reading_id)
    if reading.content.visit_id != visit_id:
        raise ReadingOfAnotherVisit(
            "a reading belongs to another visit or to none", missing=[f"reading {reading_id}"]
        )
    return pin(reading)


@gate("sign_refraction", REFRACTION, by="refraction_id")
def sign_refraction(
    work: UnitOfWork,
    *,
    refraction_id: str,
    revision: int,
    are_unconfirmed_values_right: bool = False,
) -> Record[Refraction]:
    """Sign a refraction as its examiner.

    Raises Unknown, Outdated, NotTheExaminer, ValuesUnconfirmed, RefractionIncomplete, Invalid,
    MoveForbidden.
    """
    refraction = work.records.live(REFRACTION, refraction_id, revision=revision)
    if refraction.recorded_by != work.actor.id:
        raise NotTheExaminer("a refraction is signed by who examined", id=refraction_id)
    content = refraction.content
    unconfirmed = content.unconfirmed()
    if unconfirmed and not are_unconfirmed_values_right:
        raise ValuesUnconfirmed(
            "values of an untouched dial are not confirmed", missing=unconfirmed
        )
    signed = replace(
        content,
        objective=content.objective.confirmed() if content.objective else None,
        subjective=content.subjective.confirmed() if content.subjective else None,
    )
    require_valid(signed)
    _require_complete(work, signed)
    if unconfirmed:
        refraction = work.records.amend(
            refraction,
            reason_code="CONFIRMED",
            reason="the examiner confirmed the values of the untouched dial",
            objective=signed.objective,
            subjective=signed.subjective,
        )
    return work.records.move(
        refraction,
        "sign",
        signed=True,
        nobody_next=True,
        closed=True,
        approval=Approval(
            status=ApprovalStatus.APPROVED, decided_by=work.actor.id, decided_at=work.at
        ),
    )


def _require_complete(work: UnitOfWork, refraction: Refraction) -> None:
    visit = work.records.find(VISIT, refraction.visit_id)
    rule = store.rule(work.connection, "refraction", visit.content.day)
    missing = refraction.missing(required_for(visit.content.purpose, rule))
    if missing:
        raise RefractionIncomplete(
            "this visit requires values that were not measured", missing=missing
        )
