"""A receipt: what had been charged and paid when it was printed. The PDF is its evidence; the name
on it is asked from customer and kept nowhere here."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.errors import Refused
from chassis.records.kinds import Kind, Transitions


class NothingPaid(Refused):
    """There is nothing to give a receipt for."""

    reason = "NOTHING_PAID"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The number printed, the newest posting it shows, and the sums by then in minor units."""

    order_id: str
    receipt_number: str
    posting_id: str
    paid_minor: int
    due_minor: int
    currency: str


RECEIPT = Kind("billing.receipt", "rct", Receipt, Transitions("printed"))
