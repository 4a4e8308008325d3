"""What the pupillary distances of a prescription have to do with each other, and with the distance
a pair is worn for."""

from datetime import date
from functools import cache

from optics.dispensing_rules import Length
from optics.rule_files import RuleStruct, read_rules


class PupillaryDistanceRules(RuleStruct, frozen=True):
    """One edition of them."""

    name: str
    edition: str
    valid_from: date | None
    valid_to: date | None
    halves_differ_at_most_micrometres: Length
    near_work_distance_micrometres: Length
    intermediate_work_distance_micrometres: Length


@cache
def load_pupillary_distance_rules() -> PupillaryDistanceRules:
    """The rules as shipped."""
    return read_rules("rules", "pupillary_distance", PupillaryDistanceRules)


def halves_make_the_whole(od: int, os: int, binocular: int) -> bool:
    """Whether two monocular distances add up to the binocular one, micrometres, as far as they can
    be read."""
    rules = load_pupillary_distance_rules()
    return abs(od + os - binocular) <= rules.halves_differ_at_most_micrometres.value
