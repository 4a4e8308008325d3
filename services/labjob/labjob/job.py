"""A job: one fabrication of a pair of glasses, from its release to the hands of the wearer, and the
table of what may happen to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from chassis.records.envelope import Record
from chassis.records.kinds import Kind, Reviewed, Transitions, moves
from chassis.roles import Role
from labjob.errors import StationUnderWay
from labjob.lens import Eye, OrderedPair
from labjob.station import JobPart, Station, require_all_done, require_next

READERS = frozenset(
    {
        Role.OPTOMETRIST,
        Role.OPHTHALMOLOGIST,
        Role.OPTICIAN,
        Role.LAB_CLERK,
        Role.LAB_TECHNICIAN,
        Role.QC_INSPECTOR,
        Role.QUALITY_MANAGER,
        Role.AUDITOR,
    }
)


LENS_OF = {JobPart.LENS_OD: Eye.OD, JobPart.LENS_OS: Eye.OS}
"""The eye of each lens."""


class FrameOrigin(StrEnum):
    """Where the frame of a job comes from."""

    STOCK = "stock"
    OWN = "own"


@dataclass(frozen=True, kw_only=True)
class ReservedLens:
    """A lens that is reserved for one eye."""

    eye: Eye
    reservation_id: str
    product_id: str


@dataclass(frozen=True, kw_only=True)
class DrawnLens:
    """A lens that was drawn for one eye, with its lot."""

    eye: Eye
    reservation_id: str
    draw_id: str
    product_id: str
    lot_id: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is made, from what, by which route, judged by what; and how far it has come.

    Everything down to `collect_at_id` is agreed at release and moves by an amendment only
    (ReviseJob); the rest is filled in by the steps.
    """

    slip_number: str
    order_id: str
    lab_id: str
    prescription_id: str
    lens_specification_id: str
    frame_selection_id: str
    fitting_measurement_id: str
    lens_design: str
    ordered: OrderedPair
    frame_origin: FrameOrigin
    frame_product_id: str
    lens_product_id: str
    reserved_lenses: tuple[ReservedLens, ...]
    route: str
    route_edition: str
    stations: tuple[Station, ...]
    tolerance_set: str
    tolerance_policy_edition: str
    promised_on: date
    remake_of_id: str
    terms_id: str
    terms_version: int
    warranty_days: int
    collect_at_id: str

    tray_code: str = ""
    shipment_id: str = ""
    lab_receipt_id: str = ""
    acceptance_id: str = ""
    eta_date: date | None = None
    job_query_id: str = ""
    done_stations: tuple[Station, ...] = ()
    station_event_id: str = ""
    drawn_lenses: tuple[DrawnLens, ...] = ()
    frame_reservation_id: str = ""
    frame_draw_id: str = ""
    maker_ids: tuple[str, ...] = ()
    is_cut: bool = False
    missing_parts: tuple[JobPart, ...] = ()
    qc_result_id: str = ""
    rework_count: int = 0
    held_from_state: str = ""
    hold_reason_code: str = ""
    branch_check_id: str = ""
    fitting_check_id: str = ""
    collection_id: str = ""
    warranty_id: str = ""
    remade_by_id: str = ""
    ticket_prints: int = 0

    def eyes_to_draw(self) -> tuple[Eye, ...]:
        """Return the eyes whose lens is ordered and not drawn."""
        drawn = {lens.eye for lens in self.drawn_lenses}
        return tuple(eye for eye, _ in self.ordered.lenses() if eye not in drawn)

    def require_between_stations(self) -> None:
        """Refuse while a station is under way. Raises StationUnderWay."""
        if self.station_event_id:
            raise StationUnderWay("a station is under way", id=self.station_event_id)

    def require_startable(self, station: Station) -> None:
        """Refuse a station that is not the next. Raises StationUnderWay, StationNotNext."""
        self.require_between_stations()
        require_next(self.stations, self.done_stations, station)

    def require_made(self) -> None:
        """Refuse while a station is under way or left. Raises StationUnderWay, StationNotDone."""
        self.require_between_stations()
        require_all_done(self.stations, self.done_stations)


_STATIONS = tuple(station.value for station in Station)
_IN_WORK = ("accepted", *_STATIONS)
_LACKING = ("awaiting_frame", "awaiting_lens")
_INSPECTED = ("inspecting", "qc_failed", "qc_passed")
_AT_BRANCH = ("received", "branch_failed", "branch_checked", "ready")
_HOLDABLE = (
    "released",
    "queried",
    *_IN_WORK,
    *_LACKING,
    *_INSPECTED,
    *_AT_BRANCH,
)
_TRAVELLING = ("shipped", "in_transit")
_OPEN = (*_HOLDABLE, *_TRAVELLING, "on_hold")

ENDED = ("collected", "remade", "cancelled")
"""States that nothing follows."""


def _all(states: Iterable[str], to: str) -> dict[str, str]:
    return dict.fromkeys(states, to)


def _same(*states: str) -> dict[str, str]:
    return {state: state for state in states}


_AWAITS_TRAY = _same("released", "awaiting_frame")

JOB = Kind(
    "labjob.job",
    "job",
    Job,
    Transitions(
        "released",
        moves(
            send_tray=_AWAITS_TRAY,
            take={**_AWAITS_TRAY, "shipped": "in_transit"},
            hand_over={**_AWAITS_TRAY, "in_transit": "in_transit"},
            receive_tray=_same("released"),
            query={"released": "queried"},
            answer={"queried": "released"},
            accept={"released": "accepted"},
            revise=_all(("released", "queried", *_IN_WORK, *_LACKING), "released"),
            draw=_same("awaiting_lens", *_IN_WORK),
            **{f"start_{station}": _all(_IN_WORK, station) for station in _STATIONS},
            finish_station=_same(*_STATIONS),
            lack_lens=_all((*_IN_WORK, *_LACKING, *_INSPECTED), "awaiting_lens"),
            lack_frame=_all(("released", *_IN_WORK, *_LACKING, *_INSPECTED), "awaiting_frame"),
            regain=_all(_LACKING, "accepted"),
            regain_before_acceptance={"awaiting_frame": "released"},
            hold=_all(_HOLDABLE, "on_hold"),
            stay_on_hold=_same("on_hold"),
            **{f"resume_{state}": {"on_hold": state} for state in _HOLDABLE},
            start_inspection=_all(_STATIONS, "inspecting"),
            pass_inspection={"inspecting": "qc_passed"},
            fail_inspection={"inspecting": "qc_failed"},
            rework={"qc_failed": "accepted"},
            condemn=_all((*_IN_WORK, *_LACKING, "inspecting", "qc_passed"), "qc_failed"),
            send_back=_all(_AT_BRANCH, "released"),
            remake=_all((*_LACKING, "qc_failed", *_AT_BRANCH), "remade"),
            ship={"qc_passed": "shipped"},
            receive=_all(_TRAVELLING, "received"),
            receive_failed=_all(_TRAVELLING, "branch_failed"),
            check={"received": "branch_checked"},
            # From there a pair goes back or is made again: looking again makes nothing whole.
            fail_check={"received": "branch_failed"},
            mark_ready={"branch_checked": "ready"},
            fit=_same("ready"),
            collect={"ready": "collected"},
            cancel=_all(_OPEN, "cancelled"),
        ),
    ),
    progress=frozenset(
        {
            "tray_code",
            "shipment_id",
            "lab_receipt_id",
            "acceptance_id",
            "eta_date",
            "job_query_id",
            "done_stations",
            "station_event_id",
            "drawn_lenses",
            "frame_reservation_id",
            "frame_draw_id",
            "maker_ids",
            "is_cut",
            "missing_parts",
            "qc_result_id",
            "rework_count",
            "held_from_state",
            "hold_reason_code",
            "branch_check_id",
            "fitting_check_id",
            "collection_id",
            "warranty_id",
            "remade_by_id",
            "ticket_prints",
        }
    ),
    readers=READERS,
    reviewed=Reviewed(
        role=Role.OPTICIAN,
        redo=("specify lens", "quote anew", "approve anew", "revise job"),
        allows=frozenset({"rework", "cancel"}),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """What the lab works by, in plain data; names no customer."""

    slip_number: str
    job_id: str
    version: int
    state: str
    branch_id: str
    lab_id: str
    ordered: OrderedPair
    lens_design: str
    lens_product_id: str
    frame_product_id: str
    frame_origin: FrameOrigin
    stations: tuple[Station, ...]
    done_stations: tuple[Station, ...]
    tolerance_set: str
    promised_on: date
    tray_code: str
    remake_of_id: str
    printed_at: datetime


def ticket_of(job: Record[Job], at: datetime) -> Ticket:
    """Return the ticket of a job as it stands."""
    content = job.content
    return Ticket(
        slip_number=content.slip_number,
        job_id=job.id,
        version=job.version,
        state=job.state,
        branch_id=job.branch_id,
        lab_id=content.lab_id,
        ordered=content.ordered,
        lens_design=content.lens_design,
        lens_product_id=content.lens_product_id,
        frame_product_id=content.frame_product_id,
        frame_origin=content.frame_origin,
        stations=content.stations,
        done_stations=content.done_stations,
        tolerance_set=content.tolerance_set,
        promised_on=content.promised_on,
        tray_code=content.tray_code,
        remake_of_id=content.remake_of_id,
        printed_at=at,
    )
