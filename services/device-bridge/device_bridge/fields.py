"""The fixed-width fields both NIDEK grammars are made of, read without guessing.

A field that does not keep its form is no field: the caller rejects the line it stands in.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from device_bridge.ranges import Ranges
from device_bridge.readings import Reason, Remark, State, Value

# Polarity, two figures (a leading zero may be a space), two decimals: `-01.25`, `- 1.25`.
POWER = re.compile(r"([+\- ])([ 0-9][0-9])\.([0-9]{2})")
PLAIN = re.compile(r"([ 0-9]{0,2}[0-9])\.([0-9]{1,2})")
WHOLE = re.compile(r" *([0-9]+)")
AXIS_ZERO, AXIS_HALF_TURN = 0, 180


class Garbled(ValueError):
    """A field does not keep the form its place demands."""


def signed_hundredths(text: str) -> int:
    """`-01.25` or `- 1.25` as -125. A space stands for the sign only before 0.00."""
    match = POWER.fullmatch(text)
    if match is None:
        raise Garbled("a power needs a sign, two figures, a point and two decimals")
    amount = int(match[2]) * 100 + int(match[3])
    if match[1] == " " and amount:
        raise Garbled("a power other than 0.00 needs its sign")
    return -amount if match[1] == "-" else amount


def unsigned_hundredths(text: str) -> int:
    """`02.50` as 250, `1.6` as 160."""
    match = PLAIN.fullmatch(text)
    if match is None:
        raise Garbled("a number needs figures, a point and one or two decimals")
    return int(match[1]) * 100 + int(match[2].ljust(2, "0"))


def micrometres(text: str) -> int:
    """A length in millimetres, `07.76` or `64.0`, in micrometres."""
    return unsigned_hundredths(text) * 10


def whole(text: str) -> int:
    """` 15` as 15."""
    match = WHOLE.fullmatch(text)
    if match is None:
        raise Garbled("a whole number needs figures only")
    return int(match[1])


def whole_centimetres(text: str) -> int:
    """A distance in centimetres, `40`, in micrometres."""
    return whole(text) * 10_000


def whole_millimetres(text: str) -> int:
    """A distance in millimetres, `68`, in micrometres."""
    return whole(text) * 1_000


@dataclass
class Notes:
    """The remarks that gather while one frame is decoded."""

    warnings: list[Remark] = field(default_factory=list)
    rejected: list[Remark] = field(default_factory=list)

    def warn(self, reason: Reason, detail: str, raw: str, offset: int) -> None:
        """Something a person should know, though no reading is lost by it."""
        self.warnings.append(Remark(reason, f"{detail} (byte {offset})", raw, offset))

    def reject(self, reason: Reason, detail: str, raw: str, offset: int) -> None:
        """Something sent that gives no reading."""
        self.rejected.append(Remark(reason, f"{detail} (byte {offset})", raw, offset))


@dataclass(frozen=True)
class Judge:
    """Gives a number its measured state: in range or not, dialled or perhaps never touched."""

    ranges: Ranges
    untouched: Mapping[str, tuple[int, ...]]
    notes: Notes

    def value(self, name: str, amount: int, raw: str, offset: int, *, qualifier: str = "") -> Value:
        """The value with its state; out of range it keeps its text and loses its amount."""
        if not self.ranges.allows(name, amount):
            edition = self.ranges.edition
            self.notes.warn(Reason.OUT_OF_RANGE, f"{name} outside {edition}", raw, offset)
            return Value(name, State.UNREADABLE, None, raw, offset, qualifier)
        doubtful = amount in self.untouched.get(name, ())
        state = State.UNCONFIRMED if doubtful else State.MEASURED
        return Value(name, state, amount, raw, offset, qualifier)


def sphere_cylinder_axis(text: str, offset: int, judge: Judge) -> tuple[Value, ...]:
    """The fifteen characters of a refraction: sphere 6, cylinder 6, axis 3.

    Without cylinder there is no axis, whatever figures fill its place; axis 0 is stored as 180.
    """
    if len(text) != 15:
        raise Garbled("a refraction has 15 characters")
    sphere = signed_hundredths(text[:6])
    cylinder = signed_hundredths(text[6:12])
    degrees = whole(text[12:])
    return (
        judge.value("sphere_centidioptres", sphere, text[:6], offset),
        judge.value("cylinder_centidioptres", cylinder, text[6:12], offset + 6),
        axis(degrees, text[12:], offset + 12, judge, has_axis=cylinder != 0),
    )


def axis(degrees: int, raw: str, offset: int, judge: Judge, *, has_axis: bool = True) -> Value:
    """The axis of a power or meridian, 1 to 180."""
    if not has_axis:
        return Value("axis_degrees", State.NOT_MEASURED, None, raw, offset)
    turned = AXIS_HALF_TURN if degrees == AXIS_ZERO else degrees
    return judge.value("axis_degrees", turned, raw, offset)


def not_measured(name: str, raw: str, offset: int) -> Value:
    """A place the instrument marked as empty."""
    return Value(name, State.NOT_MEASURED, None, raw, offset)


def any_measured(values: Iterable[Value]) -> bool:
    """Whether at least one of the places was filled."""
    return any(value.state is not State.NOT_MEASURED for value in values)
