"""The power of a lens as it is prescribed, ground and measured: sphere, cylinder, axis.

Two prescriptions are compared only after transposition, so every comparison starts here.
"""

import math
from dataclasses import dataclass
from typing import Self

from optics.errors import ValueRefused, require_whole

HALF_TURN = 180
QUARTER_TURN = 90


@dataclass(frozen=True)
class PrincipalMeridian:
    """One of the two directions in which a lens has its extreme powers."""

    meridian_degrees: int
    power_centidioptres: int


@dataclass(frozen=True)
class SpherocylinderPower:
    """Sphere and cylinder in hundredths of a dioptre, axis in whole degrees 1 to 180.

    Axis 0 is stored as 180. The axis is there exactly when the cylinder is not zero; anything else
    raises `ValueRefused`. The cylinder may be written with either sign.
    """

    sphere_centidioptres: int
    cylinder_centidioptres: int = 0
    axis_degrees: int | None = None

    def __post_init__(self) -> None:
        require_whole("sphere_centidioptres", self.sphere_centidioptres)
        require_whole("cylinder_centidioptres", self.cylinder_centidioptres)
        if self.cylinder_centidioptres == 0:
            if self.axis_degrees is not None:
                raise ValueRefused("axis_degrees", "must be absent when the cylinder is zero")
            return
        if self.axis_degrees is None:
            raise ValueRefused("axis_degrees", "is required when there is a cylinder")
        require_whole("axis_degrees", self.axis_degrees)
        if not 0 <= self.axis_degrees <= HALF_TURN:
            raise ValueRefused("axis_degrees", "must lie from 1 to 180 (0 is read as 180)")
        if self.axis_degrees == 0:
            object.__setattr__(self, "axis_degrees", HALF_TURN)

    def transposed(self) -> Self:
        """The same lens with the other cylinder sign: S+C, -C, axis turned by 90 degrees."""
        if self.axis_degrees is None:
            return self
        return type(self)(
            self.sphere_centidioptres + self.cylinder_centidioptres,
            -self.cylinder_centidioptres,
            across(self.axis_degrees),
        )

    def in_minus_cylinder(self) -> Self:
        """The same lens with a minus cylinder, the form in which powers are compared."""
        return self.transposed() if self.cylinder_centidioptres > 0 else self

    def in_plus_cylinder(self) -> Self:
        """The same lens with a plus cylinder."""
        return self.transposed() if self.cylinder_centidioptres < 0 else self

    def is_same_lens_as(self, other: "SpherocylinderPower") -> bool:
        """Whether both writings describe one lens."""
        return self.in_minus_cylinder() == other.in_minus_cylinder()

    @property
    def spherical_equivalent_millidioptres(self) -> int:
        """S + C/2 in thousandths of a dioptre, exact."""
        return 10 * self.sphere_centidioptres + 5 * self.cylinder_centidioptres

    @property
    def strongest_meridian_centidioptres(self) -> int:
        """The larger absolute power of the two principal meridians; tolerance tables start here."""
        across_axis = self.sphere_centidioptres + self.cylinder_centidioptres
        return max(abs(self.sphere_centidioptres), abs(across_axis))

    def principal_meridians(self) -> tuple[PrincipalMeridian, PrincipalMeridian]:
        """The meridian along the axis (power S), then the one across it (S+C).

        A sphere has no axis; its meridians are given as 180 and 90.
        """
        along = self.axis_degrees or HALF_TURN
        sphere = self.sphere_centidioptres
        return (
            PrincipalMeridian(along, sphere),
            PrincipalMeridian(across(along), sphere + self.cylinder_centidioptres),
        )

    def power_in_meridian_millidioptres(self, meridian_degrees: int) -> int:
        """S + C sin^2(meridian - axis), rounded to the nearest thousandth of a dioptre.

        Takes any whole number of degrees. Exact where the meridian is a principal one.
        """
        require_whole("meridian_degrees", meridian_degrees)
        if self.axis_degrees is None:
            return 10 * self.sphere_centidioptres
        turn = math.radians(meridian_degrees - self.axis_degrees)
        share = self.cylinder_centidioptres * math.sin(turn) ** 2
        return round(10 * (self.sphere_centidioptres + share))


def across(axis_degrees: int) -> int:
    """The axis at right angles, 1 to 180."""
    turn = QUARTER_TURN if axis_degrees <= QUARTER_TURN else -QUARTER_TURN
    return axis_degrees + turn


def axis_difference_degrees(one: int, other: int) -> int:
    """How far two axes lie apart; an axis returns after 180 degrees, so never more than 90."""
    apart = abs(one - other) % HALF_TURN
    return min(apart, HALF_TURN - apart)


def anisometropia_millidioptres(od: SpherocylinderPower, os: SpherocylinderPower) -> int:
    """The difference of the two spherical equivalents, in thousandths of a dioptre, exact."""
    return abs(od.spherical_equivalent_millidioptres - os.spherical_equivalent_millidioptres)
