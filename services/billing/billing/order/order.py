"""The order: the promise to the customer, from the first quotation to the hand-over.

What changes when it is quoted or approved anew are progress fields: no pin rests on them. What
others rely on are the quotation and the approval, which are superseded and never edited.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from chassis.errors import Refused
from chassis.records.kinds import Kind, Reviewed, Transitions, moves
from chassis.roles import Role


class OrderEnded(Refused):
    """The order is closed or cancelled."""

    reason = "ORDER_ENDED"


class JobIsReleased(Refused):
    """A job was released: the order may no longer be voided."""

    reason = "JOB_RELEASED"


class NotConfirmable(Refused):
    """The order does not wait to be confirmed."""

    reason = "NOT_CONFIRMABLE"


class ManagerNeeded(Refused):
    """Money was paid: only a branch manager may void the order."""

    reason = "MANAGER_NEEDED"


class FollowUpOpen(Refused):
    """The follow-up is neither done nor waived."""

    reason = "FOLLOW_UP_OPEN"


class OrderJobState(StrEnum):
    """How far a job has come, as billing has heard."""

    RELEASED = "released"
    TO_REVISE = "to_revise"
    READY = "ready"
    COLLECTED = "collected"
    REMADE = "remade"
    CANCELLED = "cancelled"


_ENDED_JOBS = frozenset({OrderJobState.REMADE, OrderJobState.CANCELLED})
_MADE_JOBS = frozenset({OrderJobState.READY, OrderJobState.COLLECTED})


@dataclass(frozen=True, kw_only=True)
class OrderJob:
    """One fabrication of the order: its state, the lab's estimate, and when it could be had."""

    job_id: str
    state: OrderJobState = OrderJobState.RELEASED
    lab_id: str = ""
    eta_on: date | None = None
    ready_at: datetime | None = None
    collected_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order; amounts in minor units of its currency. All but the number is progress."""

    order_number: str
    currency: str
    quotation_id: str
    frame_selection_id: str
    lens_specification_id: str
    frame_product_id: str
    lens_product_ids: tuple[str, ...]
    set_aside_id: str
    reservation_ids: tuple[str, ...]
    own_frame: bool
    price_list_id: str
    total_minor: int
    deposit_minor: int
    approval_id: str = ""
    promise_id: str = ""
    first_promise_id: str = ""
    promised_on: date | None = None
    first_promised_on: date | None = None
    fitting_measurement_id: str = ""
    terms_id: str = ""
    charge_id: str = ""
    jobs: tuple[OrderJob, ...] = ()
    informed_at: datetime | None = None
    at_risk_since: datetime | None = None
    follow_up_id: str = ""

    @property
    def awaited_frame_product_id(self) -> str:
        """The frame that is still to come, by special order; empty when it is set aside or the
        customer's own."""
        return "" if self.set_aside_id else self.frame_product_id

    @property
    def live_jobs(self) -> tuple[OrderJob, ...]:
        """The jobs that were neither remade nor cancelled."""
        return tuple(job for job in self.jobs if job.state not in _ENDED_JOBS)

    @property
    def is_in_work(self) -> bool:
        """Whether a job is released on what stands."""
        return any(job.state is not OrderJobState.TO_REVISE for job in self.live_jobs)

    @property
    def is_stopped(self) -> bool:
        """Whether every job was cancelled."""
        return bool(self.jobs) and not self.live_jobs

    @property
    def being_made(self) -> tuple[OrderJob, ...]:
        """The jobs that a lab has, and that cannot be collected yet."""
        return tuple(job for job in self.jobs if job.state is OrderJobState.RELEASED)

    @property
    def ready_at(self) -> datetime | None:
        """When the last job could first be collected; None while one is not made."""
        jobs = self.live_jobs
        if not jobs or any(job.state not in _MADE_JOBS for job in jobs):
            return None
        return max((job.ready_at for job in jobs if job.ready_at), default=None)

    @property
    def is_told_ready(self) -> bool:
        """Whether every job is made and the customer was told since, or wanted no message."""
        return bool(self.informed_at and self.ready_at and self.informed_at >= self.ready_at)

    @property
    def collected_at(self) -> datetime | None:
        """When the last job was handed over; None while one is not."""
        jobs = self.live_jobs
        if not jobs or any(job.state is not OrderJobState.COLLECTED for job in jobs):
            return None
        return max(job.collected_at for job in jobs if job.collected_at)

    @property
    def eta_on(self) -> date | None:
        """The latest estimate of the jobs in work."""
        return max((job.eta_on for job in self.live_jobs if job.eta_on), default=None)

    def is_at_risk(self, promised_on: date) -> bool:
        """Tell whether the lab's estimate is later than a promise."""
        return self.eta_on is not None and self.eta_on > promised_on

    def with_job(self, job_id: str, **said: object) -> tuple[OrderJob, ...]:
        """Return the jobs with what was said of one of them, which may be new."""
        jobs = {job.job_id: job for job in self.jobs}
        jobs[job_id] = replace(jobs.get(job_id, OrderJob(job_id=job_id)), **said)  # type: ignore[arg-type]  # fields by name
        return tuple(jobs.values())


_STANDING = ("quoted", "approved", "confirmed")

_PROGRESS = frozenset(Order.__dataclass_fields__) - {"order_number", "currency"}

ORDER = Kind(
    "billing.order",
    "ord",
    Order,
    Transitions(
        "quoted",
        moves(
            requote=dict.fromkeys((*_STANDING, "in_work"), "quoted"),
            approve={"quoted": "approved"},
            confirm={"approved": "confirmed"},
            start_work={"confirmed": "in_work", "ready": "in_work"},
            stop_work={"in_work": "confirmed"},
            make_ready={"in_work": "ready"},
            collect={"in_work": "collected", "ready": "collected"},
            close={"collected": "closed"},
            cancel=dict.fromkeys(_STANDING, "cancelled"),
        ),
    ),
    progress=_PROGRESS,
    reviewed=Reviewed(
        role=Role.OPTICIAN,
        redo=("specify lens", "quote anew", "approve anew"),
        allows=frozenset({"cancel"}),
    ),
)

ENDED = frozenset({"closed", "cancelled"})
"""States in which nothing is promised or paid any more."""

OPEN_PROMISE = frozenset({"approved", "confirmed", "in_work"})
"""States in which a promise may still move."""


def to_revise(jobs: Iterable[OrderJob]) -> tuple[OrderJob, ...]:
    """Return the jobs after a new quotation: what is being made must be revised first."""
    return tuple(
        replace(job, state=OrderJobState.TO_REVISE) if job.state is OrderJobState.RELEASED else job
        for job in jobs
    )
