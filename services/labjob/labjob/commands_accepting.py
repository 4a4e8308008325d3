"""The lab takes a job or asks about it; anybody in charge may stop it for a while."""

from __future__ import annotations

from datetime import date
from typing import Any

from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.records.envelope import Record
from chassis.records.gates import gate
from chassis.records.pins import fixed, pin
from chassis.roles import Role
from labjob import store
from labjob.errors import BlankUnavailable, EtaAfterPromise, OrderNotOpen, TrayNotReceived
from labjob.facts import JobAccepted
from labjob.job import JOB, Job
from labjob.lens import Eye
from labjob.making import ACCEPTANCE, JOB_QUERY, Acceptance, JobQuery
from labjob.reason import check_reason

_ORDER_IN_FORCE = ("confirmed", "in_work", "ready")


@gate("accept job", JOB, by="job_id")
def accept_job(
    work: UnitOfWork,
    *,
    job_id: str,
    eta_date: date,
    order_state: str,
    promised_on: date | None,
    today: date,
    eyes_without_blank: tuple[Eye, ...],
) -> dict[str, Record[Any]]:
    """Take the job, with the lab's own estimate. Raises StalePins, TrayNotReceived, OrderNotOpen,
    BlankUnavailable, EtaAfterPromise, MoveForbidden, Invalid (eta_date)."""
    job = work.records.get(JOB, job_id)
    JOB.transitions.after(job.state, "accept")
    if not job.content.lab_receipt_id:
        raise TrayNotReceived("the lab has not received the tray", missing=["tray received"])
    if order_state not in _ORDER_IN_FORCE or promised_on is None:
        raise OrderNotOpen(f"the order is {order_state}", state=order_state)
    if eyes_without_blank:
        raise BlankUnavailable(
            f"the lens reserved for {', '.join(eyes_without_blank)} cannot be drawn",
            missing=[f"lens that can be drawn: {eye}" for eye in eyes_without_blank],
        )
    _require_eta(eta_date, today, promised_on)
    acceptance = work.records.add(
        ACCEPTANCE,
        Acceptance(job_id=job.id, eta_date=eta_date, promised_on=promised_on),
        signed=True,
        customer_id=job.customer_id,
        case_id=job.case_id,
        relies_on=[pin(job)],
    )
    job = work.records.move(
        job,
        "accept",
        responsible_role=Role.LAB_TECHNICIAN,
        acceptance_id=acceptance.id,
        eta_date=eta_date,
    )
    fact = JobAccepted(job_id=job.id, order_id=job.content.order_id, eta_date=eta_date)
    work.tell(job, fact)
    return {"acceptance": acceptance, "job": job}


def _require_eta(eta_date: date, today: date, promised_on: date) -> None:
    if eta_date < today:
        raise invalid("eta_date", "min", f"lies before {today}, the day at the lab")
    if eta_date > promised_on:
        raise EtaAfterPromise(
            f"{eta_date} is later than the promise of {promised_on}",
            missing=["a later promise (RePromise), with the customer informed"],
            eta_date=eta_date.isoformat(),
            promised_on=promised_on.isoformat(),
        )


def query_job(
    work: UnitOfWork, *, job_id: str, reason_code: str, question: str
) -> dict[str, Record[Any]]:
    """Ask the branch before going on. Raises MoveForbidden, Invalid (REASON_UNKNOWN)."""
    job = work.records.get(JOB, job_id)
    check_reason(store.reasons(work.connection, "reasons"), reason_code)
    JOB.transitions.after(job.state, "query")
    query = work.records.add(
        JOB_QUERY,
        JobQuery(job_id=job.id, reason_code=reason_code, question=question),
        customer_id=job.customer_id,
        case_id=job.case_id,
        closes_when="record_in_state(answered)",
        relies_on=[fixed(job.id, JOB.name, job.version)],
    )
    job = work.records.move(
        job,
        "query",
        responsible_role=Role.OPTICIAN,
        held_at_id=job.branch_id,
        job_query_id=query.id,
        reason_code=reason_code,
    )
    return {"job_query": query, "job": job}


def answer_query(work: UnitOfWork, *, job_id: str, answer: str) -> dict[str, Record[Any]]:
    """Answer the lab's question. Raises MoveForbidden."""
    job = work.records.get(JOB, job_id)
    query_id = job.content.job_query_id
    job = work.records.move(
        job,
        "answer",
        responsible_role=Role.LAB_CLERK,
        held_at_id=job.content.lab_id,
        job_query_id="",
    )
    query = work.records.find(JOB_QUERY, query_id)
    query = work.records.move(query, "answer", answer=answer, closed=True)
    return {"job_query": query, "job": job}


def hold_job(work: UnitOfWork, *, job_id: str, reason_code: str, reason: str) -> Record[Job]:
    """Stop a job that is still wanted. Raises MoveForbidden, Invalid (REASON_UNKNOWN)."""
    job = work.records.get(JOB, job_id)
    check_reason(store.reasons(work.connection, "reasons"), reason_code)
    return work.records.move(
        job,
        "hold",
        held_from_state=job.state,
        hold_reason_code=reason_code,
        owner=work.actor.id,
        reason_code=reason_code,
        reason=reason,
    )


def resume_job(work: UnitOfWork, *, job_id: str, reason: str) -> Record[Job]:
    """Let a job on hold go on where it stood. Raises MoveForbidden."""
    job = work.records.get(JOB, job_id)
    return work.records.move(
        job,
        f"resume_{job.content.held_from_state or job.state}",
        held_from_state="",
        hold_reason_code="",
        owner="",
        reason=reason,
    )
