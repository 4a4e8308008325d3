"""Which reviews and issues wait for whom: for a role at its branch, for a person, overdue; and
those of a case."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select, tuple_

from chassis import clock
from chassis.actor import Actor, Scope
from chassis.errors import Unknown
from chassis.ids import as_uuid, prefix_of
from chassis.pages import Page, position
from chassis.records.envelope import Record
from chassis.records.issues import Issue
from chassis.records.queries import record_at
from chassis.records.reviews import Review
from chassis.records.rows import record_of
from chassis.records.tables import issue as issue_table
from chassis.records.tables import record as record_table
from chassis.records.tables import review as review_table


class Worklist(StrEnum):
    """Which of them somebody asks for; without one, all that wait for the roles at the branch."""

    MINE = "mine"
    OVERDUE = "overdue"


def review(connection: Connection, review_id: str) -> Record[Review]:
    """Return a review. Raises Unknown."""
    return _one(connection, review_id, "review")


def issue(connection: Connection, issue_id: str) -> Record[Issue]:
    """Return an issue. Raises Unknown."""
    return _one(connection, issue_id, "issue")


def _one(connection: Connection, record_id: str, what: str) -> Record[Any]:
    if not prefix_of(record_id).endswith(f"_{what}"):
        raise Unknown(f"{record_id} is no {what}", id=record_id)
    return record_at(connection, record_id)


def reviews(
    connection: Connection,
    actor: Actor,
    worklist: Worklist | None,
    *,
    page_size: int,
    page_token: str,
) -> Page[Record[Review]]:
    """Return open reviews that wait for somebody, due first."""
    return _waiting(connection, review_table, actor, worklist, page_size, page_token)


def issues(
    connection: Connection,
    actor: Actor,
    worklist: Worklist | None,
    *,
    page_size: int,
    page_token: str,
) -> Page[Record[Issue]]:
    """Return open issues that wait for somebody, due first."""
    return _waiting(connection, issue_table, actor, worklist, page_size, page_token)


def _waiting(
    connection: Connection,
    waiting: Table,
    actor: Actor,
    worklist: Worklist | None,
    page_size: int,
    page_token: str,
) -> Page[Record[Any]]:
    table = waiting.c
    statement = (
        select(record_table)
        .join(waiting, table.id == record_table.c.id)
        .where(
            table.closed_at.is_(None),
            record_table.c.drill == actor.drill,
            *_meant(waiting, actor, worklist),
        )
        .order_by(table.due_at, table.id)
        .limit(page_size + 1)
    )
    key = position(page_token, datetime.fromisoformat, as_uuid)
    if key:
        statement = statement.where(tuple_(table.due_at, table.id) > tuple(key))
    found: list[Record[Any]] = [record_of(row) for row in connection.execute(statement).mappings()]
    return Page.of(found, page_size, key=lambda one: (one.content.due_at.isoformat(), one.id))


def reviews_of_case(connection: Connection, case_id: str) -> list[Record[Review]]:
    """Return the reviews of a case in the order they were opened, closed ones among them."""
    return _of_case(connection, review_table, case_id)


def issues_of_case(connection: Connection, case_id: str) -> list[Record[Issue]]:
    """Return the issues of a case in the order they were opened, closed ones among them."""
    return _of_case(connection, issue_table, case_id)


def _of_case(connection: Connection, waiting: Table, case_id: str) -> list[Record[Any]]:
    rows = connection.execute(
        select(record_table)
        .join(waiting, waiting.c.id == record_table.c.id)
        .where(record_table.c.case_id == case_id)
        .order_by(record_table.c.recorded_at, record_table.c.id)
    ).mappings()
    return [record_of(row) for row in rows]


def _meant(waiting: Table, actor: Actor, worklist: Worklist | None) -> list[ColumnElement[bool]]:
    table = waiting.c
    if worklist is Worklist.MINE:
        return [table.owner == actor.id]
    meant: list[ColumnElement[bool]] = [table.responsible_role.in_(sorted(actor.roles))]
    if actor.scope is Scope.OWN_BRANCH:
        meant.append(table.held_at_id == actor.branch_id)
    if worklist is Worklist.OVERDUE:
        meant.append(table.due_at < clock.now())
    return meant
