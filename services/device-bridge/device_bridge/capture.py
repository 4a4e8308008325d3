"""A capture: one print of an instrument as its bytes came, and what became of it.

It never holds what was measured: the bytes are its evidence, the readings are clinical's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chassis.records.kinds import Kind, Transitions, moves

NO_READING = "no_reading"
MODEL_UNKNOWN = "model_unknown"
BRIDGE_FAILED = "bridge_failed"
FILE_DAMAGED = "file_damaged"


class CaptureState(StrEnum):
    """Where a print stands on its way to the examiner."""

    DECODED = "decoded"
    PARTIAL = "partial"
    FAILED = "failed"
    DELIVERED = "delivered"
    REFUSED = "refused"
    DISMISSED = "dismissed"


@dataclass(frozen=True, kw_only=True)
class CaptureRemark:
    """One thing remarked on while reading: the rule and the place in words, never what was sent.

    `lost`: what stood there gave no reading; otherwise it is a mere warning.
    """

    reason: str
    detail: str
    offset: int
    lost: bool


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What reading a print came to: decoded, partial or failed, and why."""

    state: CaptureState
    failure: str
    reading_count: int
    remarks: tuple[CaptureRemark, ...]
    clock_differs: bool
    model_differs: bool
    read_with: str


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What clinical made of a print's readings; without a visit they wait to be claimed."""

    reading_id: str
    visit_id: str


@dataclass(frozen=True, kw_only=True)
class ArmedStation:
    """Whose readings come at a station, and since when, as clinical knows it."""

    visit_id: str
    armed_at: datetime


@dataclass(frozen=True, kw_only=True)
class Capture:
    """One print. `idempotency_key` is unique; `content_key` is that of the bytes alone.

    Everything after `noise_bytes` is filled in as the print goes its way.
    """

    instrument_id: str
    model: str
    serial_number: str
    station_code: str
    received_at: datetime
    idempotency_key: str
    content_key: str
    frame_format: str
    ending: str
    checksum: str
    noise_bytes: int
    partial: bool
    reading_count: int
    failure: str
    remarks: tuple[CaptureRemark, ...]
    clock_differs: bool
    model_differs: bool
    read_with: str
    last_print_id: str
    last_received_at: datetime
    repeats: int = 0
    delivered_at: datetime | None = None
    reading_id: str = ""
    visit_id: str = ""


CAPTURE = Kind(
    "device_bridge.capture",
    "cap",
    Capture,
    Transitions(
        "decoded",
        moves(
            deliver={"decoded": "delivered", "partial": "delivered"},
            refuse={"decoded": "refused", "partial": "refused"},
            read_again={"failed": "decoded", "refused": "decoded", "dismissed": "decoded"},
            read_in_part={"failed": "partial", "refused": "partial", "dismissed": "partial"},
            fail_again={"failed": "failed", "refused": "failed", "dismissed": "failed"},
            dismiss={"failed": "dismissed", "refused": "dismissed"},
        ),
    ),
    progress=frozenset(
        {
            "partial",
            "reading_count",
            "failure",
            "remarks",
            "clock_differs",
            "model_differs",
            "read_with",
            "last_print_id",
            "last_received_at",
            "repeats",
            "delivered_at",
            "reading_id",
            "visit_id",
        }
    ),
)

RETRIED = (CaptureState.FAILED, CaptureState.REFUSED)
"""The captures that a person may have read again."""

READ_AGAIN = {
    CaptureState.DECODED: "read_again",
    CaptureState.PARTIAL: "read_in_part",
    CaptureState.FAILED: "fail_again",
}
"""The verb that brings a capture nobody could use to what a new reading of it came to."""


@dataclass(frozen=True, kw_only=True)
class CaptureFailed:
    """A print gave no reading: somebody at the station must print again."""

    capture_id: str
    instrument_id: str
    branch_id: str
    station_code: str
    failure: str


@dataclass(frozen=True, kw_only=True)
class CaptureDelivered:
    """Clinical took a print's readings."""

    capture_id: str
    instrument_id: str
    branch_id: str
    station_code: str
    reading_id: str
    visit_id: str
    delivered_at: datetime
