"""What may be entered in a field, and what is worth a second look."""

import pytest

from optics.errors import ValueRefused
from optics.field_range import (
    check,
    field_range,
    load_field_ranges,
    unusual,
    unusual_difference,
)

BOUNDS = [
    ("sphere", -3000, 2500),
    ("cylinder", -1200, 1200),
    ("axis", 1, 180),
    ("addition", 25, 400),
    ("prism", 25, 2000),
    ("binocular_distance", 40_000, 80_000),
    ("monocular_distance", 20_000, 40_000),
    ("fitting_height", 8_000, 35_000),
    ("back_vertex_distance", 8_000, 20_000),
    ("pantoscopic_tilt", -50, 250),
    ("face_form_wrap", 0, 250),
    ("keratometry_power", 3_000, 6_000),
    ("keratometry_radius", 5_600, 11_250),
    ("intraocular_pressure", 20, 700),
    ("axial_length", 14_000, 40_000),
    ("visual_acuity", 30, 53),
]


def test_every_field_has_bounds_in_the_table() -> None:
    assert [(r.field, r.hard_min, r.hard_max) for r in load_field_ranges().fields] == BOUNDS


@pytest.mark.parametrize(("field", "low", "high"), BOUNDS)
def test_both_ends_are_allowed_and_one_step_beyond_is_not(field: str, low: int, high: int) -> None:
    step = field_range(field).step

    assert check(field, low) is None
    assert check(field, high) is None
    for beyond in (low - step, high + step):
        problem = check(field, beyond)
        assert problem is not None
        assert (problem.field, problem.value) == (field, beyond)
        assert str(low) in problem.rule
        assert str(high) in problem.rule


def test_a_problem_says_field_value_and_rule_in_one_line() -> None:
    problem = check("sphere", -3025)

    assert problem is not None
    assert problem.text == "sphere -3025 centidioptres: must lie from -3000 up to 2500"


@pytest.mark.parametrize(
    ("value", "step", "accepted"),
    [
        (-325, None, True),
        (-312, None, False),
        (-312, 12, True),
        (-313, 12, True),
        (-337, 12, True),
        (-325, 12, True),
        (-320, 12, False),
        (-320, 1, True),
    ],
)
def test_powers_come_in_quarters_and_in_finer_steps_when_asked(
    value: int, step: int | None, accepted: bool
) -> None:
    problem = check("sphere", value, step=step)

    assert (problem is None) is accepted
    if problem is not None:
        assert "steps of" in problem.rule


def test_a_step_the_field_does_not_know_is_refused() -> None:
    with pytest.raises(ValueRefused, match="step"):
        check("sphere", -300, step=5)


def test_a_field_without_a_range_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueRefused, match="axial_length"):
        check("shoe_size", 42)


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("sphere", -1200, False),
        ("sphere", -1225, True),
        ("sphere", 825, True),
        ("binocular_distance", 53_500, True),
        ("binocular_distance", 54_000, False),
        ("prism", 625, True),
        ("prism", 25, False),
        ("axis", 90, False),
    ],
)
def test_an_unusual_value_is_permitted_but_looked_at(field: str, value: int, found: bool) -> None:
    assert check(field, value) is None
    assert (unusual(field, value) is not None) is found


def test_an_open_side_of_the_usual_range_is_left_out_of_the_text() -> None:
    problem = unusual("prism", 625)

    assert problem is not None
    assert problem.rule == "usually lies up to 600"


@pytest.mark.parametrize(("os", "found"), [(26_000, False), (25_500, True), (38_500, True)])
def test_monocular_distances_far_apart_are_looked_at(os: int, found: bool) -> None:
    assert (unusual_difference("monocular_distance", 32_000, os) is not None) is found
    assert unusual_difference("sphere", -3000, 2500) is None
