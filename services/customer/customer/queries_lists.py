"""Lists customer is asked for, each by page: messages, follow-ups, duplicates, imports."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from chassis.db import Reading
from chassis.ids import as_uuid
from chassis.pages import Page, position, size_of
from chassis.records.book import WrongBranch
from chassis.records.conditions import Asked, ConditionType, Finding, answers, found
from chassis.records.envelope import Record
from chassis.records.queries import record_at
from customer import store, store_lists
from customer.import_batch import ImportOutcome


def list_messages(
    reading: Reading, *, customer_id: str, order_id: str, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of a person's messages, newest first. Raises Unknown."""
    connection, size = reading.connection, size_of(page_size)
    ids = store.ids_of(connection, [store.living(connection, customer_id)])
    found = store_lists.messages(connection, ids, order_id, _moment(page_token), size + 1)
    page = Page.of(found, size, key=_recorded)
    return {"messages": page.rows, "next_page_token": page.next_page_token}


@answers(ConditionType.CUSTOMER_INFORMED)
def customer_informed(connection: Connection, asked: Asked) -> Finding:
    """Tell whether a person was told something in a case since an issue was opened, or wanted to be
    told nothing. Raises Unknown."""
    customer_id = store.living(connection, asked.condition.record_id)
    ids = store.ids_of(connection, [customer_id])
    told = store_lists.is_informed(connection, ids, asked.case_id, asked.opened_at)
    since = asked.opened_at.isoformat(timespec="seconds")
    text = f"{customer_id} was told nothing about it since {since}"
    return found(asked, record_at(connection, customer_id), "" if told else text)


def list_follow_ups(
    reading: Reading, *, due_by: date | None, order_id: str, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of the branch's planned follow-ups, or of all those of one order."""
    connection, size, branch_id = reading.connection, size_of(page_size), reading.actor.branch_id
    key = position(page_token, str, as_uuid)
    if order_id:
        found = store_lists.follow_ups_of_order(connection, branch_id, order_id, key, size + 1)
    else:
        found = store_lists.follow_ups_due(connection, branch_id, due_by, key, size + 1)
    page = Page.of(found, size, key=lambda one: (one.content.due_on.isoformat(), one.id))
    return {"follow_ups": page.rows, "next_page_token": page.next_page_token}


def list_duplicates(reading: Reading, *, page_size: int, page_token: str) -> dict[str, Any]:
    """Return a page of the suspected duplicates that wait at the caller's branch."""
    size = size_of(page_size)
    found = store_lists.duplicates_waiting(
        reading.connection, reading.actor.branch_id, _moment(page_token), size + 1
    )
    page = Page.of(found, size, key=_recorded)
    return {"duplicates": page.rows, "next_page_token": page.next_page_token}


def get_import(reading: Reading, *, import_id: str) -> Record[Any]:
    """Return an import with its progress. Raises Unknown, WrongBranch."""
    batch = record_at(reading.connection, import_id)
    if not reading.actor.reaches(batch.branch_id, batch.held_at_id):
        raise WrongBranch(f"{import_id} belongs to another branch", id=import_id)
    return batch


def list_import_rows(
    reading: Reading,
    *,
    import_id: str,
    outcome: ImportOutcome | None,
    page_size: int,
    page_token: str,
) -> dict[str, Any]:
    """Return a page of the report of an import, by line. Raises Unknown, WrongBranch."""
    get_import(reading, import_id=import_id)
    size = size_of(page_size)
    key = position(page_token, int)
    found = store_lists.rows_page(
        reading.connection, import_id, outcome, key[0] if key else 0, size + 1
    )
    page = Page.of(found, size, key=lambda one: [str(one.line)])
    return {"rows": page.rows, "next_page_token": page.next_page_token}


def _recorded(one: Record[Any]) -> tuple[str, str]:
    return one.recorded_at.isoformat(), one.id


def _moment(page_token: str) -> list[Any]:
    return position(page_token, datetime.fromisoformat, as_uuid)
