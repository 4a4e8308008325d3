"""Recheck plans: made when a pair is collected, ended by the visit that kept them or waived."""

from __future__ import annotations

from datetime import datetime

from chassis.db import UnitOfWork
from chassis.ids import new_id
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Record, Source, SourceKind
from chassis.roles import Role
from chassis.rules import in_force
from clinical import store, store_records, validity
from clinical.prescription import Prescription
from clinical.recheck_plan import RECHECK_PLAN, RecheckPlan, RecheckPlanned
from clinical.visit import VISIT, CustomerDiffers


def plan_recheck(
    work: UnitOfWork,
    *,
    job_id: str,
    case_id: str,
    customer_id: str,
    branch_id: str,
    collected_at: datetime,
) -> Record[RecheckPlan] | None:
    """Plan the recheck after a collection, once for each job, in place of an open plan; None for a
    case without a prescription."""
    prescription = store_records.prescription_behind(work.connection, case_id)
    kept = store_records.recheck_of_job(work.connection, job_id)
    if prescription is None or kept is not None:
        return kept
    content = _planned(work, prescription, job_id, branch_id, collected_at)
    identifier = new_id("rpl")
    open_plan = store_records.planned_recheck(work.connection, customer_id)
    if open_plan is not None:
        work.records.void(
            open_plan,
            ChangeKind.SUPERSEDED,
            reason_code="NEW_COLLECTION",
            reason="a later collection planned the recheck anew",
            successor_id=identifier,
        )
    plan = work.records.add(
        RECHECK_PLAN,
        content,
        id=identifier,
        customer_id=customer_id,
        case_id=case_id,
        branch_id=branch_id,
        responsible_role=Role.RECEPTION,
        source=Source(SourceKind.SYSTEM, "recheck"),
        closes_when="recheck kept or waived",
    )
    work.tell(
        plan,
        RecheckPlanned(
            recheck_plan_id=plan.id,
            case_id=case_id,
            customer_id=customer_id,
            branch_id=branch_id,
            due_on=content.due_on,
        ),
    )
    return plan


def _planned(
    work: UnitOfWork,
    prescription: Record[Prescription],
    job_id: str,
    branch_id: str,
    collected_at: datetime,
) -> RecheckPlan:
    content = prescription.content
    if not content.is_recheck_by_rule:
        return RecheckPlan(
            prescription_id=prescription.id, job_id=job_id, due_on=content.recheck_on
        )
    day = store.day_at(work.connection, branch_id, collected_at)
    rule = in_force(work.connection, "recheck", day)
    age = work.records.find(VISIT, content.visit_id).content.age_years
    return RecheckPlan(
        prescription_id=prescription.id,
        job_id=job_id,
        due_on=validity.recheck_on(day, content.purpose, age, rule.body),
        rule_edition=rule.edition,
    )


def keep_recheck(work: UnitOfWork, *, recheck_plan_id: str, visit_id: str) -> Record[RecheckPlan]:
    """End a plan with the visit that kept it. Raises Unknown, CustomerDiffers, MoveForbidden."""
    plan = work.records.get(RECHECK_PLAN, recheck_plan_id)
    visit = work.records.get(VISIT, visit_id)
    if visit.customer_id != plan.customer_id:
        raise CustomerDiffers("the visit is somebody else's", id=visit_id)
    return work.records.move(plan, "keep", nobody_next=True, closed=True, visit_id=visit_id)


def waive_recheck(work: UnitOfWork, *, recheck_plan_id: str, reason: str) -> Record[RecheckPlan]:
    """End a plan without a visit. Raises Unknown, MoveForbidden."""
    plan = work.records.get(RECHECK_PLAN, recheck_plan_id)
    return work.records.move(plan, "waive", nobody_next=True, closed=True, reason=reason)
