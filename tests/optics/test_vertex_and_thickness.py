"""What a lens must be where it is worn, and how thick it becomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_notation import lens, powers
from optics.errors import ValueRefused
from optics.power import SpherocylinderPower
from optics.thickness import (
    centre_thickness_micrometres,
    edge_thickness_micrometres,
    rule_of_thumb_difference_micrometres,
    sagitta_micrometres,
)
from optics.vertex import effective_power_millidioptres, vertex_compensated


@pytest.mark.parametrize(
    ("centidioptres", "moved", "millidioptres"),
    [
        pytest.param(-400, 12_000, -3817, id="V1 -4"),
        pytest.param(-600, 12_000, -5597, id="V1 -6"),
        pytest.param(-800, 12_000, -7299, id="V1 -8"),
        pytest.param(-1000, 12_000, -8929, id="V1 -10"),
        pytest.param(400, 12_000, 4202, id="V2 +4"),
        pytest.param(800, 12_000, 8850, id="V2 +8"),
        pytest.param(1200, 12_000, 14019, id="V2 +12"),
        pytest.param(-800, 2_000, -7874, id="V3 nearer"),
        pytest.param(-800, -2_000, -8130, id="V3 further"),
    ],
)
def test_a_lens_moved_towards_the_eye_changes_its_effect(
    centidioptres: int, moved: int, millidioptres: int
) -> None:
    assert effective_power_millidioptres(centidioptres, moved) == millidioptres


def test_each_principal_meridian_is_compensated_on_its_own() -> None:
    assert vertex_compensated(lens("-6.00 -2.00x180"), 12_000, 0) == lens("-5.60 -1.70x180")  # V4


def test_a_cylinder_that_vanishes_in_rounding_leaves_a_sphere() -> None:
    assert vertex_compensated(lens("-20.02 -0.01x90"), 14_000, 0) == lens("-15.64")


@given(powers())
def test_a_lens_worn_where_it_was_tested_stays_as_it_is(power: SpherocylinderPower) -> None:
    assert vertex_compensated(power, 12_000, 12_000) == power


@given(powers(), st.integers(0, 20_000), st.integers(0, 20_000))
def test_compensation_is_the_same_lens_for_both_writings(
    power: SpherocylinderPower, tested: int, worn: int
) -> None:
    once = vertex_compensated(power, tested, worn)
    assert once.is_same_lens_as(vertex_compensated(power.transposed(), tested, worn))


def test_an_eye_at_the_focus_of_the_lens_is_refused() -> None:
    with pytest.raises(ValueRefused, match="focus"):
        effective_power_millidioptres(2500, 40_000)


def test_a_negative_vertex_distance_is_refused() -> None:
    with pytest.raises(ValueRefused, match="worn_vertex_micrometres"):
        vertex_compensated(lens("-6.00"), 12_000, -1)


@pytest.mark.parametrize(
    ("power", "index", "diameter", "base", "centre", "edge", "thumb"),
    [
        pytest.param(-600, 1600, 60_000, 100, 1_200, 5_870, 5_700, id="TH1"),
        pytest.param(-400, 1498, 56_000, 300, 2_000, 5_360, 5_150, id="TH2"),
        pytest.param(-1000, 1740, 55_000, 50, 1_200, 6_530, 6_310, id="TH4"),
    ],
)
def test_the_edge_of_a_minus_lens(
    power: int, index: int, diameter: int, base: int, centre: int, edge: int, thumb: int
) -> None:
    exact = edge_thickness_micrometres(
        power,
        base_curve_centidioptres=base,
        index_thousandths=index,
        diameter_micrometres=diameter,
        centre_thickness_micrometres=centre,
    )
    estimate = centre + rule_of_thumb_difference_micrometres(power, index, diameter)

    assert round(exact, -1) == edge
    assert round(estimate, -1) == thumb


def test_the_centre_of_a_plus_lens() -> None:
    exact = centre_thickness_micrometres(
        400,
        base_curve_centidioptres=700,
        index_thousandths=1498,
        diameter_micrometres=60_000,
        edge_thickness_micrometres=1_000,
    )
    estimate = 1_000 + rule_of_thumb_difference_micrometres(400, 1498, 60_000)

    assert round(exact, -1) == 4_900  # TH3
    assert round(estimate, -1) == 4_610


def test_a_flat_surface_has_no_depth_and_a_minus_one_is_hollow() -> None:
    assert sagitta_micrometres(0, 1600, 30_000) == 0
    assert sagitta_micrometres(-700, 1600, 30_000) == -sagitta_micrometres(700, 1600, 30_000)


def test_a_diameter_wider_than_the_curve_is_refused() -> None:
    assert sagitta_micrometres(2000, 1600, 30_000) == 30_000  # a half ball, just carried
    with pytest.raises(ValueRefused, match="half_diameter_micrometres"):
        sagitta_micrometres(2001, 1600, 30_000)


def test_an_index_that_is_not_denser_than_air_is_refused() -> None:
    with pytest.raises(ValueRefused, match="index_thousandths"):
        sagitta_micrometres(100, 1000, 30_000)
