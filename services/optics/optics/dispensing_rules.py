"""The allowances that blank choice and near centration rest on, as data."""

from datetime import date
from functools import cache

from optics.rule_files import RuleStruct, read_rules
from optics.tolerance import Confidence


class Length(RuleStruct, frozen=True):
    """A length in micrometres and where it comes from."""

    value: int
    source: str
    confidence: Confidence


class DispensingRules(RuleStruct, frozen=True):
    """One edition of them."""

    name: str
    edition: str
    valid_from: date | None
    valid_to: date | None
    minimum_blank_allowance_micrometres: Length
    rotation_centre_micrometres: Length


@cache
def load_dispensing_rules() -> DispensingRules:
    """The rules as shipped."""
    return read_rules("rules", "dispensing", DispensingRules)
