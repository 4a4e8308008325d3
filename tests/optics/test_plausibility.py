"""A slip of the pen in a prescription is noticed before anyone relies on it."""

from importlib.resources import files

import pytest
from hypothesis import given

from lens_notation import lens, powers
from optics.addition import Addition
from optics.errors import ValueRefused
from optics.eye import Eye
from optics.finding import Finding
from optics.plausibility import compare
from optics.plausibility_rules import Severity, parse_plausibility_rules
from optics.power import SpherocylinderPower
from optics.prescribed_pair import PrescribedEye, PrescribedPair

RULES_TEXT = files("optics").joinpath("rules", "plausibility.yaml").read_text(encoding="utf-8")


def right(text: str, addition: int | None = None) -> PrescribedPair:
    return PrescribedPair(od=PrescribedEye(lens(text), Addition(addition) if addition else None))


def both(od: str, os: str, distance: int | None = None) -> PrescribedPair:
    return PrescribedPair(PrescribedEye(lens(od)), PrescribedEye(lens(os)), distance)


def rules_of(findings: tuple[Finding, ...]) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in findings}


def test_an_unchanged_prescription_raises_no_finding() -> None:
    pair = both("-2.00 -1.00x180", "-2.25 -0.75x175", 62_000)

    assert compare(pair, pair, age_years=30, days_since_old=365) == ()


def test_a_first_prescription_is_judged_by_itself_alone() -> None:
    assert compare(right("-2.00 -1.00x180"), None) == ()


@pytest.mark.parametrize(
    ("new", "severity"),
    [
        ("-2.74", None),
        ("-2.75", Severity.WARN),
        ("-3.49", Severity.WARN),
        ("-3.50", Severity.SECOND_PERSON),
    ],
)
def test_a_large_change_of_sphere_is_warned_of_or_needs_a_second_person(
    new: str, severity: Severity | None
) -> None:
    assert rules_of(compare(right(new), right("-2.00"))).get("R1") == severity


@pytest.mark.parametrize(
    ("new", "old", "found"),
    [
        ("+0.51", "-0.25", True),
        ("+0.50", "-0.50", False),
        ("+0.25", "-0.75", True),
        ("+1.00", "+0.00", False),
        ("-2.00", "-1.50", False),
    ],
)
def test_a_lost_sign_has_to_be_confirmed(new: str, old: str, found: bool) -> None:
    severity = rules_of(compare(right(new), right(old))).get("R2")

    assert severity == (Severity.CONFIRM if found else None)


@pytest.mark.parametrize(("new", "found"), [("-1.00 -1.24x90", False), ("-1.00 -1.25x90", True)])
def test_a_large_change_of_cylinder_is_warned_of(new: str, found: bool) -> None:
    assert ("R3" in rules_of(compare(right(new), right("-1.00 -0.50x90")))) is found


@pytest.mark.parametrize(
    ("new", "old", "found"),
    [
        ("-1.00 -2.00x5", "-1.00 -2.00x180", False),
        ("-1.00 -2.00x6", "-1.00 -2.00x180", True),
        ("-1.00 -1.00x10", "-1.00 -1.00x180", False),
        ("-1.00 -1.99x11", "-1.00 -1.99x180", True),
        ("-1.00 -0.50x20", "-1.00 -0.50x180", False),
        ("-1.00 -0.99x21", "-1.00 -0.99x180", True),
        ("-1.00 -0.49x90", "-1.00 -0.49x180", False),
        ("-1.00 -0.50x170", "-1.00 -1.00x1", True),
    ],
)
def test_the_stronger_the_cylinder_the_less_its_axis_may_turn(
    new: str, old: str, found: bool
) -> None:
    assert ("R4" in rules_of(compare(right(new), right(old)))) is found


@pytest.mark.parametrize(
    ("new", "severity"),
    [
        ("-1.99", None),
        ("-2.00", Severity.WARN),
        ("-2.99", Severity.WARN),
        ("-3.00", Severity.BLOCK),
    ],
)
def test_a_prescription_far_from_the_last_one_is_blocked(
    new: str, severity: Severity | None
) -> None:
    assert rules_of(compare(right(new), right("-1.00"))).get("R5") == severity


def test_crossed_eyes_have_to_be_confirmed() -> None:
    old = both("-1.00", "-3.00")

    assert rules_of(compare(both("-3.00", "-1.00"), old))["R6"] is Severity.CONFIRM
    assert "R6" not in rules_of(compare(both("-1.25", "-3.25"), old))


@pytest.mark.parametrize(("os", "found"), [("-1.25", False), ("-1.26", True)])
def test_eyes_count_as_crossed_beyond_half_a_dioptre(os: str, found: bool) -> None:
    # Crossed 0.00, straight twice the difference of the eyes, which must be more than 0.50.
    assert ("R6" in rules_of(compare(both(os, "-1.00"), both("-1.00", os)))) is found


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("-2.00 +1.00x180", "-2.00 -1.00x180"),
        ("-1.00 -1.00x90", "-2.00 -1.00x180"),
        ("-2.00 -1.00x180", "-2.00 +1.00x180"),
    ],
)
def test_a_cylinder_copied_with_the_wrong_sign_has_to_be_confirmed(new: str, old: str) -> None:
    assert rules_of(compare(right(new), right(old)))["R7"] is Severity.CONFIRM


@given(powers())
def test_a_correct_transposition_is_no_finding_at_all(power: SpherocylinderPower) -> None:
    old = PrescribedPair(od=PrescribedEye(power))
    new = PrescribedPair(od=PrescribedEye(power.transposed()))

    assert set(rules_of(compare(new, old, age_years=10, days_since_old=300))) <= {"R12"}


@pytest.mark.parametrize(("os", "found"), [("-3.49", False), ("-3.50", True)])
def test_very_unequal_eyes_are_warned_of(os: str, found: bool) -> None:
    assert ("R8" in rules_of(compare(both("-1.00", os), None))) is found


@pytest.mark.parametrize(
    ("addition", "before", "age", "for_near", "texts"),
    [
        (150, 200, 60, True, ["addition is weaker than before"]),
        (200, 150, 60, True, []),
        (100, None, 34, True, ["addition below the age of 35"]),
        (100, None, 35, True, []),
        (None, None, 50, True, ["no addition for near from the age of 50"]),
        (None, None, 49, True, []),
        (None, 200, 60, False, []),
        (None, 200, None, True, ["addition is weaker than before"]),
    ],
)
def test_an_addition_follows_the_age(
    addition: int | None, before: int | None, age: int | None, for_near: bool, texts: list[str]
) -> None:
    found = compare(
        right("+1.00", addition),
        right("+1.00", before),
        age_years=age,
        for_distance_and_near=for_near,
    )

    assert [finding.text for finding in found] == texts
    assert {finding.rule for finding in found} <= {"R9"}


@pytest.mark.parametrize(
    ("new", "age", "days", "found"),
    [
        ("-2.00", 10, 366, False),
        ("-2.00", 10, 365, True),
        ("-1.50", 10, 184, False),
        ("-1.50", 10, 182, True),
        ("-2.00", 18, 182, False),
        ("-2.00", None, 182, False),
        ("-2.00", 10, None, False),
        ("-0.50", 10, None, False),
        ("-0.49", 10, None, True),
        ("-0.49", 40, None, False),
    ],
)
def test_a_child_that_shifts_too_fast_is_looked_at_again(
    new: str, age: int | None, days: int | None, found: bool
) -> None:
    findings = compare(right(new), right("-1.00"), age_years=age, days_since_old=days)

    assert ("R10" in rules_of(findings)) is found


@pytest.mark.parametrize(
    ("distance", "age", "found"),
    [(64_000, 40, False), (64_001, 40, True), (64_001, None, True), (64_001, 17, False)],
)
def test_a_grown_person_keeps_the_pupillary_distance(
    distance: int, age: int | None, found: bool
) -> None:
    new, old = both("-1.00", "-1.00", distance), both("-1.00", "-1.00", 62_000)

    assert ("R11" in rules_of(compare(new, old, age_years=age))) is found


@pytest.mark.parametrize(
    ("power", "found"),
    [
        ("-12.00", False),
        ("-12.25", True),
        ("-11.50 -0.75x90", True),
        ("+8.00", False),
        ("+7.50 +0.75x90", True),
    ],
)
def test_a_power_beyond_the_usual_supply_has_to_be_confirmed(power: str, found: bool) -> None:
    severity = rules_of(compare(right(power), None)).get("R12")

    assert severity == (Severity.CONFIRM if found else None)


def test_each_eye_is_held_against_its_own_past() -> None:
    findings = compare(both("-1.00", "-3.00"), both("-1.00", "-2.00"))

    assert {finding.eye for finding in findings} == {Eye.OS}
    assert [finding.rule for finding in findings] == ["R1", "R5"]
    assert findings[0].field == "sphere"


def test_a_text_holds_the_limit_of_the_rule_and_not_the_power_of_the_wearer() -> None:
    (warning, _) = compare(right("-2.87"), right("-1.75"))

    assert "0.75 D" in warning.text
    assert "2.87" not in warning.text
    assert "1.12" not in warning.text


def test_the_chain_may_edit_the_thresholds() -> None:
    stricter = parse_plausibility_rules(RULES_TEXT.replace("at_least: 750", "at_least: 250"))

    assert compare(right("-1.25"), right("-1.00")) == ()
    assert "R1" in rules_of(compare(right("-1.25"), right("-1.00"), rules=stricter))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("severity: block", "severity: shout"),
        ("better_by: 500", "better_by: 0.5"),
        ("eye_swap", "swapped_eyes"),
    ],
)
def test_rules_that_do_not_fit_are_refused(old: str, new: str) -> None:
    assert old in RULES_TEXT
    with pytest.raises(ValueRefused, match="rules"):
        parse_plausibility_rules(RULES_TEXT.replace(old, new))
