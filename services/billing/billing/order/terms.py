"""Terms: editions of what is read back to the customer about warranty, redo, price and limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from chassis.errors import Refused
from chassis.records.kinds import Kind, Transitions


class NoTerms(Refused):
    """No terms are in force on the day."""

    reason = "NO_TERMS"


class TermsNotInForce(Refused):
    """The terms read back are not those in force today."""

    reason = "TERMS_NOT_IN_FORCE"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """An edition: its name, first day in force, and the terms in days and in words."""

    edition: str
    valid_from: date
    warranty_days: int
    warranty_text: str
    redo_days: int
    redo_attempts: int
    redo_text: str
    price_text: str
    limits_text: str


TERMS = Kind("billing.terms", "trm", Terms, Transitions("published"))
