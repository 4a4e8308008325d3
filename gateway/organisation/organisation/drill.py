"""A drill: a journey on records of its own, so that the chain sees who is told of a change and
which gate holds, without touching a customer, a shelf or an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis.errors import TooManyAttempts
from chassis.records.kinds import Kind, Transitions, moves
from chassis.roles import Role


class DrillsRunning(TooManyAttempts):
    """As many drills run already as the rule lets."""

    reason = "DRILLS_RUNNING"


@dataclass(frozen=True, kw_only=True)
class Drill:
    """What goes wrong in it, where it takes place, and what came of it."""

    drill_case: str
    shop_id: str
    lab_id: str
    is_held: bool = False
    report_json: str = ""


DRILL = Kind(
    "organisation.drill",
    "drl",
    Drill,
    Transitions("running", moves(end={"running": "ended"})),
    progress=frozenset({"is_held", "report_json"}),
    readers=frozenset({Role.HEAD_OFFICE, Role.QUALITY_MANAGER, Role.AUDITOR}),
)


@dataclass(frozen=True)
class DrillRule:
    """How a drill is limited: data, from rules/drill_staff.yaml."""

    token_minutes: int
    at_once: int
    told_within_seconds: int
    due_within_seconds: int
    time_zone: str
    qualification_days: int
    at_shop: tuple[str, ...]
    at_lab: tuple[str, ...]
    qualified: Mapping[str, str]

    def roles_at(self, place: str) -> tuple[Role, ...]:
        """Return who works at the drill's shop or lab."""
        return tuple(map(Role, self.at_shop if place == "shop" else self.at_lab))


@dataclass(frozen=True, kw_only=True)
class DrillMember:
    """Somebody who works in a drill."""

    staff_id: str
    role: Role
    branch_id: str


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A drill that begins: its record, its people, the rule it goes by."""

    drill: Any
    members: tuple[DrillMember, ...]
    rule: DrillRule
