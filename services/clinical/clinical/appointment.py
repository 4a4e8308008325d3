"""A minimal appointment: who is expected when, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from chassis.records.kinds import Kind, Transitions, moves


class VisitPurpose(StrEnum):
    """Why somebody comes."""

    SPECTACLES = "spectacles"
    RECHECK = "recheck"
    DISPENSING = "dispensing"
    ADJUSTMENT = "adjustment"


@dataclass(frozen=True, kw_only=True)
class Appointment:
    """When, on which day of the branch, why; and the visit that came of it."""

    starts_at: datetime
    day: date
    purpose: VisitPurpose
    note: str = ""
    visit_id: str = ""


APPOINTMENT = Kind(
    "clinical.appointment",
    "apt",
    Appointment,
    Transitions("booked", moves(arrive={"booked": "arrived"}, cancel={"booked": "cancelled"})),
    progress=frozenset({"visit_id"}),
)
