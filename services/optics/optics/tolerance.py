"""Named tolerance sets: how far a finished pair may lie from its verification power and centration.

A set is one edition of one standard, kept as data; a job pins the set it was promised under.
"""

from datetime import date
from enum import StrEnum
from fractions import Fraction
from functools import cache

from optics.errors import ValueRefused
from optics.rule_files import RuleStruct, names_in, parse_rules, read_rules

FOLDER = "tolerances"


class PowerRule(StrEnum):
    """Which powers of the minus-cylinder form a standard judges, besides the cylinder."""

    EACH_PRINCIPAL_MERIDIAN = "each_principal_meridian"
    SPHERE_MERIDIAN = "sphere_meridian"


class CentrationPoint(StrEnum):
    """Where a lens is centred: an optical centre shows itself only while no prism is prescribed,
    the fitting point of a progressive lens is marked on it and carries its prism beside it."""

    OPTICAL_CENTRE = "optical_centre"
    FITTING_POINT = "fitting_point"


class RuleKey(StrEnum):
    """What a rule of a set judges."""

    MERIDIAN = "meridian"
    CYLINDER = "cylinder"
    AXIS = "axis"
    ADDITION = "addition"
    LENS_PRISM = "lens_prism"
    HORIZONTAL_PRISM = "horizontal_prism"
    VERTICAL_PRISM = "vertical_prism"
    HORIZONTAL_DISTANCE = "horizontal_distance"
    MONOCULAR_DISTANCE = "monocular_distance"
    HEIGHT = "height"
    VERTICAL_DIFFERENCE = "vertical_difference"
    SEGMENT_HEIGHT = "segment_height"
    SEGMENT_DIFFERENCE = "segment_difference"


class Unit(StrEnum):
    """The unit of a limit; `permille` is a share of the absolute ordered power itself."""

    CENTIDIOPTRES = "centidioptres"
    PERMILLE = "permille"
    DEGREES = "degrees"
    MICROMETRES = "micrometres"
    MILLI_PRISM_DIOPTRES = "milli_prism_dioptres"


class Confidence(StrEnum):
    """A: read in a source text; B: read second-hand; C: not verified; P: proposed policy."""

    A = "A"
    B = "B"
    C = "C"
    P = "P"


class Row(RuleStruct, frozen=True):
    """A limit and the greatest ordered values it holds for (hundredths of a dioptre, inclusive).

    The first row that fits is the one that counts; a bound left out has no end. A row without a
    limit says that the standard sets none.
    """

    limit: int | None
    unit: Unit
    meridian_up_to: int | None = None
    cylinder_up_to: int | None = None
    addition_up_to: int | None = None

    def holds_for(self, meridian: int, cylinder: int, addition: int) -> bool:
        """Whether these absolute ordered powers, in hundredths of a dioptre, fall in this row."""
        bounds = (
            (meridian, self.meridian_up_to),
            (cylinder, self.cylinder_up_to),
            (addition, self.addition_up_to),
        )
        return all(bound is None or value <= bound for value, bound in bounds)

    def limit_for(self, ordered_centidioptres: int) -> int | None:
        """The limit in the judged unit; a share of a power is cut to whole hundredths.

        Measured powers are whole hundredths, so cutting never changes a verdict.
        """
        if self.limit is None or self.unit is not Unit.PERMILLE:
            return self.limit
        return int(Fraction(abs(ordered_centidioptres) * self.limit, 1000))


class Rule(RuleStruct, frozen=True):
    """All rows that judge one thing, with where they were read and how far that may be trusted."""

    key: RuleKey
    source: str
    confidence: Confidence
    rows: tuple[Row, ...]
    note: str = ""


class ToleranceSet(RuleStruct, frozen=True):
    """One edition of one standard. `status` is `unverified` until checked in the bought text."""

    name: str
    edition: str
    lens_designs: tuple[str, ...]
    jurisdiction: str
    status: str
    valid_from: date | None
    valid_to: date | None
    centration_point: CentrationPoint
    power_rule: PowerRule
    rules: tuple[Rule, ...]
    note: str = ""

    def __post_init__(self) -> None:
        keys = [rule.key for rule in self.rules]
        if len(set(keys)) != len(keys):
            raise ValueRefused("rules", "must name each key once")
        for key in (RuleKey.MERIDIAN, RuleKey.CYLINDER, RuleKey.AXIS):
            if key not in keys:
                raise ValueRefused(f"rules.{key}", "must be there: every lens has a power")
        for rule in self.rules:
            last = rule.rows[-1] if rule.rows else None
            if last is None or not last.holds_for(10**9, 10**9, 10**9):
                raise ValueRefused(f"rules.{rule.key}.rows", "must end with a row without bounds")

    def is_in_force_on(self, day: date) -> bool:
        """Whether the edition holds on that day, both ends included; an unknown end is open."""
        after_start = self.valid_from is None or self.valid_from <= day
        return after_start and (self.valid_to is None or day <= self.valid_to)

    @property
    def is_for_fitting_points(self) -> bool:
        """Whether the set judges lenses that are centred by a marked fitting point."""
        return self.centration_point is CentrationPoint.FITTING_POINT

    def has(self, key: RuleKey) -> bool:
        """Whether the set judges this at all."""
        return any(rule.key is key for rule in self.rules)

    def row(
        self, key: RuleKey, *, meridian: int = 0, cylinder: int = 0, addition: int = 0
    ) -> Row | None:
        """The row for these absolute ordered powers (hundredths of a dioptre), or None."""
        for rule in self.rules:
            if rule.key is key:
                return next(r for r in rule.rows if r.holds_for(meridian, cylinder, addition))
        return None


def tolerance_set_names() -> tuple[str, ...]:
    """The sets that can be loaded by name."""
    return names_in(FOLDER)


@cache
def load_tolerance_set(name: str) -> ToleranceSet:
    """The set of that name; raises `ValueRefused` for a name that is not there."""
    return read_rules(FOLDER, name, ToleranceSet)


def parse_tolerance_set(text: str) -> ToleranceSet:
    """A set from YAML text, as a chain's own stricter one; raises `ValueRefused` where wrong."""
    return parse_rules(text, ToleranceSet)
