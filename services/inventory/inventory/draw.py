"""发料 and breakage: what became of reserved stock in the making."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chassis.errors import Refused, invalid
from chassis.money import Money
from chassis.records.kinds import Kind, Transitions, moves
from chassis.roles import Role
from inventory.lens import Eye, LensPower


class LotNotSellable(Refused):
    """The lot is locked, expired or was never accepted."""

    reason = "LOT_NOT_SELLABLE"


@dataclass(frozen=True, kw_only=True)
class Draw:
    """What was drawn to a job, with its lot and what it cost."""

    reservation_id: str
    job_id: str
    product_id: str
    lot_id: str
    quantity: int
    unit_cost: Money
    piece_id: str = ""
    eye: Eye | None = None
    power: LensPower | None = None


_COST_READERS = frozenset({Role.HEAD_OFFICE, Role.ACCOUNTS, Role.BRANCH_MANAGER, Role.AUDITOR})

DRAW = Kind(
    "inventory.draw",
    "drw",
    Draw,
    Transitions("drawn", moves(lose={"drawn": "broken"}, consume={"drawn": "consumed"})),
    readers=_COST_READERS,
)


@dataclass(frozen=True, kw_only=True)
class Breakage:
    """What broke, why, whose fault it is by the reason's rule, and what it cost the chain."""

    product_id: str
    lot_id: str
    quantity: int
    reason_code: str
    fault_side: str
    cost: Money
    piece_id: str = ""
    power: LensPower | None = None
    reservation_id: str = ""
    job_id: str = ""
    note: str = ""


BREAKAGE = Kind(
    "inventory.breakage", "brk", Breakage, Transitions("recorded"), readers=_COST_READERS
)


def fault_side_of(reasons: Mapping[str, Mapping[str, str]], reason_code: str) -> str:
    """Return the side at fault by a reason code of the rule. Raises Invalid (REASON_UNKNOWN)."""
    try:
        return str(reasons[reason_code]["fault_side"])
    except KeyError:
        text = f"must be one of {', '.join(sorted(reasons))}"
        raise invalid("reason_code", "reason_code", text, reason="REASON_UNKNOWN") from None


@dataclass(frozen=True, kw_only=True)
class StockDrawn:
    """Stock was drawn to a job."""

    draw_id: str
    reservation_id: str
    job_id: str
    case_id: str
    product_id: str
    lot_id: str
    quantity: int


@dataclass(frozen=True, kw_only=True)
class StockBroken:
    """Something broke; when it was reserved, another reservation is needed."""

    breakage_id: str
    reservation_id: str
    job_id: str
    case_id: str
    product_id: str
    lot_id: str
    quantity: int
    reason_code: str
