"""What billing hears while the glasses are made: jobs released, estimated, ready and collected, and
customers informed. Facts, in whatever order they come; the order moves as far as they carry it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from billing import accounts, store
from billing.order.delay import LABORATORY_DELAY, closure
from billing.order.facts import OrderCollected, PromiseAtRisk
from billing.order.order import OPEN_PROMISE, ORDER, Order, OrderJob, OrderJobState
from billing.order.promise import PROMISE, PROMISE_OUTCOME, PromiseOutcome, judged
from chassis.db import UnitOfWork
from chassis.records import issuing
from chassis.records.envelope import Record, Source, SourceKind
from chassis.records.issues import LinkKind, linked
from chassis.roles import Role

_CLAIMED_AT_ONCE = 50
_PRESCRIPTION = "clinical.prescription"
"""What may expire while the glasses are made: they were begun in time."""
_MAY_BE_IN_WORK = frozenset({"confirmed", "in_work", "ready", "collected", "closed"})


def note_job_released(work: UnitOfWork, *, order_id: str, job_id: str, lab_id: str) -> None:
    """Note that a job went to a lab; the order is in work, unless it was quoted anew meanwhile."""
    order = work.records.find(ORDER, order_id)
    said: dict[str, Any] = {"lab_id": lab_id}
    if _state_of(order, job_id) is None and order.state not in _MAY_BE_IN_WORK:
        said["state"] = OrderJobState.TO_REVISE
    _note(work, order, job_id, **said)


def note_job_revised(work: UnitOfWork, *, order_id: str, job_id: str, lab_id: str) -> None:
    """Note that a job stands on the new approval; what the lab said of the old one is void."""
    order = work.records.find(ORDER, order_id)
    if _state_of(order, job_id) not in (OrderJobState.READY, OrderJobState.COLLECTED):
        _note(work, order, job_id, state=OrderJobState.RELEASED, lab_id=lab_id, eta_on=None)


def note_job_accepted(work: UnitOfWork, *, order_id: str, job_id: str, eta_date: date) -> None:
    """Note the lab's estimate; later than the promise, the promise is at risk."""
    flag_late(work, _note(work, work.records.find(ORDER, order_id), job_id, eta_on=eta_date))


def note_job_ready(work: UnitOfWork, *, order_id: str, job_id: str, ready_at: datetime) -> None:
    """Note that a job may be collected; the order is ready once the customer is told."""
    order = work.records.find(ORDER, order_id)
    if _state_of(order, job_id) is not OrderJobState.COLLECTED:
        _note(work, order, job_id, state=OrderJobState.READY, ready_at=ready_at)


def note_job_collected(
    work: UnitOfWork, *, order_id: str, job_id: str, collected_at: datetime
) -> None:
    """Note that a job was handed over; with the last one the order is collected."""
    order = work.records.find(ORDER, order_id)
    _note(work, order, job_id, state=OrderJobState.COLLECTED, collected_at=collected_at)


def note_job_ended(work: UnitOfWork, *, order_id: str, job_id: str, state: OrderJobState) -> None:
    """Note that a job was remade by another, or cancelled: the order waits for it no more."""
    _note(work, work.records.find(ORDER, order_id), job_id, state=state)


def note_informed(work: UnitOfWork, *, order_id: str, informed_at: datetime) -> None:
    """Note that the customer was told about the order, or wants no message."""
    order = work.records.find(ORDER, order_id)
    latest = max(informed_at, order.content.informed_at or informed_at)
    _advance(work, work.records.note(order, informed_at=latest))


def flag_late(work: UnitOfWork, order: Record[Order]) -> Record[Order]:
    """Flag an open promise that the lab's estimate does not keep, whichever of the two moved."""
    promised_on = order.content.promised_on
    if promised_on and order.state in OPEN_PROMISE and order.content.is_at_risk(promised_on):
        return flag_promise(work, order)
    return order


def flag_promise(work: UnitOfWork, order: Record[Order]) -> Record[Order]:
    """Flag a promise as at risk, tell it once, and open an issue for whoever must tell the
    customer."""
    promised_on = order.content.promised_on
    if promised_on is None or order.content.at_risk_since:
        return order
    order = work.records.note(order, at_risk_since=work.at)
    _open_delay(work, order)
    told = PromiseAtRisk(
        order_id=order.id,
        case_id=order.case_id,
        customer_id=order.customer_id,
        branch_id=order.branch_id,
        promised_on=promised_on,
        eta_on=order.content.eta_on,
    )
    work.tell(order, told)
    return order


def _open_delay(work: UnitOfWork, order: Record[Order]) -> None:
    promise = work.records.find(PROMISE, order.content.promise_id)
    issuing.open_issue(
        work,
        service=ORDER.owner,
        type=LABORATORY_DELAY,
        summary="the glasses will not be ready on the promised day",
        condition=closure(customer_id=order.customer_id, order_id=order.id, promise_id=promise.id),
        links=tuple(linked(LinkKind.RECORD, one) for one in (order, promise)),
        customer_id=order.customer_id,
        case_id=order.case_id,
        branch_id=order.branch_id,
        owner=order.owner,
        source=Source(SourceKind.SYSTEM, "promise at risk"),
        drill=order.drill,
    )


def flag_due_promises(work: UnitOfWork) -> bool:
    """Flag promises whose day has come with the glasses not ready; true when there may be more."""
    today = store.day(work.connection, "", work.at)
    due = store.claim_promises_due(work.connection, today, _CLAIMED_AT_ONCE)
    for order in due:
        flag_promise(work, order)
    return len(due) == _CLAIMED_AT_ONCE


def _state_of(order: Record[Order], job_id: str) -> OrderJobState | None:
    return next((job.state for job in order.content.jobs if job.job_id == job_id), None)


def _note(work: UnitOfWork, order: Record[Order], job_id: str, **said: Any) -> Record[Order]:
    jobs: tuple[OrderJob, ...] = order.content.with_job(job_id, **said)
    return _advance(work, work.records.note(order, jobs=jobs))


def _advance(work: UnitOfWork, order: Record[Order]) -> Record[Order]:
    """Move the order as far as what is known carries it, whatever came first."""
    content = order.content
    if (order.state == "confirmed" and content.is_in_work) or (
        order.state == "ready" and content.being_made
    ):
        lab_id = (content.being_made or content.live_jobs)[-1].lab_id
        order = work.records.move(
            order, "start_work", responsible_role=Role.LAB_CLERK, held_at_id=lab_id
        )
        work.records.begun(order, _PRESCRIPTION)
    if order.state == "in_work" and content.is_stopped:
        # Money stands on it and nothing is made any more: the manager refunds, or has it made anew.
        order = work.records.move(
            order, "stop_work", responsible_role=Role.BRANCH_MANAGER, held_at_id=order.branch_id
        )
    if order.state == "in_work" and order.content.is_told_ready:
        order = _made(work, order, "make_ready")
    if order.state in ("in_work", "ready") and order.content.collected_at:
        order = _collected(work, _made(work, order, "collect"), order.content.collected_at)
    return order


def _made(work: UnitOfWork, order: Record[Order], verb: str) -> Record[Order]:
    return work.records.move(
        order,
        verb,
        responsible_role=Role.OPTICIAN,
        held_at_id=order.branch_id,
        at_risk_since=None,
    )


def _collected(work: UnitOfWork, order: Record[Order], collected_at: datetime) -> Record[Order]:
    accounts.deliver(work, order)
    _judge_promise(work, order, collected_at)
    told = OrderCollected(
        order_id=order.id,
        case_id=order.case_id,
        customer_id=order.customer_id,
        branch_id=order.branch_id,
        collected_at=collected_at,
    )
    work.tell(order, told)
    return order


def _judge_promise(work: UnitOfWork, order: Record[Order], collected_at: datetime) -> None:
    zone = store.zone(work.connection, order.branch_id, work.at)
    first = work.records.find(PROMISE, order.content.first_promise_id)
    last = work.records.find(PROMISE, order.content.promise_id)
    ready_at = order.content.ready_at
    collected_on = collected_at.astimezone(zone).date()
    content = PromiseOutcome(
        order_id=order.id,
        promise_id=first.id,
        promised_on=first.content.promised_on,
        collected_on=collected_on,
        ready_on=ready_at.astimezone(zone).date() if ready_at else None,
        outcome=judged(first.content.promised_on, collected_on),
        repromises=last.content.number - 1,
    )
    work.records.add(
        PROMISE_OUTCOME,
        content,
        customer_id=order.customer_id,
        case_id=order.case_id,
        branch_id=order.branch_id,
    )
