"""A lens: its design and material, the powers it is made in, and the blanks they come on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from chassis.errors import invalid


class LensDesign(StrEnum):
    """What a lens does for the eye."""

    SINGLE_VISION = "single_vision"
    BIFOCAL = "bifocal"
    PROGRESSIVE = "progressive"
    DEFOCUS = "defocus"


WITH_ADDITION = frozenset({LensDesign.BIFOCAL, LensDesign.PROGRESSIVE})
"""Designs that exist only with an addition; the others exist only without."""


class LensMaterial(StrEnum):
    """What a lens is made of."""

    CR39 = "cr39"
    TRIVEX = "trivex"
    POLYCARBONATE = "polycarbonate"
    ACRYLIC = "acrylic"
    THIOURETHANE = "thiourethane"
    EPISULPHIDE = "episulphide"
    GLASS = "glass"


class Coating(StrEnum):
    """One layer on a lens."""

    HARD = "hard"
    ANTI_REFLECTION = "anti_reflection"
    WATER_REPELLENT = "water_repellent"
    BLUE_CUT = "blue_cut"
    ULTRAVIOLET = "ultraviolet"


class LensSupply(StrEnum):
    """How a lens comes: 现片 from the shelf, 订片 made to order."""

    STOCK = "stock"
    MADE_TO_ORDER = "made_to_order"


class Eye(StrEnum):
    """Which eye a lens is for."""

    OD = "od"
    OS = "os"


@dataclass(frozen=True, kw_only=True)
class LensPower:
    """Power of a lens on the shelf in hundredths of a dioptre, without axis: a finished lens is
    turned when it is edged. Raises Invalid for an addition that is not above zero."""

    sphere_centidioptres: int
    cylinder_centidioptres: int = 0
    add_centidioptres: int | None = None

    def __post_init__(self) -> None:
        if self.add_centidioptres is not None and self.add_centidioptres <= 0:
            raise invalid("add_centidioptres", "addition", "must be above zero, or absent")

    def in_minus_cylinder(self) -> LensPower:
        """Return the same lens as its box is labelled: S+C, -C when the cylinder is plus."""
        if self.cylinder_centidioptres <= 0:
            return self
        return replace(
            self,
            sphere_centidioptres=self.sphere_centidioptres + self.cylinder_centidioptres,
            cylinder_centidioptres=-self.cylinder_centidioptres,
        )


@dataclass(frozen=True, kw_only=True)
class PowerRange:
    """Powers a lens is made in (minus cylinder, hundredths of a dioptre) on one blank diameter.

    Raises Invalid for a range that ends before it begins, a plus cylinder, half an addition or no
    blank.
    """

    sphere_min_centidioptres: int
    sphere_max_centidioptres: int
    cylinder_min_centidioptres: int
    cylinder_max_centidioptres: int
    blank_diameter_micrometres: int
    add_min_centidioptres: int | None = None
    add_max_centidioptres: int | None = None

    def __post_init__(self) -> None:
        if (self.add_min_centidioptres is None) != (self.add_max_centidioptres is None):
            raise invalid("add_max_centidioptres", "range", "both ends of the addition or none")
        for name in ("sphere", "cylinder", "add"):
            low, high = self._ends(name)
            if low > high:
                raise invalid(f"{name}_max_centidioptres", "range", "lies below its minimum")
        if self.cylinder_max_centidioptres > 0:
            text = "is written as minus cylinder: zero or below"
            raise invalid("cylinder_max_centidioptres", "minus_cylinder", text)
        if (self.add_min_centidioptres or 1) <= 0:
            raise invalid("add_min_centidioptres", "addition", "must be above zero")
        if self.blank_diameter_micrometres <= 0:
            raise invalid("blank_diameter_micrometres", "size", "must be above zero")

    def _ends(self, name: str) -> tuple[int, int]:
        low: int | None = getattr(self, f"{name}_min_centidioptres")
        high: int | None = getattr(self, f"{name}_max_centidioptres")
        return low or 0, high or 0

    @property
    def has_addition(self) -> bool:
        """Tell whether its lenses have an addition."""
        return self.add_min_centidioptres is not None

    def covers(self, power: LensPower) -> bool:
        """Tell whether a lens of this power, in either writing, is made in the range."""
        written = power.in_minus_cylinder()
        if self.has_addition != (written.add_centidioptres is not None):
            return False
        parts = (
            ("sphere", written.sphere_centidioptres),
            ("cylinder", written.cylinder_centidioptres),
            ("add", written.add_centidioptres or 0),
        )
        return all(
            low <= value <= high for name, value in parts for low, high in [self._ends(name)]
        )

    def meets(self, other: PowerRange) -> bool:
        """Tell whether some power lies in both ranges."""
        if self.has_addition != other.has_addition:
            return False
        pairs = [(self._ends(name), other._ends(name)) for name in ("sphere", "cylinder", "add")]
        return all(a[0] <= b[1] and b[0] <= a[1] for a, b in pairs)


@dataclass(frozen=True, kw_only=True)
class Lens:
    """A lens as its maker lists it; index in thousandths. Raises Invalid for an index that no lens
    has, or a design, material or supply that is missing."""

    design: LensDesign
    index_thousandths: int
    material: LensMaterial
    supply: LensSupply
    coatings: tuple[Coating, ...] = ()
    tint: str = ""
    is_photochromic: bool = False
    is_polarised: bool = False
    minimum_fitting_height_micrometres: int | None = None

    def __post_init__(self) -> None:
        for name in ("design", "material", "supply"):
            if getattr(self, name) is None:
                raise invalid(name, "required", "must be given")
        if self.index_thousandths <= 1000:
            raise invalid("index_thousandths", "index", "must be above 1000 (air)")
        height = self.minimum_fitting_height_micrometres
        if height is not None and height <= 0:
            raise invalid("minimum_fitting_height_micrometres", "size", "must be above zero")

    def require_ranges(self, ranges: Sequence[PowerRange]) -> None:
        """Refuse ranges that this design is not made in, or that leave the blank of a power open.
        Raises Invalid."""
        if not ranges:
            raise invalid("power_ranges", "required", "a lens is made in at least one range")
        wanted = self.design in WITH_ADDITION
        for index, one in enumerate(ranges):
            if one.has_addition != wanted:
                text = f"a {self.design} lens {'needs' if wanted else 'has no'} addition"
                raise invalid(f"power_ranges[{index}]", "addition", text)
            if any(one.meets(other) for other in ranges[:index]):
                text = "overlaps another range, so that a power would have two blanks"
                raise invalid(f"power_ranges[{index}]", "overlap", text)
