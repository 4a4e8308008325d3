"""Reads the lens group of a lensmeter: the glasses the customer came with, or a finished pair.

Source: the LM-1000P interface manual, checked on its worked example.
"""

import re

from device_bridge.fields import (
    Garbled,
    Judge,
    micrometres,
    signed_hundredths,
    sphere_cylinder_axis,
    unsigned_hundredths,
    whole,
)
from device_bridge.groups import EYES, Group, Segment, read_each
from device_bridge.readings import Distance, Eye, Kind, Reason, Value
from device_bridge.sheet import Heading, Sheet

PRISM_FIELDS = {
    "I": "base_in_prism_centidioptres",
    "O": "base_out_prism_centidioptres",
    "U": "base_up_prism_centidioptres",
    "D": "base_down_prism_centidioptres",
}
PUPILLARY_FIELDS = (
    "pupillary_distance_micrometres",
    "right_pupillary_distance_micrometres",
    "left_pupillary_distance_micrometres",
)
UNTAGGED = re.compile(r"[+\-]?[0-9]{2}\.[0-9]{2}")
ERRORS = ("IE", "DE")


def read_lens_group(group: Group, sheet: Sheet, judge: Judge) -> None:
    """Enter the lens of each eye with additions and prism, and the pupillary distance."""
    _LensGroup(group, sheet, judge).read()


class _LensGroup:
    def __init__(self, group: Group, sheet: Sheet, judge: Judge) -> None:
        self._group, self._sheet, self._judge = group, sheet, judge
        self._before = ""

    def read(self) -> None:
        read_each(self._group, self._judge, self._read)

    def _read(self, segment: Segment) -> bool:
        before, self._before = self._before, segment.tag
        if UNTAGGED.fullmatch(segment.text):
            return self._second(before, segment)
        if segment.tag == "PD":
            return self._pupillary_distance(segment)
        if segment.tag in ERRORS:
            detail = "the lensmeter reports an error"
            notes = self._judge.notes
            notes.warn(Reason.DEVICE_ERROR, detail, segment.text, segment.offset)
            return True
        letter, side = segment.tag[:1], segment.tag[1:]
        if side not in EYES or letter not in " ANPB":
            return False
        self._enter(EYES[side], self._values(letter, segment), segment)
        return True

    def _enter(self, eye: Eye | None, values: tuple[Value, ...], segment: Segment) -> None:
        code, offset = self._group.code, self._group.offset
        heading = Heading(Kind.LENSMETER, eye, code, offset, Distance.FAR)
        self._sheet.enter(heading, values, segment.text, segment.offset)

    def _values(self, letter: str, segment: Segment) -> tuple[Value, ...]:
        text, place = segment.content, segment.place
        match letter:
            case " ":
                return sphere_cylinder_axis(text, place, self._judge)
            case "A":
                return (self._power("addition_centidioptres", text, place),)
            case "N":
                return (self._power("near_sphere_centidioptres", text, place),)
            case "B":
                degrees = whole(text)
                return (self._judge.value("prism_base_degrees", degrees, text, place),)
            case _:
                return (self._prism(text, place),)

    def _second(self, before: str, segment: Segment) -> bool:
        """A second addition or near sphere has no tag: it belongs to the segment before it."""
        fields = {"A": "second_addition_centidioptres", "N": "second_near_sphere_centidioptres"}
        name, side = fields.get(before[:1]), before[1:]
        if name is None or side not in EYES:
            return False
        value = self._power(name, segment.text, segment.offset)
        self._enter(EYES[side], (value,), segment)
        return True

    def _power(self, name: str, text: str, place: int) -> Value:
        signed = text[:1] in ("+", "-")
        amount = signed_hundredths(text) if signed else unsigned_hundredths(text)
        return self._judge.value(name, amount, text, place)

    def _prism(self, text: str, place: int) -> Value:
        """By component with its base (`02.50I`), or polar (`02.50`, the base in a `B` segment)."""
        base, amount = text[5:], unsigned_hundredths(text[:5])
        if not base:
            return self._judge.value("prism_centidioptres", amount, text, place)
        if base not in PRISM_FIELDS:
            raise Garbled("a prism needs base I, O, U or D")
        return self._judge.value(PRISM_FIELDS[base], amount, text, place)

    def _pupillary_distance(self, segment: Segment) -> bool:
        text, place, judge = segment.content, segment.place, self._judge
        if len(text) != 12:
            raise Garbled("a pupillary distance has 12 characters")
        values = []
        for index, name in enumerate(PUPILLARY_FIELDS):
            raw = text[4 * index : 4 * index + 4]
            values.append(judge.value(name, micrometres(raw), raw, place + 4 * index))
        code, offset = self._group.code, self._group.offset
        heading = Heading(Kind.PUPILLARY_DISTANCE, Eye.OU, code, offset, Distance.FAR)
        self._sheet.enter(heading, values, segment.text, segment.offset)
        return True
