"""What labjob is asked: a job and its steps, queues by page, the ticket of a slip number."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chassis import actor, clock
from chassis.db import Reading
from chassis.errors import invalid
from chassis.ids import as_uuid
from chassis.pages import Page, position, size_of
from chassis.records.book import RecordBook
from chassis.records.conditions import Asked, ConditionType, Finding, answers, found
from chassis.records.envelope import Record
from chassis.records.holdings import pins_of
from chassis.records.kinds import Kind
from labjob import store
from labjob.collection import BRANCH_CHECK, COLLECTION, FITTING_CHECK, WARRANTY
from labjob.errors import SlipNumberUnknown
from labjob.inspection import QC_RESULT
from labjob.job import JOB, Job, Ticket, ticket_of
from labjob.making import ACCEPTANCE, BREAKAGE_REPORT, JOB_QUERY, REPAIR, STATION_EVENT
from labjob.shipment import BRANCH_RECEIPT, LAB_RECEIPT, SHIPMENT
from labjob.slip_number import check_slip_number

_STEPS: dict[str, Kind[Any]] = {
    "shipments": SHIPMENT,
    "lab_receipts": LAB_RECEIPT,
    "acceptances": ACCEPTANCE,
    "job_queries": JOB_QUERY,
    "station_events": STATION_EVENT,
    "breakage_reports": BREAKAGE_REPORT,
    "qc_results": QC_RESULT,
    "repairs": REPAIR,
    "branch_receipts": BRANCH_RECEIPT,
    "branch_checks": BRANCH_CHECK,
    "fitting_checks": FITTING_CHECK,
    "collections": COLLECTION,
    "warranties": WARRANTY,
}


def get_job(reading: Reading, *, job_id: str) -> Record[Job]:
    """Return a job within the caller's scope. Raises Unknown, WrongBranch."""
    return RecordBook(reading.connection, reading.actor, clock.now()).get(JOB, job_id)


def list_jobs(
    reading: Reading,
    *,
    lab_id: str,
    branch_id: str,
    order_id: str,
    state: str,
    page_size: int,
    page_token: str,
) -> dict[str, Any]:
    """Return jobs of a lab, a branch or an order. Raises Invalid (FILTER_MISSING)."""
    if not (lab_id or branch_id or order_id):
        raise invalid(
            "lab_id", "required", "name a lab, a branch or an order", reason="FILTER_MISSING"
        )
    size = size_of(page_size)
    found = store.job_page(
        reading.connection,
        lab_id=lab_id,
        branch_id=branch_id,
        order_id=order_id,
        state=state,
        after=_after(page_token),
        size=size + 1,
    )
    page = Page.of(found, size, key=_place)
    return {"jobs": page.rows, "next_page_token": page.next_page_token}


def list_shipments(
    reading: Reading, *, place_id: str, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return shipments from or to a place that are under way."""
    size = size_of(page_size)
    found = store.shipment_page(reading.connection, place_id, _after(page_token), size + 1)
    page = Page.of(found, size, key=_place)
    return {"shipments": page.rows, "next_page_token": page.next_page_token}


def _after(page_token: str) -> list[Any]:
    """Return the moment and the id of the last row seen."""
    return position(page_token, datetime.fromisoformat, as_uuid)


def _place(record: Record[Any]) -> tuple[str, str]:
    return record.recorded_at.isoformat(), record.id


def get_ticket(reading: Reading, *, slip_number: str) -> dict[str, Ticket]:
    """Return the ticket of a slip number. Raises Invalid (SLIP_NUMBER_MISTYPED),
    SlipNumberUnknown."""
    number = check_slip_number("slip_number", slip_number)
    job = store.job_with_slip(reading.connection, number)
    if job is None:
        raise SlipNumberUnknown(f"no job has the slip number {number}")
    return {"ticket": ticket_of(job, clock.now())}


def list_job_steps(reading: Reading, *, job_id: str) -> dict[str, list[Record[Any]]]:
    """Return every step of a job, each kind oldest first. Raises Unknown."""
    get_job(reading, job_id=job_id)
    return {name: store.steps_of(reading.connection, kind, job_id) for name, kind in _STEPS.items()}


@answers(ConditionType.QC_PASSED_AGAINST_LIVE)
def qc_passed(connection: Connection, asked: Asked) -> Finding:
    """Tell whether a job passed its inspection as it stands; it holds only while nothing that the
    job rests on is stale. Raises Unknown."""
    book = RecordBook(connection, actor.system("labjob"), clock.now())
    job = book.find(JOB, asked.condition.record_id)
    return found(asked, job, _lacks_of_qc(book, job), pins_of(connection, job.id))


def _lacks_of_qc(book: RecordBook, job: Record[Job]) -> str:
    if not job.content.qc_result_id:
        return f"{job.id} was not inspected"
    result = book.find(QC_RESULT, job.content.qc_result_id)
    if not result.content.passed:
        return f"{job.id} did not pass its inspection"
    if result.content.job_version != job.version:
        return f"{job.id} has changed since its inspection"
    return ""
