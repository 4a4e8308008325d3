"""The inspection of a finished pair: what was measured, held against verification power and ordered
centration under one named tolerance set, and what the inspector's eye found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from chassis.errors import Refused
from chassis.records.kinds import Kind, Transitions
from labjob.job import READERS
from labjob.lens import Eye, MeasuredPair, OrderedPair
from optics.judgement import judge
from optics.tolerance import load_tolerance_set
from optics.verdict import JudgedItem as OpticsItem


class NoToleranceSet(Refused):
    """No tolerance set judges this lens design."""

    reason = "NO_TOLERANCE_SET"


class LookedOver(StrEnum):
    """What the eye found."""

    PASSED = "passed"
    FAILED = "failed"


class JudgedOutcome(StrEnum):
    """How an item came to its result; only a judged one can pass."""

    JUDGED = "judged"
    NOT_MEASURED = "not_measured"
    NOT_ORDERED = "not_ordered"
    NO_RULE = "no_rule"


@dataclass(frozen=True, kw_only=True)
class JudgedItem:
    """One value held against its limit; the four numbers are whole and in `unit`."""

    name: str
    eye: Eye
    unit: str
    ordered: int | None
    measured: int | None
    deviation: int | None
    limit: int | None
    passed: bool
    outcome: JudgedOutcome


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The pair against its order, and how far the figures of the set may be trusted."""

    passed: bool
    items: tuple[JudgedItem, ...]
    tolerance_set: str
    edition: str
    status: str
    valid_to: date | None
    is_past_validity: bool
    note: str


@dataclass(frozen=True, kw_only=True)
class QcResult:
    """What one inspection measured and found."""

    job_id: str
    job_version: int
    measured: MeasuredPair
    surface: LookedOver
    mounting: LookedOver
    verdict: Verdict
    passed: bool
    note: str
    instrument: str


QC_RESULT = Kind("labjob.qc_result", "qcr", QcResult, Transitions("recorded"), readers=READERS)

TOLERANCE_SET_KIND = "labjob.tolerance_set"
"""Kind under which a tolerance set is pinned, fixed, by its name."""


def tolerance_set_for(lens_design: str, policy: Mapping[str, Any]) -> str:
    """Return the name of the set that judges a design. Raises NoToleranceSet."""
    name: str | None = policy["sets"].get(lens_design)
    if name is None:
        raise NoToleranceSet(f"no tolerance set judges {lens_design} lenses", design=lens_design)
    return name


def judge_pair(
    ordered: OrderedPair, measured: MeasuredPair, tolerance_set: str, note: str, on: date
) -> Verdict:
    """Hold a pair against its order. Raises Invalid for a reading that is none."""
    tolerances = load_tolerance_set(tolerance_set)
    verdict = judge(ordered.in_optics(), measured.in_optics(), tolerances)
    return Verdict(
        passed=verdict.passed,
        items=tuple(_item(one) for one in verdict.items),
        tolerance_set=verdict.tolerance_set,
        edition=verdict.edition,
        status=verdict.status,
        valid_to=tolerances.valid_to,
        is_past_validity=not tolerances.is_in_force_on(on),
        note=note,
    )


def _item(item: OpticsItem) -> JudgedItem:
    return JudgedItem(
        name=item.name,
        eye=Eye.of(item.eye),
        unit=item.unit.value,
        ordered=item.ordered,
        measured=item.measured,
        deviation=item.deviation,
        limit=item.limit,
        passed=item.passed,
        outcome=JudgedOutcome(item.outcome.value),
    )
