"""What a review of a job may come to besides its new version: what was cut is made again, or the
job is stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chassis.db import UnitOfWork
from chassis.records.deciding import Consequences
from chassis.records.envelope import Record
from chassis.records.reviews import Decision, Review
from chassis.roles import Role
from labjob.commands_release import cancelled
from labjob.job import JOB, Job

_ANEW = ("specify lens", "quote anew", "approve anew")


def rework(work: UnitOfWork, job: Record[Job], review: Record[Review]) -> Sequence[str]:
    """Let a job that is not cut be revised; one that is cut waits, failed, to be made again.

    Raises StationUnderWay, MoveForbidden.
    """
    job.content.require_between_stations()
    if not job.content.is_cut:
        return (*_ANEW, "revise job")
    at_branch = "condemn" not in _possible(job)
    if not at_branch:
        work.records.move(
            job,
            "condemn",
            responsible_role=Role.OPTICIAN,
            held_at_id=job.content.lab_id,
            reason_code="REVIEWED",
        )
    return (*_ANEW, "remake job")


def cancel(work: UnitOfWork, job: Record[Job], review: Record[Review]) -> Sequence[str]:
    """Stop the job; its stock is given back, and the money is left to a refund. Raises
    MoveForbidden."""
    cancelled(work, job, reason_code="REVIEWED")
    return ()


def _possible(job: Record[Any]) -> set[str]:
    return {verb for verb, table in JOB.transitions.moves.items() if job.state in table}


CONSEQUENCES: Consequences = {
    (JOB.name, Decision.REWORK): rework,
    (JOB.name, Decision.CANCEL): cancel,
}
