"""How long what is kept of a person must be kept, and until when that holds: rule data, counted
from what customer knows of the person's visits, orders and messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any


class Basis(StrEnum):
    """The day from which a class of records is counted."""

    LAST_VISIT = "last_visit"
    LAST_VISIT_OF_WARD = "last_visit_of_ward"
    LAST_ORDER = "last_order"
    LAST_MESSAGE = "last_message"
    LAST_CONTACT = "last_contact"


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A class of records that keeps a person's identity: the rule's edition, the last day, and what
    the class rests on."""

    retention_class: str
    edition: str
    until: date
    source: str
    confidence: str


@dataclass(frozen=True)
class Retention:
    """One edition of the rule `retention`."""

    edition: str
    body: Mapping[str, Any]

    def holds(
        self, known: Mapping[Basis, date], on: date, *, against_request: bool
    ) -> tuple[Hold, ...]:
        """Return what still holds on a day, the longest first; only what beats a person's request,
        if so asked."""
        found = [
            Hold(
                retention_class=name,
                edition=self.edition,
                until=years_after(known[Basis(one["counts_from"])], one["years"]),
                source=one["source"],
                confidence=one["confidence"],
            )
            for name, one in self.body["classes"].items()
            if Basis(one["counts_from"]) in known and (one["beats_request"] or not against_request)
        ]
        held = (one for one in found if one.until >= on)
        return tuple(sorted(held, key=lambda one: (one.until, one.retention_class), reverse=True))


def years_after(day: date, years: int) -> date:
    """Return the same day so many years later; 1 March for 29 February where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
