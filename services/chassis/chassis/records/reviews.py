"""A review: the question that a change asks of whoever relied on what it changed. It has an owner
and a time, and ends by a decision on the version that was judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache

from chassis.errors import NotPermitted, Outdated, Refused
from chassis.records.changes import ChangeKind
from chassis.records.kinds import Kind, Transitions, moves
from chassis.roles import Role

CLOSED = "closed"


class Decision(StrEnum):
    """What to do about a change: take the new version, stay with the old one, mend what was made of
    it, or give it up."""

    ADOPT = "adopt"
    KEEP = "keep"
    REWORK = "rework"
    CANCEL = "cancel"


class ReviewOpen(Refused):
    """A review of the record waits for its decision: no gate of it passes. `missing` names each."""

    reason = "REVIEW_OPEN"


class ReviewClosed(Refused):
    """The review was decided, and what was decided is done."""

    reason = "REVIEW_CLOSED"


class DecisionNotAllowed(Refused):
    """The record that holds the pin cannot be dealt with like that."""

    reason = "DECISION_NOT_ALLOWED"


class DecisionIncomplete(Refused):
    """The decision demands something that was not given. `missing` names each."""

    reason = "DECISION_INCOMPLETE"


class NotTheReviewer(NotPermitted):
    """The review is for somebody in another role."""

    reason = "NOT_THE_REVIEWER"


class JudgedVersionOutdated(Outdated):
    """The record has moved on from the version that was judged: look again."""

    reason = "JUDGED_VERSION_OUTDATED"


@dataclass(frozen=True, kw_only=True)
class Review:
    """What changed under which holder, and what was decided. Names of fields only: their values are
    read live, by those who may.

    `version` is where the changed record stood after the change, `is_void` that nobody may rely on
    it any more. `to_redo` is what must be done again before a decision to adopt or rework ends.
    """

    holder_id: str
    holder_kind: str
    record_id: str
    record_kind: str
    version: int
    is_void: bool
    what: ChangeKind
    fields: tuple[str, ...]
    changed_at: datetime
    successor_id: str = ""
    gate: str = ""
    allowed: tuple[Decision, ...]

    due_at: datetime
    escalated_from: tuple[Role, ...] = ()
    decision: Decision | None = None
    judged_version: int = 0
    reason: str = ""
    decided_by: str = ""
    decided_at: datetime | None = None
    to_redo: tuple[str, ...] = ()


_PROGRESS = frozenset(
    {
        "due_at",
        "escalated_from",
        "decision",
        "judged_version",
        "reason",
        "decided_by",
        "decided_at",
        "to_redo",
    }
)
_OPEN = ("open", "awaiting_approval", "being_redone")


@cache
def review_kind(service: str) -> Kind[Review]:
    """Return the kind of a service's reviews; declared with the first call."""
    return Kind(
        f"{service}.review",
        f"{service}_review",
        Review,
        Transitions(
            "open",
            moves(
                propose=dict.fromkeys(("open", "being_redone"), "awaiting_approval"),
                decide=dict.fromkeys(_OPEN, "being_redone"),
                escalate={state: state for state in _OPEN},
                close=dict.fromkeys(_OPEN, CLOSED),
            ),
        ),
        progress=_PROGRESS,
        readers=frozenset(Role),
    )
