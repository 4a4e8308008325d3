"""Finds the slips of the pen in a new prescription before anyone relies on it: a lost sign, crossed
eyes, a wrongly transposed cylinder, a change no eye makes."""

from collections.abc import Iterator
from dataclasses import replace

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
    findings = [
        *_anisometropia(new, rules),
        *_additions(new, age_years, for_distance_and_near, rules),
        *_supply(new, rules),
    ]
    if old is not None:
        changes = [
            *_changes_of_eyes(new, old, age_years, days_since_old, rules),
            *_eye_swap(new, old, rules),
            *_weaker_additions(new, old, for_distance_and_near, rules),
            *_distance_change(new, old, age_years, rules),
        ]
        findings += [replace(one, is_comparison=True) for one in changes]
    return tuple(sorted(findings, key=lambda finding: int(finding.rule[1:])))


def _changes_of_eyes(
    new: PrescribedPair,
    old: PrescribedPair,
    age_years: int | None,
    days_since_old: int | None,
    rules: PlausibilityRules,
) -> Iterator[Finding]:
    for eye, part in new.eyes():
        before = old.of(eye)
        if before is not None:
            yield from eye_changes(eye, part.power, before.power, rules)
            yield from child_shift(eye, part.power, before.power, age_years, days_since_old, rules)


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


def _weaker_additions(
    new: PrescribedPair, old: PrescribedPair, for_distance_and_near: bool, rules: PlausibilityRules
) -> Iterator[Finding]:
    for eye, part in new.eyes():
        earlier = old.of(eye)
        before = earlier.addition.centidioptres if earlier and earlier.addition else 0
        addition = part.addition.centidioptres if part.addition else 0
        if addition < before and (addition or for_distance_and_near):
            text = "addition is weaker than before"
            yield Finding("R9", rules.addition.severity, eye, "addition", text)


def _additions(
    new: PrescribedPair,
    age_years: int | None,
    for_distance_and_near: bool,
    rules: PlausibilityRules,
) -> Iterator[Finding]:
    rule = rules.addition
    for eye, part in new.eyes():
        addition = part.addition.centidioptres if part.addition else 0
        texts: list[str] = []
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
