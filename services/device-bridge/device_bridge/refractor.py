"""Reads what a phoropter prints: RT-2100, RT-3100 and RT-5100 in the NIDEK line format.

    SOH NIDEK RT-5100 ID<work id> DA<day> CR
    STX @RT CR                          a section; lower case means measured at night
    STX FR- 2.25- 1.25180 CR            tag, then fields of fixed width
    EOT CR

Tags are case sensitive and mean different things in each section. A line that does not keep its
form is rejected, the others stand, and the whole counts as partial.
"""

import re
from dataclasses import dataclass, replace

from device_bridge.acceptance import accepted_text, clock_of
from device_bridge.fields import Garbled, Judge, Notes
from device_bridge.framing import Frame
from device_bridge.grammar import EOT, STX, Format
from device_bridge.profiles import Profile
from device_bridge.ranges import Ranges
from device_bridge.readings import Decoded, Device, Lighting, Reason
from device_bridge.refractor_lines import LEFT_OUT, SECTIONS, Section, read_line
from device_bridge.sheet import Sheet

HEADER = re.compile(r"NIDEK[ _](RT-[0-9]{4})(?:[ \r]|$)")
WORK_ID = re.compile(r"ID(.{0,20}?)[ \r]*DA")
DAY = re.compile(r"DA([0-9]{4}/[ 0-9][0-9]/[ 0-9][0-9])")


@dataclass(frozen=True)
class Line:
    """One line of the print, without STX and CR, at its place in the frame."""

    text: str
    offset: int
    is_whole: bool


def decode(frame: Frame, profile: Profile, ranges: Ranges) -> Decoded:
    """The readings of one print; any bytes at all give an answer and never an exception."""
    notes = Notes()
    text = accepted_text(frame, Format.PHOROPTER_LINES, profile, notes)
    if text is None:
        return Decoded(rejected=tuple(notes.rejected))
    header, lines = _split(text)
    named = HEADER.match(header)
    if named is None:
        notes.reject(Reason.FRAME_FORMAT, "the header names no phoropter", header, 1)
        return Decoded(rejected=tuple(notes.rejected))
    sheet = Sheet(notes)
    _read(lines, sheet, Judge(ranges, profile.untouched, notes))
    return Decoded(
        observations=sheet.observations(),
        warnings=tuple(notes.warnings),
        rejected=tuple(notes.rejected),
        device=_device(named[1], header[named.end() :], notes),
    )


def _split(text: str) -> tuple[str, list[Line]]:
    header, *pieces = text[: text.index(chr(EOT))].split(chr(STX))
    lines, offset = [], len(header) + 1
    for piece in pieces:
        content = piece.removesuffix("\r")
        is_whole = piece.endswith("\r") and content.isprintable()
        lines.append(Line(content, offset, is_whole))
        offset += len(piece) + 1
    return header[1:], lines


def _device(model: str, header: str, notes: Notes) -> Device:
    device = Device(model=model)
    if work_id := WORK_ID.match(header):
        device = replace(device, work_id=work_id[1].strip() or None)
    day = DAY.search(header)
    clock = clock_of(day[1]) if day else None
    if clock is None:
        notes.warn(Reason.CLOCK_UNREADABLE, "the header has no readable day", header, 1)
        return device
    return replace(device, clock_date=clock[0])


def _read(lines: list[Line], sheet: Sheet, judge: Judge) -> None:
    section: Section | None = None
    for line in lines:
        if line.is_whole and line.text.startswith("@"):
            section = _section(line, judge.notes)
        elif section is None:
            detail = "the section of this line is not known"
            judge.notes.reject(Reason.NO_SECTION, detail, line.text, line.offset)
        elif not _read_one(line, section, sheet, judge) and _may_open_section(line):
            section = None


def _section(line: Line, notes: Notes) -> Section | None:
    name = line.text[1:]
    upper = name.upper()
    if upper not in SECTIONS or name not in (upper, upper.lower()):
        notes.reject(Reason.UNKNOWN_TAG, "an unknown section", line.text, line.offset)
        return None
    lighting = Lighting.MESOPIC if name == upper.lower() else Lighting.PHOTOPIC
    day_lens = upper == "LM" and lighting is Lighting.PHOTOPIC
    return Section(upper, line.text, line.offset, None if day_lens else lighting)


def _may_open_section(line: Line) -> bool:
    """A spoilt section line must not let the next lines pass under the section before it."""
    return "@" in line.text or len(line.text) <= len("@RT")


def _read_one(line: Line, section: Section, sheet: Sheet, judge: Judge) -> bool:
    if not line.is_whole:
        detail = "the line does not end with CR or holds control bytes"
        judge.notes.reject(Reason.LINE_GARBLED, detail, line.text, line.offset)
        return False
    tag = line.text[:2]
    if tag in LEFT_OUT or section.name == "NT":
        what = LEFT_OUT.get(tag, "tonometry")
        judge.notes.warn(Reason.NOT_DECODED, f"{what} is not decoded", line.text, line.offset)
        return True
    try:
        entry = read_line(line.text, line.offset, section, judge)
    except Garbled as garbled:
        detail = f"tag {tag!r}: {garbled}"
        judge.notes.reject(Reason.LINE_GARBLED, detail, line.text, line.offset)
        return False
    if entry is None:
        detail = f"an unknown tag in {section.label}"
        judge.notes.reject(Reason.UNKNOWN_TAG, detail, line.text, line.offset)
        return False
    heading, values = entry
    if values:
        sheet.enter(heading, values, line.text, line.offset)
    return True
