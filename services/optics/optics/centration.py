"""Where the lens sits before the eye: decentration in the frame, the blank that covers it, the
prism a displaced optical centre gives, and the pupillary distance at the near lens plane.

All lengths are micrometres in the boxing system.
"""

import math
from fractions import Fraction

from optics.errors import ValueRefused, require_positive, require_whole
from optics.eye import Eye
from optics.power import SpherocylinderPower
from optics.prism import Prism


def geometric_centre_distance_micrometres(box_a_micrometres: int, bridge_micrometres: int) -> int:
    """A + DBL, the frame's own pupillary distance."""
    require_positive("box_a_micrometres", box_a_micrometres)
    require_positive("bridge_micrometres", bridge_micrometres)
    return box_a_micrometres + bridge_micrometres


def monocular_decentration_micrometres(
    geometric_centre_distance_micrometres: int, monocular_distance_micrometres: int
) -> int:
    """Half the geometric centre distance less the monocular PD; plus is inwards, to the nose.

    Half a micrometre rounds to the even one.
    """
    require_positive("geometric_centre_distance_micrometres", geometric_centre_distance_micrometres)
    require_positive("monocular_distance_micrometres", monocular_distance_micrometres)
    return round(
        Fraction(geometric_centre_distance_micrometres, 2) - monocular_distance_micrometres
    )


def effective_diameter_upper_bound_micrometres(
    box_a_micrometres: int, box_b_micrometres: int
) -> int:
    """sqrt(A^2 + B^2), rounded up: no rim in the box is longer, so a blank chosen by it covers.

    For a frame without a trace; with one, use twice the longest radius.
    """
    require_positive("box_a_micrometres", box_a_micrometres)
    require_positive("box_b_micrometres", box_b_micrometres)
    square = box_a_micrometres**2 + box_b_micrometres**2
    return math.isqrt(square - 1) + 1


def minimum_blank_size_micrometres(
    effective_diameter_micrometres: int,
    decentration_micrometres: int,
    allowance_micrometres: int,
) -> int:
    """ED + 2 |decentration| + allowance, for single vision; the allowance is dispensing data."""
    require_positive("effective_diameter_micrometres", effective_diameter_micrometres)
    require_whole("decentration_micrometres", decentration_micrometres)
    require_whole("allowance_micrometres", allowance_micrometres)
    if allowance_micrometres < 0:
        raise ValueRefused("allowance_micrometres", "must not be negative")
    return (
        effective_diameter_micrometres + 2 * abs(decentration_micrometres) + allowance_micrometres
    )


def prentice_prism(
    power: SpherocylinderPower,
    eye: Eye,
    centre_in_micrometres: int,
    centre_up_micrometres: int,
) -> Prism:
    """The prism before the pupil when the optical centre lies that far in (nasal) and up of it.

    Prentice's rule by the full power matrix, so an oblique cylinder gives prism across the
    displacement too. Plus lenses have their base towards the centre, minus lenses away from it.
    Each part is rounded to the nearest 0.01 prism dioptre.
    """
    if eye is Eye.OU:
        raise ValueRefused("eye", "must be OD or OS: in and up belong to one eye")
    require_whole("centre_in_micrometres", centre_in_micrometres)
    require_whole("centre_up_micrometres", centre_up_micrometres)
    sphere, cylinder = power.sphere_centidioptres, power.cylinder_centidioptres
    axis = math.radians(power.axis_degrees or 0)
    sine, cosine = math.sin(axis), math.cos(axis)
    # Axes are read facing the wearer, where the nose lies to the right of the right eye only.
    mirror = 1 if eye is Eye.OD else -1
    horizontal = sphere + cylinder * sine**2
    vertical = sphere + cylinder * cosine**2
    crossed = -cylinder * sine * cosine * mirror
    return Prism(
        _to_hundredths(horizontal * centre_in_micrometres + crossed * centre_up_micrometres),
        _to_hundredths(crossed * centre_in_micrometres + vertical * centre_up_micrometres),
    )


def near_distance_micrometres(
    distance_pd_micrometres: int,
    work_distance_micrometres: int,
    rotation_centre_micrometres: int,
) -> int:
    """The near PD at the lens plane: PD d / (d + r), rounded to the nearest micrometre.

    `d` is the work distance from the lens, `r` the distance from lens to the eye's centre of
    rotation (dispensing data). Takes a binocular or a monocular PD.
    """
    require_positive("distance_pd_micrometres", distance_pd_micrometres)
    require_positive("work_distance_micrometres", work_distance_micrometres)
    require_positive("rotation_centre_micrometres", rotation_centre_micrometres)
    reach = work_distance_micrometres + rotation_centre_micrometres
    return round(Fraction(distance_pd_micrometres * work_distance_micrometres, reach))


def _to_hundredths(centidioptre_micrometres: float) -> int:
    # 1 D over 1 cm is 1 prism dioptre; so 100 cD over 10 000 um is 100 hundredths of one.
    return round(round(centidioptre_micrometres / 10_000, 6))
