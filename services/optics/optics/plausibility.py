"""Finds the slips of the pen in a new prescription before anyone relies on it: a lost sign, crossed
eyes, a wrongly transposed cylinder, a change no eye makes."""

from collections.abc import Iterator

from optics.eye import Eye
from optics.eye_change import child_shift, eye_changes
from optics.finding import Finding, dioptres, stepped
from optics.plausibility_rules import PlausibilityRules, load_plausibility_rules
from optics.power import anisometropia_millidioptres
from optics.power_vector import power_distance_millidioptres
from optics.prescribed_pair import PrescribedPair


def compare(
    new: PrescribedPair,
    old: PrescribedPair | None,
    *,
    age_years: int | None = None,
    days_since_old: int | None = None,
    for_distance_and_near: bool = False,
    rules: PlausibilityRules | None = None,
) -> tuple[Finding, ...]:
    """Rules R1 to R12, in order of the rule.

    `old` is the earlier prescription, if there is one. Without an age the rules for children and
    for additions by age stay silent and the pupillary distance is judged as an adult's; without the
    days in between the yearly shift stays silent.
    """
    rules = rules or load_plausibility_rules()
    findings: list[Finding] = []
    if old is not None:
        for eye, eye_new in new.eyes():
            eye_old = old.of(eye)
            if eye_old is not None:
                findings += eye_changes(eye, eye_new.power, eye_old.power, rules)
                findings += child_shift(
                    eye, eye_new.power, eye_old.power, age_years, days_since_old, rules
                )
        findings += _eye_swap(new, old, rules)
        findings += _distance_change(new, old, age_years, rules)
    findings += _anisometropia(new, rules)
    findings += _additions(new, old, age_years, for_distance_and_near, rules)
    findings += _supply(new, rules)
    return tuple(sorted(findings, key=lambda finding: int(finding.rule[1:])))


def _eye_swap(
    new: PrescribedPair, old: PrescribedPair, rules: PlausibilityRules
) -> Iterator[Finding]:
    if new.od is None or new.os is None or old.od is None or old.os is None:
        return
    crossed = power_distance_millidioptres(new.od.power, old.os.power)
    crossed += power_distance_millidioptres(new.os.power, old.od.power)
    straight = power_distance_millidioptres(new.od.power, old.od.power)
    straight += power_distance_millidioptres(new.os.power, old.os.power)
    if crossed + rules.eye_swap.better_by < straight:
        text = "each eye fits the other eye's earlier power better than its own"
        yield Finding("R6", rules.eye_swap.severity, Eye.OU, "power", text)


def _anisometropia(new: PrescribedPair, rules: PlausibilityRules) -> Iterator[Finding]:
    if new.od is None or new.os is None:
        return
    apart = anisometropia_millidioptres(new.od.power, new.os.power)
    yield from stepped("R8", Eye.OU, "spherical_equivalent", apart, rules.anisometropia)


def _additions(
    new: PrescribedPair,
    old: PrescribedPair | None,
    age_years: int | None,
    for_distance_and_near: bool,
    rules: PlausibilityRules,
) -> Iterator[Finding]:
    rule = rules.addition
    for eye, part in new.eyes():
        addition = part.addition.centidioptres if part.addition else 0
        earlier = old.of(eye) if old is not None else None
        before = earlier.addition.centidioptres if earlier and earlier.addition else 0
        texts: list[str] = []
        if addition < before and (addition or for_distance_and_near):
            texts.append("addition is weaker than before")
        if addition and age_years is not None and age_years < rule.unusual_below_years:
            texts.append(f"addition below the age of {rule.unusual_below_years}")
        expected = age_years is not None and age_years >= rule.expected_from_years
        if not addition and for_distance_and_near and expected:
            texts.append(f"no addition for near from the age of {rule.expected_from_years}")
        yield from (Finding("R9", rule.severity, eye, "addition", text) for text in texts)


def _distance_change(
    new: PrescribedPair, old: PrescribedPair, age_years: int | None, rules: PlausibilityRules
) -> Iterator[Finding]:
    rule = rules.distance_change
    one, other = new.binocular_distance_micrometres, old.binocular_distance_micrometres
    if one is None or other is None or (age_years is not None and age_years < rule.from_years):
        return
    if abs(one - other) > rule.more_than_micrometres:
        text = f"pupillary distance changed by more than {rule.more_than_micrometres} micrometres"
        yield Finding("R11", rule.severity, Eye.OU, "binocular_distance", text)


def _supply(new: PrescribedPair, rules: PlausibilityRules) -> Iterator[Finding]:
    rule = rules.supply_range
    for eye, part in new.eyes():
        powers = [10 * m.power_centidioptres for m in part.power.principal_meridians()]
        if min(powers) < rule.minimum or max(powers) > rule.maximum:
            low, high = dioptres(rule.minimum), dioptres(rule.maximum)
            text = f"a meridian lies outside {low} to {high} D, the usual supply"
            yield Finding("R12", rule.severity, eye, "power", text)
