"""The thresholds of the plausibility rules, as data that the chain's clinicians may edit."""

from datetime import date
from enum import StrEnum
from functools import cache

from optics.rule_files import RuleStruct, parse_rules, read_rules
from optics.tolerance import Confidence


class Severity(StrEnum):
    """What a finding asks for before the prescription may be signed, weakest first."""

    WARN = "warn"
    CONFIRM = "confirm"
    SECOND_PERSON = "second_person"
    BLOCK = "block"


class Step(RuleStruct, frozen=True):
    """From this many thousandths of a dioptre on, this severity."""

    at_least: int
    severity: Severity


class SphereSign(RuleStruct, frozen=True):
    """R2, thousandths of a dioptre."""

    stronger_than: int
    severity: Severity


class AxisStep(RuleStruct, frozen=True):
    """R4: cylinder in thousandths of a dioptre, angle in degrees."""

    cylinder_from: int
    more_than_degrees: int
    severity: Severity


class EyeSwap(RuleStruct, frozen=True):
    """R6, thousandths of a dioptre."""

    better_by: int
    severity: Severity


class TranspositionSlip(RuleStruct, frozen=True):
    """R7 has no threshold."""

    severity: Severity


class AdditionAges(RuleStruct, frozen=True):
    """R9, whole years."""

    unusual_below_years: int
    expected_from_years: int
    severity: Severity


class ChildShift(RuleStruct, frozen=True):
    """R10: thousandths of a dioptre, per year where it says so."""

    below_years: int
    faster_than_per_year: int
    hyperopic_more_than: int
    severity: Severity


class DistanceChange(RuleStruct, frozen=True):
    """R11."""

    from_years: int
    more_than_micrometres: int
    severity: Severity


class SupplyRange(RuleStruct, frozen=True):
    """R12, thousandths of a dioptre, inclusive."""

    minimum: int
    maximum: int
    severity: Severity


class PlausibilityRules(RuleStruct, frozen=True):
    """One edition of rules R1 to R12."""

    name: str
    edition: str
    source: str
    confidence: Confidence
    valid_from: date | None
    valid_to: date | None
    sphere_change: tuple[Step, ...]
    sphere_sign: SphereSign
    cylinder_change: tuple[Step, ...]
    axis_change: tuple[AxisStep, ...]
    power_distance: tuple[Step, ...]
    eye_swap: EyeSwap
    transposition_slip: TranspositionSlip
    anisometropia: tuple[Step, ...]
    addition: AdditionAges
    child_shift: ChildShift
    distance_change: DistanceChange
    supply_range: SupplyRange


@cache
def load_plausibility_rules() -> PlausibilityRules:
    """The rules as shipped."""
    return read_rules("rules", "plausibility", PlausibilityRules)


def parse_plausibility_rules(text: str) -> PlausibilityRules:
    """Rules from YAML text, as edited by the chain; raises `ValueRefused` where they do not fit."""
    return parse_rules(text, PlausibilityRules)
