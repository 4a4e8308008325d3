"""A product: something the chain stocks and sells, as the catalogue lists it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chassis.errors import AlreadyThere, invalid
from chassis.records.envelope import Record
from chassis.records.kinds import Kind, Transitions
from chassis.records.pins import Pin, pin
from inventory.frame import Frame
from inventory.lens import Lens, LensPower, PowerRange


class SkuTaken(AlreadyThere):
    """Another product has this stock-keeping code."""

    reason = "SKU_TAKEN"


class ProductKind(StrEnum):
    """What kind of thing a product is: counted piece by piece, by lot and power, or by lot."""

    FRAME = "frame"
    LENS = "lens"
    GOODS = "goods"


@dataclass(frozen=True, kw_only=True)
class Goods:
    """Anything else that is sold: what sort, and what is counted. Raises Invalid when either is
    missing."""

    category: str
    unit: str

    def __post_init__(self) -> None:
        for name in ("category", "unit"):
            if not getattr(self, name):
                raise invalid(name, "required", "must be given")


@dataclass(frozen=True, kw_only=True)
class Product:
    """What the catalogue says of one product; exactly one of frame, lens and goods is there.

    Raises Invalid when none or several are, or when power ranges and kind do not agree.
    """

    sku: str
    name: str
    product_kind: ProductKind
    brand: str = ""
    maker: str = ""
    frame: Frame | None = None
    lens: Lens | None = None
    goods: Goods | None = None
    power_ranges: tuple[PowerRange, ...] = ()

    def __post_init__(self) -> None:
        given = [kind for kind in ProductKind if getattr(self, kind) is not None]
        if given != [self.product_kind]:
            raise invalid(
                "particulars", "one_of", "exactly one of frame, lens and goods must be given"
            )
        if self.lens is not None:
            self.lens.require_ranges(self.power_ranges)
        elif self.power_ranges:
            raise invalid("power_ranges", "kind", "only lenses are made in powers")

    def range_of(self, power: LensPower) -> PowerRange | None:
        """Return the range a power is made in, or None when it is not made."""
        return next((one for one in self.power_ranges if one.covers(power)), None)

    def require_made(self, power: LensPower, field: str = "power") -> LensPower:
        """Return the power as its box is labelled. Raises Invalid (NOT_A_LENS, POWER_NOT_MADE)."""
        if self.lens is None:
            raise invalid(field, "kind", f"{self.sku} is no lens", reason="NOT_A_LENS")
        if self.range_of(power) is None:
            text = f"{self.sku} is not made in this power"
            raise invalid(field, "power_range", text, reason="POWER_NOT_MADE")
        return power.in_minus_cylinder()


PRODUCT = Kind("inventory.product", "prd", Product, Transitions("listed"), chain_wide=True)


def product_kind_of(frame: Frame | None, lens: Lens | None, goods: Goods | None) -> ProductKind:
    """Return the kind that the particulars say. Raises Invalid when there are none."""
    for kind, given in zip(ProductKind, (frame, lens, goods), strict=True):
        if given is not None:
            return kind
    raise invalid("particulars", "one_of", "exactly one of frame, lens and goods must be given")


def pin_on_product(product: Record[Product]) -> Pin:
    """Pin what makes the product what it is: its sizes or optics, not its name or its ranges."""
    return pin(product, str(product.content.product_kind))
