"""The promise: the collection date undertaken to the customer. The first is kept for ever, and
what became of it is judged at collection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from chassis.errors import Refused, invalid
from chassis.records.kinds import Kind, Transitions, moves


class ReasonMissing(Refused):
    """The date moves and nobody says why."""

    reason = "REASON_MISSING"


class NotPromised(Refused):
    """No date was promised yet: the first promise comes with the approval."""

    reason = "NOT_PROMISED"


class InformedHow(StrEnum):
    """How the customer hears of another date."""

    IN_PERSON = "in_person"
    TELEPHONE = "telephone"
    MESSAGE = "message"
    NONE_WANTED = "none_wanted"


@dataclass(frozen=True, kw_only=True)
class Promise:
    """The date, counted from 1; why it moved, and how the customer heard of it."""

    order_id: str
    number: int
    promised_on: date
    reason: str = ""
    informed_how: InformedHow | None = None


PROMISE = Kind(
    "billing.promise",
    "prm",
    Promise,
    Transitions("given", moves(replace={"given": "replaced"})),
)


class Outcome(StrEnum):
    """How the glasses came, held against the first promise."""

    MET = "met"
    EXCEEDED = "exceeded"
    MISSED = "missed"


def judged(promised_on: date, collected_on: date) -> Outcome:
    """Return what became of a promise. Source: domain facts 7.7, on time is delivered no later
    than promised."""
    if collected_on > promised_on:
        return Outcome.MISSED
    return Outcome.EXCEEDED if collected_on < promised_on else Outcome.MET


@dataclass(frozen=True, kw_only=True)
class PromiseOutcome:
    """What became of the first promise; days in the branch's time zone."""

    order_id: str
    promise_id: str
    promised_on: date
    collected_on: date
    ready_on: date | None
    outcome: Outcome
    repromises: int


PROMISE_OUTCOME = Kind("billing.promise_outcome", "pmo", PromiseOutcome, Transitions("judged"))


def require_to_come(promised_on: date, today: date) -> None:
    """Refuse a promise for a day gone by. Raises Invalid."""
    if promised_on < today:
        raise invalid("promised_on", "min", f"{promised_on} lies before {today}")
