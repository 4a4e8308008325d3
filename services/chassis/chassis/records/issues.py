"""An issue: something off plan, with an owner, a time and a typed condition that ends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Connection

from chassis.errors import NotPermitted, Refused, invalid
from chassis.records.conditions import TOO_WEAK, Condition, ConditionType, Finding
from chassis.records.envelope import Record
from chassis.records.kinds import Kind, Transitions, moves
from chassis.roles import Role
from chassis.rules import in_force

OPEN, CLOSED = "open", "closed"


class ConditionUnmet(Refused):
    """The closure condition does not hold in the live records. `missing` names what is missing."""

    reason = "CONDITION_UNMET"


class NotTheOwner(NotPermitted):
    """The issue is for somebody else."""

    reason = "NOT_THE_OWNER"


class LinkKind(StrEnum):
    """What something is to an issue."""

    PERSON = "person"
    RECORD = "record"
    RESOURCE = "resource"
    APPROVAL = "approval"
    MONEY = "money"


@dataclass(frozen=True, kw_only=True)
class Link:
    """One thing that an issue is linked to, at the version that was seen."""

    kind: LinkKind
    record_id: str
    record_kind: str
    version: int = 0


def linked(kind: LinkKind, record: Record[Any]) -> Link:
    """Link a record of this service as it stands."""
    return Link(
        kind=kind, record_id=record.id, record_kind=record.kind.name, version=record.version
    )


@dataclass(frozen=True, kw_only=True)
class Issue:
    """What went off plan, what it is linked to, and what must be true before it is closed."""

    type: str
    summary: str
    condition: Condition
    links: tuple[Link, ...] = ()

    due_at: datetime
    escalated_from: tuple[Role, ...] = ()
    outcome: str = ""
    findings: tuple[Finding, ...] = ()


@cache
def issue_kind(service: str) -> Kind[Issue]:
    """Return the kind of a service's issues; declared with the first call."""
    return Kind(
        f"{service}.issue",
        f"{service}_issue",
        Issue,
        Transitions(
            OPEN,
            moves(
                add={OPEN: OPEN},
                assign={OPEN: OPEN},
                escalate={OPEN: OPEN},
                close={OPEN: CLOSED},
            ),
        ),
        progress=frozenset({"links", "due_at", "escalated_from", "outcome", "findings"}),
        readers=frozenset(Role),
    )


@dataclass(frozen=True)
class IssuePolicy:
    """One edition of the rule data of issues: by type whom it is brought to, by when, and what its
    condition must ask."""

    types: Mapping[str, Any]

    @classmethod
    def in_force(cls, connection: Connection, at: datetime) -> IssuePolicy:
        """Return the edition in force. Raises NoRuleInForce."""
        return cls(in_force(connection, "issue_types", at.date()).body["types"])

    def require(self, type: str, condition: Condition) -> None:
        """Refuse a type that is no rule, and a condition that asks less than its type demands.
        Raises Invalid (ISSUE_TYPE_UNKNOWN, CONDITION_TOO_WEAK)."""
        if type not in self.types:
            known = ", ".join(self.types)
            raise invalid("type", "type", f"must be one of {known}", reason="ISSUE_TYPE_UNKNOWN")
        demanded = set(map(ConditionType, self.types[type]["demands"]))
        lacking = ", ".join(sorted(demanded - condition.certain()))
        if lacking:
            text = f"of {type} must ask {lacking}, whatever else"
            raise invalid("condition", "condition", text, reason=TOO_WEAK)

    def role_of(self, type: str) -> Role:
        """Return the role that an issue of the type is brought to."""
        return Role(self.types[type]["responsible_role"])

    def due_in(self, type: str) -> timedelta:
        """Return the time in which an issue of the type should be closed."""
        return timedelta(minutes=self.types[type]["due_minutes"])
