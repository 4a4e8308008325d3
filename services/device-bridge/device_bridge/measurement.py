"""Reads what lensmeters and autorefractors print: the NIDEK measurement format.

    SOH DLM STX segment ETB [CR] segment ETB [CR] ... [SOH DKM STX ...] EOT [checksum]

Each group has its own vocabulary: `PR` is a prism in DLM and a pupil in DKM. A group that no
reader knows is kept as a warning, segment by segment, so that nothing sent is lost.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from device_bridge.acceptance import accepted_text, clock_of
from device_bridge.autorefractor import read_refraction_group
from device_bridge.fields import Judge, Notes
from device_bridge.framing import Frame
from device_bridge.grammar import EOT, ETB, SOH, STX, Format
from device_bridge.groups import Group, Segment
from device_bridge.keratometer import read_keratometry_group
from device_bridge.lensmeter import read_lens_group
from device_bridge.profiles import Profile
from device_bridge.ranges import Ranges
from device_bridge.readings import Decoded, Device, Reason
from device_bridge.sheet import Sheet

CODE = re.compile(r"[CD][A-Za-z*]{2}")
MODEL = re.compile(r"NIDEK/([!-~]{1,20})")
Reader = Callable[[Group, Sheet, Judge], None]
READERS: Mapping[str, Reader] = {
    "DLM": read_lens_group,
    "DRM": read_refraction_group,
    "Drm": read_refraction_group,
    "DKM": read_keratometry_group,
    "Dkm": read_keratometry_group,
}
SELF_TAGS = ("ID", "NO", "DA")


@dataclass
class SelfReport:
    """What the segments `ID`, `NO` and `DA` have said so far; the first of each counts."""

    device: Device = field(default_factory=Device)

    def read(self, segment: Segment, notes: Notes) -> None:
        """Take one of the three into account; every group repeats them."""
        content = segment.text[2:]
        if segment.tag == "ID" and (named := MODEL.fullmatch(content)):
            self.device = replace(self.device, model=self.device.model or named[1])
        elif segment.tag == "NO":
            number = self.device.running_number or content.strip() or None
            self.device = replace(self.device, running_number=number)
        elif segment.tag == "DA" and self.device.clock_date is None:
            self._read_clock(content, segment, notes)

    def _read_clock(self, content: str, segment: Segment, notes: Notes) -> None:
        clock = clock_of(content)
        if clock is None:
            detail = "the instrument's clock cannot be read"
            notes.warn(Reason.CLOCK_UNREADABLE, detail, segment.text, segment.offset)
        else:
            self.device = replace(self.device, clock_date=clock[0], clock_time=clock[1])


def decode(frame: Frame, profile: Profile, ranges: Ranges) -> Decoded:
    """The readings of one print; any bytes at all give an answer and never an exception."""
    notes = Notes()
    text = accepted_text(frame, Format.MEASUREMENT_GROUPS, profile, notes)
    if text is None:
        return Decoded(rejected=tuple(notes.rejected))
    sheet, report = Sheet(notes), SelfReport()
    judge = Judge(ranges, profile.untouched, notes)
    for group in _groups(text, notes):
        for segment in group.segments:
            if segment.tag in SELF_TAGS:
                report.read(segment, notes)
        _read(group, sheet, judge)
    return Decoded(
        observations=sheet.observations(),
        warnings=tuple(notes.warnings),
        rejected=tuple(notes.rejected),
        device=report.device,
    )


def _groups(text: str, notes: Notes) -> list[Group]:
    found, offset = [], 1
    for piece in text[1 : text.index(chr(EOT))].split(chr(SOH)):
        code, separator, content = piece.partition(chr(STX))
        if separator and CODE.fullmatch(code):
            segments = _segments(content, offset + len(code) + 1, notes)
            found.append(Group(code, offset, segments))
        else:
            detail = "a group begins with a code of three characters and STX"
            notes.reject(Reason.FRAME_FORMAT, detail, piece, offset)
        offset += len(piece) + 1
    return found


def _segments(content: str, offset: int, notes: Notes) -> tuple[Segment, ...]:
    *whole, rest = content.split(chr(ETB))
    segments = []
    for piece in whole:
        text = piece.lstrip("\r\n")
        place = offset + len(piece) - len(text)
        if text.isprintable() and text:
            segments.append(Segment(text, place))
        else:
            detail = "a segment is empty or holds control bytes"
            notes.reject(Reason.LINE_GARBLED, detail, text, place)
        offset += len(piece) + 1
    if rest.strip("\r\n"):
        notes.reject(Reason.LINE_GARBLED, "a segment does not end with ETB", rest, offset)
    return tuple(segments)


def _read(group: Group, sheet: Sheet, judge: Judge) -> None:
    reader = READERS.get(group.code)
    readings = group.without(SELF_TAGS)
    if reader is not None:
        reader(readings, sheet, judge)
    elif group.code.startswith("C"):
        detail = "the instrument asks to send; its interface mode waits for an answer"
        judge.notes.warn(Reason.REQUEST_TO_SEND, detail, group.code, group.offset)
    else:
        for segment in readings.segments:
            detail = f"group {group.code} is not decoded"
            judge.notes.warn(Reason.NOT_DECODED, detail, segment.text, segment.offset)
