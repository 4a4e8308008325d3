"""Reviews and issues whose time is over are brought one role up, visibly, by the clock."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, select

from chassis.db import UnitOfWork
from chassis.records import worklist_rows
from chassis.records.envelope import Record
from chassis.records.issues import IssuePolicy
from chassis.records.review_policy import ReviewPolicy
from chassis.records.reviews import Review
from chassis.records.rows import record_of
from chassis.records.tables import issue, record, review

_CLAIMED_AT_ONCE = 50


def escalate_due(work: UnitOfWork) -> bool:
    """Bring what is overdue one role up; true when more may be due."""
    more = [_escalate_in(work, table) for table in (review, issue)]
    return any(more)


def _escalate_in(work: UnitOfWork, table: Table) -> bool:
    due = (
        select(record)
        .join(table, table.c.id == record.c.id)
        .where(table.c.closed_at.is_(None), table.c.due_at < work.at)
        .order_by(table.c.due_at, table.c.id)
        .limit(_CLAIMED_AT_ONCE)
        .with_for_update(skip_locked=True, of=table)
    )
    claimed: list[Record[Any]] = [record_of(row) for row in work.connection.execute(due).mappings()]
    for one in claimed:
        _escalate(work, table, one)
    return len(claimed) == _CLAIMED_AT_ONCE


def _escalate(work: UnitOfWork, table: Table, late: Record[Any]) -> None:
    role = late.responsible_role
    assert role is not None
    policy = ReviewPolicy.in_force(work.connection, work.at)
    up = policy.next_up(role)
    passed = (*late.content.escalated_from, role) if up else late.content.escalated_from
    escalated = work.records.move(
        late,
        "escalate",
        responsible_role=up or role,
        owner="" if up else late.owner,
        due_at=work.at + _patience(work, policy, late),
        escalated_from=passed,
        reason_code="OVERDUE",
    )
    worklist_rows.follow(work.records, table, late, escalated)


def _patience(work: UnitOfWork, policy: ReviewPolicy, late: Record[Any]) -> Any:
    content = late.content
    if isinstance(content, Review):
        return policy.due_in(content.holder_kind)
    return IssuePolicy.in_force(work.connection, work.at).due_in(content.type)
