"""From the cable to the examiner: real lines, the bytes of real instruments, a bridge, clinical."""

from __future__ import annotations

import hashlib
import termios
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chain import Chain
from chassis import settings
from chassis.errors import Outdated, Refused
from chassis.ids import new_id
from chassis.objects import ObjectStore
from chassis.roles import Role
from clinical import commands_visit
from clinical import store as clinical_store
from clinical.appointment import VisitPurpose
from device_bridge import commands_captures as commands
from device_bridge import delivery
from device_bridge.print_reader import ReadPrint, read
from device_bridge.spool import Print
from local_platform.instruments import (
    Eye,
    Fault,
    autorefractor_print,
    lensmeter_print,
    phoropter_print,
)
from local_platform.instruments import Instrument as Player
from local_platform.platform import Platform
from optichain.clinical.v1 import clinical_service_pb2 as clinical
from optichain.clinical.v1 import device_reading_pb2, value_pb2
from optichain.device_bridge.v1 import device_bridge_service_pb2 as pb
from optichain.device_bridge.v1 import instrument_pb2
from shop import STATION, Shop, bridge, bridge_process, eventually

RIGHT = Eye(-225, -125, 180, acuity_hundredths=100)
LEFT = Eye(-200, -50, 175, acuity_hundredths=120)
UNTOUCHED = Eye(0, 0, 0)
HERE = datetime.now(ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def shop(chain: Chain) -> Shop:
    chain.serve("clinical")
    return Shop(chain)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def listening(shop: Shop, spool: Path) -> Iterator[None]:
    with bridge(shop.chain, spool):
        yield


def unclaimed(shop: Shop) -> list[device_reading_pb2.DeviceReading]:
    answer = shop.chain.ask(
        clinical.ListUnclaimedReadingsRequest(),
        clinical.ListUnclaimedReadingsResponse,
        as_=shop.technician,
    )
    return list(answer.readings)


def armed_visit(shop: Shop) -> str:
    with shop.chain.work("clinical", shop.person(Role.RECEPTION).actor) as work:
        visit = commands_visit.open_visit(
            work, customer_id=new_id("cus"), purpose=VisitPurpose.SPECTACLES, age_years=36
        )
    with shop.chain.work("clinical", shop.technician.actor) as work:
        commands_visit.arm_station(work, visit_id=visit.id, station_code=STATION)
    return visit.id


def value(
    reading: device_reading_pb2.DeviceReading, kind: int, eye: int, field: str
) -> device_reading_pb2.ReadingValue:
    return next(
        value
        for one in reading.observations
        if (one.kind, one.eye) == (kind, eye)
        for value in one.values
        if value.field == field
    )


def is_empty(spool: Path) -> bool:
    return not [path for path in spool.rglob("*") if path.is_file()]


def test_a_lensmeter_is_read_through_noise_and_in_pieces_and_its_bytes_are_kept(
    shop: Shop, listening: None, spool: Path
) -> None:
    sent = lensmeter_print(RIGHT, LEFT, pupillary_distance_micrometres=63_000)
    with shop.playing("LM-1000P") as (lensmeter, instrument_id):
        lensmeter.send(sent, noise=b"\x00\xff~")
        (capture,) = shop.wait_for_captures("delivered")

    (reading,) = unclaimed(shop)
    assert capture.reading_id == reading.envelope.id
    assert (capture.visit_id, capture.noise_bytes) == ("", 3)
    assert reading.instrument_id == instrument_id
    assert reading.station_code == STATION
    assert reading.measured_at == capture.received_at
    sphere = value(
        reading, device_reading_pb2.READING_KIND_LENSMETER, value_pb2.EYE_OD, "sphere_centidioptres"
    )
    assert (sphere.state, sphere.amount) == (value_pb2.VALUE_STATE_MEASURED, -225)
    (raw,) = capture.envelope.evidence
    assert [one.sha256 for one in reading.envelope.evidence] == [raw.sha256]
    kept = ObjectStore(settings.load("device_bridge").s3_url.get_secret_value()).get(raw.object_key)
    # The carriage return after the checksum belongs to nothing: the frame ended with its digits.
    assert kept == b"\x00\xff~" + sent[:-1]
    assert hashlib.sha256(kept).hexdigest() == raw.sha256
    assert eventually(lambda: is_empty(spool), "nothing waits on the disk")


def test_an_autorefractor_that_measured_one_eye_gives_no_reading_of_the_other(
    shop: Shop, listening: None
) -> None:
    with shop.playing("ARK-1a") as (autorefractor, _id):
        autorefractor.send(autorefractor_print(None, LEFT, measured_at=HERE, running_number=7))
        (capture,) = shop.wait_for_captures("delivered")

    (reading,) = unclaimed(shop)
    assert {one.eye for one in reading.observations} <= {value_pb2.EYE_OS, value_pb2.EYE_OU}
    assert not capture.clock_differs
    assert not reading.is_clock_off


def test_a_reading_at_an_armed_station_is_bound_to_its_visit_and_at_another_station_it_is_not(
    shop: Shop, listening: None
) -> None:
    visit_id = armed_visit(shop)

    with shop.playing("LM-1000P") as (lensmeter, _id):
        lensmeter.send(lensmeter_print(RIGHT, LEFT))
        (bound,) = shop.wait_for_captures("delivered")
    assert bound.visit_id == visit_id
    assert not unclaimed(shop)

    with shop.playing("LM-1000P", station_code="PRE-2") as (lensmeter, _id):
        lensmeter.send(lensmeter_print(RIGHT, LEFT))
        shop.wait_for_captures("delivered", 2)
    (reading,) = unclaimed(shop)
    assert (reading.station_code, reading.visit_id) == ("PRE-2", "")


def test_a_phoropters_untouched_dials_reach_the_examiner_unconfirmed(
    shop: Shop, listening: None
) -> None:
    printed = phoropter_print(UNTOUCHED, RIGHT, printed_on=HERE.date())
    with shop.playing("RT-5100") as (phoropter, _id):
        phoropter.send(printed)
        shop.wait_for_captures("delivered")

    (reading,) = unclaimed(shop)
    final = device_reading_pb2.READING_KIND_PHOROPTER_FINAL
    untouched = value(reading, final, value_pb2.EYE_OD, "sphere_centidioptres")
    assert (untouched.state, untouched.amount) == (value_pb2.VALUE_STATE_UNCONFIRMED, 0)
    turned = value(reading, final, value_pb2.EYE_OS, "sphere_centidioptres")
    assert (turned.state, turned.amount) == (value_pb2.VALUE_STATE_MEASURED, -225)


def test_an_instrument_whose_clock_is_wrong_is_read_by_the_bridges_and_flagged(
    shop: Shop, listening: None
) -> None:
    with shop.playing("ARK-1a") as (autorefractor, _id):
        before = datetime.now(UTC)
        wrong = HERE - timedelta(days=3_000)
        autorefractor.send(autorefractor_print(RIGHT, LEFT, measured_at=wrong, running_number=8))
        (capture,) = shop.wait_for_captures("delivered")

    assert capture.clock_differs
    (reading,) = unclaimed(shop)
    assert reading.is_clock_off
    assert reading.measured_at.ToDatetime(tzinfo=UTC) >= before


def test_a_print_repeated_three_times_is_one_reading(shop: Shop, listening: None) -> None:
    with shop.playing("RT-3100") as (phoropter, _id):
        printed = phoropter_print(RIGHT, LEFT, printed_on=HERE.date(), model="RT-3100")
        phoropter.send(printed, times=3)
        (capture,) = eventually(
            lambda: [one for one in shop.captures("delivered") if one.repeats == 2], "two repeats"
        )
    assert len(unclaimed(shop)) == 1
    assert len(shop.captures()) == 1
    assert not capture.partial


def test_equal_figures_of_two_customers_are_a_reading_of_each_visit_and_repeats_are_none(
    shop: Shop, listening: None
) -> None:
    sent = lensmeter_print(RIGHT, LEFT)
    with shop.playing("LM-1000P") as (lensmeter, _id):
        first = armed_visit(shop)
        lensmeter.send(sent, times=2)
        eventually(lambda: [one for one in shop.captures("delivered") if one.repeats], "a repeat")
        second = armed_visit(shop)
        lensmeter.send(sent, times=2)
        captures = shop.wait_for_captures("delivered", 2)
        eventually(lambda: all(one.repeats for one in shop.captures()), "each is repeated")
    assert {one.visit_id for one in captures} == {first, second}
    assert len(shop.captures()) == 2
    assert len({one.reading_id for one in captures}) == 2
    assert not unclaimed(shop)


@pytest.mark.parametrize(
    ("fault", "failure"),
    [(Fault.BYTE_FLIPPED, "checksum_bad"), (Fault.CUT_SHORT, "frame_incomplete")],
)
def test_a_spoilt_print_is_listed_as_failed_and_the_next_one_is_read(
    shop: Shop, listening: None, fault: Fault, failure: str
) -> None:
    with shop.playing("LM-1000P") as (lensmeter, _id):
        lensmeter.send(lensmeter_print(RIGHT, LEFT), fault=fault)
        (failed,) = shop.wait_for_captures("failed")
        lensmeter.send(lensmeter_print(RIGHT, LEFT))
        shop.wait_for_captures("delivered")

    assert failed.failure == failure
    assert failed.envelope.responsible_role
    assert [remark.reason for remark in failed.remarks if remark.lost] == [failure]
    assert len(unclaimed(shop)) == 1


def test_a_print_cut_off_by_a_pulled_cable_is_a_failed_capture(shop: Shop, listening: None) -> None:
    with shop.playing("RT-5100") as (phoropter, instrument_id):
        phoropter.send(phoropter_print(RIGHT, LEFT, printed_on=HERE.date())[:40])
        time.sleep(0.3)
        phoropter.unplug()
        (failed,) = shop.wait_for_captures("failed")
        eventually(
            lambda: shop.instrument(instrument_id).link == instrument_pb2.LINK_LOST, "link lost"
        )
    assert failed.failure == "frame_incomplete"
    assert failed.ending == "silence"


def test_the_line_of_an_instrument_taken_out_of_service_is_no_longer_read(
    shop: Shop, listening: None
) -> None:
    with shop.playing("LM-1000P") as (lensmeter, instrument_id):
        shop.let_go(instrument_id)
        lensmeter.send(lensmeter_print(RIGHT, LEFT))
        time.sleep(0.5)
    assert not shop.captures()


def test_an_instrument_moved_to_another_line_is_read_there_without_a_restart(
    shop: Shop, listening: None
) -> None:
    with shop.playing("LM-1000P") as (_old, instrument_id), Player() as lensmeter:
        revision = shop.instrument(instrument_id).envelope.revision
        request = pb.AmendInstrumentRequest(
            instrument_id=instrument_id,
            revision=revision,
            station_code=STATION,
            port_url=lensmeter.path,
            reason="another socket",
        )
        shop.chain.ask(request, pb.AmendInstrumentResponse, as_=shop.manager)
        time.sleep(0.5)
        shop.wait_connected(instrument_id)
        lensmeter.send(lensmeter_print(RIGHT, LEFT))
        shop.wait_for_captures("delivered")


def test_a_line_is_opened_with_the_settings_chosen_for_it(shop: Shop, listening: None) -> None:
    def speed(lensmeter: Player) -> int:
        # A pseudo terminal keeps the speed alone: it has neither parity nor other characters.
        return int(termios.tcgetattr(lensmeter._socket)[4])

    factory = instrument_pb2.LineSettings(
        baud=9600, data_bits=8, parity=instrument_pb2.PARITY_ODD, stop_bits=1
    )
    slow = instrument_pb2.LineSettings(
        baud=2400, data_bits=8, parity=instrument_pb2.PARITY_ODD, stop_bits=1
    )
    with shop.playing("LM-1000P", line_settings=slow) as (lensmeter, instrument_id):
        assert speed(lensmeter) == termios.B2400
        shown = shop.instrument(instrument_id)
        assert shown.line_settings == slow
        request = pb.AmendInstrumentRequest(
            instrument_id=instrument_id,
            revision=shown.envelope.revision,
            station_code=STATION,
            port_url=lensmeter.path,
            line_settings=factory,
            reason="menu was set back",
        )
        shop.chain.ask(request, pb.AmendInstrumentResponse, as_=shop.manager)
        eventually(lambda: speed(lensmeter) == termios.B9600, "the line is opened anew")
        shop.wait_connected(instrument_id)
        lensmeter.send(lensmeter_print(RIGHT, LEFT))
        shop.wait_for_captures("delivered")


def test_while_clinical_is_away_prints_wait_on_the_disk_in_order_and_then_go(
    shop: Shop, listening: None, spool: Path
) -> None:
    shop.chain.stop("clinical")
    with shop.playing("ARK-1a") as (autorefractor, instrument_id):
        for number in (1, 2, 3):
            sent = autorefractor_print(RIGHT, LEFT, measured_at=HERE, running_number=number)
            autorefractor.send(sent)
        eventually(lambda: shop.instrument(instrument_id).prints_waiting == 3, "three wait")
        shown = shop.wait_waiting(instrument_id)
        assert shown.waiting_reason == "UNAVAILABLE"
        shop.chain.serve("clinical")
        delivered = shop.wait_for_captures("delivered", 3)

    by_arrival = sorted(delivered, key=lambda one: one.received_at.ToNanoseconds())
    by_delivery = sorted(delivered, key=lambda one: one.delivered_at.ToNanoseconds())
    assert by_arrival == by_delivery
    assert len(unclaimed(shop)) == 3
    assert eventually(lambda: is_empty(spool), "nothing waits on the disk")


def test_a_print_the_bridge_itself_stumbles_over_fails_visibly_and_the_next_one_is_read(
    shop: Shop, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbling(one: Print, *, clock_allows: timedelta) -> ReadPrint:
        if b"NO0007" in one.frame.raw:
            raise OverflowError("a defect of the reader")
        return read(one, clock_allows=clock_allows)

    monkeypatch.setattr(delivery, "read", stumbling)
    with bridge(shop.chain, spool), shop.playing("ARK-1a") as (autorefractor, _id):
        for number in (7, 8):
            sent = autorefractor_print(RIGHT, LEFT, measured_at=HERE, running_number=number)
            autorefractor.send(sent)
        shop.wait_for_captures("delivered")
        (failed,) = shop.wait_for_captures("failed")
        assert eventually(lambda: is_empty(spool), "nothing waits on the disk")
    assert (failed.failure, failed.reading_count) == ("bridge_failed", 0)
    assert failed.envelope.responsible_role

    monkeypatch.undo()
    request = pb.RetryCaptureRequest(
        capture_id=failed.envelope.id, revision=failed.envelope.revision
    )
    answer = shop.chain.ask(request, pb.RetryCaptureResponse, as_=shop.technician)
    assert answer.capture.envelope.state == "delivered"
    assert len(unclaimed(shop)) == 2


def test_a_reading_clinical_fails_on_without_saying_why_is_refused_in_the_end(
    shop: Shop, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_given: object, **_more: object) -> None:
        raise RuntimeError("a defect of clinical")

    monkeypatch.setattr(clinical_store, "claim_key", failing)
    with bridge(shop.chain, spool), shop.playing("LM-1000P") as (lensmeter, _id):
        lensmeter.send(lensmeter_print(RIGHT, LEFT))
        (refused,) = shop.wait_for_captures("refused")
        assert eventually(lambda: is_empty(spool), "nothing waits on the disk")
    assert refused.failure == "PEER_FAILED"
    assert refused.envelope.responsible_role


def test_while_the_object_store_is_away_nothing_is_decoded_and_then_all_is_delivered(
    shop: Shop, listening: None, parts: Platform
) -> None:
    if "object_store" in parts.given:
        pytest.skip("the object store is somebody else's, and not ours to stop")
    with shop.playing("LM-1000P") as (lensmeter, instrument_id):
        parts.stop_part("object_store")
        try:
            lensmeter.send(lensmeter_print(RIGHT, LEFT))
            shown = shop.wait_waiting(instrument_id)
            assert (shown.prints_waiting, shown.waiting_reason) == (1, "UNAVAILABLE")
            assert not shop.captures()
        finally:
            parts.start_part("object_store")
        shop.wait_for_captures("delivered")
    assert len(unclaimed(shop)) == 1


def test_a_print_the_disk_refuses_is_held_and_delivered_when_the_disk_takes_it(
    shop: Shop, listening: None, spool: Path
) -> None:
    with shop.playing("LM-1000P") as (lensmeter, instrument_id):
        (spool / instrument_id).touch()
        lensmeter.send(lensmeter_print(RIGHT, LEFT))
        assert shop.wait_waiting(instrument_id).waiting_reason == "DISK_REFUSES"
        (spool / instrument_id).unlink()
        shop.wait_for_captures("delivered")
    assert len(unclaimed(shop)) == 1


def test_a_bridge_started_anew_delivers_what_the_old_one_left_on_the_disk_once(
    shop: Shop, spool: Path
) -> None:
    shop.chain.stop("clinical")
    with Player() as lensmeter:
        with bridge(shop.chain, spool):
            instrument_id = shop.register("LM-1000P", lensmeter.path).envelope.id
            shop.wait_connected(instrument_id)
            lensmeter.send(lensmeter_print(RIGHT, LEFT))
            shop.wait_for_captures("decoded")
        left = {path.name: path.read_bytes() for path in spool.rglob("*.print")}
        shop.chain.serve("clinical")
        with bridge(shop.chain, spool):
            (capture,) = shop.wait_for_captures("delivered")
        # A crash after the delivery and before the file was removed leaves the file: once more.
        for name, content in left.items():
            (spool / instrument_id / name).write_bytes(content)
        with bridge(shop.chain, spool):
            eventually(lambda: is_empty(spool), "the file is gone again")
    assert [one.repeats for one in shop.captures()] == [0]
    assert [one.envelope.id for one in unclaimed(shop)] == [capture.reading_id]


def test_a_print_damaged_on_the_disk_is_a_failed_capture_and_the_next_one_is_delivered(
    shop: Shop, spool: Path
) -> None:
    with Player() as lensmeter:
        instrument_id = shop.register("LM-1000P", lensmeter.path).envelope.id
        shop.chain.stop("clinical")
        with bridge(shop.chain, spool):
            shop.wait_connected(instrument_id)
            lensmeter.send(lensmeter_print(RIGHT, LEFT))
            (read_before,) = shop.wait_for_captures("decoded")
            lensmeter.send(lensmeter_print(LEFT, RIGHT))
            lensmeter.send(lensmeter_print(LEFT, LEFT))
            eventually(lambda: shop.instrument(instrument_id).prints_waiting == 3, "three wait")
        first, second, _third = sorted((spool / instrument_id).iterdir())
        first.write_bytes(b"")
        second.write_bytes(b"\x00" * 64)
        shop.chain.serve("clinical")
        with bridge(shop.chain, spool):
            shop.wait_for_captures("delivered")
            (failed,) = shop.wait_for_captures("failed")
            (refused,) = shop.wait_for_captures("refused")
            assert eventually(lambda: is_empty(spool), "nothing waits on the disk")

    assert (failed.failure, failed.ending) == ("file_damaged", "file_damaged")
    assert (failed.instrument_id, failed.model) == (instrument_id, "LM-1000P")
    assert failed.envelope.responsible_role
    (raw,) = failed.envelope.evidence
    assert raw.sha256 == hashlib.sha256(b"\x00" * 64).hexdigest()
    # What was read before its file was damaged is whole in the object store.
    assert (refused.envelope.id, refused.failure) == (read_before.envelope.id, "file_damaged")
    request = pb.RetryCaptureRequest(
        capture_id=refused.envelope.id, revision=refused.envelope.revision
    )
    answer = shop.chain.ask(request, pb.RetryCaptureResponse, as_=shop.technician)
    assert answer.capture.envelope.state == "delivered"
    assert len(unclaimed(shop)) == 2


def test_a_bridge_killed_at_any_moment_loses_no_print_and_doubles_none(
    shop: Shop, spool: Path
) -> None:
    """Each round kills the process without warning once the print is on its disk, or further."""

    def is_safe(number: int) -> bool:
        return not is_empty(spool) or len(shop.captures()) > number

    shop.chain.stop("clinical")
    with Player() as autorefractor:
        instrument_id = shop.register("ARK-1a", autorefractor.path).envelope.id
        for number, grace_seconds in enumerate((0.0, 0.03)):
            since = datetime.now(UTC)
            sent = autorefractor_print(RIGHT, LEFT, measured_at=HERE, running_number=number)
            with bridge_process(spool) as process:
                shop.wait_connected(instrument_id, since)
                autorefractor.send(sent)
                eventually(partial(is_safe, number), "the print is safe")
                time.sleep(grace_seconds)
                process.kill()
            shop.chain.serve("clinical")
        with bridge_process(spool):
            delivered = shop.wait_for_captures("delivered", 2)
            eventually(lambda: is_empty(spool), "nothing waits on the disk")
    assert len(shop.captures()) == len(delivered) == len(unclaimed(shop)) == 2
    assert [one.repeats for one in delivered] == [0, 0]
    said = (spool.parent / "bridge.log").read_text(encoding="utf-8")
    assert '"state": "delivered"' in said
    for figures in ("-02.25", "-2.25", "-225", "-1.25", "-125"):
        assert figures not in said


def test_what_clinical_refused_is_delivered_from_its_kept_bytes_when_it_is_retried(
    shop: Shop, spool: Path
) -> None:
    shop.chain.stop("clinical")
    with bridge(shop.chain, spool), shop.playing("LM-1000P") as (lensmeter, _id):
        lensmeter.send(lensmeter_print(RIGHT, LEFT), noise=b"~~")
        (capture,) = shop.wait_for_captures("decoded")
    with shop.chain.work("device_bridge", shop.technician.actor) as work:
        commands.capture_refused(work, capture_id=capture.envelope.id, failure="INVALID")
    shop.chain.serve("clinical")
    (refused,) = shop.captures("refused")
    assert refused.failure == "INVALID"
    seen_before = pb.RetryCaptureRequest(
        capture_id=refused.envelope.id, revision=refused.envelope.revision - 1
    )
    with pytest.raises(Outdated):
        shop.chain.ask(seen_before, pb.RetryCaptureResponse, as_=shop.technician)
    assert not unclaimed(shop)
    request = pb.RetryCaptureRequest(
        request_id="r1",
        capture_id=refused.envelope.id,
        revision=refused.envelope.revision,
    )
    answer = shop.chain.ask(request, pb.RetryCaptureResponse, as_=shop.technician)
    assert (answer.capture.envelope.state, answer.capture.failure) == ("delivered", "")
    assert shop.chain.ask(request, pb.RetryCaptureResponse, as_=shop.technician) == answer
    (reading,) = unclaimed(shop)
    assert reading.envelope.id == answer.capture.reading_id


def test_a_bad_print_stays_bad_when_it_is_retried_and_a_delivered_one_is_not_retried(
    shop: Shop, listening: None
) -> None:
    with shop.playing("LM-1000P") as (lensmeter, _id):
        lensmeter.send(lensmeter_print(RIGHT, LEFT), fault=Fault.BYTE_FLIPPED)
        (failed,) = shop.wait_for_captures("failed")
        lensmeter.send(lensmeter_print(RIGHT, LEFT))
        (delivered,) = shop.wait_for_captures("delivered")

    def retry(capture_id: str, revision: int) -> str:
        request = pb.RetryCaptureRequest(capture_id=capture_id, revision=revision)
        answer = shop.chain.ask(request, pb.RetryCaptureResponse, as_=shop.technician)
        return answer.capture.envelope.state

    assert retry(failed.envelope.id, failed.envelope.revision) == "failed"
    with pytest.raises(Refused) as refused:
        retry(delivered.envelope.id, delivered.envelope.revision)
    assert refused.value.code == "MOVE_FORBIDDEN"
    assert len(unclaimed(shop)) == 1
