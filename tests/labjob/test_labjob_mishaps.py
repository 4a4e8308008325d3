"""What goes wrong in a lab: parts that break, locked lots, races at a station, holds, rework and
remakes."""

from __future__ import annotations

from typing import Any

import pytest

from chassis import actor
from chassis.ids import new_id
from chassis.roles import Role
from inventory.commands_order import commit_to_order
from optichain.inventory.v1 import inventory_service_pb2 as inventory
from optichain.labjob.v1 import inspection_pb2, job_pb2, lens_pb2, making_pb2, shipment_pb2
from optichain.labjob.v1 import labjob_service_pb2 as pb

TRACING, PICKING, BLOCKING = (
    job_pb2.STATION_TRACING,
    job_pb2.STATION_PICKING,
    job_pb2.STATION_BLOCKING,
)
EDGING, ASSEMBLY = job_pb2.STATION_EDGING, job_pb2.STATION_ASSEMBLY
FAILED, PASSED = inspection_pb2.LOOKED_OVER_FAILED, inspection_pb2.LOOKED_OVER_PASSED
LAB = making_pb2.FAULT_SIDE_LAB


def break_part(bench: Any, part: Any, reason_code: str = "L08", side: Any = LAB) -> Any:
    request = pb.RecordBreakageRequest(
        job_id=bench.job_id, part=part, reason_code=reason_code, fault_side=side, note="chipped"
    )
    return bench.ask(Role.LAB_TECHNICIAN, request, pb.RecordBreakageResponse, bench.lab_id)


def replaced(bench: Any, reservation_id: str) -> str:
    """Reserve the same again; returns the new reservation."""
    request = inventory.ReplaceReservationRequest(reservation_id=reservation_id)
    answer = bench.ask(Role.OPTICIAN, request, inventory.ReplaceReservationResponse)
    return str(answer.reservation.envelope.id)


def rework(bench: Any, station: Any, **changed: Any) -> Any:
    said: dict[str, Any] = {"reason_code": "POWER_OUT", "fault_side": LAB, "reason": "as measured"}
    said |= changed
    request = pb.ReworkJobRequest(job_id=bench.job_id, station=station, **said)
    return bench.ask(Role.LAB_CLERK, request, pb.ReworkJobResponse, bench.lab_id)


def test_stations_are_worked_in_order_and_edging_waits_for_both_lenses(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    bench.tray_to_lab()
    assert bench.refusal(lambda: bench.start(TRACING)).code == "MOVE_FORBIDDEN"
    bench.accept()
    assert bench.refusal(lambda: bench.start(PICKING)).code == "STATION_NOT_NEXT"
    assert bench.refusal(lambda: bench.start(job_pb2.STATION_SURFACING)).code == "STATION_NOT_NEXT"
    assert bench.refusal(lambda: bench.finish(TRACING)).code == "NO_STATION_UNDER_WAY"
    bench.start(TRACING)
    assert bench.refusal(lambda: bench.start(PICKING)).code == "STATION_UNDER_WAY"
    assert bench.refusal(lambda: bench.finish(PICKING)).code == "NO_STATION_UNDER_WAY"
    bench.finish(TRACING)
    bench.work_stations(PICKING, BLOCKING)
    refused = bench.refusal(lambda: bench.start(EDGING))
    assert (refused.code, refused.missing) == (
        "LENSES_NOT_DRAWN",
        ("lens drawn: od", "lens drawn: os"),
    )
    bench.draw()
    assert bench.refusal(bench.draw).code == "LENSES_DRAWN"
    assert bench.start(EDGING).job.envelope.state == "edging"


def test_of_two_technicians_who_start_the_same_station_one_does(bench: Any) -> None:
    bench.take_to_lab()
    bench.work_stations(TRACING, PICKING, BLOCKING)

    outcomes = bench.at_once(
        lambda: bench.start(EDGING, who="first"), lambda: bench.start(EDGING, who="second")
    )
    assert sum(not isinstance(one, str) for one in outcomes) == 1
    assert "STATION_UNDER_WAY" in outcomes
    events = [one for one in bench.steps().station_events if one.station == EDGING]
    assert len(events) == 1


def test_a_lens_of_a_locked_lot_is_neither_drawn_nor_cut(bench: Any) -> None:
    bench.take_to_lab()
    bench.work_stations(TRACING, PICKING, BLOCKING)
    lot_id = bench.job().drawn_lenses[0].lot_id
    lock = inventory.LockLotRequest(lot_id=lot_id, reason_code="RECALL", reason="crazing")
    bench.ask(Role.QUALITY_MANAGER, lock, inventory.LockLotResponse)

    refused = bench.refusal(lambda: bench.start(EDGING))
    assert refused.code == "LOT_LOCKED"
    assert lot_id in refused.missing[0]
    release = inventory.ReleaseLotRequest(lot_id=lot_id, quality_decision="checked")
    bench.ask(Role.QUALITY_MANAGER, release, inventory.ReleaseLotResponse)
    assert bench.start(EDGING).job.is_cut


def test_a_lens_that_breaks_is_drawn_again_and_its_stations_are_done_again(bench: Any) -> None:
    bench.take_to_lab()
    bench.work_stations(TRACING, PICKING, BLOCKING)
    bench.start(EDGING)
    assert (
        bench.refusal(lambda: break_part(bench, job_pb2.JOB_PART_LENS_OD, "L99")).code
        == "REASON_UNKNOWN"
    )
    unusual = bench.refusal(
        lambda: break_part(bench, job_pb2.JOB_PART_LENS_OD, "L08", making_pb2.FAULT_SIDE_CUSTOMER)
    )
    assert unusual.code == "FAULT_SIDE_UNUSUAL"

    answer = break_part(bench, job_pb2.JOB_PART_LENS_OD)
    report, job = answer.breakage_report, answer.job
    assert report.breakage_id
    assert (report.station, job.envelope.state) == (EDGING, "awaiting_lens")
    assert [lens.eye for lens in job.drawn_lenses] == [lens_pb2.EYE_OS]
    assert list(job.done_stations) == [TRACING]
    [edging] = [one for one in bench.steps().station_events if one.station == EDGING]
    assert edging.envelope.state == "interrupted"
    again = bench.refusal(lambda: break_part(bench, job_pb2.JOB_PART_LENS_OD))
    assert again.code == "PART_NOT_THERE"

    old = bench.reservation_ids[0]
    new = replaced(bench, old)
    wrong = pb.ReservedEye(eye=lens_pb2.EYE_OD, reservation_id=bench.reservation_ids[1])
    assert bench.refusal(lambda: bench.draw(reservations=[wrong])).code == "WRONG_LENS"
    job = bench.draw()
    assert {lens.reservation_id for lens in job.drawn_lenses} == {new, bench.reservation_ids[1]}
    assert (job.envelope.state, list(job.missing_parts)) == ("accepted", [])
    bench.work_stations(PICKING, BLOCKING, EDGING, ASSEMBLY)
    assert bench.inspect().qc_result.passed


def test_a_lens_of_another_order_of_the_same_visit_is_not_drawn(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    bench.tray_to_lab()
    bench.accept()
    second_pair = bench.reserve(1, bench.rx.content.od)
    with bench.chain.work("inventory", actor.system("inventory")) as work:
        commit_to_order(
            work,
            order_id=new_id("ord"),
            revision=1,
            set_aside_ids=[],
            reservation_ids=[second_pair],
        )
    named = pb.ReservedEye(eye=lens_pb2.EYE_OD, reservation_id=second_pair)
    assert bench.refusal(lambda: bench.draw(reservations=[named])).code == "WRONG_LENS"

    bench.draw()
    break_part(bench, job_pb2.JOB_PART_LENS_OD)
    refused = bench.refusal(bench.draw)
    assert (refused.code, refused.missing) == ("WRONG_LENS", ("lens reserved as ordered: od",))
    assert bench.job().envelope.state == "awaiting_lens"
    new = replaced(bench, bench.reservation_ids[0])
    assert new in {lens.reservation_id for lens in bench.draw().drawn_lenses}


def test_no_lens_is_drawn_for_an_eye_that_has_none_in_the_job(bench: Any) -> None:
    bench.order_glasses(os=None)
    bench.release()
    bench.tray_to_lab()
    bench.accept()
    lens = bench.reserve(2, bench.rx.content.od)
    named = pb.ReservedEye(eye=lens_pb2.EYE_OS, reservation_id=lens)
    refused = bench.refusal(lambda: bench.draw(reservations=[named]))
    assert refused.code == "EYE_NOT_ORDERED"
    assert [one.field for one in refused.problems] == ["reservations[0].eye"]
    assert [lens.eye for lens in bench.draw().drawn_lenses] == [lens_pb2.EYE_OD]


def test_a_lens_that_broke_is_not_drawn_a_second_time(bench: Any) -> None:
    bench.take_to_lab()
    break_part(bench, job_pb2.JOB_PART_LENS_OD)

    assert bench.refusal(bench.draw).code == "WRONG_LENS"

    job = bench.job()
    assert job.envelope.state == "awaiting_lens"
    assert [lens.eye for lens in job.drawn_lenses] == [lens_pb2.EYE_OS]


def test_a_frame_that_breaks_is_sent_anew_and_traced_anew(bench: Any) -> None:
    bench.take_to_lab()
    bench.work_stations(TRACING, PICKING, BLOCKING, EDGING)
    job = break_part(bench, job_pb2.JOB_PART_FRAME, "L11").job
    assert (job.envelope.state, job.envelope.held_at_id) == ("awaiting_frame", bench.shop_id)
    assert list(job.done_stations) == [PICKING, BLOCKING, EDGING]

    assert bench.refusal(bench.send_tray).code == "FRAME_NOT_RESERVED"
    replaced(bench, bench.frame_reservation())
    bench.tray_to_lab()
    assert bench.job().envelope.state == "accepted"
    bench.work_stations(TRACING, ASSEMBLY)
    assert bench.inspect().qc_result.passed


def test_a_job_on_hold_waits_and_goes_on_where_it_stood(bench: Any) -> None:
    bench.take_to_lab()
    bench.work_stations(TRACING)

    def hold(role: Role, at: str, reason_code: str = "CUSTOMER_CHANGE") -> Any:
        request = pb.HoldJobRequest(
            job_id=bench.job_id, reason_code=reason_code, reason="she thinks it over"
        )
        return bench.ask(role, request, pb.HoldJobResponse, at)

    assert bench.refusal(lambda: hold(Role.OPTICIAN, "", "WHIM")).code == "REASON_UNKNOWN"
    held = hold(Role.OPTICIAN, bench.shop_id).job
    assert (held.envelope.state, held.held_from_state) == ("on_hold", "tracing")
    assert held.hold_reason_code == "CUSTOMER_CHANGE"
    assert bench.refusal(lambda: bench.start(PICKING)).code == "MOVE_FORBIDDEN"
    # A fact is recorded all the same, and tells where the job goes on.
    break_part(bench, job_pb2.JOB_PART_LENS_OS)
    resume = pb.ResumeJobRequest(job_id=bench.job_id, reason="she wants them")
    job = bench.ask(Role.LAB_CLERK, resume, pb.ResumeJobResponse, bench.lab_id).job
    assert (job.envelope.state, job.hold_reason_code) == ("awaiting_lens", "")
    again = bench.refusal(
        lambda: bench.ask(Role.LAB_CLERK, resume, pb.ResumeJobResponse, bench.lab_id)
    )
    assert again.code == "MOVE_FORBIDDEN"


def test_a_pair_that_fails_goes_back_to_a_station_but_not_for_ever(bench: Any) -> None:
    bench.make()
    assert bench.refusal(lambda: rework(bench, EDGING)).code == "MOVE_FORBIDDEN"
    failed = bench.inspect(measured=bench.measured(axis_degrees=-20))
    assert (failed.job.envelope.state, failed.qc_result.passed) == ("qc_failed", False)
    ship = pb.ShipJobRequest(job_id=bench.job_id)
    unshipped = bench.refusal(
        lambda: bench.ask(Role.LAB_CLERK, ship, pb.ShipJobResponse, bench.lab_id)
    )
    assert unshipped.code == "MOVE_FORBIDDEN"
    off_route = bench.refusal(lambda: rework(bench, job_pb2.STATION_COATING))
    assert off_route.code == "STATION_NOT_ON_ROUTE"

    answer = rework(bench, EDGING, reason_code="AXIS_OUT")
    assert answer.repair.qc_result_id == failed.qc_result.envelope.id
    assert (answer.job.envelope.state, answer.job.rework_count) == ("accepted", 1)
    assert list(answer.job.done_stations) == [TRACING, PICKING, BLOCKING]
    bench.work_stations(EDGING, ASSEMBLY)
    bench.inspect(surface=FAILED)
    rework(bench, ASSEMBLY)
    bench.work_stations(ASSEMBLY)
    bench.inspect(surface=FAILED)
    assert bench.refusal(lambda: rework(bench, ASSEMBLY)).code == "REWORK_LIMIT"


def test_a_remake_is_a_new_job_linked_to_the_old_on_live_records(bench: Any) -> None:
    bench.make()
    bench.inspect(surface=FAILED)
    request = pb.RemakeJobRequest(
        job_id=bench.job_id,
        reason_code="SURFACE_SCRATCH",
        fault_side=LAB,
        reason="scratched in the rim",
    )

    def remake() -> Any:
        return bench.ask(Role.OPTICIAN, request, pb.RemakeJobResponse)

    old_id, old_slip = bench.job_id, bench.job().slip_number
    for part in (job_pb2.JOB_PART_LENS_OD, job_pb2.JOB_PART_LENS_OS):
        break_part(bench, part, "L07")
    refused = bench.refusal(remake)
    assert refused.code == "RESERVATION_MISSING"
    bench.reservation_ids = [replaced(bench, one) for one in bench.reservation_ids]
    bench.quote()
    bench.approve()
    bench.commit_stock()

    answer = remake()
    assert (answer.job.envelope.state, answer.job.remade_by_id) == (
        "remade",
        answer.new_job.envelope.id,
    )
    new = answer.new_job
    assert (new.remake_of_id, new.envelope.state) == (old_id, "released")
    assert new.slip_number != old_slip
    assert (new.lab_receipt_id != "", new.envelope.held_at_id) == (True, bench.lab_id)
    assert new.frame_draw_id
    [told] = bench.told("JobRemade")
    assert (told.job_id, told.new_job_id) == (old_id, new.envelope.id)
    bench.job_id = new.envelope.id
    bench.accept()
    bench.draw()
    bench.work_stations(PICKING, BLOCKING, EDGING, ASSEMBLY)
    assert bench.inspect().qc_result.passed
    listed = pb.ListJobsRequest(order_id=bench.order_id)
    jobs = bench.ask(Role.OPTICIAN, listed, pb.ListJobsResponse).jobs
    assert [one.envelope.state for one in jobs] == ["remade", "qc_passed"]


def test_a_pair_that_fails_its_branch_check_travels_back_and_is_accepted_anew(bench: Any) -> None:
    bench.make()
    bench.inspect()
    bench.ship_back()
    request = pb.ReworkJobRequest(
        job_id=bench.job_id,
        station=ASSEMBLY,
        reason_code="SURFACE_SCRATCH",
        fault_side=LAB,
        reason="scratched",
    )

    def send_back() -> Any:
        return bench.ask(Role.OPTICIAN, request, pb.ReworkJobResponse)

    assert bench.refusal(send_back).code == "NOTHING_FAILED"
    bench.check(appearance=FAILED)
    # Looking again makes nothing whole.
    assert bench.refusal(bench.check).code == "BRANCH_FAILED"
    job = send_back().job
    assert (job.envelope.state, job.envelope.held_at_id) == ("released", bench.shop_id)
    bench.tray_to_lab()
    bench.accept()
    bench.work_stations(ASSEMBLY)
    bench.inspect()
    bench.ship_back()
    assert bench.check().envelope.state == "branch_checked"


@pytest.mark.parametrize("failed", ["branch check", "fitting check", "inspection"])
def test_a_remake_takes_lenses_that_were_not_drawn_to_the_job_it_makes_again(
    bench: Any, failed: str
) -> None:
    bench.make()
    if failed == "inspection":
        bench.inspect(surface=FAILED)
    else:
        bench.inspect()
        bench.ship_back()
        bench.check(appearance=FAILED if failed == "branch check" else PASSED)
    if failed == "fitting check":
        bench.mark_ready()
        bench.fit(passed=False, reason="she sees double")
    request = pb.RemakeJobRequest(
        job_id=bench.job_id, reason_code="CENTRATION_OUT", fault_side=LAB, reason="measured again"
    )

    def remake() -> Any:
        return bench.ask(Role.OPTICIAN, request, pb.RemakeJobResponse)

    refused = bench.refusal(remake)
    assert (refused.code, refused.missing) == (
        "RESERVATION_MISSING",
        ("lens reserved in the ordered power: od", "lens reserved in the ordered power: os"),
    )
    assert bench.job().envelope.state != "remade"

    used = set(bench.reservation_ids)
    for reservation_id in bench.reservation_ids:
        scrapped = inventory.RecordBreakageRequest(reservation_id=reservation_id, reason_code="L07")
        bench.ask(Role.OPTICIAN, scrapped, inventory.RecordBreakageResponse)
        replaced(bench, reservation_id)
    bench.job_id = remake().new_job.envelope.id
    if failed != "inspection":
        bench.tray_to_lab()
    bench.accept()
    assert not used & {lens.reservation_id for lens in bench.draw().drawn_lenses}


def makers_who_inspect(bench: Any, count: int) -> list[Any]:
    """Return people of the lab who may work a station and inspect."""
    both = (Role.LAB_TECHNICIAN, Role.QC_INSPECTOR)
    people = [bench.chain.person(*both, branch_id=bench.lab_id) for _ in range(count)]
    for one in people:
        bench.chain.qualify(one, "lens_making", "inspection")
    return people


def work_station(bench: Any, station: Any, starts: Any, finishes: Any) -> None:
    start = pb.StartStationRequest(job_id=bench.job_id, station=station)
    bench.chain.ask(start, pb.StartStationResponse, as_=starts)
    finish = pb.FinishStationRequest(job_id=bench.job_id, station=station)
    bench.chain.ask(finish, pb.FinishStationResponse, as_=finishes)


def refused_as_maker(bench: Any, person: Any) -> bool:
    request = pb.StartInspectionRequest(job_id=bench.job_id)
    refused = bench.refusal(
        lambda: bench.chain.ask(request, pb.StartInspectionResponse, as_=person)
    )
    return bool(refused.code == "SEPARATION_OF_DUTIES")


def test_whoever_began_or_finished_any_station_of_the_pair_does_not_inspect_it(bench: Any) -> None:
    bench.take_to_lab()
    tracer, finisher, edger, mounter, later = makers_who_inspect(bench, 5)
    work_station(bench, TRACING, tracer, finisher)
    bench.work_stations(PICKING, BLOCKING)
    work_station(bench, EDGING, edger, edger)
    work_station(bench, ASSEMBLY, mounter, mounter)
    assert all(refused_as_maker(bench, one) for one in (tracer, finisher, edger, mounter))

    bench.inspect(surface=FAILED)
    rework(bench, ASSEMBLY)
    work_station(bench, ASSEMBLY, later, later)
    assert all(refused_as_maker(bench, one) for one in (tracer, finisher, edger, mounter, later))
    bench.inspect()


def test_who_traced_the_frame_that_a_remake_keeps_does_not_inspect_the_new_pair(bench: Any) -> None:
    bench.take_to_lab()
    (tracer,) = makers_who_inspect(bench, 1)
    work_station(bench, TRACING, tracer, tracer)
    bench.work_stations(PICKING, BLOCKING, EDGING, ASSEMBLY)
    bench.inspect(surface=FAILED)
    for part in (job_pb2.JOB_PART_LENS_OD, job_pb2.JOB_PART_LENS_OS):
        break_part(bench, part, "L07")
    for reservation_id in bench.reservation_ids:
        replaced(bench, reservation_id)
    request = pb.RemakeJobRequest(
        job_id=bench.job_id, reason_code="SURFACE_SCRATCH", fault_side=LAB, reason="scratched"
    )
    new = bench.ask(Role.OPTICIAN, request, pb.RemakeJobResponse).new_job
    assert list(new.done_stations) == [TRACING]
    bench.job_id = new.envelope.id
    bench.accept()
    bench.draw()
    bench.work_stations(PICKING, BLOCKING, EDGING, ASSEMBLY)
    assert refused_as_maker(bench, tracer)
    bench.inspect()


@pytest.mark.parametrize("condition", ["DAMAGED", "INCOMPLETE"])
def test_a_pair_that_arrives_not_as_sent_is_repaired_before_the_branch_checks_it(
    bench: Any, condition: str
) -> None:
    bench.make()
    bench.inspect()
    arrived = bench.ship_back(shipment_pb2.ArrivalCondition.Value(f"ARRIVAL_CONDITION_{condition}"))
    assert arrived.envelope.state == "branch_failed"
    for look in (bench.check, lambda: bench.check(appearance=FAILED)):
        refused = bench.refusal(look)
        assert (refused.code, refused.missing) == ("BRANCH_FAILED", ("rework or remake",))
    assert not bench.steps().branch_checks
    assert bench.refusal(bench.mark_ready).code == "MOVE_FORBIDDEN"

    request = pb.ReworkJobRequest(
        job_id=bench.job_id,
        station=ASSEMBLY,
        reason_code="SURFACE_SCRATCH",
        fault_side=LAB,
        reason="a temple came off",
    )
    assert bench.ask(Role.OPTICIAN, request, pb.ReworkJobResponse).job.rework_count == 1
    bench.tray_to_lab()
    bench.accept()
    bench.work_stations(ASSEMBLY)
    bench.inspect()
    bench.ship_back()
    assert bench.check().envelope.state == "branch_checked"


def test_a_job_that_nobody_knows_is_unknown(bench: Any) -> None:
    request = pb.GetJobRequest(job_id=new_id("job"))
    refused = bench.refusal(lambda: bench.ask(Role.OPTICIAN, request, pb.GetJobResponse))
    assert refused.code == "RECORD_UNKNOWN"
