"""Readings: bound to the armed visit, unclaimed without one, recorded once however often sent."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chassis import clock
from chassis.actor import system
from chassis.errors import Invalid, NotPermitted, Refused
from chassis.ids import new_id
from chassis.roles import Role
from chassis.wire import instant
from clinical import commands_reading, commands_visit
from clinical.device_reading import DEVICE_READING
from clinical.tables import armed_station
from clinical.value import Eye, ValueState
from optichain.clinical.v1 import clinical_service_pb2 as pb
from optichain.clinical.v1 import device_reading_pb2, value_pb2


def transmission(clinic: Any, **changed: Any) -> pb.RecordReadingRequest:
    """What the device bridge sends of an autorefractor's print."""
    request = pb.RecordReadingRequest(
        idempotency_key="ark:1",
        branch_id=clinic.branch_id,
        station_code="AR1",
        instrument_id=new_id("ins"),
        model="ARK-1a",
        serial_number="310042",
        measured_at=instant(clock.now().astimezone(UTC)),
        object_key="device_bridge/frame/abc",
        sha256="0" * 64,
        size_bytes=120,
        **changed,
    )
    request.observations.add(
        kind=device_reading_pb2.READING_KIND_AUTOREFRACTION,
        eye=value_pb2.EYE_OD,
        statistic=device_reading_pb2.STATISTIC_MEDIAN,
        values=[
            device_reading_pb2.ReadingValue(
                field="sphere_centidioptres",
                state=value_pb2.VALUE_STATE_UNCONFIRMED,
                amount=0,
                raw="  0.00",
            )
        ],
    )
    return request


def test_a_reading_at_an_armed_station_belongs_to_its_visit_with_its_raw_bytes(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    visit = clinic.visit()
    clinic.arm(visit)
    request = transmission(clinic)
    reading = clinic.chain.ask_as_service(
        "device_bridge", request, pb.RecordReadingResponse
    ).reading

    assert reading.visit_id == visit.id
    assert reading.envelope.case_id == visit.case_id
    assert reading.envelope.customer_id == visit.customer_id
    assert reading.envelope.source.detail == "ARK-1a 310042"
    assert reading.envelope.evidence[0].object_key == "device_bridge/frame/abc"
    value = reading.observations[0].values[0]
    assert (value.state, value.amount) == (value_pb2.VALUE_STATE_UNCONFIRMED, 0)
    again = clinic.chain.ask_as_service("device_bridge", request, pb.RecordReadingResponse).reading
    assert again == reading
    listed = clinic.chain.ask(
        pb.ListReadingsRequest(visit_id=visit.id), pb.ListReadingsResponse, as_=clinic.optometrist
    )
    assert [one.envelope.id for one in listed.readings] == [reading.envelope.id]


def test_a_person_may_not_record_a_reading_in_the_bridges_place(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    with pytest.raises(NotPermitted):
        clinic.chain.ask(transmission(clinic), pb.RecordReadingResponse, as_=clinic.technician)


def test_a_value_without_its_state_is_refused_with_its_place(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    request = transmission(clinic)
    request.observations[0].values[0].ClearField("amount")
    with pytest.raises(Invalid) as refused:
        clinic.chain.ask_as_service("device_bridge", request, pb.RecordReadingResponse)
    assert refused.value.problems[0].field == "observations[0].values[0]"


def test_the_same_transmission_sent_twice_at_once_is_one_reading(clinic: Any) -> None:
    clinic.arm(clinic.visit())
    instrument_id = new_id("ins")
    found: list[str] = []

    def send() -> None:
        found.append(clinic.reading(key="same", instrument_id=instrument_id).id)

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert clinic.reading(key="same").id not in found


def test_a_print_that_waited_in_a_spool_does_not_fall_to_the_next_customer(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    before = clock.now() - timedelta(minutes=1)
    visit = clinic.visit()
    clinic.arm(visit)
    late = transmission(clinic)
    late.measured_at.FromDatetime(before)
    reading = clinic.chain.ask_as_service("device_bridge", late, pb.RecordReadingResponse).reading
    assert (reading.envelope.state, reading.visit_id) == ("unclaimed", "")


@pytest.mark.parametrize("hours", [5, 24])
def test_a_visit_left_armed_takes_no_reading_of_another_half_day(clinic: Any, hours: int) -> None:
    visit = clinic.visit()
    clinic.arm(visit)
    with clinic.chain.work("clinical", system("clinical")) as work:
        left = work.at - timedelta(hours=hours)
        work.connection.execute(armed_station.update().values(armed_at=left))
    reading = clinic.reading()
    assert (reading.state, reading.content.visit_id) == ("unclaimed", "")


def test_a_visit_armed_before_midnight_takes_no_reading_of_the_next_day(clinic: Any) -> None:
    visit = clinic.visit()
    clinic.arm(visit)
    zone = ZoneInfo("Asia/Shanghai")
    night = datetime.combine(clinic.today, time(0, 30), zone)
    with clinic.chain.work("clinical", system("clinical")) as work:
        left = night - timedelta(hours=1)
        work.connection.execute(armed_station.update().values(armed_at=left))
    assert clinic.reading(measured_at=night).state == "unclaimed"
    assert clinic.reading(measured_at=night - timedelta(minutes=50)).state == "bound"


def test_a_reading_with_no_armed_visit_waits_unclaimed_until_somebody_claims_it(
    clinic: Any,
) -> None:
    clinic.chain.serve("clinical")
    first, second = clinic.reading(), clinic.reading()
    visit = clinic.visit()
    listed = clinic.chain.ask(
        pb.ListUnclaimedReadingsRequest(page_size=1),
        pb.ListUnclaimedReadingsResponse,
        as_=clinic.technician,
    )
    assert [one.envelope.id for one in listed.readings] == [second.id]
    assert listed.next_page_token
    claimed = clinic.run(
        clinic.technician,
        commands_reading.claim_reading,
        reading_id=first.id,
        visit_id=visit.id,
    )
    assert (claimed.state, claimed.case_id) == ("bound", visit.case_id)
    assert (claimed.customer_id, claimed.version) == (visit.customer_id, 1)
    left = clinic.chain.ask(
        pb.ListUnclaimedReadingsRequest(), pb.ListUnclaimedReadingsResponse, as_=clinic.technician
    )
    assert [one.envelope.id for one in left.readings] == [second.id]


def test_another_branch_neither_sees_nor_claims_the_reading(clinic: Any) -> None:
    reading = clinic.reading()
    stranger = clinic.chain.person(Role.TECHNICIAN)
    with pytest.raises(NotPermitted) as refused:
        clinic.run(
            stranger,
            commands_reading.claim_reading,
            reading_id=reading.id,
            visit_id=clinic.visit().id,
        )
    assert refused.value.code == "WRONG_BRANCH"


def test_a_lens_whose_eye_was_not_named_gets_one_when_it_is_claimed(clinic: Any) -> None:
    first = clinic.reading()
    unnamed = replace(first.content.observations[0], eye=None)
    reading = clinic.reading(observations=(unnamed,))
    with pytest.raises(Invalid):
        clinic.run(
            clinic.technician,
            commands_reading.claim_reading,
            reading_id=reading.id,
            visit_id=clinic.visit().id,
            unnamed_eye=Eye.OU,
        )
    claimed = clinic.run(
        clinic.technician,
        commands_reading.claim_reading,
        reading_id=reading.id,
        visit_id=clinic.visit().id,
        unnamed_eye=Eye.OS,
    )
    assert claimed.content.observations[0].eye is Eye.OS


def test_a_bound_reading_moves_to_another_visit_only_with_a_reason_and_as_a_new_version(
    clinic: Any,
) -> None:
    wrong, right = clinic.visit(), clinic.visit()
    clinic.arm(wrong)
    reading = clinic.reading()
    with pytest.raises(Refused) as refused:
        clinic.run(
            clinic.technician,
            commands_reading.claim_reading,
            reading_id=reading.id,
            visit_id=right.id,
        )
    assert refused.value.code == "READING_BOUND"
    moved = clinic.run(
        clinic.technician,
        commands_reading.claim_reading,
        reading_id=reading.id,
        visit_id=right.id,
        reason="the station was armed for the person before",
    )
    assert (moved.version, moved.customer_id) == (2, right.customer_id)


def test_a_station_armed_for_the_next_visit_or_disarmed_leaves_the_earlier_one_alone(
    clinic: Any,
) -> None:
    first, second = clinic.visit(), clinic.visit()
    clinic.arm(first)
    clinic.arm(second)
    assert clinic.reading().content.visit_id == second.id
    for visit in (first, second):
        clinic.run(
            clinic.technician,
            commands_visit.disarm_station,
            visit_id=visit.id,
            station_code="AR1",
        )
    assert clinic.reading().state == "unclaimed"


def test_a_stored_reading_says_again_what_was_sent(clinic: Any) -> None:
    reading = clinic.reading()
    with clinic.chain.work("clinical", clinic.technician.actor) as work:
        kept = work.records.get(DEVICE_READING, reading.id)
    assert kept.content == reading.content
    assert kept.content.observations[0].values[0].state is ValueState.MEASURED
