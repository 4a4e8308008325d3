"""What a quotation is built on, as clinical and inventory gave it: the frame chosen, the lenses
specified, and what is held for the case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chassis.errors import Refused, invalid
from chassis.records.pins import Pin

_SET_ASIDE_HELD = frozenset({"set_aside", "reserved"})
_RESERVATION_HELD = frozenset({"reserved", "awaited", "drawn"})


class OtherCase(Refused):
    """Something named belongs to another case, customer or frame."""

    reason = "OTHER_CASE"


class StockNotHeld(Refused):
    """What the quotation sells is not held for the case."""

    reason = "STOCK_NOT_HELD"


class StockSold(Refused):
    """Another order of the case sells the same frame or lens."""

    reason = "STOCK_SOLD"


@dataclass(frozen=True, kw_only=True)
class ServiceWanted:
    """A service by its code, and how often."""

    service_code: str
    quantity: int


@dataclass(frozen=True, kw_only=True)
class Goods:
    """A product's name, and what one piece costs the chain in minor units, when that is known."""

    name: str
    unit_cost_minor: int | None


@dataclass(frozen=True, kw_only=True)
class Held:
    """A set-aside or reservation of the case: what of, in which state, and what it became."""

    id: str
    product_id: str
    state: str
    became_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What was asked before the order's unit of work: facts of other services with their pins.

    `frame_product_id` is empty for the customer's own frame; `is_frame_here` tells that the frame
    hangs in a branch of the chain, so that it must be set aside.
    """

    frame_product_id: str
    is_own_frame: bool
    is_frame_here: bool
    lens_product_id: str
    lens_count: int
    goods: Mapping[str, Goods]
    set_asides: Sequence[Held]
    reservations: Sequence[Held]
    pins: Sequence[Pin]

    def require_held(self, set_aside_id: str, reservation_ids: Sequence[str]) -> None:
        """Refuse a frame or lenses that are not held for the case. Raises Invalid, StockNotHeld."""
        if set_aside_id and self.is_own_frame:
            raise invalid("set_aside_id", "own_frame", "must be empty for the customer's own frame")
        if self.is_frame_here and not set_aside_id:
            text = "must be given for a frame of the chain"
            raise invalid("set_aside_id", "required", text)
        kept = _held(self.set_asides, self.frame_product_id, _SET_ASIDE_HELD)
        kept |= _held(self.reservations, self.lens_product_id, _RESERVATION_HELD)
        wanted = [*([set_aside_id] if set_aside_id else []), *reservation_ids]
        missing = [one for one in wanted if one not in kept]
        if missing:
            raise StockNotHeld(
                f"not held for this case and product: {', '.join(missing)}",
                missing=[f"held for the case: {one}" for one in missing],
            )

    def became(self, set_aside_id: str) -> str:
        """Return the reservation that a set-aside became, or empty text."""
        return next((one.became_id for one in self.set_asides if one.id == set_aside_id), "")


def _held(among: Sequence[Held], product_id: str, states: frozenset[str]) -> set[str]:
    return {one.id for one in among if one.product_id == product_id and one.state in states}


def require_same(what: str, found: str, wanted: str) -> None:
    """Refuse a thing of another case, customer or frame. Raises OtherCase."""
    if found != wanted:
        raise OtherCase(f"{what} is {found or 'absent'}, not {wanted}", field=what)
