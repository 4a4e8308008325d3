"""Reads the corneal groups of an autorefractor: curvature, corneal size, pupil size.

Curvature decides on a contact lens or an ortho-K lens. Source: the NIDEK AR/ARK interface
manuals, checked on captures of an ARK-1a.
"""

from collections import Counter
from collections.abc import Callable

from device_bridge.fields import (
    Garbled,
    Judge,
    axis,
    micrometres,
    signed_hundredths,
    unsigned_hundredths,
    whole,
)
from device_bridge.groups import EYES, Group, Segment, read_each
from device_bridge.readings import Kind, Statistic, Value
from device_bridge.sheet import Heading, Sheet

RADII_WIDTH = 18
POWERS_WIDTH = 24
LAMPS = ("", " ", "N", "F")
Reader = Callable[[Segment], tuple[Value, ...]]


def read_keratometry_group(group: Group, sheet: Sheet, judge: Judge) -> None:
    """Enter the pairs of radii and powers of each eye, and the sizes of cornea and pupil."""
    _CornealGroup(group, sheet, judge).read()


class _CornealGroup:
    def __init__(self, group: Group, sheet: Sheet, judge: Judge) -> None:
        self._group, self._sheet, self._judge = group, sheet, judge
        sagittal = group.code == "Dkm"
        self._kind = Kind.SAGITTAL_KERATOMETRY if sagittal else Kind.KERATOMETRY
        self._count: Counter[str] = Counter()

    def read(self) -> None:
        read_each(self._group, self._judge, self._read)

    def _read(self, segment: Segment) -> bool:
        match segment.tag:
            case " R" | " L":
                self._curvature(segment, self._radii)
            case "DR" | "DL":
                self._curvature(segment, self._powers)
            case "SR" | "SL":
                self._size(Kind.CORNEAL_SIZE, segment.content, segment)
            case "PR" | "PL":
                if segment.content[4:] not in LAMPS:
                    raise Garbled("a pupil size ends with the mark of the lamp")
                self._size(Kind.PUPIL_SIZE, segment.content[:4], segment)
            case _:
                return False
        return True

    def _curvature(self, segment: Segment, read: Reader) -> None:
        """The first line of an eye is its median, the others are single shots.

        Lines are counted before they are read, so that a garbled one shifts no pair.
        """
        self._count[segment.tag] += 1
        shot = self._count[segment.tag] - 1
        statistic = Statistic.SINGLE if shot else Statistic.MEDIAN
        heading = Heading(
            self._kind,
            EYES[segment.tag[1]],
            self._group.code,
            self._group.offset,
            statistic=statistic,
            sequence=max(shot, 1),
        )
        self._sheet.enter(heading, read(segment), segment.text, segment.offset)

    def _radii(self, segment: Segment) -> tuple[Value, ...]:
        text, place, judge = segment.content, segment.place, self._judge
        if len(text) != RADII_WIDTH:
            raise Garbled(f"corneal radii have {RADII_WIDTH} characters")
        first, second, mean = text[:5], text[5:10], text[13:]
        return (
            judge.value("radius_1_micrometres", micrometres(first), first, place),
            judge.value("radius_2_micrometres", micrometres(second), second, place + 5),
            axis(whole(text[10:13]), text[10:13], place + 10, judge),
            judge.value("average_radius_micrometres", micrometres(mean), mean, place + 13),
        )

    def _powers(self, segment: Segment) -> tuple[Value, ...]:
        text, place, judge = segment.content, segment.place, self._judge
        if len(text) != POWERS_WIDTH:
            raise Garbled(f"corneal powers have {POWERS_WIDTH} characters")
        first, second, mean, cylinder = text[:5], text[5:10], text[13:18], text[18:]
        power = unsigned_hundredths
        return (
            judge.value("power_1_centidioptres", power(first), first, place),
            judge.value("power_2_centidioptres", power(second), second, place + 5),
            axis(whole(text[10:13]), text[10:13], place + 10, judge),
            judge.value("average_power_centidioptres", power(mean), mean, place + 13),
            judge.value(
                "corneal_cylinder_centidioptres",
                signed_hundredths(cylinder),
                cylinder,
                place + 18,
            ),
        )

    def _size(self, kind: Kind, text: str, segment: Segment) -> None:
        value = self._judge.value(f"{kind}_micrometres", micrometres(text), text, segment.place)
        code, offset = self._group.code, self._group.offset
        heading = Heading(kind, EYES[segment.tag[1]], code, offset)
        self._sheet.enter(heading, (value,), segment.text, segment.offset)
