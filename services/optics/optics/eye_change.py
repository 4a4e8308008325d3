"""The plausibility rules that compare one eye with itself before: R1 to R5, R7, R10."""

from collections.abc import Iterator

from optics.eye import Eye
from optics.finding import Finding, dioptres, stepped
from optics.plausibility_rules import PlausibilityRules
from optics.power import SpherocylinderPower, axis_difference_degrees
from optics.power_vector import power_distance_millidioptres

DAYS_IN_FOUR_YEARS = 1461


def eye_changes(
    eye: Eye, new: SpherocylinderPower, old: SpherocylinderPower, rules: PlausibilityRules
) -> Iterator[Finding]:
    """R1 to R5 on the minus-cylinder forms, R7 on every way of writing both."""
    one, other = new.in_minus_cylinder(), old.in_minus_cylinder()
    apart = 10 * abs(one.sphere_centidioptres - other.sphere_centidioptres)
    yield from stepped("R1", eye, "sphere", apart, rules.sphere_change)
    yield from _sphere_sign(eye, one, other, rules)
    apart = 10 * abs(one.cylinder_centidioptres - other.cylinder_centidioptres)
    yield from stepped("R3", eye, "cylinder", apart, rules.cylinder_change)
    yield from _axis_change(eye, one, other, rules)
    apart = power_distance_millidioptres(one, other)
    yield from stepped("R5", eye, "power", apart, rules.power_distance)
    if any(_is_slip(a, b) for a in (new, new.transposed()) for b in (old, old.transposed())):
        text = "same sphere and axis as before, but the cylinder has the other sign"
        yield Finding("R7", rules.transposition_slip.severity, eye, "cylinder", text)


def _sphere_sign(
    eye: Eye, new: SpherocylinderPower, old: SpherocylinderPower, rules: PlausibilityRules
) -> Iterator[Finding]:
    one, other = 10 * new.sphere_centidioptres, 10 * old.sphere_centidioptres
    limit = rules.sphere_sign.stronger_than
    if one * other < 0 and max(abs(one), abs(other)) > limit:
        text = f"sphere changed its sign, with one of both over {dioptres(limit)} D"
        yield Finding("R2", rules.sphere_sign.severity, eye, "sphere", text)


def _axis_change(
    eye: Eye, new: SpherocylinderPower, old: SpherocylinderPower, rules: PlausibilityRules
) -> Iterator[Finding]:
    if new.axis_degrees is None or old.axis_degrees is None:
        return
    cylinder = 10 * max(abs(new.cylinder_centidioptres), abs(old.cylinder_centidioptres))
    step = next((s for s in rules.axis_change if cylinder >= s.cylinder_from), None)
    turned = axis_difference_degrees(new.axis_degrees, old.axis_degrees)
    if step is not None and turned > step.more_than_degrees:
        text = (
            f"axis turned by more than {step.more_than_degrees} degrees"
            f" with a cylinder from {dioptres(step.cylinder_from)} D"
        )
        yield Finding("R4", step.severity, eye, "axis", text)


def _is_slip(new: SpherocylinderPower, old: SpherocylinderPower) -> bool:
    return (
        new.cylinder_centidioptres != 0
        and new.cylinder_centidioptres == -old.cylinder_centidioptres
        and new.sphere_centidioptres == old.sphere_centidioptres
        and new.axis_degrees == old.axis_degrees
    )


def child_shift(
    eye: Eye,
    new: SpherocylinderPower,
    old: SpherocylinderPower,
    age_years: int | None,
    days_since_old: int | None,
    rules: PlausibilityRules,
) -> Iterator[Finding]:
    """R10; silent without an age, and about the yearly rate without the days in between."""
    rule = rules.child_shift
    if age_years is None or age_years >= rule.below_years:
        return
    shift = new.spherical_equivalent_millidioptres - old.spherical_equivalent_millidioptres
    if shift > rule.hyperopic_more_than:
        text = f"child's equivalent moved to plus by over {dioptres(rule.hyperopic_more_than)} D"
        yield Finding("R10", rule.severity, eye, "spherical_equivalent", text)
    if days_since_old is None or days_since_old <= 0:
        return
    # Both sides are multiplied out, so that the rate needs no rounding.
    if shift * DAYS_IN_FOUR_YEARS < rule.faster_than_per_year * days_since_old * 4:
        limit = dioptres(rule.faster_than_per_year)
        text = f"child's equivalent moved faster than {limit} D a year"
        yield Finding("R10", rule.severity, eye, "spherical_equivalent", text)
