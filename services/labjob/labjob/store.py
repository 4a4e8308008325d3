"""Labjob's SQL: slip numbers, jobs by order, lab, branch and state, and the steps of a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, or_, select, text, tuple_

from chassis import locks
from chassis.clock import now
from chassis.records.envelope import Record
from chassis.records.kinds import Kind
from chassis.records.rows import record_of
from chassis.records.tables import record
from chassis.rules import in_force
from labjob.job import ENDED, JOB, Job
from labjob.shipment import SHIPMENT, Shipment

C = TypeVar("C")


def next_slip_sequence(connection: Connection) -> int:
    """Return the next number of the slip sequence; gaps are no harm."""
    return int(connection.execute(text("SELECT nextval('slip_number_seq')")).scalar_one())


def reasons(connection: Connection, part: str) -> dict[str, list[str]]:
    """Return the reason codes in force with their fault sides: of `reasons` or of `breakages`."""
    found: dict[str, list[str]] = in_force(connection, "reasons", now().date()).body[part]
    return found


def works_on(connection: Connection) -> dict[str, str]:
    """Return what each station works on: frame, lens or pair."""
    found: dict[str, str] = in_force(connection, "routes", now().date()).body["works_on"]
    return found


def hold_order(connection: Connection, order_id: str) -> None:
    """Let nobody else release a job of this order until the transaction ends."""
    locks.take(connection, order_id)


def open_job_of(connection: Connection, order_id: str) -> Record[Job] | None:
    """Return the job of an order that is neither remade nor cancelled, if there is one."""
    statement = _jobs().where(
        record.c.content["order_id"].astext == order_id,
        record.c.state.not_in(("remade", "cancelled")),
    )
    row = connection.execute(statement).mappings().first()
    return record_of(row, JOB) if row else None


def given_up_lenses(connection: Connection, order_id: str) -> frozenset[str]:
    """Return the reservations of lenses that cancelled jobs of an order stood on."""
    statement = _jobs().where(
        record.c.content["order_id"].astext == order_id, record.c.state == "cancelled"
    )
    jobs = [record_of(row, JOB) for row in connection.execute(statement).mappings()]
    return frozenset(lens.reservation_id for job in jobs for lens in job.content.reserved_lenses)


def job_with_slip(connection: Connection, slip_number: str) -> Record[Job] | None:
    """Return the job of a slip number."""
    statement = _jobs().where(record.c.content["slip_number"].astext == slip_number)
    row = connection.execute(statement).mappings().first()
    return record_of(row, JOB) if row else None


def job_page(
    connection: Connection,
    *,
    lab_id: str,
    branch_id: str,
    order_id: str,
    state: str,
    after: Sequence[Any],
    size: int,
) -> list[Record[Job]]:
    """Return jobs of a lab, a branch or an order, oldest first; without a state, those not ended
    unless an order is named."""
    statement = _jobs()
    if order_id:
        statement = statement.where(record.c.content["order_id"].astext == order_id)
    if lab_id:
        statement = statement.where(record.c.content["lab_id"].astext == lab_id)
    if branch_id:
        statement = statement.where(record.c.branch_id == branch_id)
    if state:
        statement = statement.where(record.c.state == state)
    elif not order_id:
        statement = statement.where(record.c.state.not_in(ENDED))
    return [record_of(row, JOB) for row in _page(connection, statement, after, size)]


def shipment_page(
    connection: Connection, place_id: str, after: Sequence[Any], size: int
) -> list[Record[Shipment]]:
    """Return shipments from or to a place that are not received yet, oldest first."""
    content = record.c.content
    statement = select(record).where(
        record.c.kind == SHIPMENT.name,
        record.c.state != "received",
        or_(content["from_id"].astext == place_id, content["to_id"].astext == place_id),
    )
    return [record_of(row, SHIPMENT) for row in _page(connection, statement, after, size)]


def steps_of(connection: Connection, kind: Kind[C], job_id: str) -> list[Record[C]]:
    """Return the records of one kind about a job, oldest first."""
    rows = connection.execute(
        select(record)
        .where(record.c.kind == kind.name, record.c.content["job_id"].astext == job_id)
        .order_by(record.c.recorded_at, record.c.id)
    ).mappings()
    return [record_of(row, kind) for row in rows]


def _jobs() -> Select[Any]:
    return select(record).where(record.c.kind == JOB.name)


def _page(
    connection: Connection, statement: Select[Any], after: Sequence[Any], size: int
) -> list[Any]:
    if after:
        place = tuple_(record.c.recorded_at, record.c.id)
        statement = statement.where(place > tuple(after))
    ordered = statement.order_by(record.c.recorded_at, record.c.id).limit(size)
    return list(connection.execute(ordered).mappings())
