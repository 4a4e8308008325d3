"""How far one prescription lies from another, as one number: the power-vector distance (Thibos).

It sees a turned axis and a changed power alike, which single fields do not.
"""

import math
from dataclasses import dataclass

from optics.power import SpherocylinderPower


@dataclass(frozen=True)
class PowerVector:
    """M (exact), J0 and J45 (rounded to the nearest), in thousandths of a dioptre."""

    mean_sphere_millidioptres: int
    j0_millidioptres: int
    j45_millidioptres: int


def power_vector(power: SpherocylinderPower) -> PowerVector:
    """M = S + C/2, J0 = -(C/2) cos 2A, J45 = -(C/2) sin 2A; the same for both ways of writing."""
    _, j0, j45 = _components(power)
    return PowerVector(power.spherical_equivalent_millidioptres, round(j0), round(j45))


def power_distance_millidioptres(one: SpherocylinderPower, other: SpherocylinderPower) -> int:
    """The length between two power vectors, rounded once, to a thousandth of a dioptre."""
    return round(math.dist(_components(one), _components(other)))


def _components(power: SpherocylinderPower) -> tuple[float, float, float]:
    # Always from minus cylinder, so that the two writings of one lens give the very same floats.
    minus = power.in_minus_cylinder()
    double_axis = math.radians(2 * (minus.axis_degrees or 0))
    half_cylinder = -5 * minus.cylinder_centidioptres
    return (
        float(minus.spherical_equivalent_millidioptres),
        half_cylinder * math.cos(double_axis),
        half_cylinder * math.sin(double_axis),
    )
