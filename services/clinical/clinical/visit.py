"""A visit: one attendance, the root of a case; and the stations that wait for its readings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from chassis.errors import Refused
from chassis.records.envelope import Record
from chassis.records.kinds import Kind, Transitions, moves
from clinical.appointment import VisitPurpose


class VisitClosed(Refused):
    """The visit has ended."""

    reason = "VISIT_CLOSED"


class AppointmentOfAnother(Refused):
    """The appointment was booked for somebody else."""

    reason = "APPOINTMENT_OF_ANOTHER"


class CaseDiffers(Refused):
    """The records belong to different cases."""

    reason = "CASE_DIFFERS"


class CustomerDiffers(Refused):
    """The records are about different people."""

    reason = "CUSTOMER_DIFFERS"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """Where it came from, why, on which day, and the age the rules need (never the birthday)."""

    purpose: VisitPurpose
    day: date
    appointment_id: str = ""
    age_years: int | None = None
    is_minor: bool = False
    outcome: str = ""


VISIT = Kind(
    "clinical.visit",
    "vis",
    Visit,
    Transitions(
        "opened",
        moves(
            measure={"opened": "measuring", "measuring": "measuring", "measured": "measuring"},
            hand_over={"opened": "measured", "measuring": "measured"},
            close={"opened": "closed", "measuring": "closed", "measured": "closed"},
        ),
    ),
    progress=frozenset({"outcome"}),
)


@dataclass(frozen=True, kw_only=True)
class ArmedStation:
    """A station that was told whose readings come next."""

    branch_id: str
    station_code: str
    visit_id: str
    armed_by: str
    armed_at: datetime


@dataclass(frozen=True, kw_only=True)
class VisitOpened:
    """A customer is here, and a case has begun."""

    visit_id: str
    case_id: str
    customer_id: str
    branch_id: str
    purpose: VisitPurpose
    opened_at: datetime


def require_open(visit: Record[Visit]) -> Record[Visit]:
    """Return a visit that has not ended. Raises VisitClosed."""
    if visit.state == "closed":
        raise VisitClosed(f"{visit.id} is closed", id=visit.id)
    return visit
