"""Judges a finished lens or pair against its job, under a named tolerance set.

Everything is compared in minus-cylinder form; what was not measured, not ordered or has no rule
fails the verdict and says so.
"""

from optics.centration_judgement import centration_items
from optics.eye import Eye
from optics.power import axis_difference_degrees
from optics.prism_judgement import prism_items
from optics.tolerance import PowerRule, Row, RuleKey, ToleranceSet, Unit
from optics.verdict import JudgedItem, Verdict, judged_item, verdict_of
from optics.verification import MeasuredLens, MeasuredPair, OrderedPair, VerificationPower


def judge(ordered: OrderedPair, measured: MeasuredPair, tolerances: ToleranceSet) -> Verdict:
    """Hold every ordered value against what was found.

    Powers, axis and addition of each lens; prism where it is ordered, measured or belongs to the
    lens design; centration where the lenses are mounted.
    """
    items: tuple[JudgedItem, ...] = ()
    for eye, lens in ordered.lenses():
        found = measured.of(eye).in_minus_cylinder()
        items += _power_items(eye, lens, found, tolerances)
        items += _axis_items(eye, lens, found, tolerances)
        items += _addition_items(eye, lens, found, tolerances)
    items += prism_items(ordered, measured, tolerances)
    items += centration_items(ordered, measured, tolerances)
    return verdict_of(items, tolerances)


def _power_items(
    eye: Eye, lens: VerificationPower, found: MeasuredLens, tolerances: ToleranceSet
) -> tuple[JudgedItem, ...]:
    minus = lens.power.in_minus_cylinder()
    sphere, cylinder = minus.sphere_centidioptres, minus.cylinder_centidioptres
    found_sphere, found_cylinder = found.sphere_centidioptres, found.cylinder_centidioptres
    found_across = None
    if found_sphere is not None and found_cylinder is not None:
        found_across = found_sphere + found_cylinder
    elif found_cylinder is None:
        found_sphere = None  # without the cylinder nobody knows which meridian the sphere was
    strongest = minus.strongest_meridian_centidioptres
    each = tolerances.power_rule is PowerRule.EACH_PRINCIPAL_MERIDIAN
    row = tolerances.row(RuleKey.MERIDIAN, meridian=strongest if each else abs(sphere))
    judged: list[tuple[str, Row | None, int, int | None]] = []
    judged.append(("sphere_meridian", row, sphere, found_sphere))
    if each:
        judged.append(("cylinder_meridian", row, sphere + cylinder, found_across))
    row = tolerances.row(RuleKey.CYLINDER, meridian=strongest, cylinder=abs(cylinder))
    judged.append((RuleKey.CYLINDER, row, cylinder, found_cylinder))
    return tuple(
        judged_item(name, eye, row, unit=Unit.CENTIDIOPTRES, ordered=wanted, measured=got)
        for name, row, wanted, got in judged
    )


def _axis_items(
    eye: Eye, lens: VerificationPower, found: MeasuredLens, tolerances: ToleranceSet
) -> tuple[JudgedItem, ...]:
    minus = lens.power.in_minus_cylinder()
    row = tolerances.row(RuleKey.AXIS, cylinder=abs(minus.cylinder_centidioptres))
    if minus.axis_degrees is None or row is None or row.limit is None:
        return ()  # a sphere, or a cylinder too weak for the standard to set an axis limit
    apart = None
    if found.axis_degrees is not None:
        apart = axis_difference_degrees(minus.axis_degrees, found.axis_degrees)
    return (
        judged_item(
            RuleKey.AXIS,
            eye,
            row,
            unit=Unit.DEGREES,
            ordered=minus.axis_degrees,
            measured=found.axis_degrees,
            deviation=apart,
        ),
    )


def _addition_items(
    eye: Eye, lens: VerificationPower, found: MeasuredLens, tolerances: ToleranceSet
) -> tuple[JudgedItem, ...]:
    ordered = lens.addition.centidioptres if lens.addition else 0
    if not ordered and not found.addition_centidioptres:
        return ()
    row = tolerances.row(RuleKey.ADDITION, addition=ordered)
    return (
        judged_item(
            RuleKey.ADDITION,
            eye,
            row,
            unit=Unit.CENTIDIOPTRES,
            ordered=ordered,
            measured=found.addition_centidioptres,
        ),
    )
