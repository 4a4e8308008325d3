"""A lot: what one delivery brought of one product, and whether quality lets it be sold.

The states and moves are those of the trade's quality rules (domain facts 1.6): nothing skips
acceptance, and only a qualified or nearly expired lot is sellable.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from chassis.errors import Refused, invalid
from chassis.money import Money
from chassis.records.envelope import Record
from chassis.records.kinds import Kind, Transitions, moves
from chassis.records.pins import Pin, pin
from chassis.roles import Role

SELLABLE = ("qualified", "near_expiry")


class ChecksMissing(Refused):
    """A lot is accepted only after every check."""

    reason = "CHECKS_MISSING"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """Goods that came in with one delivery note (随货同行单)."""

    supplier: str
    delivery_note: str
    lot_ids: tuple[str, ...]


RECEIPT = Kind("inventory.receipt", "rcp", Receipt, Transitions("received"))


@dataclass(frozen=True, kw_only=True)
class Lot:
    """One lot of one product, with the supplier's price of one piece.

    Raises Invalid for no pieces, a price below zero, or an expiry before the making.
    """

    product_id: str
    lot_number: str
    receipt_id: str
    quantity: int
    unit_cost: Money
    manufactured_on: date | None = None
    expires_on: date | None = None
    quality_decision: str = ""
    acceptor_id: str = ""
    accepted_at: datetime | None = None
    acceptance_note: str = ""

    def __post_init__(self) -> None:
        if self.quantity <= 0:
            raise invalid("quantity", "count", "must be above zero")
        if self.unit_cost.amount_minor < 0:
            raise invalid("unit_cost", "price", "must not be below zero")
        made, ends = self.manufactured_on, self.expires_on
        if made is not None and ends is not None and ends < made:
            raise invalid("expires_on", "order", "lies before manufactured_on")


LOT = Kind(
    "inventory.lot",
    "lot",
    Lot,
    Transitions(
        "received",
        moves(
            accept={"received": "accepted"},
            put_away={"accepted": "qualified"},
            refuse={"received": "refused"},
            reject={"received": "nonconforming"},
            hold={"qualified": "held", "near_expiry": "held"},
            release={"held": "qualified"},
            warn={"qualified": "near_expiry"},
            expire={"qualified": "expired", "near_expiry": "expired"},
            condemn={"held": "nonconforming", "expired": "nonconforming"},
            recall=dict.fromkeys(
                ("received", "accepted", *SELLABLE, "held", "expired"), "recalled"
            ),
            return_to_supplier=dict.fromkeys(
                ("refused", "nonconforming", "recalled"), "returned_to_supplier"
            ),
            destroy={"nonconforming": "destroyed", "recalled": "destroyed"},
        ),
    ),
    progress=frozenset({"acceptor_id", "accepted_at", "acceptance_note"}),
    readers=frozenset(
        {Role.QUALITY_MANAGER, Role.PURCHASER, Role.PURCHASING_MANAGER, Role.HEAD_OFFICE}
        | {Role.ACCOUNTS, Role.AUDITOR}
    ),
)


def pin_on_lot(lot: Record[Lot]) -> Pin:
    """Pin which lot it is and how long it may be used."""
    return pin(lot, "product_id", "lot_number", "expires_on")


def require_checks(**done: bool) -> None:
    """Refuse acceptance while a check is open. Raises ChecksMissing naming them."""
    missing = sorted(name for name, is_done in done.items() if not is_done)
    if missing:
        raise ChecksMissing("a lot is accepted only after every check", missing=missing)


@dataclass(frozen=True, kw_only=True)
class LotAccepted:
    """A lot became sellable."""

    lot_id: str
    product_id: str
    branch_id: str


@dataclass(frozen=True, kw_only=True)
class LotLocked:
    """Quality staff locked a lot."""

    lot_id: str
    product_id: str
    lot_number: str
    reason_code: str


@dataclass(frozen=True, kw_only=True)
class LotReleased:
    """Quality staff released a locked lot."""

    lot_id: str
    product_id: str
