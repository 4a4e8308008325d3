"""One pair from release to warranty, through every hand, on real services."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from chassis.roles import Role
from optichain.auth.v1 import role_pb2
from optichain.labjob.v1 import job_pb2
from optichain.labjob.v1 import labjob_service_pb2 as pb
from optichain.record.v1 import record_service_pb2


def test_a_pair_goes_from_release_through_the_lab_to_collection_and_warranty(bench: Any) -> None:
    bench.order_glasses(deposit_only=True)
    job = bench.release()

    assert job.envelope.state == "released"
    assert job.envelope.responsible_role == role_pb2.ROLE_FRAME_CONTROLLER
    assert list(job.stations) == [
        job_pb2.STATION_TRACING,
        job_pb2.STATION_PICKING,
        job_pb2.STATION_BLOCKING,
        job_pb2.STATION_EDGING,
        job_pb2.STATION_ASSEMBLY,
    ]
    assert (job.ordered.od.sphere_centidioptres, job.ordered.od.axis_degrees) == (-300, 180)
    assert job.ordered.centration.os.monocular_distance_micrometres == 30_500

    bench.tray_to_lab()
    assert bench.job().frame_draw_id
    bench.accept()
    drawn = bench.draw().drawn_lenses
    assert len({lens.lot_id for lens in drawn}) == 2
    bench.work_stations(*job.stations)
    inspected = bench.inspect()
    assert inspected.qc_result.passed
    bench.ship_back()
    bench.check()
    ready = pb.MarkReadyRequest(job_id=job.envelope.id)
    bench.ask(Role.OPTICIAN, ready, pb.MarkReadyResponse)
    bench.fit()
    assert bench.refusal(bench.collect).code == "BALANCE_DUE"
    bench.pay()
    collected = bench.collect()

    assert collected.job.envelope.state == "collected"
    warranty = collected.warranty
    assert warranty.starts_on == bench.today.isoformat()
    days = date.fromisoformat(warranty.ends_on) - date.fromisoformat(warranty.starts_on)
    assert days == timedelta(days=364)
    assert (warranty.terms_id, warranty.job_id) == (bench.terms_id, job.envelope.id)
    [told] = bench.told("JobCollected")
    assert (told.order_id, told.warranty_id) == (bench.order_id, warranty.envelope.id)
    assert told.branch_id == bench.shop_id
    steps = bench.steps()
    assert (len(steps.shipments), len(steps.station_events), len(steps.collections)) == (2, 5, 1)


def test_every_step_hands_over_to_the_role_that_acts_next_where_it_acts(bench: Any) -> None:
    bench.make_ready()

    request = record_service_pb2.ListHandoversRequest(case_id=bench.case_id)
    answer = bench.chain.ask(
        request,
        record_service_pb2.ListHandoversResponse,
        as_=bench.person(Role.OPTICIAN),
        of="labjob",
    )
    path = [
        (role_pb2.Role.Name(one.to_role).removeprefix("ROLE_").lower(), one.to_branch_id)
        for one in answer.handovers
    ]
    shop, lab = bench.shop_id, bench.lab_id
    assert path == [
        ("frame_controller", shop),
        ("courier", shop),
        ("lab_clerk", lab),
        ("lab_technician", lab),
        ("qc_inspector", lab),
        ("lab_clerk", lab),
        ("courier", lab),
        ("reception", shop),
        ("optician", shop),
    ]
    assert all(one.accepted_by for one in answer.handovers[:-1])


def test_the_ticket_is_found_by_its_slip_number_and_names_no_customer(bench: Any) -> None:
    bench.order_glasses()
    job = bench.release()

    spoken = job.slip_number.replace("-", " ")
    request = pb.GetTicketRequest(slip_number=spoken)
    ticket = bench.ask(Role.LAB_TECHNICIAN, request, pb.GetTicketResponse, bench.lab_id).ticket
    assert (ticket.job_id, ticket.version) == (job.envelope.id, 1)
    assert bench.customer_id not in str(ticket.SerializeToString())
    assert ticket.ordered == job.ordered

    wrong = job.slip_number[:-1] + str((int(job.slip_number[-1]) + 1) % 10)
    mistyped = pb.GetTicketRequest(slip_number=wrong)
    refused = bench.refusal(lambda: bench.ask(Role.OPTICIAN, mistyped, pb.GetTicketResponse))
    assert refused.code == "SLIP_NUMBER_MISTYPED"

    prints = pb.PrintTicketRequest(job_id=job.envelope.id)
    bench.ask(Role.OPTICIAN, prints, pb.PrintTicketResponse)
    assert bench.job().ticket_prints == 1


def test_the_queue_of_a_lab_comes_by_page_oldest_first(bench: Any) -> None:
    bench.order_glasses()
    bench.release()

    def page(**asked: Any) -> pb.ListJobsResponse:
        request = pb.ListJobsRequest(**asked)
        answer: pb.ListJobsResponse = bench.ask(
            Role.LAB_CLERK, request, pb.ListJobsResponse, bench.lab_id
        )
        return answer

    assert [one.envelope.id for one in page(lab_id=bench.lab_id).jobs] == [bench.job_id]
    assert not page(lab_id=bench.lab_id, state="accepted").jobs
    assert [one.envelope.id for one in page(order_id=bench.order_id).jobs] == [bench.job_id]
    assert bench.refusal(page).code == "FILTER_MISSING"
    strange = bench.refusal(lambda: page(lab_id=bench.lab_id, page_token="bm8="))
    assert strange.code == "PAGE_TOKEN_REFUSED"


def test_a_repeat_of_a_request_answers_as_the_first_time_and_draws_nothing_twice(
    bench: Any,
) -> None:
    bench.order_glasses()
    bench.release()
    bench.tray_to_lab()
    bench.accept()

    first = bench.draw(request_id="draw-1")
    again = bench.draw(request_id="draw-1")
    assert first == again
    with bench.chain.database("inventory").snapshot() as connection:
        count = "SELECT count(*) FROM record WHERE kind = 'inventory.draw'"
        assert connection.execute(text(count)).scalar_one() == 3
