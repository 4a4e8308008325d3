"""A charge: what the customer owes for an order since an approval."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.records.kinds import Kind, Transitions, moves


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What is owed for one quotation, in minor units."""

    order_id: str
    quotation_id: str
    amount_minor: int
    currency: str


CHARGE = Kind(
    "billing.charge",
    "chg",
    Charge,
    Transitions("charged", moves(reverse={"charged": "reversed"})),
)
