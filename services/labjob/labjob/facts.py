"""What labjob tells the chain: the facts of a job's life, named as in events.proto."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, kw_only=True)
class JobReleased:
    """A job was released to a lab."""

    job_id: str
    order_id: str
    case_id: str
    customer_id: str
    branch_id: str
    lab_id: str
    released_by: str
    remake_of_id: str


@dataclass(frozen=True, kw_only=True)
class JobRevised:
    """A job was revised after its order was approved again."""

    job_id: str
    order_id: str
    case_id: str
    customer_id: str
    branch_id: str
    lab_id: str
    version: int


@dataclass(frozen=True, kw_only=True)
class JobAccepted:
    """A lab accepted a job."""

    job_id: str
    order_id: str
    eta_date: date


@dataclass(frozen=True, kw_only=True)
class JobReady:
    """A job may be collected."""

    job_id: str
    order_id: str
    case_id: str
    customer_id: str
    branch_id: str


@dataclass(frozen=True, kw_only=True)
class JobCollected:
    """A job was handed over; its warranty runs."""

    job_id: str
    order_id: str
    case_id: str
    customer_id: str
    branch_id: str
    collected_at: datetime
    warranty_id: str


@dataclass(frozen=True, kw_only=True)
class JobRemade:
    """A job was superseded by another that makes the pair again."""

    job_id: str
    new_job_id: str
    order_id: str
    case_id: str
    reason_code: str


@dataclass(frozen=True, kw_only=True)
class JobCancelled:
    """A job was stopped for good: what it did not draw of its lenses is free."""

    job_id: str
    order_id: str
    case_id: str
    reservation_ids: tuple[str, ...]
