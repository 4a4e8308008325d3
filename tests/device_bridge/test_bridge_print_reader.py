"""The reader as a whole is total: whatever an instrument sends and whatever its clock says, a print
comes to a verdict."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from captures import ARK_1A, LM_1000P, RT_3100
from chassis.ids import new_id
from device_bridge.acceptance import MONTHS
from device_bridge.capture import CaptureState
from device_bridge.framing import Ending, Frame, checksum_of
from device_bridge.print_reader import ReadPrint, read
from device_bridge.profiles import load_profiles, profile_of
from device_bridge.spool import Print

ALLOWED = timedelta(minutes=15)
NOW = datetime.fromisoformat("2026-11-22T02:00:00+00:00")
ENDS_OF_TIME = ((1, 1, 1), (9999, 12, 31))
ZONES = st.sampled_from(["Asia/Shanghai", "America/Los_Angeles", "Pacific/Kiritimati"])
DAYS = st.tuples(st.integers(0, 9999), st.integers(0, 99), st.integers(0, 99)) | st.sampled_from(
    ENDS_OF_TIME
)
HOURS = st.tuples(st.integers(0, 99), st.integers(0, 99))
ARRIVALS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001  # the strategy adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001  # as above
    timezones=st.just(UTC),
)


def whole(sent: bytes) -> bytes:
    """A transmission with the checksum that its bytes have now."""
    body = sent[: sent.index(4) + 1]
    return body + checksum_of(body).encode()


def arrived(frame: Frame, model: str, at: datetime = NOW, zone: str = "Asia/Shanghai") -> Print:
    return Print(
        id=new_id("cap"),
        instrument_id="ins_01kap00000e0080000000000ab",
        model=model,
        serial_number="7",
        branch_id="br_01kap00000e0080000000000ab",
        station_code="PRE-1",
        time_zone=zone,
        received_at=at,
        frame=frame,
    )


def came(sent: bytes, model: str, at: datetime = NOW, zone: str = "Asia/Shanghai") -> ReadPrint:
    framer = profile_of(model).framer()
    (frame,) = (*framer.feed(sent, at=0.0), *framer.tick(60.0))
    return read(arrived(frame, model, at, zone), clock_allows=ALLOWED)


@settings(max_examples=300, deadline=None)
@given(day=DAYS, hour=HOURS, at=ARRIVALS, zone=ZONES)
def test_a_print_is_read_whatever_day_and_time_its_instrument_believes_in(
    day: tuple[int, int, int], hour: tuple[int, int], at: datetime, zone: str
) -> None:
    year, month, of_month = day
    phoropter = RT_3100.replace(b"DA2002/06/16", f"DA{year:04}/{month:02}/{of_month:02}".encode())
    clock = f"{year:04}.{month:02}.{of_month:02}.{hour[0]:02}:{hour[1]:02}"
    numeric = whole(ARK_1A.replace(b"27/MAR/2017.07:40", clock.encode()))
    name = MONTHS[month % 12]
    named = f"{of_month:02}/{name}/{year:04}.{hour[0]:02}:{hour[1]:02}"
    worded = whole(ARK_1A.replace(b"27/MAR/2017.07:40", named.encode()))

    for sent, model in ((phoropter, "RT-3100"), (numeric, "ARK-1a"), (worded, "ARK-1a")):
        assert came(sent, model, at, zone).verdict.state is CaptureState.DECODED


def test_the_first_and_the_last_day_of_all_calendars_are_wrong_clocks_and_no_more() -> None:
    for day in (b"0001/01/01", b"9999/12/31"):
        reading = came(RT_3100.replace(b"2002/06/16", day), "RT-3100")
        assert (reading.verdict.state, reading.verdict.clock_differs) == ("decoded", True)
        assert reading.verdict.reading_count > 0


@settings(max_examples=300, deadline=None)
@given(
    sent=st.binary(max_size=300) | st.sampled_from([LM_1000P, ARK_1A, RT_3100]),
    noise=st.binary(max_size=20),
    model=st.sampled_from([*load_profiles(), "LM-0"]),
    ending=st.sampled_from(Ending),
    checksum=st.sampled_from(["ok", "bad", "absent"]),
    complete=st.booleans(),
)
def test_any_bytes_at_all_come_to_a_verdict(
    sent: bytes, noise: bytes, model: str, ending: Ending, checksum: str, complete: bool
) -> None:
    grammar = profile_of("LM-1000P" if model == "LM-0" else model).grammar
    frame = Frame(sent, noise, complete, checksum, grammar, ending)  # type: ignore[arg-type]  # one of three
    reading = read(arrived(frame, model), clock_allows=ALLOWED)
    assert (reading.verdict.state is CaptureState.FAILED) == bool(reading.verdict.failure)
