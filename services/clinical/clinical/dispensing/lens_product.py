"""A lens as the catalogue lists it: the powers it is made in, and the blank each comes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from chassis.errors import Refused
from optics.power import SpherocylinderPower

STOCK = "stock"
"""A finished lens from the shelf; no prism can be ground into it."""


class LensDesign(StrEnum):
    """How a lens is made up."""

    SINGLE_VISION = "single_vision"
    BIFOCAL = "bifocal"
    PROGRESSIVE = "progressive"
    DEFOCUS = "defocus"


WITH_ADDITION = frozenset({LensDesign.BIFOCAL, LensDesign.PROGRESSIVE})
"""Designs that have a near portion."""


class NotALens(Refused):
    """The product is no lens."""

    reason = "NOT_A_LENS"


class PowerNotCovered(Refused):
    """The product is not made in this power."""

    reason = "POWER_NOT_COVERED"


class PrismNotCovered(Refused):
    """A stock lens cannot have a prescribed prism."""

    reason = "PRISM_NOT_COVERED"


@dataclass(frozen=True, kw_only=True)
class PowerRange:
    """Powers in minus cylinder, hundredths of a dioptre, both bounds included, and their blank."""

    sphere_min_centidioptres: int
    sphere_max_centidioptres: int
    cylinder_min_centidioptres: int
    cylinder_max_centidioptres: int
    blank_diameter_micrometres: int
    add_min_centidioptres: int | None = None
    add_max_centidioptres: int | None = None

    def covers(self, power: SpherocylinderPower, add_centidioptres: int | None) -> bool:
        """Tell whether the lens is made in this power and addition."""
        minus = power.in_minus_cylinder()
        sphere = minus.sphere_centidioptres
        if not self.sphere_min_centidioptres <= sphere <= self.sphere_max_centidioptres:
            return False
        cylinder = minus.cylinder_centidioptres
        if not self.cylinder_min_centidioptres <= cylinder <= self.cylinder_max_centidioptres:
            return False
        return self._covers_addition(add_centidioptres)

    def _covers_addition(self, add_centidioptres: int | None) -> bool:
        low, high = self.add_min_centidioptres, self.add_max_centidioptres
        if low is None or high is None or add_centidioptres is None:
            return low is None and high is None and add_centidioptres is None
        return low <= add_centidioptres <= high


@dataclass(frozen=True, kw_only=True)
class LensProduct:
    """What a lens specification takes over from the catalogue."""

    design: LensDesign
    index_thousandths: int
    power_ranges: tuple[PowerRange, ...] = ()
    supply: str = ""
    coatings: tuple[str, ...] = ()
    tint: str = ""
    is_photochromic: bool = False
    is_polarised: bool = False
    minimum_fitting_height_micrometres: int | None = None

    def made_in(self, ranges: tuple[PowerRange, ...]) -> LensProduct:
        """Return the lens with the powers it is made in."""
        return replace(self, power_ranges=ranges)

    def blank_for(self, eye: str, power: SpherocylinderPower, add_centidioptres: int | None) -> int:
        """Return the diameter of the blank for a power, micrometres. Raises PowerNotCovered."""
        for one in self.power_ranges:
            if one.covers(power, add_centidioptres):
                return one.blank_diameter_micrometres
        raise PowerNotCovered(
            f"the product is not made in the power prescribed for {eye}",
            missing=[f"power range that covers {eye}"],
            eye=eye,
        )

    def options(self) -> tuple[str, ...]:
        """Return its coatings and other options as words."""
        words = [*self.coatings, self.tint]
        words += ["photochromic"] if self.is_photochromic else []
        words += ["polarised"] if self.is_polarised else []
        return tuple(word for word in words if word)
