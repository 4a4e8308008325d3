"""What billing tells the other services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, kw_only=True)
class OrderQuoted:
    """An order was opened with its first quotation."""

    order_id: str
    case_id: str
    customer_id: str
    branch_id: str
    quotation_id: str


@dataclass(frozen=True, kw_only=True)
class OrderApproved:
    """The customer approved."""

    order_id: str
    case_id: str
    customer_id: str
    branch_id: str
    approval_id: str
    promised_on: date


@dataclass(frozen=True, kw_only=True)
class OrderConfirmed:
    """The deposit rule is met: what is set aside becomes reserved, what is to come is awaited."""

    order_id: str
    case_id: str
    customer_id: str
    branch_id: str
    set_aside_ids: tuple[str, ...]
    reservation_ids: tuple[str, ...]
    awaited_frame_product_id: str
    revision: int


@dataclass(frozen=True, kw_only=True)
class OrderRequoted:
    """A new quotation stands: what it no longer needs is free."""

    order_id: str
    case_id: str
    customer_id: str
    branch_id: str
    quotation_id: str
    dropped_reservation_ids: tuple[str, ...]
    dropped_set_aside_ids: tuple[str, ...]
    dropped_frame_product_id: str
    revision: int


@dataclass(frozen=True, kw_only=True)
class OrderCancelled:
    """The order ended before collection: everything held for it is free."""

    order_id: str
    case_id: str
    customer_id: str
    branch_id: str
    set_aside_ids: tuple[str, ...]
    reservation_ids: tuple[str, ...]
    reason_code: str
    revision: int


@dataclass(frozen=True, kw_only=True)
class OrderCollected:
    """The glasses were handed over."""

    order_id: str
    case_id: str
    customer_id: str
    branch_id: str
    collected_at: datetime


@dataclass(frozen=True, kw_only=True)
class PromiseAtRisk:
    """The glasses may not be there on the day promised; no estimate when the day has come."""

    order_id: str
    case_id: str
    customer_id: str
    branch_id: str
    promised_on: date
    eta_on: date | None
