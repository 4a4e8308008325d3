"""What a plausibility rule says when a new prescription looks like a slip."""

from collections.abc import Iterator
from dataclasses import dataclass

from optics.eye import Eye
from optics.plausibility_rules import Severity, Step


@dataclass(frozen=True)
class Finding:
    """One rule that found something. The text holds the rule's limit, never the wearer's value.

    `is_comparison` tells what a rule found against the earlier prescription from what it found in
    the new one alone.
    """

    rule: str
    severity: Severity
    eye: Eye
    field: str
    text: str
    is_comparison: bool = False


def stepped(
    rule: str, eye: Eye, field: str, apart_millidioptres: int, steps: tuple[Step, ...]
) -> Iterator[Finding]:
    """The finding of the highest step that a difference, in thousandths of a dioptre, reaches."""
    reached = [step for step in steps if apart_millidioptres >= step.at_least]
    if reached:
        step = max(reached, key=lambda each: each.at_least)
        text = f"{field} differs by {dioptres(step.at_least)} D or more"
        yield Finding(rule, step.severity, eye, field, text)


def dioptres(millidioptres: int) -> str:
    """Thousandths of a dioptre as people write them, to two places: -1.00."""
    sign = "-" if millidioptres < 0 else ""
    whole, thousandths = divmod(abs(millidioptres), 1000)
    return f"{sign}{whole}.{thousandths // 10:02d}"
