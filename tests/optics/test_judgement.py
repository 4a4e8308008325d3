"""A finished pair is judged against what was ordered, by the rules it was promised under."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_notation import centred, found, lens, one_lens, pair, powers, reading
from optics.addition import Addition
from optics.errors import ValueRefused
from optics.eye import Eye
from optics.judgement import judge
from optics.power import SpherocylinderPower
from optics.prism import Prism
from optics.tolerance import (
    ToleranceSet,
    load_tolerance_set,
    parse_tolerance_set,
    tolerance_set_names,
)
from optics.verdict import Outcome, Verdict
from optics.verification import (
    Centration,
    EyeCentration,
    MeasuredLens,
    MeasuredPair,
    OrderedPair,
    VerificationPower,
)

GB = load_tolerance_set("iso-21987-gb-13511.1-2011")
GB_PROGRESSIVE = load_tolerance_set("iso-21987-gb-13511.2-2011")
ANSI = load_tolerance_set("ansi-z80.1-2015")
ANSI_PROGRESSIVE = load_tolerance_set("ansi-z80.1-2015-progressive")


def failed(verdict: Verdict) -> set[str]:
    return {item.name for item in verdict.failures()}


@pytest.mark.parametrize(
    ("ordered", "measured", "gb_failures", "ansi_deviations"),
    [
        pytest.param("-3.00 -1.25x180", "-3.10 -1.12x178", {"cylinder"}, (10, 13, 2), id="Q1"),
        pytest.param(
            "-8.00", "-8.15", {"sphere_meridian", "cylinder_meridian"}, (15, 0, None), id="Q2"
        ),
        pytest.param(
            "+2.00 -0.50x90",
            "+2.05 -0.40x84",
            {"cylinder_meridian", "cylinder"},
            (5, 10, 6),
            id="Q3",
        ),
        pytest.param("-1.00 -0.75x10", "-1.08 -0.83x15", {"cylinder_meridian"}, (8, 8, 5), id="Q4"),
        pytest.param(
            "-7.50 -2.25x20", "-7.60 -2.40x22", {"cylinder_meridian"}, (10, 15, 2), id="Q5"
        ),
        pytest.param(
            "+0.50 -5.00x100",
            "+0.60 -5.20x101",
            {"cylinder"},
            (10, 20, 1),
            id="Q6",
        ),
    ],
)
def test_the_same_lens_fails_by_meridians_and_passes_by_sphere_and_cylinder(
    ordered: str, measured: str, gb_failures: set[str], ansi_deviations: tuple[int | None, ...]
) -> None:
    chinese = judge(one_lens(ordered), found(measured), GB)
    american = judge(one_lens(ordered), found(measured), ANSI)
    items = [american.item(name, Eye.OD) for name in ("sphere_meridian", "cylinder", "axis")]

    assert failed(chinese) == gb_failures
    assert not chinese.passed
    assert american.passed
    assert tuple(item and item.deviation for item in items) == ansi_deviations


def test_the_second_meridian_carries_the_deviation_and_limit_that_stopped_the_lens() -> None:
    verdict = judge(one_lens("-1.00 -0.75x10"), found("-1.08 -0.83x15"), GB)  # Q4
    item = verdict.item("cylinder_meridian", Eye.OD)

    assert item is not None
    assert (item.ordered, item.measured, item.deviation, item.limit) == (-175, -191, 16, 12)
    assert (item.unit, item.outcome, item.passed) == ("centidioptres", Outcome.JUDGED, False)


@pytest.mark.parametrize("tolerances", [GB, ANSI])
@pytest.mark.parametrize(("measured", "passed"), [(213, False), (212, True), (188, True)])
def test_an_addition_is_judged_alike_by_both(
    tolerances: ToleranceSet, measured: int, passed: bool
) -> None:
    verdict = judge(one_lens("-1.00", addition=200), found("-1.00", addition=measured), tolerances)

    assert verdict.passed is passed  # Q7
    assert failed(verdict) == (set() if passed else {"addition"})


def both_read(text: str, centration: Centration) -> MeasuredPair:
    return MeasuredPair(reading(lens(text)), reading(lens(text)), centration)


def test_a_distance_of_the_centres_that_china_refuses_and_america_takes() -> None:
    measured = both_read("-5.00", centred(32_100, 32_100, 20_000, 20_000))
    chinese, american = (judge(pair("-5.00"), measured, t) for t in (GB, ANSI))
    item = chinese.item("horizontal_distance", Eye.OU)

    assert item is not None
    assert (item.deviation, item.limit, item.passed) == (2_200, 2_000, False)  # Q8
    assert failed(chinese) == {"horizontal_distance", "monocular_distance"}
    assert american.passed


def test_a_height_difference_that_china_takes_and_america_refuses() -> None:
    measured = both_read("-2.00", centred(31_000, 31_000, 21_800, 20_000))
    chinese, american = (judge(pair("-2.00"), measured, t) for t in (GB, ANSI))
    item = american.item("vertical_difference", Eye.OU)

    assert chinese.passed
    assert item is not None
    assert (item.deviation, item.limit, item.unit) == (360, 330, "milli_prism_dioptres")  # Q9
    assert failed(american) == {"vertical_difference"}


def test_a_weak_cylinder_twelve_degrees_off_fails_in_china_single_vision_alone() -> None:
    ordered, measured = one_lens("+0.00 -0.25x90"), found("+0.00 -0.25x102")

    assert failed(judge(ordered, measured, GB)) == {"axis"}  # Q10
    assert judge(ordered, measured, GB_PROGRESSIVE).passed
    assert judge(ordered, measured, ANSI).passed


def test_one_eye_may_not_use_up_the_whole_distance() -> None:
    measured = both_read("-5.00", centred(32_500, 31_000, 20_000, 20_000))
    verdict = judge(pair("-5.00"), measured, GB)

    assert [(i.name, i.eye) for i in verdict.failures()] == [("monocular_distance", Eye.OD)]


@pytest.mark.parametrize("height", [23_000, 24_000])
def test_heights_are_compared_with_the_heights_ordered(height: int) -> None:
    ordered = replace(pair("-6.00"), centration=centred(31_000, 31_000, 22_000, 20_000))
    measured = both_read("-6.00", centred(31_000, 31_000, height, 20_000))

    assert judge(ordered, measured, GB).passed is (height == 23_000)


def test_the_prism_of_a_displaced_centre_is_rounded_against_the_lens() -> None:
    # 0.33 prism dioptres at -3.37 are 979.2 um: one micrometre more is too much.
    ordered = pair("-3.37")
    within = both_read("-3.37", centred(31_000, 31_000, 20_979, 20_000))
    beyond = both_read("-3.37", centred(31_000, 31_000, 20_980, 20_000))

    assert judge(ordered, within, ANSI).passed
    assert failed(judge(ordered, beyond, ANSI)) == {"vertical_difference"}


def test_each_direction_has_the_prism_of_its_own_meridian() -> None:
    # -2.50 up and down, plano across: the same displacement counts for its height alone.
    ordered = pair("+0.00 -2.50x180")
    aside = both_read("+0.00 -2.50x180", centred(35_000, 35_000, 20_000, 20_000))
    above = both_read("+0.00 -2.50x180", centred(31_000, 31_000, 24_000, 20_000))

    assert judge(ordered, aside, ANSI).passed
    assert failed(judge(ordered, above, ANSI)) == {"vertical_difference"}


def test_percent_begins_where_the_sphere_of_the_minus_form_is_strong() -> None:
    # The strongest meridian is -8.00, but the sphere that is judged is -6.00 and has 0.13.
    assert judge(one_lens("-6.00 -2.00x90"), found("-6.13 -2.00x90"), ANSI).passed
    assert judge(one_lens("-8.00 +2.00x180"), found("-6.13 -2.00x90"), ANSI).passed
    assert not judge(one_lens("-6.00 -2.00x90"), found("-6.14 -2.00x90"), ANSI).passed


def test_the_axis_is_judged_around_the_half_turn() -> None:
    verdict = judge(one_lens("-1.00 -1.00x179"), found("-1.00 -1.00x2"), GB)
    item = verdict.item("axis", Eye.OD)

    assert item is not None
    assert (item.deviation, item.limit, item.passed) == (3, 4, True)


def test_a_cylinder_under_an_eighth_has_no_axis_to_judge() -> None:
    verdict = judge(one_lens("-1.00 -0.11x180"), found("-1.00 -0.11x90"), GB)

    assert verdict.passed
    assert verdict.item("axis", Eye.OD) is None


def test_a_cylinder_ground_at_right_angles_fails_by_its_axis() -> None:
    verdict = judge(one_lens("-2.00 -1.00x180"), found("-2.00 -1.00x90"), GB)

    assert failed(verdict) == {"axis"}


def test_a_cylinder_nobody_ordered_fails() -> None:
    assert failed(judge(one_lens("-2.00"), found("-2.00 -0.25x90"), ANSI)) == {"cylinder"}


def test_a_verdict_names_the_set_its_edition_and_that_it_is_unverified() -> None:
    verdict = judge(one_lens("-2.00"), found("-2.00"), ANSI)

    assert (verdict.tolerance_set, verdict.edition) == ("ansi-z80.1-2015", "ANSI Z80.1-2015")
    assert verdict.status == "unverified"


@pytest.mark.parametrize(
    ("blank", "missing"),
    [
        ("sphere_centidioptres", {"sphere_meridian", "cylinder_meridian"}),
        ("cylinder_centidioptres", {"sphere_meridian", "cylinder_meridian", "cylinder", "axis"}),
        ("axis_degrees", {"axis"}),
        ("addition_centidioptres", {"addition"}),
    ],
)
def test_what_was_not_measured_fails_and_is_never_zero(blank: str, missing: set[str]) -> None:
    ordered = one_lens("+0.00 -0.50x90", addition=100)
    full = reading(lens("+0.00 -0.50x90"), 100)
    gone = {blank: None}
    if blank == "cylinder_centidioptres":
        gone["axis_degrees"] = None
    verdict = judge(ordered, MeasuredPair(od=replace(full, **gone)), GB)

    assert judge(ordered, MeasuredPair(od=full), GB).passed
    assert not verdict.passed
    assert failed(verdict) == missing
    assert {item.outcome for item in verdict.failures()} == {Outcome.NOT_MEASURED}
    assert all(item.measured is None for item in verdict.failures())


@pytest.mark.parametrize("name", tolerance_set_names())
def test_an_untouched_inspection_sheet_passes_nothing(name: str) -> None:
    ordered = replace(pair("+0.00"), centration=centred(31_000, 31_000, 20_000, 20_000))
    verdict = judge(ordered, MeasuredPair(), load_tolerance_set(name))

    assert verdict.items
    assert {item.outcome for item in verdict.items} == {Outcome.NOT_MEASURED}


def test_a_reading_without_cylinder_says_nothing_about_the_sphere_meridian() -> None:
    measured = MeasuredPair(od=MeasuredLens(sphere_centidioptres=-200))

    assert failed(judge(one_lens("-2.00"), measured, ANSI)) == {"sphere_meridian", "cylinder"}


def test_an_addition_in_a_single_vision_lens_is_found() -> None:
    assert failed(judge(one_lens("-2.00"), found("-2.00", addition=150), GB)) == {"addition"}


def with_prism(od: Prism, os: Prism, text: str = "-2.00") -> OrderedPair:
    return OrderedPair(
        VerificationPower(lens(text), prism=od),
        VerificationPower(lens(text), prism=os),
        centred(31_000, 31_000, None, None),
    )


def read_with_prism(od: tuple[int, int], os: tuple[int, int], text: str = "-2.00") -> MeasuredPair:
    one, other = (
        replace(reading(lens(text)), in_centi_prism_dioptres=i, up_centi_prism_dioptres=u)
        for i, u in (od, os)
    )
    return MeasuredPair(one, other)


def test_prescribed_prism_is_judged_instead_of_the_distance_of_the_centres() -> None:
    ordered = with_prism(Prism(200, 0), Prism(200, 0))
    good = judge(ordered, read_with_prism((210, 0), (195, 10)), GB)
    weak = judge(ordered, read_with_prism((160, 0), (170, 0)), GB)

    assert good.passed
    assert good.item("horizontal_distance", Eye.OU) is None
    assert failed(weak) == {"horizontal_prism"}


def test_vertical_prism_before_the_wrong_eye_does_not_cancel_out() -> None:
    ordered = with_prism(Prism(0, 200), Prism())
    crossed = judge(ordered, read_with_prism((0, 0), (0, -200)), GB)

    assert failed(crossed) == {"lens_prism_vertical"}
    assert {item.eye for item in crossed.failures()} == {Eye.OD, Eye.OS}


def test_a_base_turned_round_is_found_in_every_set() -> None:
    ordered = with_prism(Prism(200, 0), Prism())

    for tolerances in (GB, ANSI):
        verdict = judge(ordered, read_with_prism((-200, 0), (0, 0)), tolerances)
        assert failed(verdict) == {"lens_prism_horizontal", "horizontal_prism"}


def test_ordered_prism_that_was_not_measured_fails() -> None:
    measured = both_read("-2.00", centred(31_000, 31_000, 20_000, 20_000))
    verdict = judge(with_prism(Prism(200, 0), Prism()), measured, ANSI)

    assert not verdict.passed
    assert {item.outcome for item in verdict.failures()} == {Outcome.NOT_MEASURED}


def test_a_length_in_a_prism_rule_stands_for_the_prism_it_gives() -> None:
    # 2.0 mm at -6.00 are 1.20 prism dioptres.
    ordered = with_prism(Prism(200, 0), Prism(), "-6.00")

    assert judge(ordered, read_with_prism((320, 0), (0, 0), "-6.00"), GB).passed
    assert not judge(ordered, read_with_prism((321, 0), (0, 0), "-6.00"), GB).passed


def test_a_plano_pair_shows_no_centre_and_is_judged_by_the_prism_read() -> None:
    assert judge(pair("+0.00"), read_with_prism((30, 20), (30, -20), "+0.00"), GB).passed
    verdict = judge(pair("+0.00"), read_with_prism((40, 0), (20, 0), "+0.00"), GB)
    assert [(i.name, i.eye) for i in verdict.failures()] == [("monocular_distance", Eye.OD)]


def test_a_pair_ordered_by_its_binocular_distance_allows_each_eye_its_half() -> None:
    ordered = replace(pair("-5.00"), centration=Centration(binocular_distance_micrometres=62_000))
    measured = both_read("-5.00", centred(31_900, 30_100, 20_000, 20_000))

    assert judge(ordered, measured, GB).passed
    only_binocular = replace(
        measured, centration=replace(ordered.centration or Centration(), od=EyeCentration())
    )
    assert "monocular_distance" in failed(judge(ordered, only_binocular, GB))


def progressive(height: int | None) -> OrderedPair:
    lens_ordered = VerificationPower(lens("-2.00"), Addition(200))
    return OrderedPair(lens_ordered, lens_ordered, centred(31_000, 31_000, height, height))


def read_progressive(od_height: int, os_height: int) -> MeasuredPair:
    one = replace(
        reading(lens("-2.00"), 200), in_centi_prism_dioptres=0, up_centi_prism_dioptres=-100
    )
    return MeasuredPair(one, one, centred(31_000, 31_000, od_height, os_height))


@pytest.mark.parametrize("name", ["ansi-z80.1-2015-progressive", "iso-21987-gb-13511.2-2011"])
def test_a_progressive_pair_is_judged_by_its_fitting_points(name: str) -> None:
    tolerances = load_tolerance_set(name)
    low = judge(progressive(20_000), read_progressive(18_900, 20_000), tolerances)

    assert "height" in failed(low)
    assert low.item("segment_height", Eye.OD) is None


@pytest.mark.parametrize("name", ["ansi-z80.1-2015-progressive", "iso-21987-gb-13511.2-2011"])
def test_a_progressive_pair_without_an_ordered_height_cannot_pass(name: str) -> None:
    verdict = judge(progressive(None), read_progressive(20_000, 20_000), load_tolerance_set(name))
    item = verdict.item("height", Eye.OD)

    assert item is not None
    assert (item.outcome, item.passed) == (Outcome.NOT_ORDERED, False)


def test_equal_thinning_prism_of_a_progressive_pair_must_be_ordered_to_pass() -> None:
    thinned = VerificationPower(lens("-2.00"), Addition(200), Prism(0, -100))
    ordered = OrderedPair(thinned, thinned, centred(31_000, 31_000, 20_000, 20_000))

    assert judge(ordered, read_progressive(20_000, 20_000), ANSI_PROGRESSIVE).passed
    unordered = judge(progressive(20_000), read_progressive(20_000, 20_000), ANSI_PROGRESSIVE)
    assert failed(unordered) == {"lens_prism_vertical"}


def bifocal(od_segment: int | None, os_segment: int | None) -> Centration:
    return Centration(
        EyeCentration(31_000, 20_000, od_segment), EyeCentration(31_000, 20_000, os_segment)
    )


@pytest.mark.parametrize(
    ("od", "os", "failures"),
    [
        (18_000, 18_000, set()),
        (19_000, 18_000, set()),
        (19_001, 18_500, {"segment_height"}),
        (18_600, 17_500, {"segment_difference"}),
        (None, 18_000, {"segment_height", "segment_difference"}),
    ],
)
@pytest.mark.parametrize("tolerances", [GB, ANSI], ids=["GB", "ANSI"])
def test_bifocal_segments_are_judged_alone_and_as_a_pair(
    tolerances: ToleranceSet, od: int | None, os: int, failures: set[str]
) -> None:
    lens_ordered = VerificationPower(lens("-2.00"), Addition(200))
    ordered = OrderedPair(lens_ordered, lens_ordered, bifocal(18_000, 18_000))
    one = reading(lens("-2.00"), 200)

    assert failed(judge(ordered, MeasuredPair(one, one, bifocal(od, os)), tolerances)) == failures


def test_a_bifocal_without_an_ordered_segment_height_cannot_pass() -> None:
    lens_ordered = VerificationPower(lens("-2.00"), Addition(200))
    ordered = OrderedPair(lens_ordered, lens_ordered, bifocal(None, None))
    one = reading(lens("-2.00"), 200)
    verdict = judge(ordered, MeasuredPair(one, one, bifocal(18_000, 18_000)), ANSI)

    assert {item.outcome for item in verdict.failures()} == {Outcome.NOT_ORDERED}


def test_what_the_set_has_no_rule_for_is_not_passed_over() -> None:
    bare = parse_tolerance_set(
        """
        name: bare
        edition: house rule 1
        lens_designs: [single_vision]
        jurisdiction: CN
        status: unverified
        valid_from: null
        valid_to: null
        centration_point: optical_centre
        power_rule: sphere_meridian
        rules:
          - {key: meridian, source: house, confidence: P, rows: [{limit: 6, unit: centidioptres}]}
          - {key: cylinder, source: house, confidence: P, rows: [{limit: 6, unit: centidioptres}]}
          - {key: axis, source: house, confidence: P, rows: [{limit: 1, unit: degrees}]}
        """
    )
    verdict = judge(one_lens("-2.00", addition=100), found("-2.00", addition=100), bare)

    assert {(i.name, i.outcome) for i in verdict.failures()} == {("addition", Outcome.NO_RULE)}


def test_a_remake_of_one_lens_is_judged_alone() -> None:
    ordered = OrderedPair(
        os=VerificationPower(lens("-5.00")), centration=centred(None, 31_000, None, None)
    )
    measured = MeasuredPair(
        os=reading(lens("-5.05")), centration=centred(None, 31_500, None, 20_000)
    )
    verdict = judge(ordered, measured, GB)

    assert verdict.passed
    assert {item.eye for item in verdict.items} == {Eye.OS}


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({}, "ordered"),
        (
            {"od": VerificationPower(lens("-5.00")), "centration": Centration()},
            "OD.monocular_distance_micrometres",
        ),
        (
            {
                "od": VerificationPower(lens("-5.00")),
                "centration": replace(
                    centred(31_000, 32_000, None, None), binocular_distance_micrometres=62_000
                ),
            },
            "binocular_distance_micrometres",
        ),
    ],
)
def test_an_order_that_cannot_be_inspected_is_refused(parts: dict[str, object], field: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        OrderedPair(**parts)  # type: ignore[arg-type]  # the table mixes the three parts of an order

    assert refused.value.field == field


@pytest.mark.parametrize(
    "parts", [{"axis_degrees": 181}, {"cylinder_centidioptres": 0, "axis_degrees": 90}]
)
def test_a_reading_no_lensmeter_shows_is_refused(parts: dict[str, int]) -> None:
    with pytest.raises(ValueRefused, match="axis_degrees"):
        MeasuredLens(**parts)


SETS = st.sampled_from([GB, GB_PROGRESSIVE, ANSI, ANSI_PROGRESSIVE])


@given(powers(), powers(), SETS)
def test_a_verdict_does_not_depend_on_how_either_side_is_written(
    ordered: SpherocylinderPower, measured: SpherocylinderPower, tolerances: ToleranceSet
) -> None:
    verdicts = {
        judge(OrderedPair(od=VerificationPower(o)), MeasuredPair(od=reading(m)), tolerances)
        for o in (ordered, ordered.transposed())
        for m in (measured, measured.transposed())
    }
    assert len(verdicts) == 1


@given(powers(), SETS)
def test_a_lens_exactly_as_ordered_always_passes(
    power: SpherocylinderPower, tolerances: ToleranceSet
) -> None:
    ordered = OrderedPair(od=VerificationPower(power))
    assert judge(ordered, MeasuredPair(od=reading(power.transposed())), tolerances).passed
