"""What a print came to: read by its model's profile, and judged as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from chassis.records.envelope import Record
from device_bridge.capture import (
    MODEL_UNKNOWN,
    NO_READING,
    Capture,
    CaptureRemark,
    CaptureState,
    Verdict,
)
from device_bridge.decoding import decode
from device_bridge.framing import Checksum, Ending, Frame
from device_bridge.grammar import Format
from device_bridge.instrument import Instrument
from device_bridge.instrument_clock import differs
from device_bridge.profiles import idempotency_key, load_profiles, profiles_edition
from device_bridge.ranges import load_ranges
from device_bridge.readings import Decoded, Remark
from device_bridge.spool import Print


@dataclass(frozen=True, kw_only=True)
class ReadPrint:
    """The readings of a print, its verdict, and what makes it the same as another.

    `same_within` is how long equal bytes are one print; None when they always are.
    """

    decoded: Decoded
    verdict: Verdict
    content_key: str
    same_within: timedelta | None


def read(one: Print, *, clock_allows: timedelta) -> ReadPrint:
    """Read a print; total: whatever came gives a verdict, and never an exception."""
    key = idempotency_key(one.serial_number, one.frame)
    profile = load_profiles().get(one.model)
    if profile is None:
        verdict = _verdict(one, Decoded(), failure=MODEL_UNKNOWN, clock_allows=clock_allows)
        return ReadPrint(decoded=Decoded(), verdict=verdict, content_key=key, same_within=None)
    decoded = decode(one.frame, profile, load_ranges())
    minutes = profile.reprint_minutes
    return ReadPrint(
        decoded=decoded,
        verdict=_verdict(one, decoded, failure="", clock_allows=clock_allows),
        content_key=key,
        same_within=None if minutes is None else timedelta(minutes=minutes),
    )


def unread(one: Print, failure: str) -> ReadPrint:
    """Return a print as one of which nothing was read: the bridge could not, for that reason."""
    verdict = Verdict(
        state=CaptureState.FAILED,
        failure=failure,
        reading_count=0,
        remarks=(),
        clock_differs=False,
        model_differs=False,
        read_with="",
    )
    # What came is not known of a damaged file, so that it is like no other print.
    is_known = one.frame.ending is not Ending.FILE_DAMAGED
    key = idempotency_key(one.serial_number if is_known else one.id, one.frame)
    return ReadPrint(decoded=Decoded(), verdict=verdict, content_key=key, same_within=None)


def print_of_damaged(
    instrument: Record[Instrument], stored: bytes, *, capture_id: str, kept_at: datetime
) -> Print:
    """Return the print of a damaged file of the spool: of its instrument, with the bytes of the
    file as they are."""
    content = instrument.content
    profile = load_profiles().get(content.model)
    frame = Frame(
        raw=stored,
        noise=b"",
        complete=False,
        checksum="absent",
        format=profile.grammar if profile else Format.MEASUREMENT_GROUPS,
        ending=Ending.FILE_DAMAGED,
    )
    return Print(
        id=capture_id,
        instrument_id=instrument.id,
        model=content.model,
        serial_number=content.serial_number,
        branch_id=instrument.branch_id,
        station_code=content.station_code,
        time_zone=content.time_zone,
        received_at=kept_at,
        frame=frame,
    )


def print_of(capture: Record[Capture], sent: bytes, *, time_zone: str) -> Print:
    """Return the print a capture was made of, from the bytes that were kept of it."""
    content = capture.content
    ending = Ending(content.ending)
    frame = Frame(
        raw=sent[content.noise_bytes :],
        noise=sent[: content.noise_bytes],
        complete=ending is Ending.END_OF_TRANSMISSION,
        checksum=cast(Checksum, content.checksum),
        format=Format(content.frame_format),
        ending=ending,
    )
    return Print(
        id=capture.id,
        instrument_id=content.instrument_id,
        model=content.model,
        serial_number=content.serial_number,
        branch_id=capture.branch_id,
        station_code=content.station_code,
        time_zone=time_zone,
        received_at=content.received_at,
        frame=frame,
    )


def _verdict(one: Print, decoded: Decoded, *, failure: str, clock_allows: timedelta) -> Verdict:
    model = decoded.device.model
    return Verdict(
        state=_state(decoded),
        failure=failure or _failure(decoded),
        reading_count=len(decoded.observations),
        remarks=(
            *(_remark(each, lost=True) for each in decoded.rejected),
            *(_remark(each, lost=False) for each in decoded.warnings),
        ),
        clock_differs=differs(decoded.device, one.received_at, one.time_zone, clock_allows),
        model_differs=model is not None and model != one.model,
        read_with=f"{profiles_edition()}, {load_ranges().edition}",
    )


def _state(decoded: Decoded) -> CaptureState:
    if not decoded.observations:
        return CaptureState.FAILED
    return CaptureState.PARTIAL if decoded.is_partial else CaptureState.DECODED


def _failure(decoded: Decoded) -> str:
    """The first reason why nothing was read; empty when something was."""
    if decoded.observations:
        return ""
    remarks = (*decoded.rejected, *decoded.warnings)
    return str(remarks[0].reason) if remarks else NO_READING


def _remark(remark: Remark, *, lost: bool) -> CaptureRemark:
    return CaptureRemark(
        reason=str(remark.reason), detail=remark.detail, offset=remark.offset, lost=lost
    )
