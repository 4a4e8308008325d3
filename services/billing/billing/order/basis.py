"""What a quotation is built on, as clinical and inventory gave it: the frame chosen, the lenses
specified, and what is held for the case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billing.order.lens import Eye, LensNotAsSpecified, LensPower
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
    """A product's name, what one piece costs the chain in minor units, when that is known, and
    whether it is made only once it is ordered."""

    name: str
    unit_cost_minor: int | None
    is_made_to_order: bool = False


@dataclass(frozen=True, kw_only=True)
class Held:
    """A set-aside or reservation of the case: what of, for which eye, in which state, and what it
    became."""

    id: str
    product_id: str
    state: str
    eye: Eye | None = None
    power: LensPower | None = None
    became_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What was asked before the order's unit of work: facts of other services with their pins.

    `frame_product_id` is empty for the customer's own frame; `is_frame_here` tells that the frame
    hangs in a branch of the chain, so that it must be set aside. `lenses` are those specified.
    """

    frame_product_id: str
    is_own_frame: bool
    is_frame_here: bool
    lens_product_id: str
    lenses: Mapping[Eye, LensPower]
    goods: Mapping[str, Goods]
    set_asides: Sequence[Held]
    reservations: Sequence[Held]
    pins: Sequence[Pin]

    def require_held(self, set_aside_id: str, reservation_ids: Sequence[str]) -> None:
        """Refuse a frame or lenses that are not held for the case, and lenses that are not those
        specified. Raises Invalid, StockNotHeld, LensNotAsSpecified."""
        self._require_frame(set_aside_id)
        held = {one.id: one for one in self.reservations if one.state in _RESERVATION_HELD}
        missing = [one for one in reservation_ids if one not in held]
        if missing:
            raise _not_held(missing)
        self._require_lenses([held[one] for one in reservation_ids])

    def _require_frame(self, set_aside_id: str) -> None:
        if set_aside_id and self.is_own_frame:
            raise invalid("set_aside_id", "own_frame", "must be empty for the customer's own frame")
        if self.is_frame_here and not set_aside_id:
            text = "must be given for a frame of the chain"
            raise invalid("set_aside_id", "required", text)
        kept = {
            one.id
            for one in self.set_asides
            if one.product_id == self.frame_product_id and one.state in _SET_ASIDE_HELD
        }
        if set_aside_id and set_aside_id not in kept:
            raise _not_held([set_aside_id])

    def _require_lenses(self, reserved: Sequence[Held]) -> None:
        differing = [
            f"reservation_ids[{index}]: {difference} as specified"
            for index, one in enumerate(reserved)
            for difference in self._differs_in(one)
        ]
        if differing:
            text = "a reserved lens is not the one specified for its eye"
            raise LensNotAsSpecified(text, missing=differing)
        eyes = {one.eye for one in reserved}
        missing = [f"lens reserved: {eye}" for eye in self.lenses if eye not in eyes]
        if missing and not self.goods[self.lens_product_id].is_made_to_order:
            raise StockNotHeld("no lens is reserved for an eye that needs one", missing=missing)

    def _differs_in(self, one: Held) -> list[str]:
        """Return in what a reserved lens is not the one specified: its eye, or fields of that."""
        wanted = self.lenses.get(one.eye) if one.eye else None
        if wanted is None or one.power is None:
            return ["eye"]
        if one.product_id != self.lens_product_id:
            return [f"{one.eye} product_id"]
        return [f"{one.eye} {field}" for field in wanted.differs_in(one.power)]

    def became(self, set_aside_id: str) -> str:
        """Return the reservation that a set-aside became, or empty text."""
        return next((one.became_id for one in self.set_asides if one.id == set_aside_id), "")


def _not_held(ids: Sequence[str]) -> StockNotHeld:
    return StockNotHeld(
        f"not held for this case and product: {', '.join(ids)}",
        missing=[f"held for the case: {one}" for one in ids],
    )


def require_same(what: str, found: str, wanted: str) -> None:
    """Refuse a thing of another case, customer or frame. Raises OtherCase."""
    if found != wanted:
        raise OtherCase(f"{what} is {found or 'absent'}, not {wanted}", field=what)
