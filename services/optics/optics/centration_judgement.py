"""Judges where the lenses sit in the frame: distance of the centres, each eye's share, heights."""

from optics.eye import Eye
from optics.power import HALF_TURN, QUARTER_TURN
from optics.prism_judgement import measured_imbalance
from optics.tolerance import RuleKey, ToleranceSet, Unit
from optics.verdict import JudgedItem, judged_item
from optics.verification import Centration, MeasuredPair, OrderedPair


def centration_items(
    ordered: OrderedPair, measured: MeasuredPair, tolerances: ToleranceSet
) -> tuple[JudgedItem, ...]:
    """The centration rules of the set that can hold for this job; none for uncut lenses.

    Prescribed prism moves an optical centre away from the pupil, so distances of optical centres
    are judged without it only; the prism itself is judged instead.
    """
    centration = ordered.centration
    if centration is None:
        return ()
    prescribed_prism = any(not lens.prism.is_zero for _, lens in ordered.lenses())
    items: list[JudgedItem] = []
    if tolerances.is_for_fitting_points or not prescribed_prism:
        items += _distance_items(ordered, centration, measured, tolerances)
        items += _vertical_items(ordered, centration, measured, tolerances)
    items += _height_items(ordered, centration, measured, tolerances)
    items += _segment_items(ordered, centration, measured, tolerances)
    return tuple(items)


def _distance_items(
    ordered: OrderedPair,
    centration: Centration,
    measured: MeasuredPair,
    tolerances: ToleranceSet,
) -> list[JudgedItem]:
    items: list[JudgedItem] = []
    lenses = ordered.lenses()
    if tolerances.has(RuleKey.HORIZONTAL_DISTANCE) and len(lenses) == 2:
        wanted = centration.distance_micrometres()
        found = measured.centration.distance_micrometres()
        read = measured_imbalance(measured)[0]
        items.append(
            _displacement(
                RuleKey.HORIZONTAL_DISTANCE, Eye.OU, ordered, tolerances, wanted, found, read
            )
        )
    if tolerances.has(RuleKey.MONOCULAR_DISTANCE):
        for eye, _ in lenses:
            wanted = ordered.monocular_distance_micrometres(eye)
            found = measured.centration.of(eye).monocular_distance_micrometres
            read = measured.of(eye).in_centi_prism_dioptres
            items.append(
                _displacement(
                    RuleKey.MONOCULAR_DISTANCE, eye, ordered, tolerances, wanted, found, read
                )
            )
    return items


def _vertical_items(
    ordered: OrderedPair,
    centration: Centration,
    measured: MeasuredPair,
    tolerances: ToleranceSet,
) -> list[JudgedItem]:
    if not tolerances.has(RuleKey.VERTICAL_DIFFERENCE) or len(ordered.lenses()) < 2:
        return []
    wanted = _height_difference(centration)
    # Centres whose heights nobody ordered are ordered level.
    return [
        _displacement(
            RuleKey.VERTICAL_DIFFERENCE,
            Eye.OU,
            ordered,
            tolerances,
            0 if wanted is None else wanted,
            _height_difference(measured.centration),
            measured_imbalance(measured)[1],
        )
    ]


def _displacement(
    key: RuleKey,
    eye: Eye,
    ordered: OrderedPair,
    tolerances: ToleranceSet,
    wanted_micrometres: int | None,
    found_micrometres: int | None,
    read_centi_prism_dioptres: int | None,
) -> JudgedItem:
    """A length, or, where the row limits the prism instead, the prism that its error gives.

    The prism is that of the lens that is stronger in the direction, rounded up to a thousandth;
    weak lenses show no clear centre, so a prism read at the ordered point does as well.
    """
    powers = [lens.power for lens_eye, lens in ordered.lenses() if eye in (Eye.OU, lens_eye)]
    strongest = max(lens.power.strongest_meridian_centidioptres for _, lens in ordered.lenses())
    row = tolerances.row(key, meridian=strongest)
    if row is None or row.unit is not Unit.MILLI_PRISM_DIOPTRES:
        return judged_item(
            key,
            eye,
            row,
            unit=Unit.MICROMETRES,
            ordered=wanted_micrometres,
            measured=found_micrometres,
        )
    direction = QUARTER_TURN if key is RuleKey.VERTICAL_DIFFERENCE else HALF_TURN
    prism = None if read_centi_prism_dioptres is None else 10 * abs(read_centi_prism_dioptres)
    if wanted_micrometres is not None and found_micrometres is not None:
        power = max(abs(p.power_in_meridian_millidioptres(direction)) for p in powers)
        prism = -(-abs(found_micrometres - wanted_micrometres) * power // 10_000)
    return judged_item(key, eye, row, unit=row.unit, ordered=0, measured=prism)


def _height_items(
    ordered: OrderedPair,
    centration: Centration,
    measured: MeasuredPair,
    tolerances: ToleranceSet,
) -> list[JudgedItem]:
    if not tolerances.has(RuleKey.HEIGHT):
        return []
    return [
        judged_item(
            RuleKey.HEIGHT,
            eye,
            tolerances.row(RuleKey.HEIGHT),
            unit=Unit.MICROMETRES,
            ordered=centration.of(eye).height_micrometres,
            measured=measured.centration.of(eye).height_micrometres,
        )
        for eye, _ in ordered.lenses()
    ]


def _segment_items(
    ordered: OrderedPair,
    centration: Centration,
    measured: MeasuredPair,
    tolerances: ToleranceSet,
) -> list[JudgedItem]:
    wanted = [centration.of(eye).segment_height_micrometres for eye, _ in ordered.lenses()]
    found = [measured.centration.of(e).segment_height_micrometres for e, _ in ordered.lenses()]
    has_addition = any(lens.addition for _, lens in ordered.lenses())
    has_segment = has_addition and not tolerances.is_for_fitting_points
    if not has_segment and all(height is None for height in wanted):
        return []
    row = tolerances.row(RuleKey.SEGMENT_HEIGHT)
    items = [
        judged_item(
            RuleKey.SEGMENT_HEIGHT, eye, row, unit=Unit.MICROMETRES, ordered=want, measured=got
        )
        for (eye, _), want, got in zip(ordered.lenses(), wanted, found, strict=True)
    ]
    if len(wanted) == 2:
        items.append(
            judged_item(
                RuleKey.SEGMENT_DIFFERENCE,
                Eye.OU,
                tolerances.row(RuleKey.SEGMENT_DIFFERENCE),
                unit=Unit.MICROMETRES,
                ordered=_difference(*wanted),
                measured=_difference(*found),
            )
        )
    return items


def _height_difference(centration: Centration) -> int | None:
    return _difference(centration.od.height_micrometres, centration.os.height_micrometres)


def _difference(od: int | None, os: int | None) -> int | None:
    return None if od is None or os is None else od - os
