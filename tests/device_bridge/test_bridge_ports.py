"""From an instrument's cable to its readings: real lines, real players, no stand-ins."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

import pytest

from captures import LM_1000P, RT_3100
from device_bridge.decoding import decode
from device_bridge.framing import Frame
from device_bridge.ports import Backoff, Link, Port
from device_bridge.profiles import Profile, profile_of
from device_bridge.ranges import load_ranges
from device_bridge.readings import Decoded, Kind, Reason
from device_bridge.readings import Eye as Side
from local_platform.instruments import (
    Eye,
    Fault,
    Instrument,
    autorefractor_print,
    lensmeter_print,
    phoropter_print,
)

WAIT_SECONDS = 10.0
QUICK = Backoff(first_seconds=0.02, longest_seconds=0.1)
RIGHT = Eye(-225, -125, 180, addition_centidioptres=50, acuity_hundredths=5)
LEFT = Eye(-225, -100, 180, addition_centidioptres=75, acuity_hundredths=160)
HOUR = datetime.fromisoformat("2017-03-27T07:40+00:00")


class Listener:
    """A port with a framer behind it, and the frames it gave."""

    def __init__(self, path: str, profile: Profile, backoff: Backoff) -> None:
        self.links: queue.Queue[Link] = queue.Queue()
        self.port = Port(
            path,
            profile.line,
            self._deliver,
            report=lambda link, detail: self.links.put(link),
            backoff=backoff,
        )
        self._framer = profile.framer()
        self._profile = profile
        self._frames: queue.Queue[Frame] = queue.Queue()

    def _deliver(self, data: bytes, at: float) -> None:
        for frame in self._framer.feed(data, at):
            self._frames.put(frame)

    def frame(self) -> Frame:
        return self._frames.get(timeout=WAIT_SECONDS)

    def decoded(self) -> Decoded:
        return decode(self.frame(), self._profile, load_ranges())

    def link(self) -> Link:
        return self.links.get(timeout=WAIT_SECONDS)


@contextmanager
def listening(model: str, path: str, backoff: Backoff = QUICK) -> Iterator[Listener]:
    listener = Listener(path, profile_of(model), backoff)
    listener.port.open()
    try:
        assert listener.link() is Link.CONNECTED
        yield listener
    finally:
        listener.port.close()


def sphere(result: Decoded, kind: Kind, eye: Side) -> int | None:
    found = next(each for each in result.observations if (each.kind, each.eye) == (kind, eye))
    value = found.value("sphere_centidioptres")
    return value.amount if value else None


def test_the_players_print_what_the_real_instruments_printed() -> None:
    right = Eye(-125, -75, 120, addition_centidioptres=200, prisms=((250, "I"), (200, "D")))
    left = Eye(-200, -50, 180, addition_centidioptres=225, prisms=((125, "O"), (200, "U")))
    assert lensmeter_print(right, left) == LM_1000P
    printed = phoropter_print(RIGHT, LEFT, printed_on=date(2002, 6, 16), model="RT-3100")
    assert printed == RT_3100


def test_a_lensmeter_on_a_serial_line_is_read() -> None:
    with Instrument() as lensmeter, listening("LM-1000P", lensmeter.path) as bridge:
        sent = lensmeter_print(RIGHT, LEFT, pupillary_distance_micrometres=63_000)
        lensmeter.send(sent, noise=b"\x00\xff~")
        frame = bridge.frame()
        assert (frame.checksum, frame.noise) == ("ok", b"\x00\xff~")
        result = decode(frame, profile_of("LM-1000P"), load_ranges())
        assert sphere(result, Kind.LENSMETER, Side.OD) == -225
        assert not result.is_partial


def test_an_autorefractor_that_measured_one_eye_is_read() -> None:
    with Instrument() as autoref, listening("ARK-1a", autoref.path) as bridge:
        autoref.send(autorefractor_print(None, LEFT, measured_at=HOUR, running_number=7))
        result = bridge.decoded()
        assert sphere(result, Kind.AUTOREFRACTION, Side.OS) == -225
        assert not [each for each in result.observations if each.eye is Side.OD]
        assert result.device.running_number == "0007"


def test_a_phoropter_that_prints_twice_is_read_twice_alike() -> None:
    with Instrument() as phoropter, listening("RT-5100", phoropter.path) as bridge:
        printed = phoropter_print(
            RIGHT, LEFT, subjective=(LEFT, RIGHT), printed_on=date(2026, 1, 5), work_id="4711"
        )
        phoropter.send(printed, times=2)
        first, second = bridge.decoded(), bridge.decoded()
        assert first == second
        assert sphere(first, Kind.PHOROPTER_FINAL, Side.OD) == -225
        assert first.device.work_id == "4711"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.BYTE_FLIPPED, Reason.CHECKSUM_BAD),
        (Fault.BYTE_LOST, Reason.CHECKSUM_BAD),
        (Fault.CUT_SHORT, Reason.FRAME_INCOMPLETE),
    ],
)
def test_a_spoilt_print_gives_no_reading_and_the_next_one_is_read(
    fault: Fault, reason: Reason
) -> None:
    with Instrument() as lensmeter, listening("LM-1000P", lensmeter.path) as bridge:
        lensmeter.send(lensmeter_print(RIGHT, LEFT), fault=fault)
        spoilt = bridge.decoded()
        assert spoilt.observations == ()
        assert [each.reason for each in spoilt.rejected] == [reason]
        lensmeter.send(lensmeter_print(RIGHT, LEFT))
        assert sphere(bridge.decoded(), Kind.LENSMETER, Side.OS) == -225


def test_an_instrument_that_asks_before_it_sends_is_heard_and_said_to_wait_for_an_answer() -> None:
    with Instrument() as autoref, listening("ARK-1a", autoref.path) as bridge:
        autoref.send(b"\x01C**\x02RS\x17\x04")
        assert [each.reason for each in bridge.decoded().warnings] == [Reason.REQUEST_TO_SEND]


def test_a_pseudo_terminal_has_no_modem_lines_and_a_line_that_has_them_gets_them_raised() -> None:
    with Instrument() as phoropter, listening("RT-5100", phoropter.path) as bridge:
        assert not bridge.port.has_modem_lines
    with listening("RT-5100", "loop://") as looped:
        assert looped.port.has_modem_lines


def test_a_pulled_cable_is_reported() -> None:
    patient = Backoff(first_seconds=60.0, longest_seconds=60.0)
    with Instrument() as phoropter, listening("RT-5100", phoropter.path, patient) as bridge:
        phoropter.unplug()
        assert bridge.link() is Link.LOST


def test_a_line_that_comes_back_under_its_name_is_read_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    name = tmp_path_factory.mktemp("ports") / "lensmeter"
    first = Instrument()
    name.symlink_to(first.path)
    with listening("LM-1000P", str(name)) as bridge:
        name.unlink()
        first.unplug()
        assert bridge.link() is Link.LOST
        with Instrument() as second:
            name.symlink_to(second.path)
            while bridge.link() is not Link.CONNECTED:
                pass
            second.send(lensmeter_print(RIGHT, LEFT))
            while not (frame := bridge.frame()).complete:
                pass
            assert frame.checksum == "ok"


def test_a_line_is_read_again_by_the_bridge_that_opens_it_next() -> None:
    with Instrument() as lensmeter:
        for _turn in range(3):
            with listening("LM-1000P", lensmeter.path) as bridge:
                lensmeter.send(lensmeter_print(RIGHT, LEFT))
                assert bridge.frame().checksum == "ok"


def test_of_two_bridges_on_one_line_the_second_waits_until_it_is_alone() -> None:
    with Instrument() as lensmeter:
        second = Listener(lensmeter.path, profile_of("LM-1000P"), QUICK)
        with listening("LM-1000P", lensmeter.path) as first:
            second.port.open()
            assert second.link() is Link.LOST
            for _turn in range(5):
                lensmeter.send(lensmeter_print(RIGHT, LEFT))
                assert first.frame().checksum == "ok"
        try:
            while second.link() is not Link.CONNECTED:
                pass
            lensmeter.send(lensmeter_print(RIGHT, LEFT))
            assert second.frame().checksum == "ok"
        finally:
            second.port.close()


def test_the_pause_before_a_new_attempt_doubles_up_to_its_limit() -> None:
    backoff = Backoff(first_seconds=0.5, longest_seconds=30.0)
    assert [backoff.pause(failures) for failures in (1, 2, 3, 7, 1000)] == [0.5, 1, 2, 30, 30]


def test_an_unknown_kind_of_line_is_refused_when_it_is_opened() -> None:
    port = Port("pigeon://loft", profile_of("RT-5100").line, lambda data, at: None)
    with pytest.raises(ValueError, match="pigeon"):
        port.open()


def test_closing_a_port_ends_its_thread() -> None:
    with Instrument() as phoropter, listening("RT-5100", phoropter.path):
        assert any(thread.name.startswith("port ") for thread in threading.enumerate())
    assert not any(thread.name.startswith("port ") for thread in threading.enumerate())
