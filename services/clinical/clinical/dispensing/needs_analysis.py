"""What somebody needs from a pair of glasses, asked before frames are shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chassis.records.kinds import Kind, Transitions
from chassis.roles import Role


class Activity(StrEnum):
    """What somebody does in glasses."""

    READING = "reading"
    SCREEN = "screen"
    DRIVING = "driving"
    NIGHT_DRIVING = "night_driving"
    SPORT = "sport"
    OUTDOORS = "outdoors"
    FINE_WORK = "fine_work"
    SCHOOL = "school"


@dataclass(frozen=True, kw_only=True)
class NeedsAnalysis:
    """Activities, hours and distances of near work, wishes, and the outcomes that were shown."""

    visit_id: str
    activities: tuple[Activity, ...]
    screen_hours: int | None = None
    working_distance_micrometres: int | None = None
    wishes: str = ""
    outcomes_shown: str = ""


NEEDS_ANALYSIS = Kind(
    "clinical.needs_analysis",
    "nds",
    NeedsAnalysis,
    Transitions("recorded"),
    readers=frozenset({Role.OPTOMETRIST, Role.OPHTHALMOLOGIST, Role.OPTICIAN, Role.AUDITOR}),
)
