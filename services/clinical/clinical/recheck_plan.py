"""A recheck plan: the day on which the eyes behind a pair of glasses are looked at again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from chassis.records.kinds import Kind, Transitions, moves


@dataclass(frozen=True, kw_only=True)
class RecheckPlan:
    """The prescription it looks back at, the job whose collection it follows, and the day."""

    prescription_id: str
    job_id: str
    due_on: date
    rule_edition: str = ""
    visit_id: str = ""


RECHECK_PLAN = Kind(
    "clinical.recheck_plan",
    "rpl",
    RecheckPlan,
    Transitions("planned", moves(keep={"planned": "kept"}, waive={"planned": "waived"})),
    progress=frozenset({"visit_id"}),
)


@dataclass(frozen=True, kw_only=True)
class RecheckPlanned:
    """A recheck was planned."""

    recheck_plan_id: str
    case_id: str
    customer_id: str
    branch_id: str
    due_on: date
