"""The bounds outside which a number from an instrument is a fault and not a measurement."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

import yaml


@dataclass(frozen=True)
class Bounds:
    """Both ends belong to the range; the unit is that in the field's name."""

    minimum: int
    maximum: int
    source: str
    confidence: str


@dataclass(frozen=True)
class Ranges:
    """One edition of the bounds, valid from a date until the next edition replaces it."""

    edition: str
    valid_from: date
    valid_to: date | None
    fields: Mapping[str, Bounds]

    def allows(self, field: str, amount: int) -> bool:
        """Whether `amount` can be a measurement; a field without bounds is never believed."""
        bounds = self.fields.get(field)
        return bounds is not None and bounds.minimum <= amount <= bounds.maximum


@cache
def load_ranges() -> Ranges:
    """The bounds shipped with the bridge (`rules/ranges.yaml`)."""
    text = (files("device_bridge") / "rules" / "ranges.yaml").read_text(encoding="utf-8")
    stored = yaml.safe_load(text)
    fields = {name: Bounds(**bounds) for name, bounds in stored["body"]["fields"].items()}
    return Ranges(stored["edition"], stored["valid_from"], stored["valid_to"], fields)
