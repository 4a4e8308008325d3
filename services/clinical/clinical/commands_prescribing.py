"""What every way of writing a prescription has in common: its days by rule, what the plausibility
rules find, and the older one it takes the place of."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.ids import new_id
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Approval, ApprovalStatus, Evidence, Record
from chassis.records.pins import Pin
from chassis.roles import Role
from chassis.rules import Edition, in_force
from clinical import plausibility, store, store_records, validity
from clinical.plausibility import Circumstances
from clinical.prescription import (
    PRESCRIPTION,
    SAME_SPHERE,
    Prescription,
    PrescriptionPurpose,
    PrescriptionSigned,
    PrescriptionStands,
    SubjectiveMissing,
    require_valid,
)
from clinical.refraction import REFRACTION, Refraction
from clinical.visit import CustomerDiffers, Visit


def dated(
    work: UnitOfWork,
    visit: Record[Visit],
    *,
    today: date,
    issued_on: date,
    stated_expiry: date | None,
    recheck_on: date | None,
    purpose: PrescriptionPurpose,
    **values: Any,
) -> Prescription:
    """Return a valid prescription with its days by rule, or earlier where somebody says so. Raises
    Invalid naming each place."""
    age = visit.content.age_years
    expiry: Edition = in_force(work.connection, "prescription_validity", today)
    latest = validity.expires_on(issued_on, age, expiry.body)
    if stated_expiry is not None and stated_expiry > latest and not values.get("is_external"):
        raise invalid("expires_on", "validity", f"is later than the rule allows: {latest}")
    intervals = store.rule(work.connection, "recheck", today)
    content = Prescription(
        visit_id=visit.id,
        purpose=purpose,
        issued_on=issued_on,
        expires_on=min(stated_expiry or latest, latest),
        recheck_on=recheck_on or validity.recheck_on(issued_on, purpose, age, intervals),
        is_recheck_by_rule=recheck_on is None,
        expiry_rule_edition=expiry.edition,
        **values,
    )
    require_valid(content)
    return content


def require_subjective(content: Prescription, refraction: Refraction | None) -> None:
    """Refuse an eye that was refracted by an instrument alone; what was written elsewhere has no
    refraction here. Raises SubjectiveMissing."""
    if refraction is None:
        return
    subjective = refraction.subjective
    for eye, _part in content.eyes():
        tested = getattr(subjective, eye) if subjective is not None else None
        if tested is None or not tested.sphere_centidioptres.is_measured:
            raise SubjectiveMissing(
                "an instrument's refraction alone is not dispensable (R15)",
                missing=[f"subjective refraction of {eye}"],
            )


def refraction_behind(work: UnitOfWork, content: Prescription) -> Refraction | None:
    """Return the refraction a prescription comes from; None for one that was written elsewhere."""
    if not content.refraction_id:
        return None
    return work.records.find(REFRACTION, content.refraction_id).content


def plausible(
    work: UnitOfWork,
    visit: Record[Visit],
    content: Prescription,
    confirmed_rules: tuple[str, ...],
    second_person_id: str,
    *,
    today: date,
    amended: Prescription | None = None,
) -> Prescription:
    """Return the prescription with what the rules found, answered for by the signer.

    A new one is compared with the customer's earlier one for the same distance, an amendment with
    what it amends. Raises PlausibilityUnconfirmed, SecondPersonMissing.
    """
    comparable = next(purposes for purposes in SAME_SPHERE if content.purpose in purposes)
    earlier = amended or store_records.earlier_prescription(
        work.connection, visit.customer_id, comparable
    )
    source = refraction_behind(work, content)
    found = plausibility.findings(
        content,
        Circumstances(
            age_years=visit.content.age_years,
            previous=earlier,
            is_cycloplegic=source is not None and source.is_cycloplegic,
            is_within_ortho_k_wear=source is not None and source.is_within_ortho_k_wear,
            day=content.issued_on,
        ),
        store.rule(work.connection, "plausibility", today),
    )
    answered = plausibility.confirmed(
        found,
        confirmed_rules,
        second_person_id=second_person_id,
        backed_rules=_backed_rules(work, visit, content, second_person_id),
    )
    return replace(content, findings=answered, second_person_id=second_person_id)


def _backed_rules(
    work: UnitOfWork, visit: Record[Visit], content: Prescription, second_person_id: str
) -> set[str]:
    """Return the rules whose findings the second person confirmed for these very powers."""
    said = store_records.confirmations_by(work.connection, visit.case_id, second_person_id)
    return {
        rule
        for one in said
        if one.content.is_about(content)
        for rule in one.content.confirmed_rules
    }


def recorded(
    work: UnitOfWork,
    visit: Record[Visit],
    content: Prescription,
    supersedes_id: str,
    *,
    today: date,
    relies_on: tuple[Pin, ...] = (),
    evidence: tuple[Evidence, ...] = (),
) -> Record[Prescription]:
    """Record a prescription for the optician, in place of the one it supersedes. Raises Unknown,
    RecordVoid, CustomerDiffers, PrescriptionStands, Invalid."""
    identifier = new_id("rx")
    if supersedes_id:
        _supersede(work, supersedes_id, visit.customer_id, identifier)
    require_alone(work, visit.customer_id, content, today)
    prescription = work.records.add(
        PRESCRIPTION,
        replace(content, supersedes_id=supersedes_id),
        signed=True,
        id=identifier,
        customer_id=visit.customer_id,
        case_id=visit.case_id,
        responsible_role=Role.OPTICIAN,
        approval=Approval(
            status=ApprovalStatus.APPROVED, decided_by=work.actor.id, decided_at=work.at
        ),
        evidence=evidence,
        relies_on=relies_on,
    )
    work.tell(
        prescription,
        PrescriptionSigned(
            prescription_id=prescription.id,
            case_id=prescription.case_id,
            customer_id=prescription.customer_id,
            branch_id=prescription.branch_id,
            supersedes_id=supersedes_id,
        ),
    )
    return prescription


def require_alone(
    work: UnitOfWork, customer_id: str, content: Prescription, today: date, *, own_id: str = ""
) -> None:
    """Refuse a prescription beside which another of its purpose stands that it does not keep with
    a reason. Raises PrescriptionStands naming them, Invalid."""
    store.hold_prescriptions_of(work.connection, customer_id)
    found = store_records.standing_prescriptions(
        work.connection, customer_id, content.purpose, today
    )
    standing = [one for one in found if one != own_id]
    kept = content.kept_beside_ids
    if not set(kept) <= set(standing):
        raise invalid("kept_beside_ids", "standing", "names one that does not stand beside it")
    if kept and not content.kept_beside_reason.strip():
        raise invalid("kept_beside_reason", "required", "must say why both stand")
    left = [one for one in standing if one not in kept]
    if left:
        raise PrescriptionStands(
            f"a prescription for {content.purpose} stands already",
            missing=[f"{one} superseded or kept beside" for one in left],
            prescriptions=",".join(left),
        )


def _supersede(work: UnitOfWork, old_id: str, customer_id: str, successor_id: str) -> None:
    old = work.records.find(PRESCRIPTION, old_id)
    if old.customer_id != customer_id:
        raise CustomerDiffers("the superseded prescription is somebody else's", id=old_id)
    work.records.void(
        old,
        ChangeKind.SUPERSEDED,
        reason_code="NEW_PRESCRIPTION",
        reason="a new prescription took its place",
        successor_id=successor_id,
        even_expired=True,
    )


def require_reason_code(work: UnitOfWork, reason_code: str, day: date) -> None:
    """Refuse a reason that the rule of the day does not list. Raises Invalid."""
    codes = store.rule(work.connection, "prescription_reasons", day)
    if reason_code not in codes:
        raise invalid("reason_code", "reason_code", f"must be one of {', '.join(sorted(codes))}")
