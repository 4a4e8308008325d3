"""留架: a frame held for a customer between choosing and ordering, until it expires."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.errors import Refused
from chassis.records.kinds import Kind, Transitions, moves


class SetAsideLimit(Refused):
    """The rule lets nobody hold a frame that long."""

    reason = "SET_ASIDE_LIMIT"


@dataclass(frozen=True)
class HoldingRule:
    """How long stock is held without an order: data, from rules/holding.yaml."""

    set_aside_hours: float
    set_aside_longest_hours: int
    reservation_hours: float
    grace_minutes: float

    def set_aside_ends(self, at: datetime) -> datetime:
        """Return when a set-aside made now goes back to the display."""
        return at + timedelta(hours=self.set_aside_hours)

    def extended(self, set_aside_at: datetime, at: datetime, hours: int) -> datetime:
        """Return when a set-aside extended now ends. Raises SetAsideLimit."""
        ends = at + timedelta(hours=hours or self.set_aside_hours)
        if ends > set_aside_at + timedelta(hours=self.set_aside_longest_hours):
            raise SetAsideLimit(
                f"a frame is held for {self.set_aside_longest_hours} hours at the longest",
                longest_hours=self.set_aside_longest_hours,
            )
        return ends

    def reservation_ends(self, at: datetime) -> datetime:
        """Return when a reservation made now is given back unless an order takes it up."""
        return self.given_up_at(at + timedelta(hours=self.reservation_hours))

    def given_up_at(self, ends: datetime) -> datetime:
        """Return when the system gives the stock back: an order confirmed in the last minute is
        heard of first."""
        return ends + timedelta(minutes=self.grace_minutes)


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """One piece of a frame held for a customer; `expires_at` moves when it is extended."""

    product_id: str
    piece_id: str
    lot_id: str
    stock_branch_id: str
    set_aside_at: datetime
    expires_at: datetime
    reservation_id: str = ""


SET_ASIDE = Kind(
    "inventory.set_aside",
    "sta",
    SetAside,
    Transitions(
        "set_aside",
        moves(
            extend={"set_aside": "set_aside"},
            reserve={"set_aside": "reserved"},
            release={"set_aside": "released"},
            expire={"set_aside": "expired"},
        ),
    ),
    progress=frozenset({"expires_at", "reservation_id"}),
)


@dataclass(frozen=True, kw_only=True)
class SetAsideExpired:
    """A set-aside ran out: the frame hangs on the display again."""

    set_aside_id: str
    case_id: str
    customer_id: str
    branch_id: str
    product_id: str
    expired_at: datetime
