"""Values as they are measured: the eye they belong to, and how far they may be believed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Eye(StrEnum):
    """Right, left, or both together."""

    OD = "od"
    OS = "os"
    OU = "ou"


class ValueState(StrEnum):
    """How far a value may be believed: blank is not zero."""

    MEASURED = "measured"
    NOT_MEASURED = "not_measured"
    UNREADABLE = "unreadable"
    UNCONFIRMED = "unconfirmed"


_WITH_AMOUNT = frozenset({ValueState.MEASURED, ValueState.UNCONFIRMED})


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A number that may be missing. Its unit is the ending of the field's name."""

    state: ValueState
    amount: int | None = None

    @property
    def is_measured(self) -> bool:
        """Tell whether somebody answers for the number."""
        return self.state is ValueState.MEASURED

    @property
    def contradiction(self) -> str:
        """Say why state and number do not belong together; empty when they do."""
        return contradiction(self.state, self.amount)

    def confirmed(self) -> Measured:
        """Return it as the examiner's signature makes it."""
        if self.state is ValueState.UNCONFIRMED:
            return Measured(state=ValueState.MEASURED, amount=self.amount)
        return self


NOT_MEASURED = Measured(state=ValueState.NOT_MEASURED)


def contradiction(state: ValueState | None, amount: int | None) -> str:
    """Say why a state and a number do not belong together; empty when they do."""
    if not state:
        return "must say whether it is measured, not measured, unreadable or unconfirmed"
    if (state in _WITH_AMOUNT) != (amount is not None):
        return f"is {state}, so its amount must be {'given' if amount is None else 'absent'}"
    return ""
