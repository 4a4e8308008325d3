"""Judges the prism of each lens and the imbalance of the pair, where prism is ordered or found."""

import msgspec

from optics.eye import Eye
from optics.prism import Prism
from optics.tolerance import Row, RuleKey, ToleranceSet, Unit
from optics.verdict import JudgedItem, judged_item
from optics.verification import MeasuredLens, MeasuredPair, OrderedPair


def prism_items(
    ordered: OrderedPair, measured: MeasuredPair, tolerances: ToleranceSet
) -> tuple[JudgedItem, ...]:
    """Each lens in both directions, then both lenses together once they are mounted.

    Judged when prism is ordered or was measured on any lens. A mounted lens with a fitting point
    always has a prism to judge, because no optical centre shows where it stands.
    """
    lenses = ordered.lenses()
    mounted_by_fitting_point = tolerances.is_for_fitting_points and ordered.centration is not None
    if not (
        mounted_by_fitting_point
        or any(not lens.prism.is_zero for _, lens in lenses)
        or any(_is_touched(measured.of(eye)) for eye, _ in lenses)
    ):
        return ()
    items: list[JudgedItem] = []
    for eye, lens in lenses:
        found = measured.of(eye)
        strongest = lens.power.strongest_meridian_centidioptres
        row = _as_prism(tolerances.row(RuleKey.LENS_PRISM, meridian=strongest), strongest)
        names = ("lens_prism_horizontal", "lens_prism_vertical")
        items += [
            _item(name, eye, row, want, got)
            for name, want, got in zip(names, _parts(lens.prism), _read(found), strict=True)
        ]
    if len(lenses) == 2 and ordered.centration is not None:
        items += _imbalance_items(ordered, measured, tolerances)
    return tuple(items)


def imbalance_centi_prism_dioptres(
    od: tuple[int | None, int | None], os: tuple[int | None, int | None]
) -> tuple[int | None, int | None]:
    """What two (in, up) prisms do to the pair: horizontal parts add, vertical ones subtract."""
    horizontal = None if od[0] is None or os[0] is None else od[0] + os[0]
    vertical = None if od[1] is None or os[1] is None else od[1] - os[1]
    return horizontal, vertical


def measured_imbalance(measured: MeasuredPair) -> tuple[int | None, int | None]:
    """The imbalance the lensmeter showed, horizontal and vertical; None where a part is missing."""
    return imbalance_centi_prism_dioptres(_read(measured.od), _read(measured.os))


def _imbalance_items(
    ordered: OrderedPair, measured: MeasuredPair, tolerances: ToleranceSet
) -> list[JudgedItem]:
    od, os = (lens.prism for _, lens in ordered.lenses())
    strongest = max(lens.power.strongest_meridian_centidioptres for _, lens in ordered.lenses())
    wanted = imbalance_centi_prism_dioptres(_parts(od), _parts(os))
    found = measured_imbalance(measured)
    keys = (RuleKey.HORIZONTAL_PRISM, RuleKey.VERTICAL_PRISM)
    rows = [_as_prism(tolerances.row(key, meridian=strongest), strongest) for key in keys]
    return [
        _item(key, Eye.OU, row, want, got)
        for key, row, want, got in zip(keys, rows, wanted, found, strict=True)
    ]


def _item(
    name: str, eye: Eye, row: Row | None, ordered: int | None, measured: int | None
) -> JudgedItem:
    return judged_item(
        name,
        eye,
        row,
        unit=Unit.MILLI_PRISM_DIOPTRES,
        ordered=None if ordered is None else 10 * ordered,
        measured=None if measured is None else 10 * measured,
    )


def _as_prism(row: Row | None, strongest_meridian_centidioptres: int) -> Row | None:
    # A length in a prism rule stands for the prism it gives at the strongest meridian, cut to whole
    # thousandths; measured prism is in hundredths, so cutting changes no verdict.
    if row is None or row.limit is None or row.unit is not Unit.MICROMETRES:
        return row
    limit = row.limit * strongest_meridian_centidioptres // 1000
    return msgspec.structs.replace(row, limit=limit, unit=Unit.MILLI_PRISM_DIOPTRES)


def _is_touched(found: MeasuredLens) -> bool:
    return any(part is not None for part in _read(found))


def _read(found: MeasuredLens) -> tuple[int | None, int | None]:
    return found.in_centi_prism_dioptres, found.up_centi_prism_dioptres


def _parts(prism: Prism) -> tuple[int | None, int | None]:
    return prism.in_centi_prism_dioptres, prism.up_centi_prism_dioptres
