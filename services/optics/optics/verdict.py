"""The answer of an inspection: every thing that was judged, with its deviation and its limit."""

from dataclasses import dataclass
from enum import StrEnum

from optics.eye import Eye
from optics.tolerance import Row, ToleranceSet, Unit


class Outcome(StrEnum):
    """How an item came to its result; only a `judged` item can pass."""

    JUDGED = "judged"
    NOT_MEASURED = "not_measured"
    NOT_ORDERED = "not_ordered"
    NO_RULE = "no_rule"


@dataclass(frozen=True)
class JudgedItem:
    """One value held against its limit; the four numbers are whole and in `unit`.

    Where a displaced centre is judged by the prism it gives, `ordered` is zero and `measured` that
    prism.
    """

    name: str
    eye: Eye
    unit: Unit
    ordered: int | None
    measured: int | None
    deviation: int | None
    limit: int | None
    passed: bool
    outcome: Outcome


@dataclass(frozen=True)
class Verdict:
    """Passed only when every item did. `status` tells how far the set's figures are verified."""

    passed: bool
    items: tuple[JudgedItem, ...]
    tolerance_set: str
    edition: str
    status: str

    def item(self, name: str, eye: Eye) -> JudgedItem | None:
        """The item of that name for that eye, if it was judged."""
        return next((i for i in self.items if i.name == name and i.eye is eye), None)

    def failures(self) -> tuple[JudgedItem, ...]:
        """The items that stopped the pair."""
        return tuple(item for item in self.items if not item.passed)


def verdict_of(items: tuple[JudgedItem, ...], tolerances: ToleranceSet) -> Verdict:
    """Draw the items together under the set they were judged by."""
    return Verdict(
        passed=bool(items) and all(item.passed for item in items),
        items=items,
        tolerance_set=tolerances.name,
        edition=tolerances.edition,
        status=tolerances.status,
    )


def judged_item(
    name: str,
    eye: Eye,
    row: Row | None,
    *,
    unit: Unit,
    ordered: int | None,
    measured: int | None,
    deviation: int | None = None,
) -> JudgedItem:
    """Hold one value, in `unit`, against its row; without a deviation, |measured - ordered|.

    No row fails as `no_rule`, no ordered value as `not_ordered`, no measured one as `not_measured`.
    """
    name = str(name)  # rule keys become plain text, as a stored verdict has it
    limit = None if row is None else row.limit_for(ordered or 0)
    if limit is None:
        return JudgedItem(name, eye, unit, ordered, measured, None, None, False, Outcome.NO_RULE)
    if ordered is None:
        return JudgedItem(name, eye, unit, None, measured, None, limit, False, Outcome.NOT_ORDERED)
    if measured is None:
        return JudgedItem(name, eye, unit, ordered, None, None, limit, False, Outcome.NOT_MEASURED)
    if deviation is None:
        deviation = abs(measured - ordered)
    passed = deviation <= limit
    return JudgedItem(name, eye, unit, ordered, measured, deviation, limit, passed, Outcome.JUDGED)
