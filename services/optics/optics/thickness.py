"""How thick a lens will be at edge and centre, told to the customer before the lens is chosen.

Thin-lens surfaces of revolution: for a lens with cylinder, ask for the meridian that matters.
"""

from decimal import Decimal, localcontext

from optics.errors import ValueRefused, require_positive, require_whole

DIGITS = 28  # decimal places carried; the result is rounded once, to a whole micrometre
CENTIDIOPTRE_RADIUS = 100_000  # (n-1) in thousandths times this, over power in cD: radius in um


def sagitta_micrometres(
    surface_power_centidioptres: int, index_thousandths: int, half_diameter_micrometres: int
) -> int:
    """The depth of a surface, r - sqrt(r^2 - y^2) with r = (n-1)/F; minus for a minus surface.

    Rounded to the nearest micrometre. Raises `ValueRefused` when the diameter does not fit on the
    curve.
    """
    half = half_diameter_micrometres
    return round(_sagitta(surface_power_centidioptres, index_thousandths, half))


def edge_thickness_micrometres(
    power_centidioptres: int,
    *,
    base_curve_centidioptres: int,
    index_thousandths: int,
    diameter_micrometres: int,
    centre_thickness_micrometres: int,
) -> int:
    """Centre + back sag - front sag: the edge of a minus lens made to that centre thickness."""
    require_positive("centre_thickness_micrometres", centre_thickness_micrometres)
    gain = _edge_over_centre(
        power_centidioptres, base_curve_centidioptres, index_thousandths, diameter_micrometres
    )
    return round(centre_thickness_micrometres + gain)


def centre_thickness_micrometres(
    power_centidioptres: int,
    *,
    base_curve_centidioptres: int,
    index_thousandths: int,
    diameter_micrometres: int,
    edge_thickness_micrometres: int,
) -> int:
    """Edge + front sag - back sag: the centre of a plus lens made to that edge thickness."""
    require_positive("edge_thickness_micrometres", edge_thickness_micrometres)
    gain = _edge_over_centre(
        power_centidioptres, base_curve_centidioptres, index_thousandths, diameter_micrometres
    )
    return round(edge_thickness_micrometres - gain)


def rule_of_thumb_difference_micrometres(
    power_centidioptres: int, index_thousandths: int, diameter_micrometres: int
) -> int:
    """y^2 |F| / (2000 (n-1)): the flat-lens estimate of edge less centre, always a little thin."""
    require_whole("power_centidioptres", power_centidioptres)
    _require_index(index_thousandths)
    require_positive("diameter_micrometres", diameter_micrometres)
    half = Decimal(diameter_micrometres) / 2
    over = 2 * (index_thousandths - 1000) * CENTIDIOPTRE_RADIUS
    return round(half * half * abs(power_centidioptres) / over)


def _edge_over_centre(
    power_centidioptres: int,
    base_curve_centidioptres: int,
    index_thousandths: int,
    diameter_micrometres: int,
) -> Decimal:
    require_whole("power_centidioptres", power_centidioptres)
    require_whole("base_curve_centidioptres", base_curve_centidioptres)
    require_positive("diameter_micrometres", diameter_micrometres)
    half = Decimal(diameter_micrometres) / 2
    back = base_curve_centidioptres - power_centidioptres  # the back surface seen as a depth
    return _sagitta(back, index_thousandths, half) - _sagitta(
        base_curve_centidioptres, index_thousandths, half
    )


def _sagitta(
    surface_power_centidioptres: int, index_thousandths: int, half_diameter: int | Decimal
) -> Decimal:
    require_whole("surface_power_centidioptres", surface_power_centidioptres)
    _require_index(index_thousandths)
    if half_diameter <= 0:
        raise ValueRefused("half_diameter_micrometres", "must be above zero")
    if surface_power_centidioptres == 0:
        return Decimal(0)
    with localcontext() as context:
        context.prec = DIGITS
        reach = Decimal((index_thousandths - 1000) * CENTIDIOPTRE_RADIUS)
        radius = reach / abs(surface_power_centidioptres)
        if radius < half_diameter:
            raise ValueRefused("half_diameter_micrometres", "is wider than the curve can carry")
        depth = radius - (radius * radius - Decimal(half_diameter) ** 2).sqrt()
    return depth if surface_power_centidioptres > 0 else -depth


def _require_index(index_thousandths: int) -> None:
    require_whole("index_thousandths", index_thousandths)
    if index_thousandths <= 1000:
        raise ValueRefused("index_thousandths", "must be above 1000, the index of air")
