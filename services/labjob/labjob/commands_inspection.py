"""The inspection of a finished pair at the lab, never by one of its makers."""

from __future__ import annotations

from typing import Any

from chassis.db import UnitOfWork
from chassis.records.duties import duties
from chassis.records.envelope import Record
from chassis.records.pins import fixed
from chassis.roles import Role
from chassis.rules import edition
from labjob.inspection import QC_RESULT, TOLERANCE_SET_KIND, LookedOver, QcResult, judge_pair
from labjob.job import JOB, Job
from labjob.lens import MeasuredPair


@duties("inspector", on="job_id")
def start_inspection(work: UnitOfWork, *, job_id: str) -> Record[Job]:
    """Begin to inspect a finished pair. Raises DutiesNotSeparate, StationUnderWay, StationNotDone,
    MoveForbidden."""
    job = work.records.get(JOB, job_id)
    JOB.transitions.after(job.state, "start_inspection")
    job.content.require_made()
    return work.records.move(job, "start_inspection")


@duties("inspector", on="job_id")
def record_qc_result(
    work: UnitOfWork,
    *,
    job_id: str,
    measured: MeasuredPair,
    surface: LookedOver,
    mounting: LookedOver,
    note: str,
    instrument: str,
    evidence_keys: tuple[str, ...],
) -> dict[str, Record[Any]]:
    """Record what was measured and judge it under the job's tolerance set. A fact: what is stale
    does not hold it up. Raises DutiesNotSeparate, MoveForbidden, Invalid."""
    job = work.records.get(JOB, job_id)
    JOB.transitions.after(job.state, "pass_inspection")
    content = job.content
    policy = edition(work.connection, "tolerance_policy", content.tolerance_policy_edition)
    verdict = judge_pair(
        content.ordered, measured, content.tolerance_set, policy.body["note"], work.at.date()
    )
    passed = verdict.passed and surface is mounting is LookedOver.PASSED
    result = work.records.add(
        QC_RESULT,
        QcResult(
            job_id=job.id,
            job_version=job.version,
            measured=measured,
            surface=surface,
            mounting=mounting,
            verdict=verdict,
            passed=passed,
            note=note,
            instrument=instrument,
        ),
        signed=True,
        customer_id=job.customer_id,
        case_id=job.case_id,
        evidence=work.records.evidence(evidence_keys),
        relies_on=[
            fixed(job.id, JOB.name, job.version),
            fixed(content.tolerance_set, TOLERANCE_SET_KIND, 1),
        ],
    )
    job = work.records.move(
        job,
        "pass_inspection" if passed else "fail_inspection",
        responsible_role=Role.LAB_CLERK,
        qc_result_id=result.id,
    )
    return {"qc_result": result, "job": job}
