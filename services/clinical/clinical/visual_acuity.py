"""Visual acuity: kept as it was written, converted only to be shown and to be checked.

Five-grade L = 5 + log10(decimal acuity) = 5 - logMAR (domain facts 3.5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from clinical.places import Places
from clinical.value import Eye

_FRACTION = re.compile(r"(\d{1,3}(?:\.\d)?)/(\d{1,4}(?:\.\d)?)")
_NUMBER = re.compile(r"-?\d{1,2}(\.\d{1,3})?")
_TENTH = Decimal("0.1")

WORDS = frozenset({"CF", "HM", "LP", "NLP"})
"""Counting fingers, hand movement, light perception, no light perception."""


class AcuityCondition(StrEnum):
    """Under which condition it was tested."""

    UNAIDED = "unaided"
    AIDED = "aided"
    BEST_CORRECTED = "best_corrected"
    PINHOLE = "pinhole"


class AcuityScale(StrEnum):
    """How it was written down."""

    FIVE_GRADE = "five_grade"
    DECIMAL = "decimal"
    SNELLEN = "snellen"
    LOGMAR = "logmar"
    WORD = "word"


@dataclass(frozen=True, kw_only=True)
class VisualAcuity:
    """One eye's acuity, or both eyes', under one condition."""

    eye: Eye
    condition: AcuityCondition
    scale: AcuityScale
    written: str
    distance_micrometres: int | None = None

    @property
    def five_grade_tenths(self) -> int | None:
        """The same in tenths of the five-grade notation, 48 for 4.8; None for a word or for text
        that cannot be read."""
        grade = _five_grade(self.scale, self.written.strip())
        return None if grade is None else int((grade * 10).to_integral_value())


def _five_grade(scale: AcuityScale, written: str) -> Decimal | None:
    if scale is AcuityScale.SNELLEN:
        return _of_fraction(written)
    if not _NUMBER.fullmatch(written):
        return None
    number = Decimal(written)
    if scale is AcuityScale.FIVE_GRADE:
        return number
    if scale is AcuityScale.LOGMAR:
        return 5 - number
    return _of_decimal(number) if scale is AcuityScale.DECIMAL else None


def _of_fraction(written: str) -> Decimal | None:
    parts = _FRACTION.fullmatch(written)
    if parts is None:
        return None
    try:
        return _of_decimal(Decimal(parts[1]) / Decimal(parts[2]))
    except (InvalidOperation, ZeroDivisionError):
        return None


def _of_decimal(decimal: Decimal) -> Decimal | None:
    return (5 + decimal.log10()).quantize(_TENTH) if decimal > 0 else None


def check(places: Places, acuities: tuple[VisualAcuity, ...]) -> None:
    """Note what cannot be read, and what lies outside the scale."""
    for number, one in enumerate(acuities):
        place = f"visual_acuities[{number}]"
        for name in ("eye", "condition", "scale"):
            if not getattr(one, name):
                places.refuse(f"{place}.{name}", "required", "must be given")
        if not one.scale:
            continue
        if one.scale is AcuityScale.WORD:
            if one.written not in WORDS:
                places.refuse(f"{place}.written", "word", f"must be one of {sorted(WORDS)}")
        elif one.five_grade_tenths is None:
            places.refuse(f"{place}.written", "scale", f"cannot be read as {one.scale}")
        else:
            places.number(f"{place}.written", one.five_grade_tenths, "visual_acuity")
