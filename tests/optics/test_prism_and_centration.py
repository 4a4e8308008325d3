"""Where the centres of the lenses lie in the frame, and the prism when they lie elsewhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_notation import lens, powers
from optics.centration import (
    effective_diameter_upper_bound_micrometres,
    geometric_centre_distance_micrometres,
    minimum_blank_size_micrometres,
    monocular_decentration_micrometres,
    near_distance_micrometres,
    prentice_prism,
)
from optics.dispensing_rules import load_dispensing_rules
from optics.errors import ValueRefused
from optics.eye import Eye
from optics.power import SpherocylinderPower
from optics.prism import Base, Prism, prism_with_base

ALLOWANCE = load_dispensing_rules().minimum_blank_allowance_micrometres.value
ROTATION_CENTRE = load_dispensing_rules().rotation_centre_micrometres.value


def test_a_blank_covers_both_decentrations_of_a_pair() -> None:
    frame = geometric_centre_distance_micrometres(54_000, 18_000)
    decentration = monocular_decentration_micrometres(frame, 31_000)

    assert (frame, decentration) == (72_000, 5_000)
    assert minimum_blank_size_micrometres(57_000, decentration, ALLOWANCE) == 69_000  # D1


@pytest.mark.parametrize(
    ("monocular", "decentration", "blank"), [(32_000, 3_000, 61_000), (30_500, 4_500, 64_000)]
)
def test_each_eye_has_its_own_decentration_and_blank(
    monocular: int, decentration: int, blank: int
) -> None:
    frame = geometric_centre_distance_micrometres(50_000, 20_000)

    assert monocular_decentration_micrometres(frame, monocular) == decentration  # D2
    assert minimum_blank_size_micrometres(53_000, decentration, ALLOWANCE) == blank


def test_decentration_outwards_needs_as_large_a_blank_as_inwards() -> None:
    outwards = monocular_decentration_micrometres(60_000, 33_000)

    assert outwards == -3_000
    assert minimum_blank_size_micrometres(50_000, outwards, ALLOWANCE) == 58_000


def test_without_a_trace_the_box_diagonal_bounds_the_effective_diameter() -> None:
    diagonal = effective_diameter_upper_bound_micrometres(54_000, 36_000)

    assert diagonal == 64_900  # D0, rounded up so that the blank always covers
    assert (diagonal - 1) ** 2 < 54_000**2 + 36_000**2 <= diagonal**2
    assert effective_diameter_upper_bound_micrometres(30_000, 40_000) == 50_000


@pytest.mark.parametrize(
    ("power", "inwards", "upwards", "horizontal", "vertical"),
    [
        pytest.param("-5.00", 3_000, 0, 150, 0, id="P1"),
        pytest.param("-3.00 -2.00x90", 4_000, 0, 200, 0, id="P2"),
        pytest.param("-3.00 -2.00x45", 4_000, 0, 160, 40, id="P3"),
        pytest.param("+4.00 -1.00x180", 0, 5_000, 0, 150, id="P4"),
    ],
)
def test_a_displaced_centre_gives_prism_by_prentice(
    power: str, inwards: int, upwards: int, horizontal: int, vertical: int
) -> None:
    prism = prentice_prism(lens(power), Eye.OD, inwards, upwards)

    assert abs(prism.in_centi_prism_dioptres) == horizontal
    assert abs(prism.up_centi_prism_dioptres) == vertical


@pytest.mark.parametrize("eye", [Eye.OD, Eye.OS])
@pytest.mark.parametrize(
    ("power", "inwards", "upwards", "base"),
    [
        ("+5.00", 2_000, 0, Base.IN),
        ("-5.00", 2_000, 0, Base.OUT),
        ("+5.00", -2_000, 0, Base.OUT),
        ("-5.00", -2_000, 0, Base.IN),
        ("+5.00", 0, 2_000, Base.UP),
        ("-5.00", 0, 2_000, Base.DOWN),
    ],
)
def test_plus_has_its_base_towards_the_centre_and_minus_away_from_it(
    eye: Eye, power: str, inwards: int, upwards: int, base: Base
) -> None:
    assert prentice_prism(lens(power), eye, inwards, upwards).parts() == ((100, base),)


def test_an_oblique_cylinder_throws_its_crossed_prism_as_the_axis_leans() -> None:
    # Seen from in front, axis 45 leans to the nose of the right eye and away from that of the left.
    power = lens("-3.00 -2.00x45")

    assert prentice_prism(power, Eye.OD, 4_000, 0) == Prism(-160, 40)
    assert prentice_prism(power, Eye.OS, 4_000, 0) == Prism(-160, -40)


def test_prism_in_and_up_belongs_to_one_eye() -> None:
    with pytest.raises(ValueRefused, match="eye"):
        prentice_prism(lens("-3.00"), Eye.OU, 1_000, 0)


@given(powers(), st.integers(-10_000, 10_000), st.integers(-10_000, 10_000))
def test_prism_does_not_depend_on_the_writing_and_mirrors_with_the_eye(
    power: SpherocylinderPower, inwards: int, upwards: int
) -> None:
    prism = prentice_prism(power, Eye.OD, inwards, upwards)
    other = prentice_prism(power.transposed(), Eye.OD, inwards, upwards)
    mirrored = power
    if power.axis_degrees is not None:
        mirrored = SpherocylinderPower(
            power.sphere_centidioptres, power.cylinder_centidioptres, 180 - power.axis_degrees
        )
    left = prentice_prism(mirrored, Eye.OS, inwards, upwards)
    for same in (other, left):
        assert abs(same.in_centi_prism_dioptres - prism.in_centi_prism_dioptres) <= 1
        assert abs(same.up_centi_prism_dioptres - prism.up_centi_prism_dioptres) <= 1


@pytest.mark.parametrize(
    ("distance", "work", "near"),
    [
        (64_000, 400_000, 59_953),
        (62_000, 400_000, 58_080),
        (58_000, 400_000, 54_333),
        (62_000, 330_000, 57_311),
    ],
)
def test_the_near_distance_shrinks_with_the_work_distance(
    distance: int, work: int, near: int
) -> None:
    assert near_distance_micrometres(distance, work, ROTATION_CENTRE) == near  # N1


def test_two_prisms_before_one_eye_combine_to_one_oblique_prism() -> None:
    combined = prism_with_base(300, Base.IN).combined_with(prism_with_base(400, Base.UP))
    oblique = combined.resultant()

    assert combined.parts() == ((300, Base.IN), (400, Base.UP))  # PR1
    assert (oblique.amount_centi_prism_dioptres, oblique.angle_centidegrees) == (500, 5313)
    assert (oblique.horizontal_base, oblique.vertical_base) == (Base.IN, Base.UP)


def test_opposite_bases_cancel_and_a_negative_prism_is_refused() -> None:
    in_and_out = prism_with_base(150, Base.OUT).combined_with(prism_with_base(150, Base.IN))

    assert in_and_out.is_zero
    assert prism_with_base(150, Base.DOWN) == Prism(0, -150)
    with pytest.raises(ValueRefused, match="turn the base"):
        prism_with_base(-150, Base.IN)


@pytest.mark.parametrize("length", [0, -1, 31_000.5])
def test_a_length_that_cannot_be_is_refused(length: int) -> None:
    with pytest.raises(ValueRefused, match="monocular_distance_micrometres"):
        monocular_decentration_micrometres(72_000, length)
