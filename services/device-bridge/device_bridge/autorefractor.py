"""Reads the refraction groups of an autorefractor, by day (DRM) and by night (Drm).

Source: the NIDEK AR/ARK interface manuals, checked on captures of an ARK-1a.
"""

from collections import Counter

from device_bridge.fields import (
    Garbled,
    Judge,
    micrometres,
    not_measured,
    signed_hundredths,
    sphere_cylinder_axis,
    whole_centimetres,
    whole_millimetres,
)
from device_bridge.groups import EYES, Group, Segment, read_each
from device_bridge.readings import Distance, Eye, Kind, Lighting, Reason, Statistic, Value
from device_bridge.sheet import Heading, Sheet

REPRESENTATIVE_WIDTH = 15
SINGLE_WIDTHS = (16, 17)
CONFIDENCES = frozenset("123456789E")
CALCULATED = {"C": Kind.CONTACT_LENS_POWER, "T": Kind.TRIAL_LENS, "D": Kind.DAY_NIGHT_DIFFERENCE}
EMPTY_PLACE = "??"


def read_refraction_group(group: Group, sheet: Sheet, judge: Judge) -> None:
    """Enter representative value, single shots and what the instrument calculated from them."""
    _RefractionGroup(group, sheet, judge).read()


class _RefractionGroup:
    def __init__(self, group: Group, sheet: Sheet, judge: Judge) -> None:
        self._group, self._sheet, self._judge = group, sheet, judge
        self._lighting = Lighting.MESOPIC if group.code == "Drm" else Lighting.PHOTOPIC
        self._measured = {segment.tag[1:] for segment in group.segments if segment.tag[:1] == "O"}
        self._shots: Counter[str] = Counter()

    def read(self) -> None:
        read_each(self._group, self._judge, self._read)

    def _read(self, segment: Segment) -> bool:
        match segment.tag:
            case "PD":
                self._pupillary_distance(segment)
            case "VD":
                self._one_length(Kind.VERTEX_DISTANCE, micrometres(segment.content), segment)
            case "WD":
                length = whole_centimetres(segment.content)
                self._one_length(Kind.WORKING_DISTANCE, length, segment)
            case "OR" | "OL":
                self._refraction(segment)
            case "CR" | "CL" | "TR" | "TL" | "DR" | "DL":
                self._calculated(segment)
            case _:
                return False
        return True

    def _heading(
        self, kind: Kind, eye: Eye | None, statistic: Statistic, sequence: int = 1
    ) -> Heading:
        code, offset = self._group.code, self._group.offset
        distance = Distance.FAR
        return Heading(kind, eye, code, offset, distance, self._lighting, statistic, sequence)

    def _refraction(self, segment: Segment) -> None:
        """Fifteen characters are the representative value, more are one shot with its mark."""
        text, side = segment.content, segment.tag[1]
        statistic, sequence, mark = Statistic.MEDIAN, 1, None
        if len(text) in SINGLE_WIDTHS:
            self._shots[side] += 1
            statistic, sequence = Statistic.SINGLE, self._shots[side]
            mark = self._mark(text[REPRESENTATIVE_WIDTH], segment)
        elif len(text) != REPRESENTATIVE_WIDTH:
            raise Garbled("a refraction has 15 characters, a single shot 16 or 17")
        powers = text[:REPRESENTATIVE_WIDTH]
        values = sphere_cylinder_axis(powers, segment.place, self._judge)
        heading = self._heading(Kind.AUTOREFRACTION, EYES[side], statistic, sequence)
        self._sheet.enter(heading, values, segment.text, segment.offset, mark)

    def _mark(self, mark: str, segment: Segment) -> str | None:
        if mark == " ":
            return None
        if mark not in CONFIDENCES:
            raise Garbled("a single shot is marked 1 to 9 or E")
        if mark == "E":
            detail = "the instrument itself doubts this shot"
            notes = self._judge.notes
            notes.warn(Reason.LOW_CONFIDENCE, detail, segment.text, segment.offset)
        return mark

    def _calculated(self, segment: Segment) -> None:
        """An eye without any measurement still gets `+00.00+00.00000`: that is no reading."""
        letter, side = segment.tag[0], segment.tag[1]
        if side not in self._measured:
            detail = f"{segment.tag} without a measurement of that eye was dropped"
            notes = self._judge.notes
            notes.warn(Reason.NOT_MEASURED, detail, segment.text, segment.offset)
            return
        read = self._difference if letter == "D" else self._powers
        heading = self._heading(CALCULATED[letter], EYES[side], Statistic.CALCULATED)
        self._sheet.enter(heading, read(segment), segment.text, segment.offset)

    def _powers(self, segment: Segment) -> tuple[Value, ...]:
        return sphere_cylinder_axis(segment.content, segment.place, self._judge)

    def _difference(self, segment: Segment) -> tuple[Value, ...]:
        """Day less night: sphere 6, cylinder 6, and the axis as a signed difference 3."""
        text, place, judge = segment.content, segment.place, self._judge
        if len(text) != REPRESENTATIVE_WIDTH or text[12] not in "+-" or not text[13:].isdecimal():
            raise Garbled("a difference has 6, 6 and 3 characters with signs")
        sphere, cylinder = signed_hundredths(text[:6]), signed_hundredths(text[6:12])
        return (
            judge.value("sphere_difference_centidioptres", sphere, text[:6], place),
            judge.value("cylinder_difference_centidioptres", cylinder, text[6:12], place + 6),
            judge.value("axis_difference_degrees", int(text[12:]), text[12:], place + 12),
        )

    def _one_length(self, kind: Kind, length: int, segment: Segment) -> None:
        name = f"{kind}_micrometres"
        value = self._judge.value(name, length, segment.content, segment.place)
        heading = self._heading(kind, Eye.OU, Statistic.DEVICE_FINAL)
        self._sheet.enter(heading, (value,), segment.text, segment.offset)

    def _pupillary_distance(self, segment: Segment) -> None:
        """`68????63`: far, right, left, near, two figures each in whole millimetres."""
        text = segment.content
        if len(text) != 8:
            raise Garbled("a pupillary distance has 8 characters")
        names = ("pupillary_distance", "right_pupillary_distance", "left_pupillary_distance")
        far = [self._part(name, 2 * index, segment) for index, name in enumerate(names)]
        near = [self._part("pupillary_distance", 6, segment)]
        for distance, values in ((Distance.FAR, far), (Distance.NEAR, near)):
            code, offset = self._group.code, self._group.offset
            heading = Heading(Kind.PUPILLARY_DISTANCE, Eye.OU, code, offset, distance)
            self._sheet.enter(heading, values, segment.text, segment.offset)

    def _part(self, quantity: str, begin: int, segment: Segment) -> Value:
        raw, place = segment.content[begin : begin + 2], segment.place + begin
        name = f"{quantity}_micrometres"
        if raw == EMPTY_PLACE:
            return not_measured(name, raw, place)
        return self._judge.value(name, whole_millimetres(raw), raw, place)
