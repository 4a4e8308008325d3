"""Players for a branch's instruments: they print the figures they are given on a serial line.

The line is a pseudo terminal, so the bridge opens it like any port. The players know nothing of
the bridge and build their bytes from the instruments' own manuals, so that a fault of the bridge
cannot hide behind the same fault here.
"""

import os
import random
import time
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import TracebackType

SOH, STX, ETB, EOT, CR = b"\x01", b"\x02", b"\x17", b"\x04", b"\r"
LONGEST_PIECE_BYTES = 17
BITS_PER_BYTE = 11
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True)
class Eye:
    """What an instrument measured at one eye: hundredths of a dioptre, whole degrees, hundredths
    of decimal acuity; `prisms` are hundredths of a prism dioptre with base I, O, U or D."""

    sphere_centidioptres: int
    cylinder_centidioptres: int = 0
    axis_degrees: int = 0
    addition_centidioptres: int | None = None
    acuity_hundredths: int | None = None
    prisms: tuple[tuple[int, str], ...] = ()


class Fault(StrEnum):
    """What can happen to a print on its way."""

    BYTE_LOST = "byte_lost"
    BYTE_FLIPPED = "byte_flipped"
    CUT_SHORT = "cut_short"


def lensmeter_print(
    right: Eye | None,
    left: Eye | None,
    *,
    pupillary_distance_micrometres: int | None = None,
    model: str = "LM-1000P",
    carriage_returns: bool = True,
    with_checksum: bool = True,
) -> bytes:
    """What a NIDEK LM prints. The pupillary distance is sent as its half for each eye too."""
    segments = [f"IDNIDEK/{model}"]
    for side, eye in (("R", right), ("L", left)):
        if eye is not None:
            segments += _lens(side, eye)
    if pupillary_distance_micrometres is not None:
        whole = pupillary_distance_micrometres
        half = whole // 200 * 100
        segments.append(f"PD{_tenths(whole)}{_tenths(half)}{_tenths(whole - half)}")
    return _transmission([("DLM", segments)], carriage_returns, with_checksum)


def autorefractor_print(
    right: Eye | None,
    left: Eye | None,
    *,
    measured_at: datetime,
    running_number: int,
    pupillary_distance_micrometres: int | None = None,
    shots: int = 3,
    model: str = "ARK-1a",
    with_checksum: bool = True,
) -> bytes:
    """What an ARK-1a prints of a refraction by day, left eye first as the instrument does.

    As the instrument does, too: an eye that was not measured gets a contact lens value of zero.
    """
    month = MONTHS[measured_at.month - 1]
    clock = f"{measured_at.day:02d}/{month}/{measured_at.year}.{measured_at:%H:%M}"
    segments = [f"IDNIDEK/{model}", f"NO{running_number:04d}", f"DA{clock}", "VD12.00", "WD35"]
    for side, eye in (("L", left), ("R", right)):
        if eye is not None:
            powers = _powers(eye)
            segments += [f"O{side}{powers}", *[f"O{side}{powers}9 "] * shots]
    for side, eye in (("L", left), ("R", right)):
        segments.append(f"C{side}{_powers(eye or Eye(0))}")
    if pupillary_distance_micrometres is not None:
        segments.append(f"PD{pupillary_distance_micrometres // 1000:02d}??????")
    return _transmission([("DRM", segments)], True, with_checksum)


def phoropter_print(
    right: Eye,
    left: Eye,
    *,
    printed_on: date,
    subjective: tuple[Eye, Eye] | None = None,
    pupillary_distance_micrometres: int = 64_000,
    working_distance_centimetres: int = 40,
    work_id: str = "",
    model: str = "RT-5100",
) -> bytes:
    """What an RT-5100 or RT-3100 prints: the test if given, and the final prescription."""
    padding = "0" if model == "RT-3100" else " "
    day = f"{printed_on.year}/{printed_on.month:{padding}>2}/{printed_on.day:{padding}>2}"
    distance = f"{_tenths(pupillary_distance_micrometres)}{' ' * 8}"
    lines = []
    if subjective is not None:
        lines += ["@RT", *_section(*subjective, tags=("f", "a", "v")), f"pD{distance}"]
    lines += ["@RT", *_section(right, left, tags=("F", "A", "V")), f"PD{distance}"]
    lines.append(f"WD{working_distance_centimetres:02d}")
    header = f"NIDEK {model} ID{work_id:>12} DA{day}"
    body = b"".join(STX + line.encode("ascii") + CR for line in lines)
    return SOH + header.encode("ascii") + CR + body + EOT + CR


def spoilt(sent: bytes, fault: Fault, *, at: int | None = None) -> bytes:
    """`sent` as it arrives after `fault` at byte `at`, in its middle when not given."""
    place = len(sent) // 2 if at is None else at
    match fault:
        case Fault.BYTE_LOST:
            return sent[:place] + sent[place + 1 :]
        case Fault.BYTE_FLIPPED:
            return sent[:place] + bytes([sent[place] ^ 0x40]) + sent[place + 1 :]
        case Fault.CUT_SHORT:
            return sent[:place]


class Instrument:
    """An instrument at the far end of a pseudo terminal; use it in a `with` block.

    `path` is what the bridge opens. A reader that opens the line throws away what came before,
    so wait until it is connected before the first print.
    """

    def __init__(self, *, seed: int = 1) -> None:
        self._pieces = random.Random(seed)
        self._wire, self._socket = os.openpty()
        # Raw at both ends before anything is sent, or the terminal eats EOT and turns CR to LF.
        tty.setraw(self._socket)
        self.path = os.ttyname(self._socket)
        self._plugged_in = True

    def __enter__(self) -> "Instrument":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unplug()

    def send(
        self,
        sent: bytes,
        *,
        noise: bytes = b"",
        times: int = 1,
        fault: Fault | None = None,
        baud: int | None = None,
    ) -> None:
        """Send a print in pieces of 1 to 17 bytes, `times` over, after `noise`, with a `fault`.

        With `baud` it takes as long as it would on a line of that speed.
        """
        arrives = sent if fault is None else spoilt(sent, fault)
        for piece in self._cut(noise + arrives * times):
            os.write(self._wire, piece)
            if baud is not None:
                time.sleep(len(piece) * BITS_PER_BYTE / baud)

    def unplug(self) -> None:
        """Pull the cable: whoever reads the line loses it."""
        if self._plugged_in:
            self._plugged_in = False
            os.close(self._socket)
            os.close(self._wire)

    def _cut(self, sent: bytes) -> Iterator[bytes]:
        begin = 0
        while begin < len(sent):
            end = begin + self._pieces.randint(1, LONGEST_PIECE_BYTES)
            yield sent[begin:end]
            begin = end


def _lens(side: str, eye: Eye) -> list[str]:
    segments = [f" {side}{_powers(eye)}"]
    if eye.addition_centidioptres is not None:
        segments.append(f"A{side}{_unsigned(eye.addition_centidioptres)}")
    return segments + [f"P{side}{_unsigned(amount)}{base}" for amount, base in eye.prisms]


def _section(right: Eye, left: Eye, tags: tuple[str, str, str]) -> list[str]:
    """Refractions, additions and acuities of both eyes, under those three tags."""
    refraction, addition, acuity = tags
    eyes = (("R", right), ("L", left))
    lines = [f"{refraction}{side}{_spaced_powers(eye)}" for side, eye in eyes]
    lines += [
        f"{addition}{side}{_spaced(eye.addition_centidioptres)}"
        for side, eye in eyes
        if eye.addition_centidioptres is not None
    ]
    return lines + [
        f"{acuity}{side}{_acuity(eye.acuity_hundredths)}"
        for side, eye in eyes
        if eye.acuity_hundredths is not None
    ]


def _powers(eye: Eye) -> str:
    sphere, cylinder = eye.sphere_centidioptres, eye.cylinder_centidioptres
    return f"{_signed(sphere)}{_signed(cylinder)}{eye.axis_degrees:03d}"


def _spaced_powers(eye: Eye) -> str:
    sphere, cylinder = eye.sphere_centidioptres, eye.cylinder_centidioptres
    return f"{_spaced(sphere)}{_spaced(cylinder)}{eye.axis_degrees:3d}"


def _unsigned(hundredths: int) -> str:
    return f"{abs(hundredths) // 100:02d}.{abs(hundredths) % 100:02d}"


def _signed(hundredths: int) -> str:
    return ("-" if hundredths < 0 else "+") + _unsigned(hundredths)


def _spaced(hundredths: int) -> str:
    """As a phoropter writes: a space for a leading zero, and for the sign of 0.00."""
    sign = "-" if hundredths < 0 else "+" if hundredths > 0 else " "
    return f"{sign}{abs(hundredths) // 100:2d}.{abs(hundredths) % 100:02d}"


def _acuity(hundredths: int) -> str:
    """Five characters: room for a sign of comparison, then 0.05, 0.1 or 1.6."""
    figures = f"{hundredths // 100}.{hundredths % 100:02d}"
    return " " + (figures[:-1] + " " if figures.endswith("0") else figures)


def _tenths(micrometres: int) -> str:
    tenths = micrometres // 100
    return f"{tenths // 10:02d}.{tenths % 10}"


def _transmission(
    groups: list[tuple[str, list[str]]], carriage_returns: bool, with_checksum: bool
) -> bytes:
    end = ETB + CR if carriage_returns else ETB
    body = b""
    for code, segments in groups:
        body += SOH + code.encode("ascii") + STX
        body += b"".join(segment.encode("ascii") + end for segment in segments)
    body += EOT
    counted = sum(byte for byte in body if byte != CR[0]) % 65_536
    return body + (f"{counted:04X}".encode("ascii") if with_checksum else b"") + CR
