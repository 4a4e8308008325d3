"""占用: stock committed to a case and, once it is confirmed, to an order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chassis.errors import Refused
from chassis.records.kinds import Kind, Reviewed, Transitions, moves
from chassis.roles import Role
from inventory.lens import Eye, LensPower
from inventory.product import ProductKind


class ReservationCommitted(Refused):
    """A confirmed order has taken the reservation up; only the order can drop it."""

    reason = "RESERVATION_COMMITTED"


class OtherCase(Refused):
    """The reservation belongs to another case than the job."""

    reason = "OTHER_CASE"


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """What is reserved, for which eye, from which lot or piece, where; then for which order and
    job."""

    product_id: str
    product_kind: ProductKind
    quantity: int
    stock_branch_id: str
    eye: Eye | None = None
    power: LensPower | None = None
    lot_id: str = ""
    piece_id: str = ""
    set_aside_id: str = ""
    replaces_id: str = ""
    order_id: str = ""
    job_id: str = ""
    draw_id: str = ""
    replaced_by_id: str = ""


RESERVATION = Kind(
    "inventory.reservation",
    "rsv",
    Reservation,
    Transitions(
        "reserved",
        moves(
            commit={"reserved": "reserved", "awaited": "awaited"},
            draw={"reserved": "drawn"},
            arrive={"awaited": "reserved"},
            lose=dict.fromkeys(("reserved", "awaited", "drawn"), "broken"),
            consume={"reserved": "consumed", "drawn": "consumed"},
            replace=dict.fromkeys(("broken", "awaited", "reserved"), "replaced"),
            release={"reserved": "released", "awaited": "released", "broken": "released"},
            expire={"reserved": "expired"},
        ),
    ),
    progress=frozenset({"order_id", "job_id", "draw_id", "replaced_by_id"}),
    reviewed=Reviewed(
        role=Role.OPTICIAN,
        redo=("replace reservation",),
        allows=frozenset({"cancel"}),
    ),
)

HELD_NO_MORE = frozenset({"replaced", "released", "expired"})
"""States of a reservation that ended without its stock being used."""


@dataclass(frozen=True, kw_only=True)
class ReservationExpired:
    """A reservation that no order took up ran out."""

    reservation_id: str
    case_id: str
    customer_id: str
    branch_id: str
    product_id: str
    expired_at: datetime


@dataclass(frozen=True, kw_only=True)
class StockCommitted:
    """A reservation was committed to a confirmed order."""

    reservation_id: str
    order_id: str
    case_id: str
    product_id: str
    set_aside_id: str
    is_awaited: bool


@dataclass(frozen=True, kw_only=True)
class ReservationReleased:
    """A reservation was given back."""

    reservation_id: str
    order_id: str
    case_id: str
    product_id: str
