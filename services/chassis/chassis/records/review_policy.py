"""The policy of reviews, as rule data: how long a decision may take, who stands in for whom, whom a
late one is brought to, and what each decision demands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from chassis.records.reviews import Decision
from chassis.roles import Role
from chassis.rules import in_force


@dataclass(frozen=True)
class ReviewPolicy:
    """One edition of the policy."""

    body: Mapping[str, Any]

    @classmethod
    def in_force(cls, connection: Connection, at: datetime) -> ReviewPolicy:
        """Return the edition in force. Raises NoRuleInForce."""
        return cls(in_force(connection, "review_policy", at.date()).body)

    def due_in(self, holder_kind: str) -> timedelta:
        """Return the time in which a review of such a record should be decided."""
        minutes = self.body["due_minutes"]
        return timedelta(minutes=minutes.get(holder_kind, minutes["usual"]))

    def delegate_of(self, role: Role) -> Role | None:
        """Return the role that may decide for an absent owner."""
        return _role(self.body["delegate"].get(role))

    def next_up(self, role: Role) -> Role | None:
        """Return the role that a late review is brought to."""
        return _role(self.body["escalates_to"].get(role))

    def approves_keep(self, role: Role) -> bool:
        """Tell whether the role may agree that an older version stays."""
        return role in self.body["approves_keep"]

    def demands(self, decision: Decision) -> Sequence[str]:
        """Return what a decision demands: `reason`, `approval`, `object`."""
        return tuple(self.body["demands"][decision])


def _role(name: str | None) -> Role | None:
    return Role(name) if name else None
