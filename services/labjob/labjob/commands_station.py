"""The stations of a job: lenses drawn, each station of the route begun and finished in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chassis.db import UnitOfWork
from chassis.records.duties import duties
from chassis.records.envelope import Record
from chassis.records.gates import gate
from chassis.records.pins import pin
from chassis.roles import Role
from labjob.errors import (
    LensesDrawn,
    LensesNotDrawn,
    LotLocked,
    NoStationUnderWay,
    TicketOutdated,
)
from labjob.job import JOB, LENS_OF, DrawnLens, Job
from labjob.making import STATION_EVENT, StationEvent
from labjob.station import Station, next_station


def require_drawable(job: Record[Job]) -> None:
    """Refuse to draw for a job that is not in work, or has its lenses. Raises MoveForbidden,
    LensesDrawn."""
    JOB.transitions.after(job.state, "draw")
    if not job.content.eyes_to_draw():
        raise LensesDrawn("every ordered lens is drawn", id=job.id)


def draw_lenses(
    work: UnitOfWork, *, job_id: str, drawn_lenses: tuple[DrawnLens, ...]
) -> Record[Job]:
    """Note which lenses were drawn, from which lots. Raises MoveForbidden, LensesDrawn."""
    job = work.records.get(JOB, job_id)
    require_drawable(job)
    content = job.content
    drawn = {lens.eye: lens for lens in (*content.drawn_lenses, *drawn_lenses)}
    there = {part for part, eye in LENS_OF.items() if eye in drawn}
    missing = tuple(part for part in content.missing_parts if part not in there)
    verb = "regain" if job.state == "awaiting_lens" and not missing else "draw"
    return work.records.move(
        job,
        verb,
        drawn_lenses=tuple(drawn[eye] for eye in sorted(drawn)),
        missing_parts=missing,
    )


def _cannot_be_undone(arguments: Mapping[str, Any]) -> bool:
    return Station(arguments["station"]).is_irreversible


@duties("maker")
@gate("start station", JOB, by="job_id", when=_cannot_be_undone)
def start_station(
    work: UnitOfWork,
    *,
    job_id: str,
    station: Station,
    machine: str,
    ticket_version: int,
    locked_lot_ids: tuple[str, ...],
) -> dict[str, Record[Any]]:
    """Start the next station; what cannot be undone only on live pins, with every lens drawn from a
    lot that is not locked.

    Raises StalePins, StationUnderWay, StationNotNext, TicketOutdated, LensesNotDrawn, LotLocked.
    """
    job = work.records.get(JOB, job_id)
    JOB.transitions.after(job.state, f"start_{station}")
    job.content.require_startable(station)
    if ticket_version and ticket_version != job.version:
        raise TicketOutdated(
            f"the ticket shows version {ticket_version}, the job stands at {job.version}",
            missing=["a fresh print of the ticket"],
            live_version=job.version,
        )
    if station.is_irreversible:
        _require_lenses(job.content, locked_lot_ids)
    event = work.records.add(
        STATION_EVENT,
        StationEvent(
            job_id=job.id,
            station=station,
            job_version=job.version,
            machine=machine,
            started_at=work.at,
        ),
        customer_id=job.customer_id,
        case_id=job.case_id,
        relies_on=[pin(job)] if station.is_irreversible else [],
    )
    job = work.records.move(
        job,
        f"start_{station}",
        station_event_id=event.id,
        maker_ids=_with_maker(job.content, work.actor.id),
        is_cut=job.content.is_cut or station.is_irreversible,
    )
    return {"station_event": event, "job": job}


def _require_lenses(content: Job, locked_lot_ids: tuple[str, ...]) -> None:
    missing = content.eyes_to_draw()
    if missing:
        raise LensesNotDrawn(
            f"no lens was drawn for {', '.join(missing)}",
            missing=[f"lens drawn: {eye}" for eye in missing],
        )
    locked = [lens for lens in content.drawn_lenses if lens.lot_id in locked_lot_ids]
    if locked:
        raise LotLocked(
            "a lens of the job comes from a locked lot",
            missing=[f"lot {lens.lot_id} not locked ({lens.eye})" for lens in locked],
        )


def _with_maker(content: Job, staff_id: str) -> tuple[str, ...]:
    return tuple(sorted({*content.maker_ids, staff_id}))


@duties("maker")
def finish_station(work: UnitOfWork, *, job_id: str, station: Station) -> dict[str, Record[Any]]:
    """Finish the station under way. Raises NoStationUnderWay, MoveForbidden."""
    job = work.records.get(JOB, job_id)
    content = job.content
    event = (
        work.records.find(STATION_EVENT, content.station_event_id)
        if content.station_event_id
        else None
    )
    if event is None or event.content.station is not station:
        raise NoStationUnderWay(f"{station} is not under way", station=station)
    event = work.records.move(event, "finish", finished_at=work.at, finished_by=work.actor.id)
    done = (*content.done_stations, station)
    left = next_station(content.stations, done)
    job = work.records.move(
        job,
        "finish_station",
        responsible_role=Role.LAB_TECHNICIAN if left else Role.QC_INSPECTOR,
        station_event_id="",
        done_stations=done,
        maker_ids=_with_maker(content, work.actor.id),
    )
    return {"station_event": event, "job": job}
