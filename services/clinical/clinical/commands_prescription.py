"""Prescriptions: signed from a signed refraction, taken over from elsewhere with their image,
amended and revoked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.records.changes import ChangeKind
from chassis.records.duties import duties
from chassis.records.envelope import Record
from chassis.records.pins import pin
from clinical import commands_prescribing, store
from clinical.prescription import (
    PRESCRIPTION,
    ImageMissing,
    PrescribedEye,
    Prescription,
    PrescriptionPurpose,
    PupillaryDistance,
    RefractionUnsigned,
    require_valid,
)
from clinical.refraction import REFRACTION
from clinical.visit import VISIT


@duties("signer", on="refraction_id", second_person="second_person_id")
def sign_prescription(
    work: UnitOfWork,
    *,
    refraction_id: str,
    purpose: PrescriptionPurpose,
    od: PrescribedEye | None,
    os: PrescribedEye | None,
    pd: PupillaryDistance,
    recheck_on: date | None = None,
    expires_on: date | None = None,
    notes: str = "",
    confirmed_rules: tuple[str, ...] = (),
    second_person_id: str = "",
    supersedes_id: str = "",
    kept_beside_ids: tuple[str, ...] = (),
    kept_beside_reason: str = "",
) -> Record[Prescription]:
    """Sign a prescription from a signed refraction; the optician acts next.

    Raises Unknown, RefractionUnsigned, SubjectiveMissing, Invalid, PlausibilityUnconfirmed,
    SecondPersonMissing, PrescriptionStands, RecordVoid, CustomerDiffers.
    """
    refraction = work.records.live(REFRACTION, refraction_id)
    if refraction.state != "signed":
        raise RefractionUnsigned(f"{refraction_id} is not signed", missing=["signed refraction"])
    visit = work.records.find(VISIT, refraction.content.visit_id)
    today = store.day_at(work.connection, work.actor.branch_id, work.at)
    content = commands_prescribing.dated(
        work,
        visit,
        today=today,
        issued_on=today,
        stated_expiry=expires_on,
        recheck_on=recheck_on,
        purpose=purpose,
        od=od,
        os=os,
        pd=pd,
        source_name=work.actor.id,
        refraction_id=refraction_id,
        notes=notes,
        kept_beside_ids=kept_beside_ids,
        kept_beside_reason=kept_beside_reason,
    )
    commands_prescribing.require_subjective(content, refraction.content)
    content = commands_prescribing.plausible(
        work, visit, content, confirmed_rules, second_person_id, today=today
    )
    return commands_prescribing.recorded(
        work, visit, content, supersedes_id, today=today, relies_on=(pin(refraction),)
    )


@duties("signer", on="visit_id", second_person="second_person_id")
def record_external_prescription(
    work: UnitOfWork,
    *,
    visit_id: str,
    purpose: PrescriptionPurpose,
    od: PrescribedEye | None,
    os: PrescribedEye | None,
    pd: PupillaryDistance,
    issued_on: date,
    source_name: str,
    expires_on: date | None = None,
    notes: str = "",
    evidence_keys: tuple[str, ...] = (),
    confirmed_rules: tuple[str, ...] = (),
    second_person_id: str = "",
    supersedes_id: str = "",
    kept_beside_ids: tuple[str, ...] = (),
    kept_beside_reason: str = "",
) -> Record[Prescription]:
    """Record a prescription written elsewhere, with its image; the optician acts next.

    Raises Unknown, ImageMissing, EvidenceUnconfirmed, PrescriptionExpired and what signing raises.
    """
    visit = work.records.get(VISIT, visit_id)
    image = work.records.evidence(evidence_keys)
    if not any(one.is_picture or one.is_pdf for one in image):
        raise ImageMissing("an external prescription needs its image", missing=["image"])
    today = store.day_at(work.connection, work.actor.branch_id, work.at)
    if issued_on > today:
        raise invalid("issued_on", "order", "lies in the future")
    content = commands_prescribing.dated(
        work,
        visit,
        today=today,
        issued_on=issued_on,
        stated_expiry=expires_on,
        recheck_on=None,
        purpose=purpose,
        od=od,
        os=os,
        pd=pd,
        source_name=source_name,
        is_external=True,
        notes=notes,
        kept_beside_ids=kept_beside_ids,
        kept_beside_reason=kept_beside_reason,
    )
    content.require_in_force(today)
    content = commands_prescribing.plausible(
        work, visit, content, confirmed_rules, second_person_id, today=today
    )
    return commands_prescribing.recorded(
        work, visit, content, supersedes_id, today=today, evidence=image
    )


@duties("signer", on="prescription_id", second_person="second_person_id")
def amend_prescription(
    work: UnitOfWork,
    *,
    prescription_id: str,
    revision: int,
    reason_code: str,
    reason: str,
    od: PrescribedEye | None = None,
    os: PrescribedEye | None = None,
    pd: PupillaryDistance | None = None,
    purpose: PrescriptionPurpose | None = None,
    recheck_on: date | None = None,
    notes: str | None = None,
    evidence_keys: tuple[str, ...] = (),
    confirmed_rules: tuple[str, ...] = (),
    second_person_id: str = "",
) -> Record[Prescription]:
    """Correct a prescription; what is None stays. Raises Unknown, RecordVoid, Outdated,
    NothingChanged, SubjectiveMissing, PrescriptionStands, Invalid and what the plausibility rules
    raise."""
    prescription = work.records.live(PRESCRIPTION, prescription_id, revision=revision)
    today = store.day_at(work.connection, work.actor.branch_id, work.at)
    commands_prescribing.require_reason_code(work, reason_code, today)
    given: dict[str, Any] = {"od": od, "os": os, "pd": pd, "purpose": purpose, "notes": notes}
    corrected = {name: value for name, value in given.items() if value is not None}
    if recheck_on is not None:
        corrected |= {"recheck_on": recheck_on, "is_recheck_by_rule": False}
    is_for_another = (purpose or prescription.content.purpose) is not prescription.content.purpose
    if is_for_another:
        corrected |= {"kept_beside_ids": (), "kept_beside_reason": ""}
    content = replace(prescription.content, **corrected)
    require_valid(content)
    commands_prescribing.require_subjective(
        content, commands_prescribing.refraction_behind(work, content)
    )
    visit = work.records.find(VISIT, content.visit_id)
    if is_for_another:
        commands_prescribing.require_alone(
            work, visit.customer_id, content, today, own_id=prescription_id
        )
    if {"od", "os", "pd", "purpose"} & corrected.keys():
        content = commands_prescribing.plausible(
            work,
            visit,
            content,
            confirmed_rules,
            second_person_id,
            today=today,
            amended=prescription.content,
        )
        corrected |= {"findings": content.findings, "second_person_id": content.second_person_id}
    return work.records.amend(
        prescription,
        signed=True,
        reason_code=reason_code,
        reason=reason,
        evidence=work.records.evidence(evidence_keys),
        **corrected,
    )


def revoke_prescription(
    work: UnitOfWork, *, prescription_id: str, revision: int, reason_code: str, reason: str
) -> Record[Prescription]:
    """Withdraw a prescription, one whose days are over as well. Raises Unknown, RecordVoid,
    Outdated, Invalid (reason_code)."""
    prescription = work.records.get(PRESCRIPTION, prescription_id, revision=revision)
    today = store.day_at(work.connection, work.actor.branch_id, work.at)
    commands_prescribing.require_reason_code(work, reason_code, today)
    return work.records.void(
        prescription,
        ChangeKind.REVOKED,
        reason_code=reason_code,
        reason=reason,
        even_expired=True,
    )
