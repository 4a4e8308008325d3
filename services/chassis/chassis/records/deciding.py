"""Deciding a review: who may, what the decision demands, and what comes of it.

A decision names the version it judged and is refused when the record has moved on. That an older
version stays takes two people: one who asks, and another in a role that may agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, literal, or_

from chassis.actor import Actor
from chassis.db import UnitOfWork
from chassis.ids import as_uuid
from chassis.records import holdings, worklist_rows
from chassis.records.duties import duties
from chassis.records.envelope import Approval, ApprovalStatus, Record
from chassis.records.gates import Comparison
from chassis.records.kinds import kind_named, kind_of
from chassis.records.pins import Pin
from chassis.records.review_policy import ReviewPolicy
from chassis.records.reviewing import close, open_reviews
from chassis.records.reviews import (
    Decision,
    DecisionIncomplete,
    DecisionNotAllowed,
    JudgedVersionOutdated,
    NotTheReviewer,
    Review,
    ReviewClosed,
)
from chassis.records.tables import review as review_table

CarryOut = Callable[[UnitOfWork, Record[Any], Record[Review]], Sequence[str]]
"""What a service does about a record when it is decided to rework or cancel it; returns what people
must still do before the review ends."""

Consequences = Mapping[tuple[str, Decision], CarryOut]
"""What a service does, by kind of holder and decision."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A review about to be decided: the pin it is about, as it must be asked of its owner."""

    review: Record[Review]
    pin: Pin


def judged(connection: Connection, review: Record[Review]) -> Judged:
    """Return the review with the holder's pin. Raises ReviewClosed."""
    pins = {p.record_id: p for p in holdings.pins_of(connection, review.content.holder_id)}
    pin = pins.get(review.content.record_id)
    if pin is None or review.state == "closed":
        raise ReviewClosed("the review is closed", id=review.id)
    return Judged(review=review, pin=pin)


def decide(
    work: UnitOfWork,
    *,
    review_id: str,
    revision: int,
    decision: Decision,
    judged_version: int,
    reason: str,
    object_keys: tuple[str, ...],
    live: Comparison,
    consequences: Consequences,
) -> Record[Review]:
    """Decide a review on the version that was judged.

    Raises ReviewClosed, NotTheReviewer, DutiesNotSeparate, DecisionNotAllowed, DecisionIncomplete,
    JudgedVersionOutdated, and what the consequence refuses with.
    """
    review = work.records.get(kind_of(review_id), review_id, revision=revision)
    if review.state == "closed":
        raise ReviewClosed("the review is closed", id=review.id)
    policy = ReviewPolicy.in_force(work.connection, work.at)
    _require_reviewer(review, work.actor, policy, decision)
    _require_complete(review.content, policy, decision, reason, object_keys)
    _require_live(review.content, judged_version, live)
    said = {
        "decision": decision,
        "judged_version": judged_version,
        "reason": reason,
        "decided_by": work.actor.id,
        "decided_at": work.at,
        "evidence": work.records.evidence(object_keys),
    }
    if decision is Decision.KEEP:
        return _keep(work, review, policy, said)
    return _go_on(work, review, decision, said, consequences)


def _require_reviewer(
    review: Record[Review], actor: Actor, policy: ReviewPolicy, decision: Decision
) -> None:
    asked = {review.responsible_role, *review.content.escalated_from}
    may = asked | {policy.delegate_of(role) for role in asked if role}
    roles = actor.roles | {actor.role}
    agrees = decision is Decision.KEEP and any(policy.approves_keep(role) for role in roles)
    if not (roles & may) and not agrees:
        raise NotTheReviewer(f"this is for {review.responsible_role}", id=review.id)


def _require_complete(
    review: Review,
    policy: ReviewPolicy,
    decision: Decision,
    reason: str,
    object_keys: Sequence[str],
) -> None:
    if decision not in review.allowed:
        allowed = ", ".join(review.allowed)
        raise DecisionNotAllowed(f"possible are {allowed}", decision=decision)
    demands = policy.demands(decision)
    missing = ["the reason in words"] if "reason" in demands and not reason.strip() else []
    if "object" in demands and not object_keys:
        missing.append("evidence of it")
    if missing:
        raise DecisionIncomplete(f"to {decision} demands more", missing=missing)


def _require_live(review: Review, judged_version: int, live: Comparison) -> None:
    version = live.live.get(review.record_id, 0)
    is_void = review.record_id in live.void
    if (version, is_void) != (judged_version, review.is_void):
        raise JudgedVersionOutdated(
            f"{review.record_id} stands at version {version}", live_version=version
        )


def _keep(
    work: UnitOfWork, review: Record[Review], policy: ReviewPolicy, said: dict[str, Any]
) -> Record[Review]:
    """Ask that the older version stays, or agree to it as somebody else."""
    if review.state != "awaiting_approval":
        return _propose(work, review=review, policy=policy, said=said)
    return _agree(work, review=review, review_id=review.id, policy=policy, said=said)


@duties("requester")
def _propose(
    work: UnitOfWork, *, review: Record[Review], policy: ReviewPolicy, said: dict[str, Any]
) -> Record[Review]:
    role = review.responsible_role
    approver = (policy.next_up(role) if role else None) or role
    proposed = work.records.move(
        review,
        "propose",
        responsible_role=approver,
        owner="",
        approval=Approval(status=ApprovalStatus.PENDING),
        **said,
    )
    worklist_rows.follow(work.records, review_table, review, proposed)
    return proposed


@duties("approver", on="review_id")
def _agree(
    work: UnitOfWork,
    *,
    review: Record[Review],
    review_id: str,
    policy: ReviewPolicy,
    said: dict[str, Any],
) -> Record[Review]:
    if not any(policy.approves_keep(role) for role in work.actor.roles | {work.actor.role}):
        raise NotTheReviewer("only a higher role may agree", id=review_id)
    agreed = Approval(
        status=ApprovalStatus.APPROVED,
        decided_by=work.actor.id,
        decided_at=work.at,
        reason=said["reason"],
    )
    return _settled(work, review, judged_version=said["judged_version"], approval=agreed)


def _go_on(
    work: UnitOfWork,
    review: Record[Review],
    decision: Decision,
    said: dict[str, Any],
    consequences: Consequences,
) -> Record[Review]:
    content = review.content
    kind = kind_named(content.holder_kind)
    holder = work.records.find(kind, content.holder_id)
    reviewed = kind.reviewed
    assert reviewed is not None
    to_redo: Sequence[str] = reviewed.redo
    if decision is not Decision.ADOPT:
        to_redo = consequences[kind.name, decision](work, holder, review)
    elif not to_redo:
        return _settled(work, review, **said)
    return work.records.move(review, "decide", to_redo=tuple(to_redo), **said)


def _settled(
    work: UnitOfWork, review: Record[Review], *, judged_version: int, **said: Any
) -> Record[Review]:
    """Settle the pin at the version judged, and end every review that this answers."""
    content = review.content
    holdings.settle_judged(
        work.connection,
        content.holder_id,
        content.record_id,
        judged_version,
        is_void=content.is_void,
        by=work.actor.id,
    )
    table = review_table.c
    answered = open_reviews(
        work.connection,
        table.holder_id == as_uuid(content.holder_id),
        table.record_id == content.record_id,
        table.version <= judged_version,
        # The end of a record counts no version: who judged what came before has not judged it.
        or_(~table.is_void, table.version < judged_version, literal(content.is_void)),
        table.id != as_uuid(review.id),
    )
    for other in answered:
        close(work.records, other, decision=said.get("decision") or content.decision)
    return close(work.records, review, reason_code="SETTLED", judged_version=judged_version, **said)
