"""The named tolerance sets carry the tables they were read from, edition by edition."""

from datetime import date

import pytest
import yaml

from optics.errors import ValueRefused
from optics.tolerance import (
    Row,
    RuleKey,
    Unit,
    load_tolerance_set,
    parse_tolerance_set,
    tolerance_set_names,
)

GB = "iso-21987-gb-13511.1-2011"
GB_PROGRESSIVE = "iso-21987-gb-13511.2-2011"
ANSI = "ansi-z80.1-2015"
ANSI_PROGRESSIVE = "ansi-z80.1-2015-progressive"

SMALLEST = """
name: house
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


def test_the_sets_that_can_be_named() -> None:
    assert tolerance_set_names() == (ANSI, ANSI_PROGRESSIVE, GB, GB_PROGRESSIVE)


@pytest.mark.parametrize("name", tolerance_set_names())
def test_every_shipped_set_says_what_it_is_and_that_nobody_verified_it(name: str) -> None:
    tolerances = load_tolerance_set(name)

    assert tolerances.name == name
    assert tolerances.status == "unverified"
    assert tolerances.edition
    assert all(rule.source for rule in tolerances.rules)


def test_a_set_nobody_wrote_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueRefused, match=ANSI):
        load_tolerance_set("ansi-z80.1-1999")


@pytest.mark.parametrize("name", [GB, GB_PROGRESSIVE])
def test_the_chinese_editions_of_2011_end_when_those_of_2025_begin(name: str) -> None:
    assert load_tolerance_set(name).is_in_force_on(date(2026, 2, 28))
    assert not load_tolerance_set(name).is_in_force_on(date(2026, 3, 1))
    assert not load_tolerance_set(name).is_in_force_on(date(2011, 12, 31))


def limit(name: str, key: RuleKey, **powers: int) -> tuple[int | None, Unit]:
    row = load_tolerance_set(name).row(key, **powers)
    assert row is not None
    return row.limit, row.unit


CYLINDERS = (0, 75, 76, 400, 401, 600, 601)


@pytest.mark.parametrize(
    ("name", "meridian", "each_meridian", "by_cylinder"),
    [
        (GB, 0, 12, (9, 9, 12, 12, 18, 18, 25)),
        (GB, 300, 12, (9, 9, 12, 12, 18, 18, 25)),
        (GB, 301, 12, (12, 12, 12, 12, 18, 18, 25)),
        (GB, 600, 12, (12, 12, 12, 12, 18, 18, 25)),
        (GB, 601, 12, (12, 12, 18, 18, 18, 18, 25)),
        (GB, 900, 12, (12, 12, 18, 18, 18, 18, 25)),
        (GB, 901, 18, (12, 12, 18, 18, 25, 25, 25)),
        (GB, 1200, 18, (12, 12, 18, 18, 25, 25, 25)),
        (GB, 1201, 25, (18, 18, 25, 25, 25, 25, 25)),
        (GB, 2000, 25, (18, 18, 25, 25, 25, 25, 25)),
        (GB, 2001, 37, (25, 25, 25, 25, 37, 37, 37)),
        (GB_PROGRESSIVE, 600, 12, (12, 12, 18, 18, 18, 18, 25)),
        (GB_PROGRESSIVE, 601, 18, (18, 18, 18, 18, 18, 18, 25)),
        (GB_PROGRESSIVE, 900, 18, (18, 18, 18, 18, 18, 18, 25)),
        (GB_PROGRESSIVE, 901, 18, (18, 18, 18, 18, 25, 25, 25)),
        (GB_PROGRESSIVE, 1200, 18, (18, 18, 18, 18, 25, 25, 25)),
        (GB_PROGRESSIVE, 1201, 25, (18, 18, 25, 25, 25, 25, 25)),
        (GB_PROGRESSIVE, 2000, 25, (18, 18, 25, 25, 25, 25, 25)),
        (GB_PROGRESSIVE, 2001, 37, (25, 25, 25, 25, 37, 37, 37)),
    ],
)
def test_meridian_and_cylinder_tables_at_both_sides_of_every_bound(
    name: str, meridian: int, each_meridian: int, by_cylinder: tuple[int, ...]
) -> None:
    found = tuple(
        limit(name, RuleKey.CYLINDER, meridian=meridian, cylinder=c)[0] for c in CYLINDERS
    )

    assert limit(name, RuleKey.MERIDIAN, meridian=meridian)[0] == each_meridian
    assert found == by_cylinder


GB_AXIS = ((26, 9), (50, 9), (51, 6), (75, 6), (76, 4), (150, 4), (151, 3), (250, 3), (251, 2))
ANSI_AXIS = ((26, 7), (50, 7), (51, 5), (75, 5), (76, 3), (150, 3), (151, 2), (250, 2), (251, 2))


@pytest.mark.parametrize(
    ("name", "cylinder", "degrees"),
    [
        *((name, 11, None) for name in tolerance_set_names()),
        (GB, 12, 16),
        (GB, 24, 16),
        (GB, 25, 9),
        (GB_PROGRESSIVE, 25, 16),
        (ANSI, 12, 14),
        (ANSI, 25, 14),
        *((name, *row) for name in (GB, GB_PROGRESSIVE) for row in GB_AXIS),
        *((name, *row) for name in (ANSI, ANSI_PROGRESSIVE) for row in ANSI_AXIS),
    ],
)
def test_axis_limits_at_both_sides_of_every_bound(
    name: str, cylinder: int, degrees: int | None
) -> None:
    assert limit(name, RuleKey.AXIS, cylinder=cylinder) == (degrees, Unit.DEGREES)


PRISM, LENGTH = Unit.MILLI_PRISM_DIOPTRES, Unit.MICROMETRES


@pytest.mark.parametrize(
    ("meridian", "distance", "one_eye"),
    [
        (50, (670, PRISM), (335, PRISM)),
        (62, (6000, LENGTH), (3000, LENGTH)),
        (75, (6000, LENGTH), (3000, LENGTH)),
        (100, (6000, LENGTH), (3000, LENGTH)),
        (125, (4000, LENGTH), (2000, LENGTH)),
        (200, (4000, LENGTH), (2000, LENGTH)),
        (225, (3000, LENGTH), (1500, LENGTH)),
        (400, (3000, LENGTH), (1500, LENGTH)),
        (425, (2000, LENGTH), (1000, LENGTH)),
    ],
)
def test_one_eye_has_half_of_the_distance_the_pair_has(
    meridian: int, distance: tuple[int, Unit], one_eye: tuple[int, Unit]
) -> None:
    assert limit(GB, RuleKey.HORIZONTAL_DISTANCE, meridian=meridian) == distance
    assert limit(GB, RuleKey.MONOCULAR_DISTANCE, meridian=meridian) == one_eye


@pytest.mark.parametrize(
    ("name", "key", "meridian", "expected"),
    [
        (GB, RuleKey.VERTICAL_DIFFERENCE, 50, (500, PRISM)),
        (GB, RuleKey.VERTICAL_DIFFERENCE, 75, (3000, LENGTH)),
        (GB, RuleKey.VERTICAL_DIFFERENCE, 100, (3000, LENGTH)),
        (GB, RuleKey.VERTICAL_DIFFERENCE, 125, (2000, LENGTH)),
        (GB, RuleKey.VERTICAL_DIFFERENCE, 250, (2000, LENGTH)),
        (GB, RuleKey.VERTICAL_DIFFERENCE, 251, (1000, LENGTH)),
        (GB, RuleKey.HORIZONTAL_PRISM, 325, (670, PRISM)),
        (GB, RuleKey.HORIZONTAL_PRISM, 326, (2000, LENGTH)),
        (GB, RuleKey.VERTICAL_PRISM, 500, (500, PRISM)),
        (GB, RuleKey.VERTICAL_PRISM, 501, (1000, LENGTH)),
        (ANSI, RuleKey.LENS_PRISM, 337, (330, PRISM)),
        (ANSI, RuleKey.LENS_PRISM, 338, (1000, LENGTH)),
        (ANSI, RuleKey.VERTICAL_DIFFERENCE, 337, (330, PRISM)),
        (ANSI, RuleKey.VERTICAL_DIFFERENCE, 338, (1000, LENGTH)),
        (ANSI, RuleKey.HORIZONTAL_DISTANCE, 275, (670, PRISM)),
        (ANSI, RuleKey.HORIZONTAL_DISTANCE, 276, (2500, LENGTH)),
        (ANSI_PROGRESSIVE, RuleKey.HEIGHT, 0, (1000, LENGTH)),
        (ANSI, RuleKey.SEGMENT_HEIGHT, 0, (1000, LENGTH)),
    ],
)
def test_centration_and_prism_limits_at_both_sides_of_every_bound(
    name: str, key: RuleKey, meridian: int, expected: tuple[int, Unit]
) -> None:
    assert limit(name, key, meridian=meridian) == expected


@pytest.mark.parametrize("name", tolerance_set_names())
def test_a_strong_addition_may_be_further_off(name: str) -> None:
    assert limit(name, RuleKey.ADDITION, addition=400)[0] == 12
    assert limit(name, RuleKey.ADDITION, addition=401)[0] == 18


@pytest.mark.parametrize(
    ("name", "key", "ordered", "centidioptres"),
    [
        (ANSI, RuleKey.MERIDIAN, 650, 13),
        (ANSI, RuleKey.MERIDIAN, 651, 13),
        (ANSI, RuleKey.MERIDIAN, 800, 16),
        (ANSI, RuleKey.MERIDIAN, 775, 15),
        (ANSI_PROGRESSIVE, RuleKey.MERIDIAN, 800, 16),
        (ANSI_PROGRESSIVE, RuleKey.MERIDIAN, 900, 18),
        (ANSI, RuleKey.CYLINDER, 200, 13),
        (ANSI, RuleKey.CYLINDER, 201, 15),
        (ANSI, RuleKey.CYLINDER, 450, 15),
        (ANSI, RuleKey.CYLINDER, 500, 20),
        (ANSI_PROGRESSIVE, RuleKey.CYLINDER, 200, 16),
        (ANSI_PROGRESSIVE, RuleKey.CYLINDER, 350, 18),
        (ANSI_PROGRESSIVE, RuleKey.CYLINDER, 400, 20),
    ],
)
def test_a_limit_in_percent_is_a_share_of_the_ordered_power(
    name: str, key: RuleKey, ordered: int, centidioptres: int
) -> None:
    row = load_tolerance_set(name).row(key, meridian=ordered, cylinder=ordered)

    assert row is not None
    assert row.limit_for(-ordered) == centidioptres


def test_a_chain_may_load_its_own_stricter_set() -> None:
    house = parse_tolerance_set(SMALLEST)

    assert house.row(RuleKey.MERIDIAN, meridian=2000) == Row(limit=6, unit=Unit.CENTIDIOPTRES)
    assert house.row(RuleKey.ADDITION) is None


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        ({"rules": []}, "rules.meridian"),
        ({"power_rule": "by_eye"}, "power_rule"),
        ({"valid_from": "soon"}, "valid_from"),
        ({"edtion": "2011"}, "edtion"),
    ],
)
def test_a_set_that_does_not_fit_is_refused_at_its_place(
    broken: dict[str, object], place: str
) -> None:
    content = {**yaml.safe_load(SMALLEST), **broken}

    with pytest.raises(ValueRefused, match=place):
        parse_tolerance_set(yaml.safe_dump(content))


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("{limit: 1, unit: degrees}", "{limit: 1.5, unit: degrees}", "int"),
        ("{limit: 1, unit: degrees}", "{limit: 1, unit: degrees, cylinder_up_to: 200}", "axis"),
        ("key: axis", "key: cylinder", "once"),
        ("name: house", "name: [house", "rules"),
    ],
)
def test_a_table_with_a_float_a_gap_or_a_double_is_refused(old: str, new: str, place: str) -> None:
    assert old in SMALLEST
    with pytest.raises(ValueRefused, match=place):
        parse_tolerance_set(SMALLEST.replace(old, new))
