"""What goes wrong in the making: a part that breaks, a pair that goes back to a station."""

from __future__ import annotations

from typing import Any

from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.records.envelope import Record
from chassis.records.pins import fixed
from chassis.roles import Role
from chassis.rules import in_force
from labjob import store
from labjob.collection import FITTING_CHECK
from labjob.commands_tray import advance
from labjob.errors import NothingFailed, ReworkLimit
from labjob.job import JOB, LENS_OF, Job
from labjob.making import (
    BREAKAGE_REPORT,
    REPAIR,
    STATION_EVENT,
    BreakageReport,
    Repair,
    RepairDecision,
)
from labjob.reason import FaultSide, check_fault
from labjob.station import JobPart, Station, done_before, done_without


def require_breakable(job: Record[Job], part: JobPart) -> None:
    """Refuse a breakage of what is not there. Raises Invalid (PART_NOT_THERE), MoveForbidden."""
    content = job.content
    JOB.transitions.after(content.held_from_state or job.state, _lack(part))
    there = part is JobPart.FRAME or LENS_OF[part] in {lens.eye for lens in content.drawn_lenses}
    if not there or part in content.missing_parts or not content.lab_receipt_id:
        raise invalid("part", "part", "is not at the lab", reason="PART_NOT_THERE")


def _lack(part: JobPart) -> str:
    return "lack_frame" if part is JobPart.FRAME else "lack_lens"


def record_breakage(
    work: UnitOfWork,
    *,
    job_id: str,
    part: JobPart,
    reason_code: str,
    fault_side: FaultSide,
    note: str,
    evidence_keys: tuple[str, ...],
    breakage_id: str,
) -> dict[str, Record[Any]]:
    """Record that a part broke: the job waits for it, and what was done on it is to be done again.

    A fact, so nothing stale holds it up. Raises Invalid, MoveForbidden.
    """
    job = work.records.get(JOB, job_id)
    check_fault(store.reasons(work.connection, "breakages"), reason_code, fault_side)
    require_breakable(job, part)
    content = job.content
    station = None
    if content.station_event_id:
        event = work.records.find(STATION_EVENT, content.station_event_id)
        station = event.content.station
        work.records.move(
            event, "interrupt", finished_at=work.at, finished_by=work.actor.id, reason=reason_code
        )
    report = work.records.add(
        BREAKAGE_REPORT,
        BreakageReport(
            job_id=job.id,
            part=part,
            station=station,
            reason_code=reason_code,
            fault_side=fault_side,
            note=note,
            breakage_id=breakage_id,
        ),
        customer_id=job.customer_id,
        case_id=job.case_id,
        evidence=work.records.evidence(evidence_keys),
        relies_on=[fixed(job.id, JOB.name, job.version)],
    )
    return {"breakage_report": report, "job": _without(work, job, part, reason_code)}


def _without(work: UnitOfWork, job: Record[Job], part: JobPart, reason_code: str) -> Record[Job]:
    content = job.content
    missing = (*content.missing_parts, part)
    is_frame = part is JobPart.FRAME
    changes: dict[str, Any] = {
        "station_event_id": "",
        "missing_parts": missing,
        "done_stations": done_without(
            content.done_stations,
            [part],
            in_force(work.connection, "routes", work.at.date()).body["works_on"],
        ),
        "reason_code": reason_code,
    }
    if is_frame:
        changes["frame_draw_id"] = ""
    else:
        eye = LENS_OF[part]
        changes["drawn_lenses"] = tuple(one for one in content.drawn_lenses if one.eye is not eye)
    # While the frame is away too, it is the frame that the job waits for first.
    if JobPart.FRAME in missing:
        return advance(
            work,
            job,
            "lack_frame",
            responsible_role=Role.FRAME_CONTROLLER,
            held_at_id=job.branch_id,
            **changes,
        )
    return advance(work, job, "lack_lens", responsible_role=Role.LAB_TECHNICIAN, **changes)


def rework_job(
    work: UnitOfWork,
    *,
    job_id: str,
    station: Station,
    reason_code: str,
    fault_side: FaultSide,
    reason: str,
) -> dict[str, Record[Any]]:
    """Send a pair that failed back to a station; from the branch it travels to the lab again.

    Raises NothingFailed, ReworkLimit, MoveForbidden, Invalid (REASON_UNKNOWN, FAULT_SIDE_UNUSUAL,
    STATION_NOT_ON_ROUTE).
    """
    job = work.records.get(JOB, job_id)
    content = job.content
    check_fault(store.reasons(work.connection, "reasons"), reason_code, fault_side)
    done = done_before(content.stations, content.done_stations, station)
    verb = "rework" if job.state == "qc_failed" else "send_back"
    JOB.transitions.after(job.state, verb)
    if verb == "send_back" and not _failed_at_branch(work, job):
        raise NothingFailed("neither branch check nor fitting check failed", id=job.id)
    most = in_force(work.connection, "rework_policy", work.at.date()).body["most_reworks"]
    if content.rework_count >= most:
        raise ReworkLimit(f"it went back {content.rework_count} times", most=most)
    repair = work.records.add(
        REPAIR,
        Repair(
            job_id=job.id,
            decision=RepairDecision.REWORK,
            station=station,
            reason_code=reason_code,
            fault_side=fault_side,
            reason=reason,
            new_job_id="",
            qc_result_id=content.qc_result_id,
        ),
        customer_id=job.customer_id,
        case_id=job.case_id,
        relies_on=[fixed(job.id, JOB.name, job.version)],
    )
    at_lab = verb == "rework"
    job = work.records.move(
        job,
        verb,
        responsible_role=Role.LAB_TECHNICIAN if at_lab else Role.FRAME_CONTROLLER,
        done_stations=done,
        rework_count=content.rework_count + 1,
        branch_check_id="",
        fitting_check_id="",
        reason_code=reason_code,
        reason=reason,
    )
    return {"repair": repair, "job": job}


def _failed_at_branch(work: UnitOfWork, job: Record[Job]) -> bool:
    if not job.content.fitting_check_id:
        return job.state == "branch_failed"
    check = work.records.find(FITTING_CHECK, job.content.fitting_check_id).content
    return not check.passed and not check.is_waived
