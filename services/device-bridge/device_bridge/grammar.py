"""The two grammars of the NIDEK serial family, as tables of states.

Phoropters print lines, lensmeters and autorefractors print groups of segments. Both use the same
control bytes for different things and must not be mixed.
"""

from collections.abc import Mapping
from enum import Enum, StrEnum

SOH, STX, EOT, LF, CR, ETB = 0x01, 0x02, 0x04, 0x0A, 0x0D, 0x17


class Format(StrEnum):
    """The two grammars of the family."""

    PHOROPTER_LINES = "phoropter_lines"
    MEASUREMENT_GROUPS = "measurement_groups"


class State(Enum):
    """Where in a transmission the line stands."""

    QUIET = "between frames"
    NOISE = "bytes that belong to no frame"
    LINES = "inside a phoropter frame"
    GROUP_CODE = "after SOH, before STX"
    SEGMENT = "inside a segment"
    SEGMENT_END = "after ETB"
    CHECKSUM = "after EOT, digits may follow"


class Mark(Enum):
    """The bytes a grammar tells apart."""

    SOH = SOH
    STX = STX
    ETB = ETB
    EOT = EOT
    LINE_BREAK = CR
    OTHER = -1


class Step(Enum):
    """What the framer does with a byte."""

    SKIP = "drop it"
    NOTE = "add it to the noise"
    BEGIN = "open a frame with it"
    RESTART = "give up the open frame, open a new one with it"
    KEEP = "add it to the frame"
    TEXT = "add it; a group seen before means that the instrument started again"
    FINISH = "add it and deliver the frame"
    AWAIT = "add it; a checksum may follow"
    DIGIT = "add it to the checksum, deliver on the fourth"
    DELIVER = "deliver the frame, drop the byte"
    NEXT = "deliver the frame, open a new one with it"


MARKS = {SOH: Mark.SOH, STX: Mark.STX, ETB: Mark.ETB, EOT: Mark.EOT, CR: Mark.LINE_BREAK}
MARKS[LF] = Mark.LINE_BREAK
Table = Mapping[tuple[State, Mark], tuple[State, Step]]


def _row(state: State, otherwise: tuple[State, Step], **marks: tuple[State, Step]) -> Table:
    return {(state, mark): marks.get(mark.name, otherwise) for mark in Mark}


def _between(inside: State) -> dict[tuple[State, Mark], tuple[State, Step]]:
    noise = (State.NOISE, Step.NOTE)
    begin = (inside, Step.BEGIN)
    return {
        **_row(State.QUIET, noise, SOH=begin, LINE_BREAK=(State.QUIET, Step.SKIP)),
        **_row(State.NOISE, noise, SOH=begin),
    }


# SOH header CR (STX text CR)* EOT CR. No checksum; what stands in a line is the decoder's affair.
PHOROPTER_TABLE: Table = {
    **_between(State.LINES),
    **_row(
        State.LINES,
        (State.LINES, Step.KEEP),
        SOH=(State.LINES, Step.RESTART),
        EOT=(State.QUIET, Step.FINISH),
    ),
}

# (SOH code STX (segment ETB [CR])*)+ EOT [4 hex digits] [CR].
MEASUREMENT_TABLE: Table = {
    **_between(State.GROUP_CODE),
    **_row(
        State.GROUP_CODE,
        (State.GROUP_CODE, Step.KEEP),
        SOH=(State.GROUP_CODE, Step.RESTART),
        STX=(State.SEGMENT, Step.TEXT),
        EOT=(State.CHECKSUM, Step.AWAIT),
    ),
    **_row(
        State.SEGMENT,
        (State.SEGMENT, Step.KEEP),
        SOH=(State.GROUP_CODE, Step.RESTART),
        ETB=(State.SEGMENT_END, Step.KEEP),
        EOT=(State.CHECKSUM, Step.AWAIT),
    ),
    **_row(
        State.SEGMENT_END,
        (State.SEGMENT, Step.KEEP),
        SOH=(State.GROUP_CODE, Step.KEEP),
        LINE_BREAK=(State.SEGMENT_END, Step.KEEP),
        EOT=(State.CHECKSUM, Step.AWAIT),
    ),
    **_row(
        State.CHECKSUM,
        (State.CHECKSUM, Step.DIGIT),
        SOH=(State.GROUP_CODE, Step.NEXT),
        LINE_BREAK=(State.QUIET, Step.DELIVER),
    ),
}

TABLES: Mapping[Format, Table] = {
    Format.PHOROPTER_LINES: PHOROPTER_TABLE,
    Format.MEASUREMENT_GROUPS: MEASUREMENT_TABLE,
}
