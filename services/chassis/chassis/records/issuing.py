"""Issues opened, added to, brought to others, and closed when their condition holds; once for every
service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chassis.actor import Actor
from chassis.db import UnitOfWork
from chassis.ids import new_id
from chassis.records import worklist_rows
from chassis.records.conditions import Condition, Finding, check_shape, holds
from chassis.records.envelope import Evidence, Record, Source
from chassis.records.issues import (
    ConditionUnmet,
    Issue,
    IssuePolicy,
    Link,
    NotTheOwner,
    issue_kind,
)
from chassis.records.kinds import Kind, MoveForbidden, kind_of
from chassis.records.review_policy import ReviewPolicy
from chassis.records.tables import issue as issue_table
from chassis.roles import Role


def open_issue(
    work: UnitOfWork,
    *,
    service: str,
    type: str,
    summary: str,
    condition: Condition,
    links: tuple[Link, ...] = (),
    customer_id: str = "",
    case_id: str = "",
    branch_id: str = "",
    owner: str = "",
    object_keys: tuple[str, ...] = (),
    source: Source | None = None,
    drill: str = "",
) -> Record[Issue]:
    """Open an issue for the role its type names, at the branch; `drill` is that of what it is
    about, where the clock opens it. Raises Invalid (ISSUE_TYPE_UNKNOWN,
    CONDITION_MALFORMED, CONDITION_TOO_WEAK), EvidenceUnconfirmed."""
    policy = IssuePolicy.in_force(work.connection, work.at)
    check_shape(condition)
    policy.require(type, condition)
    kind = issue_kind(service)
    issue_id = new_id(kind.prefix)
    opened = work.records.add(
        kind,
        Issue(
            type=type,
            summary=summary,
            condition=_about(condition, issue_id, kind),
            links=links,
            due_at=work.at + policy.due_in(type),
        ),
        id=issue_id,
        customer_id=customer_id,
        case_id=case_id,
        branch_id=branch_id,
        responsible_role=policy.role_of(type),
        owner=owner,
        source=source,
        evidence=work.records.evidence(object_keys) if object_keys else (),
        closes_when=condition.in_words(),
        drill=drill,
    )
    worklist_rows.enter(work.records, issue_table, opened)
    return opened


def add_to_issue(
    work: UnitOfWork,
    *,
    issue_id: str,
    revision: int,
    links: tuple[Link, ...],
    object_keys: tuple[str, ...],
) -> Record[Issue]:
    """Add links and evidence. Raises Unknown, Outdated, MoveForbidden, EvidenceUnconfirmed."""
    issue = work.records.get(_kind_of(issue_id), issue_id, revision=revision)
    linked = (*issue.content.links, *links)
    return work.records.move(issue, "add", links=linked, evidence=_evidence(work, object_keys))


def assign_issue(
    work: UnitOfWork,
    *,
    issue_id: str,
    revision: int,
    responsible_role: Role,
    owner: str,
    reason: str,
) -> Record[Issue]:
    """Bring an issue to another role or person. Raises Unknown, Outdated, MoveForbidden."""
    issue = work.records.get(_kind_of(issue_id), issue_id, revision=revision)
    assigned = work.records.move(
        issue, "assign", responsible_role=responsible_role, owner=owner, reason=reason
    )
    worklist_rows.follow(work.records, issue_table, issue, assigned)
    return assigned


def amend_issue_condition(
    work: UnitOfWork, *, issue_id: str, revision: int, condition: Condition, reason: str
) -> Record[Issue]:
    """Correct what must be true before an issue is closed. Raises Unknown, Outdated,
    NothingChanged, MoveForbidden, Invalid (CONDITION_MALFORMED, CONDITION_TOO_WEAK)."""
    kind = _kind_of(issue_id)
    issue = work.records.get(kind, issue_id, revision=revision)
    _require_open(issue)
    check_shape(condition)
    IssuePolicy.in_force(work.connection, work.at).require(issue.content.type, condition)
    return work.records.amend(
        issue,
        reason_code="CONDITION_CORRECTED",
        reason=reason,
        closes_when=condition.in_words(),
        condition=_about(condition, issue.id, kind),
    )


def close_issue(
    work: UnitOfWork,
    *,
    issue_id: str,
    revision: int,
    outcome: str,
    findings: tuple[Finding, ...],
) -> Record[Issue]:
    """Close an issue by what was just found in the live records, and keep that. Raises Unknown,
    Outdated, MoveForbidden, NotTheOwner, ConditionUnmet."""
    issue = work.records.get(_kind_of(issue_id), issue_id, revision=revision)
    _require_open(issue)
    _require_owner(issue, work.actor, ReviewPolicy.in_force(work.connection, work.at))
    if not holds(issue.content.condition, iter(findings)):
        missing = [one.missing for one in findings if not one.holds]
        raise ConditionUnmet("the issue may not be closed yet", missing=missing, id=issue.id)
    closed = work.records.move(
        issue,
        "close",
        nobody_next=True,
        closed=True,
        outcome=outcome,
        findings=findings,
    )
    worklist_rows.follow(work.records, issue_table, issue, closed, closed_at=work.at)
    return closed


def _kind_of(issue_id: str) -> Kind[Issue]:
    kind: Kind[Any] = kind_of(issue_id)
    return issue_kind(kind.owner)


def _about(condition: Condition, issue_id: str, kind: Kind[Issue]) -> Condition:
    """Let a question about nothing be one about the issue itself."""
    if condition.conditions:
        inside = tuple(_about(one, issue_id, kind) for one in condition.conditions)
        return replace(condition, conditions=inside)
    if condition.record_id:
        return condition
    return replace(condition, record_id=issue_id, record_kind=kind.name)


def _evidence(work: UnitOfWork, object_keys: Sequence[str]) -> tuple[Evidence, ...]:
    return work.records.evidence(object_keys) if object_keys else ()


def _require_open(issue: Record[Issue]) -> None:
    if issue.responsible_role is None:
        raise MoveForbidden(f"{issue.id} is closed", state=issue.state)


def _require_owner(issue: Record[Issue], actor: Actor, policy: ReviewPolicy) -> None:
    asked = {issue.responsible_role, *issue.content.escalated_from}
    may = asked | {policy.delegate_of(role) for role in asked if role}
    if actor.id != issue.owner and not may & (actor.roles | {actor.role}):
        raise NotTheOwner(f"this is for {issue.responsible_role}", id=issue.id)
