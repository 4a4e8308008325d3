"""Prints on the bridge's disk: in order, whole, and still there after a crash."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures import EVERY_CAPTURE
from chassis.ids import new_id
from device_bridge.framing import Ending, Frame
from device_bridge.grammar import Format
from device_bridge.instrument_clock import differs
from device_bridge.profiles import profile_of
from device_bridge.readings import Device
from device_bridge.spool import Print, Spool, packed, unpacked

INSTRUMENT = "ins_01kap00000e0080000000000ab"
ALLOWED = timedelta(minutes=15)


def a_print(raw: bytes = b"\x01DLM\x02\x04", noise: bytes = b"") -> Print:
    frame = Frame(raw, noise, True, "ok", Format.MEASUREMENT_GROUPS)
    return Print(
        id=new_id("cap"),
        instrument_id=INSTRUMENT,
        model="LM-1000P",
        serial_number="7",
        branch_id=new_id("br"),
        station_code="PRE-1",
        time_zone="Asia/Shanghai",
        received_at=datetime.now(UTC),
        frame=frame,
    )


def emptied(spool: Spool) -> list[Print | None]:
    found = []
    while waiting := spool.oldest():
        found.append(waiting[1])
        spool.forget(waiting[0])
    return found


def test_prints_come_off_the_disk_as_they_went_on_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path, INSTRUMENT)
    kept = [a_print(bytes([n])) for n in range(20)]
    for one in kept:
        spool.keep(one)

    assert len(spool) == 20
    assert emptied(Spool(tmp_path, INSTRUMENT)) == kept
    assert len(spool) == 0


def test_order_holds_when_the_clock_of_the_bridge_is_set_back(tmp_path: Path) -> None:
    folder = tmp_path / INSTRUMENT
    folder.mkdir()
    ahead = a_print()
    (folder / f"{2**63 - 5:020d}_{ahead.id}.print").write_bytes(packed(ahead))
    spool = Spool(tmp_path, INSTRUMENT)
    late = a_print()
    spool.keep(late)

    assert emptied(spool) == [ahead, late]


def test_a_file_that_a_crash_left_unfinished_is_no_print(tmp_path: Path) -> None:
    spool = Spool(tmp_path, INSTRUMENT)
    (tmp_path / INSTRUMENT).mkdir()
    (tmp_path / INSTRUMENT / "00000000000000000001_cap_x.unfinished").write_bytes(b"{")
    assert spool.oldest() is None


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff\x00", b'{"frame": 1}', b"[]", b"3"])
def test_a_damaged_file_is_shown_as_one_in_its_turn_and_the_next_print_comes_after_it(
    tmp_path: Path, damage: bytes
) -> None:
    spool = Spool(tmp_path, INSTRUMENT)
    spool.keep(a_print())
    (path,) = (tmp_path / INSTRUMENT).iterdir()
    path.write_bytes(damage)
    good = a_print()
    spool.keep(good)

    assert spool.oldest() == (path, None)
    spool.set_aside(path)
    assert emptied(spool) == [good]
    assert [p.suffix for p in (tmp_path / INSTRUMENT).iterdir()] == [".unreadable"]


@given(raw=st.binary(max_size=300), noise=st.binary(max_size=30), ending=st.sampled_from(Ending))
def test_whatever_bytes_came_the_same_come_back(raw: bytes, noise: bytes, ending: Ending) -> None:
    one = a_print(raw, noise)
    one = replace(one, frame=replace(one.frame, ending=ending, complete=False, checksum="bad"))
    assert unpacked(packed(one)) == one
    assert one.sent == noise + raw


def test_frames_of_real_instruments_survive_the_disk() -> None:
    for model, sent in EVERY_CAPTURE:
        framer = profile_of(model).framer()
        for frame in (*framer.feed(sent, at=0.0), *framer.tick(60.0)):
            one = replace(a_print(), frame=frame, model=model)
            assert unpacked(packed(one)) == one


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        ("2026-11-22", "10:00", False),
        ("2026-11-22", "09:45", False),
        ("2026-11-22", "09:43", True),
        ("2026-11-22", "10:15", False),
        ("2026-11-22", "10:17", True),
        ("2026-11-21", "10:00", True),
        ("2017-03-27", "07:40", True),
        ("2026-11-22", None, False),
        ("2026-11-21", None, True),
        (None, None, False),
    ],
)
def test_a_clock_is_compared_with_the_bridges_in_the_zone_of_the_branch(
    day: str | None, clock: str | None, expected: bool
) -> None:
    device = Device(
        clock_date=datetime.fromisoformat(day).date() if day else None,
        clock_time=datetime.fromisoformat(f"2000-01-01T{clock}").time() if clock else None,
    )
    ten_in_shanghai = datetime.fromisoformat("2026-11-22T02:00:00+00:00")
    assert differs(device, ten_in_shanghai, "Asia/Shanghai", ALLOWED) is expected


def test_a_print_of_the_day_before_is_not_flagged_minutes_after_midnight() -> None:
    device = Device(clock_date=datetime.fromisoformat("2026-11-21").date())
    just_after = datetime.fromisoformat("2026-11-21T16:10:00+00:00")
    assert not differs(device, just_after, "Asia/Shanghai", ALLOWED)
