"""A prescription may be written two ways and is still one lens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_notation import lens, powers
from optics.addition import Addition
from optics.errors import ValueRefused
from optics.power import (
    PrincipalMeridian,
    SpherocylinderPower,
    anisometropia_millidioptres,
    axis_difference_degrees,
)
from optics.power_vector import PowerVector, power_distance_millidioptres, power_vector


@pytest.mark.parametrize(
    ("written", "transposed"),
    [
        pytest.param("-2.00 -1.00x180", "-3.00 +1.00x90", id="T1"),
        pytest.param("+1.50 -2.25x30", "-0.75 +2.25x120", id="T2"),
        pytest.param("-0.75 +1.50x95", "+0.75 -1.50x5", id="T3"),
        pytest.param("+2.00 -2.00x90", "+0.00 +2.00x180", id="T4"),
        pytest.param("-1.00 -0.50x1", "-1.50 +0.50x91", id="T5"),
    ],
)
def test_a_transposed_prescription_is_the_same_lens(written: str, transposed: str) -> None:
    assert lens(written).transposed() == lens(transposed)
    assert lens(transposed).transposed() == lens(written)
    assert lens(written).is_same_lens_as(lens(transposed))


@given(powers())
def test_transposing_twice_gives_the_prescription_back(power: SpherocylinderPower) -> None:
    assert power.transposed().transposed() == power


@given(powers())
def test_each_form_has_the_sign_it_is_named_for(power: SpherocylinderPower) -> None:
    assert power.in_minus_cylinder().cylinder_centidioptres <= 0
    assert power.in_plus_cylinder().cylinder_centidioptres >= 0
    assert power.in_plus_cylinder().is_same_lens_as(power.in_minus_cylinder())


def test_lenses_that_differ_in_axis_alone_are_not_the_same() -> None:
    assert not lens("-2.00 -1.00x180").is_same_lens_as(lens("-2.00 -1.00x90"))


def test_axis_zero_is_kept_as_180() -> None:
    assert SpherocylinderPower(-200, -100, 0) == lens("-2.00 -1.00x180")


@pytest.mark.parametrize(
    ("cylinder", "axis", "field"),
    [
        (-100, None, "axis_degrees"),
        (0, 180, "axis_degrees"),
        (0, 0, "axis_degrees"),
        (-100, 181, "axis_degrees"),
        (-100, -1, "axis_degrees"),
        (-100, 90.0, "axis_degrees"),
        (-0.5, 90, "cylinder_centidioptres"),
        (True, 90, "cylinder_centidioptres"),
    ],
)
def test_an_axis_belongs_to_a_cylinder_and_only_whole_numbers_are_taken(
    cylinder: int, axis: int | None, field: str
) -> None:
    with pytest.raises(ValueRefused) as refused:
        SpherocylinderPower(-100, cylinder, axis)

    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")


def test_a_refusal_names_field_and_rule_but_not_the_clinical_value() -> None:
    with pytest.raises(ValueRefused) as refused:
        SpherocylinderPower(-100, -50, 199)

    assert "180" in refused.value.rule
    assert "199" not in str(refused.value)


def test_the_spherical_equivalent_keeps_three_decimals() -> None:
    assert lens("-3.00 -1.25x10").spherical_equivalent_millidioptres == -3625


@given(powers())
def test_the_spherical_equivalent_is_the_middle_of_both_principal_powers(
    power: SpherocylinderPower,
) -> None:
    along, across = power.principal_meridians()
    total = along.power_centidioptres + across.power_centidioptres
    assert power.spherical_equivalent_millidioptres == 5 * total


def test_principal_meridians_lie_along_and_across_the_axis() -> None:
    assert lens("+1.50 -2.25x30").principal_meridians() == (
        PrincipalMeridian(30, 150),
        PrincipalMeridian(120, -75),
    )
    assert lens("-8.00").principal_meridians() == (
        PrincipalMeridian(180, -800),
        PrincipalMeridian(90, -800),
    )


def test_the_strongest_meridian_may_be_the_one_across_the_axis() -> None:
    assert lens("-7.50 -2.25x20").strongest_meridian_centidioptres == 975
    assert lens("+0.50 -5.00x100").strongest_meridian_centidioptres == 450


def test_power_at_180_of_an_oblique_cylinder_is_half_of_it() -> None:
    assert lens("-2.00 -1.00x45").power_in_meridian_millidioptres(180) == -2500


@given(powers(), st.integers(-360, 360))
def test_power_in_any_meridian_lies_between_the_principal_powers(
    power: SpherocylinderPower, meridian: int
) -> None:
    ends = [10 * m.power_centidioptres for m in power.principal_meridians()]
    assert min(ends) <= power.power_in_meridian_millidioptres(meridian) <= max(ends)


@given(powers(), st.integers(1, 180))
def test_power_in_a_meridian_does_not_depend_on_the_writing(
    power: SpherocylinderPower, meridian: int
) -> None:
    other = power.transposed().power_in_meridian_millidioptres(meridian)
    assert abs(power.power_in_meridian_millidioptres(meridian) - other) <= 1  # one rounding


@given(powers())
def test_principal_meridians_have_their_power_exactly(power: SpherocylinderPower) -> None:
    for meridian in power.principal_meridians():
        power_there = power.power_in_meridian_millidioptres(meridian.meridian_degrees)
        assert power_there == 10 * meridian.power_centidioptres


@pytest.mark.parametrize(
    ("one", "other", "apart"), [(180, 1, 1), (178, 180, 2), (5, 175, 10), (90, 180, 90), (7, 7, 0)]
)
def test_axes_are_compared_around_the_half_turn(one: int, other: int, apart: int) -> None:
    assert axis_difference_degrees(one, other) == apart


@given(st.integers(1, 180), st.integers(1, 180))
def test_two_axes_are_never_more_than_90_degrees_apart(one: int, other: int) -> None:
    apart = axis_difference_degrees(one, other)
    assert 0 <= apart <= 90
    assert apart == axis_difference_degrees(other, one)


@pytest.mark.parametrize(
    ("written", "vector"),
    [
        pytest.param("-2.00 -1.00x180", PowerVector(-2500, 500, 0), id="PV1"),
        pytest.param("-3.00 -1.25x45", PowerVector(-3625, 0, 625), id="PV2"),
    ],
)
def test_the_power_vector_of_a_prescription(written: str, vector: PowerVector) -> None:
    assert power_vector(lens(written)) == vector


@pytest.mark.parametrize(
    ("other", "millidioptres"),
    [
        pytest.param("-2.25 -1.25x170", 440, id="PV3"),
        pytest.param("-2.00 -1.00x90", 1000, id="PV4"),
    ],
)
def test_the_distance_of_two_prescriptions(other: str, millidioptres: int) -> None:
    assert power_distance_millidioptres(lens("-2.00 -1.00x180"), lens(other)) == millidioptres


@given(powers(), powers())
def test_the_distance_is_the_same_after_transposition_of_either(
    one: SpherocylinderPower, other: SpherocylinderPower
) -> None:
    apart = power_distance_millidioptres(one, other)
    assert apart == power_distance_millidioptres(one.transposed(), other)
    assert apart == power_distance_millidioptres(other, one)
    assert power_distance_millidioptres(one, one.transposed()) == 0


def test_anisometropia_is_the_difference_of_the_equivalents() -> None:
    assert anisometropia_millidioptres(lens("-1.00"), lens("-3.50")) == 2500  # AN1


def test_an_addition_moves_the_sphere_alone() -> None:
    assert Addition(200).near_power(lens("-1.00 -0.50x30")) == lens("+1.00 -0.50x30")


@pytest.mark.parametrize("centidioptres", [0, -25])
def test_no_addition_is_never_an_addition_of_zero(centidioptres: int) -> None:
    with pytest.raises(ValueRefused, match="addition_centidioptres"):
        Addition(centidioptres)
