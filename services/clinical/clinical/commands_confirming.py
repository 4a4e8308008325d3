"""A second qualified person looks at what a colleague is about to prescribe."""

from __future__ import annotations

from chassis.db import UnitOfWork
from chassis.records.duties import duties
from chassis.records.envelope import Record
from clinical.plausibility_confirmation import PLAUSIBILITY_CONFIRMATION, PlausibilityConfirmation
from clinical.prescription import PrescribedEye, PrescriptionPurpose
from clinical.visit import VISIT


@duties("second_person")
def confirm_plausibility(
    work: UnitOfWork,
    *,
    visit_id: str,
    purpose: PrescriptionPurpose,
    od: PrescribedEye | None,
    os: PrescribedEye | None,
    confirmed_rules: tuple[str, ...],
) -> Record[PlausibilityConfirmation]:
    """Record, in the caller's name, that these powers are meant; from whichever branch, since a
    shop may have one prescriber alone. Raises Unknown, Invalid."""
    visit = work.records.find(VISIT, visit_id)
    content = PlausibilityConfirmation(
        visit_id=visit_id, purpose=purpose, od=od, os=os, confirmed_rules=confirmed_rules
    )
    return work.records.add(
        PLAUSIBILITY_CONFIRMATION,
        content,
        signed=True,
        customer_id=visit.customer_id,
        case_id=visit.case_id,
        branch_id=visit.branch_id,
    )
