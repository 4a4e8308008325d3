"""What happens to a job at the lab besides its inspection: accepted or queried, worked station by
station, broken, sent back or made again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from chassis.records.kinds import Kind, Transitions, moves
from labjob.reason import FaultSide
from labjob.station import JobPart, Station


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """The lab took the job, with its own estimate, while this day was promised."""

    job_id: str
    eta_date: date
    promised_on: date


ACCEPTANCE = Kind("labjob.acceptance", "acc", Acceptance, Transitions("recorded"))


@dataclass(frozen=True, kw_only=True)
class JobQuery:
    """The lab's question, and the branch's answer."""

    job_id: str
    reason_code: str
    question: str
    answer: str = ""


JOB_QUERY = Kind(
    "labjob.job_query",
    "jqr",
    JobQuery,
    Transitions("asked", moves(answer={"asked": "answered"}, drop={"asked": "dropped"})),
    progress=frozenset({"answer"}),
)


@dataclass(frozen=True, kw_only=True)
class StationEvent:
    """One station of a job, from its start to its end."""

    job_id: str
    station: Station
    job_version: int
    machine: str
    started_at: datetime
    finished_at: datetime | None = None
    finished_by: str = ""


STATION_EVENT = Kind(
    "labjob.station_event",
    "ste",
    StationEvent,
    Transitions(
        "started", moves(finish={"started": "finished"}, interrupt={"started": "interrupted"})
    ),
    progress=frozenset({"finished_at", "finished_by"}),
)


@dataclass(frozen=True, kw_only=True)
class BreakageReport:
    """A part broke in work; inventory's own record of it is named where it is stock."""

    job_id: str
    part: JobPart
    station: Station | None
    reason_code: str
    fault_side: FaultSide
    note: str
    breakage_id: str


BREAKAGE_REPORT = Kind("labjob.breakage_report", "bkr", BreakageReport, Transitions("recorded"))


class RepairDecision(StrEnum):
    """What is done about a pair that cannot go out."""

    REWORK = "rework"
    REMAKE = "remake"


@dataclass(frozen=True, kw_only=True)
class Repair:
    """The decision to send a pair back or to make it again, with reason and fault side."""

    job_id: str
    decision: RepairDecision
    station: Station | None
    reason_code: str
    fault_side: FaultSide
    reason: str
    new_job_id: str
    qc_result_id: str


REPAIR = Kind("labjob.repair", "rep", Repair, Transitions("recorded"))
