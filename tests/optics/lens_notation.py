"""Reads '-3.00 -1.25x180' as the tables of the trade write it, so that tests read like them."""

import re

from hypothesis import strategies as st

from optics.addition import Addition
from optics.power import SpherocylinderPower
from optics.verification import (
    Centration,
    EyeCentration,
    MeasuredLens,
    MeasuredPair,
    OrderedPair,
    VerificationPower,
)


def centi(text: str) -> int:
    """'-3.00' as -300, without passing through a float."""
    sign, whole, hundredths = re.fullmatch(r"([+-]?)(\d+)\.(\d\d)", text).groups()  # type: ignore[union-attr]  # a typo in a table should stop the test
    return (-1 if sign == "-" else 1) * (100 * int(whole) + int(hundredths))


def lens(text: str) -> SpherocylinderPower:
    """'-3.00 -1.25x180' or '-8.00' as a power."""
    sphere, _, rest = text.partition(" ")
    if not rest:
        return SpherocylinderPower(centi(sphere))
    cylinder, axis = rest.split("x")
    return SpherocylinderPower(centi(sphere), centi(cylinder), int(axis))


def reading(power: SpherocylinderPower, addition: int | None = None) -> MeasuredLens:
    """A lensmeter reading that shows this power."""
    return MeasuredLens(
        power.sphere_centidioptres,
        power.cylinder_centidioptres,
        power.axis_degrees,
        addition,
    )


def one_lens(text: str, addition: int | None = None) -> OrderedPair:
    """An uncut right lens as ordered."""
    added = Addition(addition) if addition else None
    return OrderedPair(od=VerificationPower(lens(text), added))


def found(text: str, addition: int | None = None) -> MeasuredPair:
    """An uncut right lens as measured."""
    return MeasuredPair(od=reading(lens(text), addition))


def pair(text: str, distance: int = 62_000, height: int | None = None) -> OrderedPair:
    """Both eyes alike, centred at half of the distance each."""
    return OrderedPair(
        VerificationPower(lens(text)),
        VerificationPower(lens(text)),
        centred(distance // 2, distance // 2, height, height),
    )


def centred(
    od: int | None, os: int | None, od_height: int | None, os_height: int | None
) -> Centration:
    """Monocular distances and heights of both eyes, micrometres."""
    return Centration(EyeCentration(od, od_height), EyeCentration(os, os_height))


@st.composite
def powers(draw: st.DrawFn) -> SpherocylinderPower:
    """Any lens a lab could be asked for, in 0.01 D steps and either cylinder sign."""
    sphere = draw(st.integers(-3000, 2500))
    cylinder = draw(st.integers(-1200, 1200))
    axis = draw(st.integers(1, 180)) if cylinder else None
    return SpherocylinderPower(sphere, cylinder, axis)
