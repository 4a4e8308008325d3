"""What a frame must satisfy before a single figure in it is read."""

import re
from datetime import date, time

from device_bridge.fields import Notes
from device_bridge.framing import Frame
from device_bridge.grammar import EOT, SOH, Format
from device_bridge.profiles import Profile
from device_bridge.readings import Reason

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
YEAR_FIRST = re.compile(r"([0-9]{4})[./]([ 0-9][0-9])[./]([ 0-9][0-9])(.*)")
DAY_FIRST = re.compile(r"([ 0-9][0-9])/([A-Z]{3})/([0-9]{4})(.*)")
CLOCK = re.compile(r"\.([0-9]{2}):([0-9]{2})")


def accepted_text(frame: Frame, grammar: Format, profile: Profile, notes: Notes) -> str | None:
    """The frame as text, one character for each byte, or None with the reason in `notes`."""
    refusal = _refusal(frame, grammar, profile)
    if refusal is None:
        return frame.raw.decode("ascii")
    reason, detail = refusal
    notes.reject(reason, detail, frame.raw.decode("latin-1"), 0)
    return None


def _refusal(frame: Frame, grammar: Format, profile: Profile) -> tuple[Reason, str] | None:
    if frame.format is not grammar:
        return Reason.FRAME_FORMAT, f"a frame of {grammar} is needed"
    if not frame.complete:
        return Reason.FRAME_INCOMPLETE, f"the frame was ended by {frame.ending}"
    if frame.checksum == "bad":
        return Reason.CHECKSUM_BAD, "the checksum does not agree with what was sent"
    if not frame.raw.isascii():
        return Reason.NOT_ASCII, "a byte has its eighth bit set; the parity setting is suspect"
    if frame.raw[:1] != bytes([SOH]) or EOT not in frame.raw:
        return Reason.FRAME_FORMAT, "a frame begins with SOH and ends with EOT"
    if frame.checksum == "absent" and profile.checksum_expected and not _is_request(frame):
        return Reason.CHECKSUM_ABSENT, "this instrument sends a checksum and none came"
    return None


def _is_request(frame: Frame) -> bool:
    return frame.raw[1:2] == b"C"


def clock_of(text: str) -> tuple[date, time | None] | None:
    """The instrument's clock: `2017.02.01.15:30`, `2016/ 5/23` or `27/MAR/2017.07:40`.

    None when it cannot be read; a clock without time gives the day alone.
    """
    if match := YEAR_FIRST.match(text):
        year, month, day = int(match[1]), int(match[2]), int(match[3])
    elif (match := DAY_FIRST.match(text)) and match[2] in MONTHS:
        year, month, day = int(match[3]), MONTHS.index(match[2]) + 1, int(match[1])
    else:
        return None
    clock = CLOCK.match(match[4])
    try:
        return date(year, month, day), time(int(clock[1]), int(clock[2])) if clock else None
    except ValueError:
        return None
