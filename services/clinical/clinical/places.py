"""Gathers what is wrong with the values of a form, each with its place, so that a person mends them
all at once. Texts name the place and the rule, never the value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chassis.errors import FieldProblem, Invalid
from clinical.value import Measured, ValueState
from optics import field_range
from optics.errors import ValueRefused


class Places:
    """The problems found so far, in the order of the form."""

    def __init__(self) -> None:
        self.problems: list[FieldProblem] = []

    def refuse(self, place: str, rule: str, text: str) -> None:
        """Note one problem."""
        self.problems.append(FieldProblem(place, rule, text))

    def number(self, place: str, amount: int | None, field: str, step: int | None = None) -> None:
        """Look whether a number that is given lies in the hard range of a field, in its step."""
        if amount is None:
            return
        problem = field_range.check(field, amount, step=step)
        if problem is not None:
            self.refuse(place, "range", f"{problem.rule} {problem.unit}")

    def measured(
        self, place: str, value: Measured | None, field: str, step: int | None = None
    ) -> None:
        """Look whether a measured number is whole in itself and lies in its range, the one that
        waits for the examiner's word too."""
        if value is None:
            return
        if value.contradiction:
            self.refuse(place, "measured_state", value.contradiction)
        else:
            self.number(place, value.amount, field, step)

    def answered(
        self, place: str, value: Measured | None, field: str, step: int | None = None
    ) -> None:
        """Look at a measured number that nobody confirms later: somebody answers for it now."""
        if value is not None and value.state is ValueState.UNCONFIRMED:
            self.refuse(place, "measured_state", "must be measured, or marked not_measured")
        else:
            self.measured(place, value, field, step)

    def made(self, place: str, make: Callable[[], Any]) -> Any:
        """Return what a function of optics makes; None, with its problem noted, when it refuses."""
        try:
            return make()
        except ValueRefused as refused:
            self.refuse(f"{place}.{refused.field}", "optics", refused.rule)
            return None

    def require_none(self) -> None:
        """Raise Invalid when anything was noted."""
        if self.problems:
            raise Invalid(self.problems)
