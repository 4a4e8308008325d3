"""The finished pair at the branch: checked, tried on, handed over. With the hand-over its warranty
begins."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from chassis.db import UnitOfWork
from chassis.records.envelope import Record
from chassis.records.gates import gate
from chassis.records.pins import fixed, pin
from chassis.roles import Role
from labjob.collection import (
    BRANCH_CHECK,
    COLLECTION,
    FITTING_CHECK,
    WARRANTY,
    BranchCheck,
    Collection,
    CollectorRelation,
    FittingCheck,
    GlassesAcuity,
    IdentityProof,
    Warranty,
)
from labjob.errors import (
    BranchFailed,
    FittingCheckFailed,
    FittingCheckMissing,
    NotTold,
    WrongJob,
)
from labjob.facts import JobCollected, JobReady
from labjob.inspection import LookedOver
from labjob.job import JOB, Job
from labjob.slip_number import check_slip_number


def check_at_branch(
    work: UnitOfWork,
    *,
    job_id: str,
    as_ordered: LookedOver,
    appearance: LookedOver,
    note: str,
    evidence_keys: tuple[str, ...],
) -> dict[str, Record[Any]]:
    """Record the branch check; a pair that fails waits for rework or remake. Raises BranchFailed,
    MoveForbidden."""
    job = work.records.get(JOB, job_id)
    if job.state == "branch_failed":
        raise BranchFailed(
            "the pair failed at the branch: looking again makes it no better",
            missing=["rework or remake"],
            id=job.id,
        )
    JOB.transitions.after(job.state, "check")
    passed = as_ordered is appearance is LookedOver.PASSED
    check = work.records.add(
        BRANCH_CHECK,
        BranchCheck(
            job_id=job.id,
            qc_result_id=job.content.qc_result_id,
            as_ordered=as_ordered,
            appearance=appearance,
            passed=passed,
            note=note,
        ),
        customer_id=job.customer_id,
        case_id=job.case_id,
        evidence=work.records.evidence(evidence_keys),
        relies_on=[fixed(job.id, JOB.name, job.version)],
    )
    job = work.records.move(job, "check" if passed else "fail_check", branch_check_id=check.id)
    return {"branch_check": check, "job": job}


@gate("mark ready", JOB, by="job_id")
def mark_ready(work: UnitOfWork, *, job_id: str) -> Record[Job]:
    """Say that the pair may be collected. Raises StalePins, MoveForbidden."""
    job = work.records.get(JOB, job_id)
    job = work.records.move(job, "mark_ready", responsible_role=Role.OPTICIAN)
    work.tell(
        job,
        JobReady(
            job_id=job.id,
            order_id=job.content.order_id,
            case_id=job.case_id,
            customer_id=job.customer_id,
            branch_id=job.held_at_id,
        ),
    )
    return job


def record_fitting_check(
    work: UnitOfWork,
    *,
    job_id: str,
    acuity: GlassesAcuity | None,
    adjustment: str,
    passed: bool,
    is_waived: bool,
    reason: str,
) -> dict[str, Record[Any]]:
    """Record how the pair fits the wearer, tied to its inspection; or why the check is waived.
    Raises MoveForbidden, Invalid."""
    job = work.records.get(JOB, job_id)
    JOB.transitions.after(job.state, "fit")
    check = work.records.add(
        FITTING_CHECK,
        FittingCheck(
            job_id=job.id,
            qc_result_id=job.content.qc_result_id,
            acuity=acuity,
            adjustment=adjustment,
            passed=passed,
            is_waived=is_waived,
            reason=reason,
        ),
        customer_id=job.customer_id,
        case_id=job.case_id,
        relies_on=[fixed(job.id, JOB.name, job.version)],
    )
    job = work.records.move(job, "fit", fitting_check_id=check.id)
    return {"fitting_check": check, "job": job}


def _require_fitted(
    work: UnitOfWork, job: Record[Job], collected_by: CollectorRelation
) -> Record[FittingCheck]:
    check_id = job.content.fitting_check_id
    check = work.records.find(FITTING_CHECK, check_id) if check_id else None
    is_wearer = collected_by is CollectorRelation.WEARER
    if check is None or (check.content.is_waived and is_wearer):
        raise FittingCheckMissing(
            "the pair was not tried on",
            missing=[
                "fitting check" if is_wearer else "fitting check, or its waiver with a reason"
            ],
        )
    if not check.content.passed and not check.content.is_waived:
        raise FittingCheckFailed("the pair did not fit the wearer", id=check.id)
    return check


@gate("collect job", JOB, by="job_id")
def collect_job(
    work: UnitOfWork,
    *,
    job_id: str,
    slip_number: str,
    collected_by: CollectorRelation,
    identity_proof: IdentityProof,
    is_care_explained: bool,
    is_warranty_told: bool,
    signature_key: str,
    collected_on: date,
) -> dict[str, Record[Any]]:
    """Hand the pair over against a witnessed signature; its warranty begins on the branch's day.

    Raises StalePins, WrongJob, FittingCheckMissing, FittingCheckFailed, NotTold,
    EvidenceUnconfirmed, MoveForbidden, Invalid.
    """
    job = work.records.get(JOB, job_id)
    JOB.transitions.after(job.state, "collect")
    if check_slip_number("slip_number", slip_number) != job.content.slip_number:
        raise WrongJob("the slip number belongs to another job", id=job.id)
    check = _require_fitted(work, job, collected_by)
    told = {"care explained": is_care_explained, "warranty told": is_warranty_told}
    if not all(told.values()):
        missing = [what for what, was_told in told.items() if not was_told]
        raise NotTold("not everything was told", missing=missing)
    collection = work.records.add(
        COLLECTION,
        Collection(
            job_id=job.id,
            order_id=job.content.order_id,
            collected_by=collected_by,
            identity_proof=identity_proof,
            fitting_check_id=check.id,
            is_care_explained=is_care_explained,
            is_warranty_told=is_warranty_told,
            collected_at=work.at,
        ),
        customer_id=job.customer_id,
        case_id=job.case_id,
        evidence=work.records.signature("signature_key", signature_key),
        relies_on=[pin(job)],
    )
    warranty = _warranty(work, job, collection, collected_on)
    job = work.records.move(
        job,
        "collect",
        nobody_next=True,
        closed=True,
        collection_id=collection.id,
        warranty_id=warranty.id,
    )
    fact = JobCollected(
        job_id=job.id,
        order_id=job.content.order_id,
        case_id=job.case_id,
        customer_id=job.customer_id,
        branch_id=work.actor.branch_id,
        collected_at=work.at,
        warranty_id=warranty.id,
    )
    work.tell(job, fact)
    return {"collection": collection, "job": job, "warranty": warranty}


def _warranty(
    work: UnitOfWork, job: Record[Job], collection: Record[Collection], starts_on: date
) -> Record[Warranty]:
    content = job.content
    return work.records.add(
        WARRANTY,
        Warranty(
            job_id=job.id,
            order_id=content.order_id,
            collection_id=collection.id,
            terms_id=content.terms_id,
            terms_version=content.terms_version,
            starts_on=starts_on,
            # The first day counts, so a warranty of 365 days ends on the 365th.
            ends_on=starts_on + timedelta(days=max(content.warranty_days - 1, 0)),
        ),
        customer_id=job.customer_id,
        case_id=job.case_id,
        relies_on=[
            fixed(collection.id, COLLECTION.name, collection.version),
            fixed(content.terms_id, "billing.terms", content.terms_version),
        ],
    )
