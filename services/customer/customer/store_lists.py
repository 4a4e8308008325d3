"""Customer's SQL of lists: messages, follow-ups, suspected duplicates, imports and reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, or_, select, tuple_

from chassis.records.envelope import Record
from chassis.records.rows import record_of
from chassis.records.tables import record
from customer.duplicate import DUPLICATE, Duplicate
from customer.follow_up import FOLLOW_UP, FollowUp
from customer.import_batch import IMPORT_BATCH, ImportOutcome, ImportRow
from customer.message import MESSAGE, Message
from customer.tables import import_row


def messages(
    connection: Connection,
    customer_ids: Sequence[str],
    order_id: str,
    after: Sequence[Any],
    size: int,
) -> list[Record[Message]]:
    """Return messages of a person, newest first."""
    order = tuple_(record.c.recorded_at, record.c.id)
    statement = (
        select(record)
        .where(record.c.kind == MESSAGE.name, record.c.customer_id.in_(list(customer_ids)))
        .order_by(record.c.recorded_at.desc(), record.c.id.desc())
        .limit(size)
    )
    if order_id:
        statement = statement.where(record.c.content["order_id"].astext == order_id)
    if after:
        statement = statement.where(order < tuple(after))
    return [record_of(row, MESSAGE) for row in connection.execute(statement).mappings()]


def is_informed(
    connection: Connection, customer_ids: Sequence[str], case_id: str, since: datetime
) -> bool:
    """Tell whether a message of a person was recorded since a moment, in a case if one is named."""
    told = select(record.c.id).where(
        record.c.kind == MESSAGE.name,
        record.c.customer_id.in_(list(customer_ids)),
        record.c.recorded_at >= since,
    )
    if case_id:
        told = told.where(record.c.case_id == case_id)
    return connection.execute(told.limit(1)).first() is not None


def follow_ups_due(
    connection: Connection,
    branch_id: str,
    due_by: date | None,
    after: Sequence[Any],
    size: int,
) -> list[Record[FollowUp]]:
    """Return the planned follow-ups of a branch up to a day, earliest first."""
    due_on = record.c.content["due_on"].astext
    statement = select(record).where(
        record.c.kind == FOLLOW_UP.name,
        record.c.state == "planned",
        record.c.held_at_id == branch_id,
    )
    if due_by is not None:
        statement = statement.where(due_on <= due_by.isoformat())
    return _by_due_day(connection, statement, after, size)


def follow_ups_of_order(
    connection: Connection, branch_id: str, order_id: str, after: Sequence[Any], size: int
) -> list[Record[FollowUp]]:
    """Return the follow-ups of an order that were planned or wait at a branch, earliest first."""
    statement = select(record).where(
        record.c.kind == FOLLOW_UP.name,
        record.c.content["order_id"].astext == order_id,
        or_(record.c.branch_id == branch_id, record.c.held_at_id == branch_id),
    )
    return _by_due_day(connection, statement, after, size)


def has_open_follow_up(connection: Connection, order_id: str) -> bool:
    """Tell whether an order has a follow-up that is still to be made."""
    statement = select(record.c.id).where(
        record.c.kind == FOLLOW_UP.name,
        record.c.content["order_id"].astext == order_id,
        record.c.state == "planned",
    )
    return connection.execute(statement.limit(1)).first() is not None


def _by_due_day(
    connection: Connection, statement: Select[Any], after: Sequence[Any], size: int
) -> list[Record[FollowUp]]:
    due_on = record.c.content["due_on"].astext
    if after:
        statement = statement.where(tuple_(due_on, record.c.id) > tuple(after))
    rows = connection.execute(statement.order_by(due_on, record.c.id).limit(size)).mappings()
    return [record_of(row, FOLLOW_UP) for row in rows]


def duplicates_waiting(
    connection: Connection, branch_id: str, after: Sequence[Any], size: int
) -> list[Record[Duplicate]]:
    """Return the suspected duplicates that wait at a branch, longest waiting first."""
    statement = select(record).where(
        record.c.kind == DUPLICATE.name,
        record.c.state == "suspected",
        record.c.held_at_id == branch_id,
    )
    if after:
        order = tuple_(record.c.recorded_at, record.c.id)
        statement = statement.where(order > tuple(after))
    ordered = statement.order_by(record.c.recorded_at, record.c.id).limit(size)
    return [record_of(row, DUPLICATE) for row in connection.execute(ordered).mappings()]


def is_imported(connection: Connection, sha256: str) -> bool:
    """Tell whether a file of these bytes went in, or is going in; dry and failed runs do not
    count."""
    statement = select(record.c.id).where(
        record.c.kind == IMPORT_BATCH.name,
        record.c.evidence[0]["sha256"].astext == sha256,
        record.c.state != "failed",
        record.c.content["dry_run"].as_boolean().is_(False),
    )
    return connection.execute(statement.limit(1)).first() is not None


def taken_in(connection: Connection, sha256: str, lines: Sequence[int]) -> dict[int, str]:
    """Return by line whom failed imports of a file of these bytes took in."""
    columns = import_row.c
    failed = select(record.c.id).where(
        record.c.kind == IMPORT_BATCH.name,
        record.c.evidence[0]["sha256"].astext == sha256,
        record.c.state == "failed",
        record.c.content["dry_run"].as_boolean().is_(False),
    )
    statement = select(columns.line, columns.customer_id).where(
        columns.import_id.in_(failed),
        columns.line.in_(lines),
        columns.customer_id.is_not(None),
    )
    return {row.line: row.customer_id for row in connection.execute(statement)}


def add_rows(connection: Connection, import_id: str, rows: Sequence[ImportRow]) -> None:
    """Add rows to the report of an import."""
    if rows:
        values = [{**asdict(row), "import_id": import_id} for row in rows]
        connection.execute(insert(import_row), values)


def rows_page(
    connection: Connection,
    import_id: str,
    outcome: ImportOutcome | None,
    after_line: int,
    size: int,
) -> list[ImportRow]:
    """Return rows of a report by line."""
    columns = import_row.c
    statement = (
        select(import_row)
        .where(columns.import_id == import_id, columns.line > after_line)
        .order_by(columns.line)
        .limit(size)
    )
    if outcome is not None:
        statement = statement.where(columns.outcome == outcome)
    return [
        ImportRow(
            line=row["line"],
            outcome=ImportOutcome(row["outcome"]),
            customer_id=row["customer_id"] or "",
            field=row["field"],
            reason=row["reason"],
            text=row["text"],
            duplicate_of_id=row["duplicate_of_id"] or "",
        )
        for row in connection.execute(statement).mappings()
    ]


def keys_seen(connection: Connection, import_id: str, keys: Sequence[bytes]) -> set[bytes]:
    """Return which of these keys earlier rows of a dry run have."""
    columns = import_row.c
    by_name = select(columns.name_key).where(
        columns.import_id == import_id, columns.name_key.in_(list(keys))
    )
    by_birthday = select(columns.birthday_key).where(
        columns.import_id == import_id, columns.birthday_key.in_(list(keys))
    )
    return {bytes(row[0]) for row in connection.execute(by_name.union_all(by_birthday))}
