"""What a field of a prescription or fitting measurement may hold, and what is usual there."""

from dataclasses import dataclass
from datetime import date
from functools import cache

from optics.errors import ValueRefused
from optics.rule_files import RuleStruct, read_rules
from optics.tolerance import Confidence

EIGHTH = 12  # the trade's 0.12 is an eighth of a dioptre, cut or rounded to hundredths


class FieldRange(RuleStruct, frozen=True):
    """Hard and usual bounds, inclusive, and the step, all whole numbers of `unit`.

    `finer_steps` are those that may be asked for instead: 0.12 on request, 0.01 for imports.
    """

    field: str
    unit: str
    hard_min: int
    hard_max: int
    usual_min: int | None
    usual_max: int | None
    step: int
    finer_steps: tuple[int, ...]
    source: str
    confidence: Confidence
    usual_difference_between_eyes: int | None = None
    note: str = ""


class FieldRanges(RuleStruct, frozen=True):
    """One edition of all field ranges."""

    name: str
    edition: str
    valid_from: date | None
    valid_to: date | None
    fields: tuple[FieldRange, ...]


@dataclass(frozen=True)
class RangeProblem:
    """What is wrong with a value. The text shows the value: for the person, not for a log."""

    field: str
    rule: str
    value: int
    unit: str

    @property
    def text(self) -> str:
        """Field, value and rule in one line."""
        return f"{self.field} {self.value} {self.unit}: {self.rule}"


@cache
def load_field_ranges() -> FieldRanges:
    """The ranges as shipped."""
    return read_rules("rules", "ranges", FieldRanges)


def field_range(field: str) -> FieldRange:
    """The range of that field; raises `ValueRefused` for a field without one."""
    ranges = load_field_ranges()
    found = next((r for r in ranges.fields if r.field == field), None)
    if found is None:
        raise ValueRefused("field", f"must be one of {', '.join(r.field for r in ranges.fields)}")
    return found


def check(field: str, value: int, *, step: int | None = None) -> RangeProblem | None:
    """The hard bound or the step that the value breaks, or None.

    `step` asks for one of the finer steps of the field; another one raises `ValueRefused`.
    """
    allowed = field_range(field)
    if step is not None and step not in (allowed.step, *allowed.finer_steps):
        raise ValueRefused("step", f"is not one of the steps of {field}")
    problem = _outside(allowed, value, allowed.hard_min, allowed.hard_max, "must lie")
    if problem is None and not _is_on_step(value, step or allowed.step):
        rule = f"must be in steps of {step or allowed.step}"
        problem = RangeProblem(field, rule, value, allowed.unit)
    return problem


def unusual(field: str, value: int) -> RangeProblem | None:
    """The usual bound that a permitted value lies beyond, or None: to be looked at, not refused."""
    allowed = field_range(field)
    return _outside(allowed, value, allowed.usual_min, allowed.usual_max, "usually lies")


def unusual_difference(field: str, od_value: int, os_value: int) -> RangeProblem | None:
    """The difference between the eyes where it is more than usual, or None."""
    allowed = field_range(field)
    usual, apart = allowed.usual_difference_between_eyes, abs(od_value - os_value)
    if usual is None or apart <= usual:
        return None
    rule = f"usually differs by no more than {usual} between the eyes"
    return RangeProblem(field, rule, apart, allowed.unit)


def _outside(
    allowed: FieldRange, value: int, low: int | None, high: int | None, verb: str
) -> RangeProblem | None:
    if (low is None or value >= low) and (high is None or value <= high):
        return None
    bounds = " ".join(
        f"{word} {bound}" for word, bound in (("from", low), ("up to", high)) if bound is not None
    )
    return RangeProblem(allowed.field, f"{verb} {bounds}", value, allowed.unit)


def _is_on_step(value: int, step: int) -> bool:
    if step == EIGHTH:
        return abs(value) % 25 in (0, 12, 13)
    return value % step == 0
