"""How long a prescription may be dispensed, and when the eyes should be looked at again: months by
rule data."""

from __future__ import annotations

import calendar
from datetime import date
from typing import Any

from chassis.errors import Refused
from clinical.prescription import PrescriptionPurpose

_MONTHS = 12


class NoRuleForAge(Refused):
    """The rule has no entry that fits."""

    reason = "NO_RULE_FOR_AGE"


def expires_on(issued_on: date, age_years: int | None, body: dict[str, Any]) -> date:
    """Return the last day for dispensing spectacles. An unknown age counts as an adult's."""
    return months_after(issued_on, _first(body["spectacles"], age_years, "")["months"])


def recheck_on(
    day: date, purpose: PrescriptionPurpose, age_years: int | None, body: dict[str, Any]
) -> date:
    """Return the day on which the eyes should be looked at again."""
    return months_after(day, _first(body["intervals"], age_years, str(purpose))["months"])


def months_after(day: date, months: int) -> date:
    """Return the same day some months later, or the last of that month when it has no such day."""
    year, month = divmod(day.year * _MONTHS + day.month - 1 + months, _MONTHS)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def _first(entries: list[dict[str, Any]], age_years: int | None, purpose: str) -> dict[str, Any]:
    for entry in entries:
        young = "below_years" in entry
        if young and (age_years is None or age_years >= entry["below_years"]):
            continue
        if "purposes" in entry and purpose not in entry["purposes"]:
            continue
        return entry
    raise NoRuleForAge("no entry of the rule fits this age")
