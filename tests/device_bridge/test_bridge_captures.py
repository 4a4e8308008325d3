"""What becomes of a print: recorded once, failed visibly, and never mistaken for another."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from chain import Chain, Person
from chassis.actor import Actor, Scope
from chassis.errors import NotPermitted, Outdated, Refused
from chassis.ids import new_id
from chassis.records.envelope import Evidence, Record
from chassis.records.kinds import MoveForbidden
from chassis.roles import Role
from device_bridge import commands_captures as commands
from device_bridge.capture import ArmedStation, Bound, Capture, CaptureState
from device_bridge.framing import Frame
from device_bridge.print_reader import print_of, read
from device_bridge.profiles import profile_of
from device_bridge.spool import Print
from local_platform.instruments import (
    Eye,
    Fault,
    autorefractor_print,
    lensmeter_print,
    phoropter_print,
    spoilt,
)
from optichain.device_bridge.v1 import device_bridge_service_pb2 as pb

BRANCH = new_id("br")
NOW = datetime.now(UTC).replace(microsecond=0)
RIGHT, LEFT = Eye(-225, -125, 180), Eye(-200, -50, 175)
ALLOWED = timedelta(minutes=15)
GOOD = lensmeter_print(RIGHT, LEFT)
BAD = spoilt(GOOD, Fault.BYTE_FLIPPED)


def framed(sent: bytes, model: str) -> Frame:
    framer = profile_of(model).framer()
    (frame,) = (*framer.feed(sent, at=0.0), *framer.tick(60.0))
    return frame


def arrived(
    sent: bytes = GOOD,
    *,
    model: str = "LM-1000P",
    after: timedelta = timedelta(),
    serial: str = "7",
) -> Print:
    return Print(
        id=new_id("cap"),
        instrument_id="ins_01kap00000e0080000000000ab",
        model=model,
        serial_number=serial,
        branch_id=BRANCH,
        station_code="PRE-1",
        time_zone="Asia/Shanghai",
        received_at=NOW + after,
        frame=framed(sent, model),
    )


def instrument_of(one: Print) -> Actor:
    return Actor(
        id=one.instrument_id,
        role=Role.INSTRUMENT,
        branch_id=one.branch_id,
        scope=Scope.CHAIN,
        service="device_bridge",
    )


def evidence_of(one: Print) -> Evidence:
    sha256 = hashlib.sha256(one.sent).hexdigest()
    return Evidence(
        object_key=f"device_bridge/print/{sha256}",
        sha256=sha256,
        media_type="application/octet-stream",
        size_bytes=len(one.sent),
    )


def recorded(chain: Chain, one: Print) -> Record[Capture]:
    reading = read(one, clock_allows=ALLOWED)
    with chain.work("device_bridge", instrument_of(one)) as work:
        return commands.record_capture(work, one=one, reading=reading, kept=evidence_of(one))


def delivered(chain: Chain, one: Print, visit_id: str = "") -> Record[Capture]:
    capture = recorded(chain, one)
    with chain.work("device_bridge", instrument_of(one)) as work:
        return commands.capture_delivered(
            work,
            capture_id=capture.id,
            bound=Bound(reading_id=new_id("drd"), visit_id=visit_id),
        )


def count(chain: Chain) -> int:
    with chain.database("device_bridge").snapshot() as connection:
        statement = text("SELECT count(*) FROM record WHERE kind = 'device_bridge.capture'")
        return int(connection.execute(statement).scalar_one())


def told(chain: Chain) -> list[str]:
    with chain.database("device_bridge").snapshot() as connection:
        rows = connection.execute(text("SELECT type FROM outbox ORDER BY seq")).scalars()
        return [str(one).rpartition(".")[2] for one in rows]


@pytest.fixture
def technician(chain: Chain) -> Person:
    chain.serve("device_bridge")
    return chain.person(Role.TECHNICIAN, branch_id=BRANCH)


def test_a_print_becomes_a_capture_that_names_its_instrument_and_its_bytes(chain: Chain) -> None:
    one = arrived()
    capture = recorded(chain, one)

    assert (capture.id, capture.state, capture.branch_id) == (one.id, "decoded", BRANCH)
    assert (capture.source.kind, capture.source.detail) == ("device", "LM-1000P 7")
    assert capture.evidence == (evidence_of(one),)
    assert capture.content.reading_count == 2
    assert capture.responsible_role is None
    with chain.work("device_bridge", instrument_of(one)) as work:
        assert work.records.evidence([capture.evidence[0].object_key]) == capture.evidence


def test_a_capture_holds_no_figure_of_what_was_measured(chain: Chain) -> None:
    recorded(chain, arrived())
    recorded(chain, arrived(GOOD.replace(b"-02.25", b"-02.2x"), serial="8"))
    with chain.database("device_bridge").snapshot() as connection:
        rows = connection.execute(text("SELECT content::text FROM record")).scalars().all()
    assert len(rows) == 2
    for figures in ("-225", "2.25", "1.25", "-125", "-2.00", "-200"):
        assert not [row for row in rows if figures in row]


def test_the_same_print_from_the_disk_again_changes_nothing(chain: Chain) -> None:
    one = arrived()
    assert recorded(chain, one) == recorded(chain, one)
    assert count(chain) == 1


def test_the_same_bytes_sent_again_are_a_repeat_and_no_second_capture(chain: Chain) -> None:
    first = recorded(chain, arrived())
    again = arrived(after=timedelta(minutes=1))
    repeated = recorded(chain, again)
    assert recorded(chain, again) == repeated

    assert (repeated.id, repeated.content.repeats) == (first.id, 1)
    assert repeated.content.last_received_at == again.received_at
    assert count(chain) == 1


def test_equal_powers_of_the_next_customer_are_another_print_for_an_instrument_without_clock(
    chain: Chain,
) -> None:
    first = delivered(chain, arrived())
    later = recorded(chain, arrived(after=timedelta(minutes=6)))

    assert (later.id == first.id, later.state) == (False, "decoded")
    assert later.content.idempotency_key != first.content.idempotency_key
    repeat = recorded(chain, arrived(after=timedelta(minutes=8)))
    assert repeat.id == later.id


def test_a_repeat_of_a_repeat_does_not_reach_into_the_next_customers_visit(chain: Chain) -> None:
    first = delivered(chain, arrived())
    assert recorded(chain, arrived(after=timedelta(minutes=4))).id == first.id
    later = recorded(chain, arrived(after=timedelta(minutes=6)))
    assert (later.id == first.id, later.state) == (False, "decoded")


def test_equal_powers_are_the_next_customers_as_soon_as_another_visit_is_armed(
    chain: Chain,
) -> None:
    visit_id = new_id("vis")
    first = delivered(chain, arrived(), visit_id)

    def printed(armed: ArmedStation | None, minute: int) -> str:
        one = arrived(after=timedelta(minutes=minute))
        with chain.work("device_bridge", instrument_of(one)) as work:
            return commands.record_capture(
                work,
                one=one,
                reading=read(one, clock_allows=ALLOWED),
                kept=evidence_of(one),
                armed=armed,
            ).id

    again = ArmedStation(visit_id=visit_id, armed_at=NOW + timedelta(minutes=1))
    assert printed(again, 2) == first.id
    before = ArmedStation(visit_id=new_id("vis"), armed_at=NOW - timedelta(minutes=1))
    assert printed(before, 2) == first.id
    other = ArmedStation(visit_id=new_id("vis"), armed_at=NOW + timedelta(minutes=1))
    assert printed(other, 2) != first.id


def test_a_print_with_its_own_number_and_time_is_the_same_print_however_late_it_comes_again(
    chain: Chain,
) -> None:
    sent = autorefractor_print(RIGHT, LEFT, measured_at=NOW, running_number=7)
    first = delivered(chain, arrived(sent, model="ARK-1a"))
    again = recorded(chain, arrived(sent, model="ARK-1a", after=timedelta(days=3)))

    assert (again.id, again.state, again.content.repeats) == (first.id, "delivered", 1)


def test_equal_bytes_of_two_instruments_are_two_captures(chain: Chain) -> None:
    assert recorded(chain, arrived()).id != recorded(chain, arrived(serial="8")).id


def test_of_two_bridges_that_hear_the_same_print_at_once_one_records_it(chain: Chain) -> None:
    chain.database("device_bridge")
    with ThreadPoolExecutor(4) as hands:
        captures = list(hands.map(lambda one: recorded(chain, one), [arrived() for _ in range(4)]))
    assert len({one.id for one in captures}) == 1
    assert max(one.content.repeats for one in captures) == 3
    assert count(chain) == 1


def test_a_print_whose_checksum_is_wrong_is_a_failed_capture_that_waits_for_the_technician(
    chain: Chain,
) -> None:
    capture = recorded(chain, arrived(BAD))

    assert (capture.state, capture.content.failure) == ("failed", "checksum_bad")
    assert capture.content.reading_count == 0
    assert capture.responsible_role is Role.TECHNICIAN
    assert [r.lost for r in capture.content.remarks] == [True]
    assert told(chain) == ["CaptureFailed"]


@pytest.mark.parametrize("digits", [b"FFFF", b""])
def test_a_good_print_after_one_with_a_spoilt_checksum_rests_on_its_own_bytes(
    chain: Chain, digits: bytes
) -> None:
    sent = autorefractor_print(RIGHT, LEFT, measured_at=NOW, running_number=7)
    body = sent[: sent.index(4) + 1]
    bad = arrived(body + digits, model="ARK-1a")
    failed = recorded(chain, bad)
    good = arrived(sent, model="ARK-1a", after=timedelta(seconds=20))
    capture = recorded(chain, good)

    assert (failed.state, capture.state) == ("failed", "decoded")
    assert capture.id != failed.id
    assert capture.evidence == (evidence_of(good),)
    assert print_of(capture, good.sent, time_zone="Asia/Shanghai") == good


def test_a_spoilt_print_after_a_good_one_of_the_same_content_is_a_failed_capture_too(
    chain: Chain,
) -> None:
    sent = autorefractor_print(RIGHT, LEFT, measured_at=NOW, running_number=7)
    good = delivered(chain, arrived(sent, model="ARK-1a"))
    spoilt_digits = sent[: sent.index(4) + 1] + b"FFFF"
    bad = recorded(chain, arrived(spoilt_digits, model="ARK-1a", after=timedelta(seconds=20)))
    assert (bad.id == good.id, bad.state) == (False, "failed")


def test_bytes_that_are_no_print_are_a_failed_capture_too(chain: Chain) -> None:
    capture = recorded(chain, arrived(b"\xf3\x80\x1d\x9c" * 9))
    assert (capture.state, capture.content.failure) == ("failed", "frame_incomplete")
    assert capture.content.noise_bytes == 36


def test_a_garbled_line_leaves_the_others_and_makes_the_capture_partial(chain: Chain) -> None:
    sent = phoropter_print(RIGHT, LEFT, printed_on=NOW.date()).replace(b"FR- 2.25", b"FR- 2.2x")
    capture = recorded(chain, arrived(sent, model="RT-5100"))
    assert (capture.state, capture.content.partial) == ("partial", True)
    assert "line_garbled" in [r.reason for r in capture.content.remarks if r.lost]


def test_a_wrong_clock_and_another_model_than_registered_are_flagged(chain: Chain) -> None:
    old = phoropter_print(RIGHT, LEFT, printed_on=date(2002, 6, 16), model="RT-3100")
    capture = recorded(chain, arrived(old, model="RT-5100"))
    assert (capture.content.clock_differs, capture.content.model_differs) == (True, True)

    zone_day = NOW.astimezone().date()
    today = phoropter_print(RIGHT, LEFT, printed_on=zone_day, model="RT-5100")
    right = recorded(chain, arrived(today, model="RT-5100"))
    assert right.content.model_differs is False


def test_a_model_that_lost_its_profile_fails_and_says_so(chain: Chain) -> None:
    capture = recorded(chain, replace(arrived(), model="LM-0"))
    assert (capture.state, capture.content.failure) == ("failed", "model_unknown")


def test_what_clinical_refuses_waits_with_the_reason_and_goes_again_when_it_is_printed_again(
    chain: Chain,
) -> None:
    one = arrived()
    capture = recorded(chain, one)
    with chain.work("device_bridge", instrument_of(one)) as work:
        refused = commands.capture_refused(work, capture_id=capture.id, failure="INVALID")
    assert (refused.state, refused.content.failure) == ("refused", "INVALID")
    assert refused.responsible_role is Role.TECHNICIAN

    again = recorded(chain, arrived(after=timedelta(minutes=1)))
    assert (again.id, again.state, again.content.failure) == (capture.id, "decoded", "")


def test_a_delivered_capture_tells_where_its_reading_went_and_ends(chain: Chain) -> None:
    visit_id = new_id("vis")
    capture = delivered(chain, arrived(), visit_id)
    assert (capture.state, capture.content.visit_id) == ("delivered", visit_id)
    assert capture.closure.closed_at is not None
    assert told(chain) == ["CaptureDelivered"]
    with (
        pytest.raises(MoveForbidden),
        chain.work("device_bridge", instrument_of(arrived())) as work,
    ):
        commands.capture_delivered(
            work, capture_id=capture.id, bound=Bound(reading_id="drd_x", visit_id="")
        )


def test_a_capture_read_again_from_its_bytes_is_the_print_it_was_made_of(chain: Chain) -> None:
    one = replace(arrived(BAD), frame=framed(b"~~noise" + BAD, "LM-1000P"))
    capture = recorded(chain, one)
    assert print_of(capture, one.sent, time_zone="Asia/Shanghai") == one


def test_a_technician_dismisses_a_failed_capture_and_the_same_fault_shows_again(
    chain: Chain, technician: Person
) -> None:
    failed = recorded(chain, arrived(BAD))

    def dismiss(as_: Person, revision: int) -> str:
        request = pb.DismissCaptureRequest(
            capture_id=failed.id, revision=revision, reason="cable was loose"
        )
        answer = chain.ask(request, pb.DismissCaptureResponse, as_=as_)
        return answer.capture.envelope.state

    with pytest.raises(NotPermitted) as elsewhere:
        dismiss(chain.person(Role.TECHNICIAN), failed.revision)
    assert elsewhere.value.code == "WRONG_BRANCH"
    with pytest.raises(NotPermitted) as role:
        dismiss(chain.person(Role.CASHIER, branch_id=BRANCH), failed.revision)
    assert role.value.code == "ROLE_NOT_PERMITTED"
    assert dismiss(technician, failed.revision) == "dismissed"
    with pytest.raises(Outdated):
        dismiss(technician, failed.revision)
    with pytest.raises(Refused) as twice:
        dismiss(technician, failed.revision + 1)
    assert twice.value.code == "MOVE_FORBIDDEN"

    request = pb.RetryCaptureRequest(capture_id=failed.id, revision=failed.revision + 1)
    with pytest.raises(Refused) as ended:
        chain.ask(request, pb.RetryCaptureResponse, as_=technician)
    assert ended.value.code == "MOVE_FORBIDDEN"

    again = recorded(chain, arrived(BAD, after=timedelta(minutes=2)))
    assert (again.id, again.state) == (failed.id, "failed")
    assert again.responsible_role is Role.TECHNICIAN


def test_captures_are_listed_newest_first_by_state_and_page(
    chain: Chain, technician: Person
) -> None:
    made = [recorded(chain, arrived(serial=str(n))).id for n in range(3)]
    bad = recorded(chain, arrived(BAD)).id

    def page(token: str = "", state: str = "") -> tuple[list[str], str]:
        request = pb.ListCapturesRequest(page_size=2, page_token=token, state=state)
        answer = chain.ask(request, pb.ListCapturesResponse, as_=technician)
        return [one.envelope.id for one in answer.captures], answer.next_page_token

    first, token = page()
    second, end = page(token)
    assert [*first, *second] == [bad, *reversed(made)]
    assert end == ""
    assert page(state=CaptureState.FAILED) == ([bad], "")
    with pytest.raises(Exception, match="one of") as refused:
        page(state="lost")
    assert getattr(refused.value, "code", "") == "INVALID"
    elsewhere = chain.person(Role.TECHNICIAN)
    answer = chain.ask(pb.ListCapturesRequest(), pb.ListCapturesResponse, as_=elsewhere)
    assert not answer.captures
