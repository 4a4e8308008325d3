"""Where a transmission of a NIDEK instrument starts and ends, from bytes that come in any pieces.

Pure: bytes and the time go in, frames come out. The framer follows one of the tables of
`grammar`; what stands inside a frame is the decoder's affair.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from device_bridge.grammar import CR, MARKS, SOH, TABLES, Format, Mark, State, Step

FRAME_CAP_BYTES = 65_536
CHECKSUM_DIGITS = 4
KEEPING = (Step.KEEP, Step.TEXT, Step.FINISH, Step.AWAIT, Step.DIGIT)

Checksum = Literal["ok", "bad", "absent"]


class Ending(StrEnum):
    """What ended a frame; only the end of transmission makes it complete. Of a file that is damaged
    nobody knows."""

    END_OF_TRANSMISSION = "end_of_transmission"
    SILENCE = "silence"
    NEW_FRAME = "new_frame"
    OVERSIZE = "oversize"
    FILE_DAMAGED = "file_damaged"


@dataclass(frozen=True)
class Frame:
    """One transmission. `raw` runs from SOH to EOT or, if sent, to the last checksum digit;
    `noise` is what came before it and belongs to nothing."""

    raw: bytes
    noise: bytes
    complete: bool
    checksum: Checksum
    format: Format
    ending: Ending = Ending.END_OF_TRANSMISSION


def checksum_of(body: bytes) -> str:
    """The four hex digits an instrument adds to `body` (first SOH to EOT).

    Sum of all bytes except carriage returns, modulo 65536; recomputed on the LM-1000P example of
    the manual and on two ARK-1a captures.
    """
    return f"{sum(body) - CR * body.count(CR) & 0xFFFF:04X}"


class Framer:
    """Cuts a stream of bytes into frames of one grammar.

    A frame is delivered as soon as it is whole. It is delivered incomplete when the line falls
    silent for `idle_seconds`, when the instrument starts again, or at 64 KiB. On a line of seven
    data bits the eighth is a parity bit that some adapters let through: it is dropped.
    """

    def __init__(self, grammar: Format, *, idle_seconds: float, seven_bit: bool = False) -> None:
        self.grammar = grammar
        self.state = State.QUIET
        self._table = TABLES[grammar]
        self._idle_seconds = idle_seconds
        self._mask = 0x7F if seven_bit else 0xFF
        self._last_byte_at = 0.0
        self._frames: list[Frame] = []
        self._noise = bytearray()
        self._raw = bytearray()
        self._groups: set[bytes] = set()
        self._group_at = 0
        self._body_bytes = 0

    def feed(self, data: bytes, at: float) -> tuple[Frame, ...]:
        """The frames that end within `data`, received at `at` seconds of a monotonic clock."""
        self._expire(at)
        if data:
            self._last_byte_at = at
        for received in data:
            self._take(received & self._mask)
        return self._taken()

    def tick(self, at: float) -> tuple[Frame, ...]:
        """What the silence until `at` has ended: a cut frame, a frame without checksum, noise."""
        return self.feed(b"", at)

    def _take(self, byte: int) -> None:
        self.state, step = self._table[self.state, MARKS.get(byte, Mark.OTHER)]
        if step is Step.NOTE:
            self._note(byte)
        elif step is Step.RESTART:
            self._cut(len(self._raw), Ending.NEW_FRAME)
        elif step in (Step.DELIVER, Step.NEXT):
            self._deliver()
        if step in (Step.BEGIN, Step.RESTART, Step.NEXT):
            self._open(byte)
        elif step in KEEPING:
            self._keep(byte, step)

    def _keep(self, byte: int, step: Step) -> None:
        if byte == SOH:
            self._group_at = len(self._raw)
        self._raw.append(byte)
        if step is Step.TEXT:
            self._enter_group()
        elif step is Step.FINISH:
            self._deliver()
        elif step is Step.AWAIT:
            self._body_bytes = len(self._raw)
            self._deliver_request()
        elif step is Step.DIGIT and len(self._raw) - self._body_bytes == CHECKSUM_DIGITS:
            self.state = State.QUIET
            self._deliver()
        if len(self._raw) >= FRAME_CAP_BYTES:
            self._cut(len(self._raw), Ending.OVERSIZE)
            self.state = State.NOISE

    def _enter_group(self) -> None:
        """No transmission holds a group twice: its return is the instrument starting again."""
        code = bytes(self._raw[self._group_at + 1 : -1])
        if code in self._groups:
            again = self._raw[self._group_at :]
            self._cut(self._group_at, Ending.NEW_FRAME)
            self._raw = again
        self._groups.add(code)

    def _deliver_request(self) -> None:
        """A request to send waits for its answer and never has a checksum: it goes out at once."""
        if self._groups and all(code.startswith(b"C") for code in self._groups):
            self.state = State.QUIET
            self._deliver()

    def _open(self, byte: int) -> None:
        self._raw.append(byte)
        self._group_at = 0

    def _note(self, byte: int) -> None:
        self._noise.append(byte)
        if len(self._noise) >= FRAME_CAP_BYTES:
            self._cut(0, Ending.OVERSIZE)

    def _expire(self, at: float) -> None:
        if at - self._last_byte_at < self._idle_seconds:
            return
        if self.state is State.CHECKSUM:
            self._deliver()
        elif self._raw or self._noise:
            self._cut(len(self._raw), Ending.SILENCE)
        self.state = State.QUIET

    def _deliver(self) -> None:
        raw = bytes(self._raw)
        self._emit(raw, complete=True, checksum=self._verdict(raw))

    def _verdict(self, raw: bytes) -> Checksum:
        if not self._body_bytes or len(raw) == self._body_bytes:
            return "absent"
        body, digits = raw[: self._body_bytes], raw[self._body_bytes :]
        return "ok" if digits == checksum_of(body).encode() else "bad"

    def _cut(self, length: int, ending: Ending) -> None:
        self._emit(bytes(self._raw[:length]), complete=False, checksum="absent", ending=ending)

    def _emit(
        self,
        raw: bytes,
        *,
        complete: bool,
        checksum: Checksum,
        ending: Ending = Ending.END_OF_TRANSMISSION,
    ) -> None:
        noise = bytes(self._noise)
        self._frames.append(Frame(raw, noise, complete, checksum, self.grammar, ending))
        self._noise.clear()
        self._clear()

    def _clear(self) -> None:
        self._raw = bytearray()
        self._groups = set()
        self._group_at = 0
        self._body_bytes = 0

    def _taken(self) -> tuple[Frame, ...]:
        frames = tuple(self._frames)
        self._frames.clear()
        return frames
