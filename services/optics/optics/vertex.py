"""Vertex compensation: the power a lens needs when it is worn nearer to or further from the eye
than the lens the eye was tested with."""

from fractions import Fraction

from optics.errors import ValueRefused, require_whole
from optics.power import SpherocylinderPower

CENTIDIOPTRE_MICROMETRES = 100 * 1_000_000  # a power times a distance in these units is this much


def effective_power_millidioptres(
    power_centidioptres: int, moved_towards_eye_micrometres: int
) -> int:
    """F / (1 - d F) in thousandths of a dioptre, rounded to the nearest (a tie to the even one).

    `d` is how far the lens moves towards the eye, negative when it moves away. Raises
    `ValueRefused` when the eye would stand at or behind the focus of the lens.
    """
    return round(10 * _effective(power_centidioptres, moved_towards_eye_micrometres))


def vertex_compensated(
    power: SpherocylinderPower,
    tested_vertex_micrometres: int,
    worn_vertex_micrometres: int,
) -> SpherocylinderPower:
    """The power that does at the worn vertex distance what the tested one did.

    Each principal meridian is compensated and rounded to 0.01 D; a contact lens is worn at 0. A
    cylinder that rounds to nothing leaves a sphere.
    """
    for field, value in (
        ("tested_vertex_micrometres", tested_vertex_micrometres),
        ("worn_vertex_micrometres", worn_vertex_micrometres),
    ):
        require_whole(field, value)
        if value < 0:
            raise ValueRefused(field, "must not be negative")
    moved = tested_vertex_micrometres - worn_vertex_micrometres
    along, across_axis = (
        round(_effective(meridian.power_centidioptres, moved))
        for meridian in power.principal_meridians()
    )
    cylinder = across_axis - along
    return SpherocylinderPower(along, cylinder, power.axis_degrees if cylinder else None)


def _effective(power_centidioptres: int, moved_towards_eye_micrometres: int) -> Fraction:
    require_whole("power_centidioptres", power_centidioptres)
    require_whole("moved_towards_eye_micrometres", moved_towards_eye_micrometres)
    product = power_centidioptres * moved_towards_eye_micrometres
    remaining = 1 - Fraction(product, CENTIDIOPTRE_MICROMETRES)
    if remaining <= 0:
        raise ValueRefused("moved_towards_eye_micrometres", "reaches the focus of the lens")
    return power_centidioptres / remaining
