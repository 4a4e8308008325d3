"""What is not released, and what a lab or branch does not take in: wrong order, wrong tray, wrong
job, wrong frame."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chassis import actor
from chassis.errors import Unknown
from chassis.ids import new_id
from chassis.roles import Role
from clinical.dispensing.lens_product import LensDesign
from inventory.commands_order import drop_from_order
from labjob import commands_release
from optichain.billing.v1 import approval_pb2
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.inventory.v1 import inventory_service_pb2 as inventory
from optichain.labjob.v1 import inspection_pb2, making_pb2, shipment_pb2
from optichain.labjob.v1 import labjob_service_pb2 as pb
from optichain.organisation.v1 import branch_pb2


def test_an_order_is_released_once_confirmed_with_all_it_needs_held_and_only_once(
    bench: Any,
) -> None:
    bench.prescribe()
    bench.dispense()
    bench.hold_stock()
    bench.quote()
    assert bench.refusal(bench.release).code == "ORDER_NOT_CONFIRMED"
    bench.approve()
    refused = bench.refusal(bench.release)
    assert (refused.code, refused.missing) == (
        "ORDER_NOT_CONFIRMED",
        ("order in state confirmed",),
    )
    bench.pay()
    shop = pb.ReleaseJobRequest(order_id=bench.order_id, lab_id=bench.lab_id)
    elsewhere = bench.refusal(
        lambda: bench.ask(Role.OPTICIAN, shop, pb.ReleaseJobResponse, new_id("br"))
    )
    assert elsewhere.code == "WRONG_BRANCH"

    outcomes = bench.at_once(bench.release, bench.release, bench.release)
    jobs = [one for one in outcomes if not isinstance(one, str)]
    assert len(jobs) == 1
    assert outcomes.count("JOB_EXISTS") == 2
    assert len(bench.told("JobReleased")) == 1


def test_a_lens_given_back_before_release_is_named_as_missing(bench: Any) -> None:
    bench.prescribe()
    bench.dispense()
    bench.hold_stock()
    bench.quote()
    bench.approve()
    bench.pay()
    give_back = inventory.ReleaseReservationRequest(
        reservation_id=bench.reservation_ids[1], reason="by mistake"
    )
    bench.ask(Role.OPTICIAN, give_back, inventory.ReleaseReservationResponse)

    refused = bench.refusal(bench.release)
    assert refused.code == "RESERVATION_MISSING"
    assert refused.missing == ("lens reserved in the ordered power: os",)


def test_a_lens_that_no_tolerance_set_judges_is_not_released(bench: Any) -> None:
    bench.design = LensDesign.DEFOCUS
    bench.order_glasses()
    refused = bench.refusal(bench.release)
    assert refused.code == "NO_TOLERANCE_SET"
    assert refused.details["design"] == "defocus"
    listed = pb.ListJobsRequest(order_id=bench.order_id)
    assert not bench.ask(Role.OPTICIAN, listed, pb.ListJobsResponse).jobs


def test_the_ticket_of_a_slip_number_is_shown_and_of_none_that_nobody_has(bench: Any) -> None:
    bench.order_glasses()
    job = bench.release()

    def ticket(number: str) -> Any:
        request = pb.GetTicketRequest(slip_number=number)
        return bench.ask(Role.OPTICIAN, request, pb.GetTicketResponse).ticket

    assert ticket(job.slip_number).job_id == bench.job_id
    unknown = bench.refusal(lambda: ticket("26-999999-1"))
    assert (unknown.code, type(unknown)) == ("SLIP_NUMBER_UNKNOWN", Unknown)


def test_the_ticket_of_a_job_that_ended_is_not_printed(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    request = pb.PrintTicketRequest(job_id=bench.job_id)

    def printed() -> Any:
        return bench.ask(Role.OPTICIAN, request, pb.PrintTicketResponse)

    assert printed().ticket.job_id == bench.job_id
    with bench.chain.work("labjob", actor.system("labjob")) as work:
        commands_release.cancel_job_of(work, order_id=bench.order_id)
    refused = bench.refusal(printed)
    assert (refused.code, refused.details["state"]) == ("JOB_ENDED", "cancelled")
    assert bench.job().ticket_prints == 1


def test_a_job_is_released_to_a_lab_and_nowhere_else(bench: Any) -> None:
    bench.order_glasses()
    bench.lab_id = bench.open_place("HO2", branch_pb2.BRANCH_KIND_HEAD_OFFICE)
    assert bench.refusal(bench.release).code == "NOT_A_LAB"
    bench.lab_id = new_id("br")
    assert bench.refusal(bench.release).code == "RECORD_UNKNOWN"


def test_the_lab_takes_in_the_right_tray_with_the_right_job_and_frame_and_a_photo(
    bench: Any,
) -> None:
    bench.order_glasses()
    bench.release()
    assert bench.refusal(bench.receive_tray).code == "TRAY_NOT_SENT"
    other_frame = new_id("prd")
    wrong = bench.refusal(lambda: bench.send_tray(frame_product_id=other_frame))
    assert wrong.code == "WRONG_FRAME"
    shipment_id = bench.send_tray()
    assert bench.refusal(bench.send_tray).code == "TRAY_ON_ITS_WAY"
    assert bench.refusal(bench.accept).code == "WRONG_BRANCH"  # the tray is not there yet
    bench.carry(shipment_id)
    assert bench.refusal(bench.accept).code == "TRAY_NOT_RECEIVED"

    for changed, code in (
        ({"tray_code": "T-9999"}, "WRONG_TRAY"),
        ({"slip_number": "26-999999-2"}, "SLIP_NUMBER_MISTYPED"),
        ({"slip_number": "26-999999-1"}, "WRONG_JOB"),
        ({"frame_product_id": other_frame}, "WRONG_FRAME"),
        ({"frame_serial": "S9"}, "WRONG_FRAME"),
        ({"evidence_keys": ["labjob/photo/none"]}, "EVIDENCE_UNCONFIRMED"),
        ({"evidence_keys": []}, "INVALID"),
        ({"at": new_id("br")}, "WRONG_BRANCH"),
    ):
        refused = bench.refusal(lambda changed=changed: bench.receive_tray(**changed))
        assert refused.code == code, changed
    assert not bench.steps().lab_receipts

    outcomes = bench.at_once(bench.receive_tray, bench.receive_tray)
    assert "TRAY_NOT_SENT" in outcomes
    [receipt] = bench.steps().lab_receipts
    assert len(receipt.envelope.evidence) == 1
    assert bench.job().lab_receipt_id == receipt.envelope.id


def test_only_the_very_piece_that_is_kept_for_the_order_goes_into_the_tray(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    ours, others = bench.frame_serial(), {one.serial for one in bench.pieces()}
    for serial in (*sorted(others - {ours}), "S9", ""):
        refused = bench.refusal(lambda serial=serial: bench.send_tray(frame_serial=serial))
        assert refused.code == "WRONG_FRAME", serial
        assert refused.details["field"] == "frame_serial"
        assert refused.details["rule"] == "piece_of_the_order"
        assert refused.missing == (f"frame in the tray: {ours}",)
    product = bench.refusal(lambda: bench.send_tray(frame_product_id=new_id("prd")))
    assert (product.details["field"], product.details["rule"]) == (
        "frame_product_id",
        "frame_of_the_order",
    )
    assert not bench.job().frame_draw_id
    bench.send_tray()
    assert bench.job().frame_draw_id


def test_a_frame_without_a_serial_number_is_told_by_the_label_of_its_piece(bench: Any) -> None:
    for _ in bench.pieces():
        for_another = inventory.SetAsideFrameRequest(
            case_id=new_id("case"), customer_id=new_id("cus"), product_id=bench.frame_id
        )
        bench.ask(Role.OPTICIAN, for_another, inventory.SetAsideFrameResponse)
    bench.bring_frames("", "")
    bench.order_glasses()
    bench.release()
    held, free = (
        next(one.id for one in bench.pieces() if one.state == state and not one.serial)
        for state in ("reserved", "free")
    )
    for code in (free, "S9"):
        refused = bench.refusal(lambda code=code: bench.send_tray(frame_serial=code))
        assert refused.code == "WRONG_FRAME"
    bench.send_tray(frame_serial=held)


def test_a_frame_that_goes_back_to_the_lab_is_the_one_that_was_drawn(bench: Any) -> None:
    bench.make()
    bench.inspect()
    bench.ship_back()
    bench.check(appearance=inspection_pb2.LOOKED_OVER_FAILED)
    request = pb.ReworkJobRequest(
        job_id=bench.job_id,
        station=bench.job().stations[-1],
        reason_code="SURFACE_SCRATCH",
        fault_side=making_pb2.FAULT_SIDE_LAB,
        reason="scratched",
    )
    bench.ask(Role.OPTICIAN, request, pb.ReworkJobResponse)
    assert bench.refusal(lambda: bench.send_tray(frame_serial="S9")).code == "WRONG_FRAME"
    bench.send_tray()


def test_a_tray_that_nobody_said_was_taken_is_received_all_the_same(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    bench.send_tray()
    assert bench.receive_tray().envelope.held_at_id == bench.lab_id


def test_a_tray_that_arrives_damaged_waits_for_another_frame(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    bench.carry(bench.send_tray())
    job = bench.receive_tray(
        condition=shipment_pb2.ARRIVAL_CONDITION_DAMAGED, note="left temple broken"
    )
    assert (job.envelope.state, job.envelope.held_at_id) == ("awaiting_frame", bench.shop_id)
    assert bench.refusal(bench.send_tray).code == "FRAME_NOT_RESERVED"

    broken = bench.frame_reservation()
    request = inventory.RecordBreakageRequest(reservation_id=broken, reason_code="X01")
    bench.ask(Role.FRAME_CONTROLLER, request, inventory.RecordBreakageResponse)
    replace = inventory.ReplaceReservationRequest(reservation_id=broken)
    bench.ask(Role.FRAME_CONTROLLER, replace, inventory.ReplaceReservationResponse)
    bench.tray_to_lab()
    assert bench.job().envelope.state == "released"
    assert bench.accept().envelope.state == "accepted"


def test_a_customers_own_frame_travels_without_stock(bench: Any) -> None:
    bench.order_glasses(own_frame=True)
    bench.release()
    assert bench.refusal(bench.send_tray).code == "WRONG_FRAME"
    shipment_id = bench.send_tray(frame_product_id="")
    bench.carry(shipment_id)
    assert bench.receive_tray(frame_product_id="").frame_draw_id == ""


def test_the_lab_does_not_promise_what_the_customer_was_not_told(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    bench.tray_to_lab()
    late = bench.refusal(lambda: bench.accept(days=9))
    assert late.code == "ETA_AFTER_PROMISE"
    assert not bench.told("JobAccepted")

    request = billing.RePromiseRequest(
        order_id=bench.order_id,
        promised_on=(bench.today + timedelta(days=10)).isoformat(),
        reason="the lab is busy",
        informed_how=approval_pb2.INFORMED_HOW_TELEPHONE,
    )
    bench.ask(Role.OPTICIAN, request, billing.RePromiseResponse)
    job = bench.accept(days=9)
    assert job.envelope.state == "accepted"
    [told] = bench.told("JobAccepted")
    assert told.eta_date == job.eta_date == (bench.today + timedelta(days=9)).isoformat()


def test_the_lab_estimates_no_day_gone_by_where_it_stands(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    bench.tray_to_lab()
    refused = bench.refusal(lambda: bench.accept(days=-1))
    assert refused.code == "INVALID"
    assert [(one.field, one.rule) for one in refused.problems] == [("eta_date", "min")]
    assert bench.accept(days=0).envelope.state == "accepted"


def test_the_lab_takes_no_job_whose_blank_it_could_not_draw(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    bench.tray_to_lab()

    def refused_for(*eyes: str) -> None:
        refused = bench.refusal(bench.accept)
        assert refused.code == "BLANK_UNAVAILABLE"
        assert refused.missing == tuple(f"lens that can be drawn: {eye}" for eye in eyes)
        assert bench.job().envelope.state == "released"

    lot_id = bench.lens_reservation(0).lot_id
    lock = inventory.LockLotRequest(lot_id=lot_id, reason_code="RECALL", reason="crazing")
    bench.ask(Role.QUALITY_MANAGER, lock, inventory.LockLotResponse)
    refused_for("od")
    release = inventory.ReleaseLotRequest(lot_id=lot_id, quality_decision="checked")
    bench.ask(Role.QUALITY_MANAGER, release, inventory.ReleaseLotResponse)

    broken = inventory.RecordBreakageRequest(
        reservation_id=bench.reservation_ids[1], reason_code="L08"
    )
    bench.ask(Role.LAB_TECHNICIAN, broken, inventory.RecordBreakageResponse, bench.lab_id)
    refused_for("os")
    replace = inventory.ReplaceReservationRequest(reservation_id=bench.reservation_ids[1])
    bench.ask(Role.OPTICIAN, replace, inventory.ReplaceReservationResponse)
    assert bench.accept().envelope.state == "accepted"


def test_the_lab_takes_no_job_whose_blanks_were_given_back(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    bench.tray_to_lab()
    with bench.chain.work("inventory", actor.system("inventory")) as work:
        drop_from_order(
            work,
            order_id=bench.order_id,
            set_aside_ids=[],
            reservation_ids=bench.reservation_ids,
            reason="dropped by mistake",
        )
    refused = bench.refusal(bench.accept)
    assert (refused.code, len(refused.missing)) == ("BLANK_UNAVAILABLE", 2)


def test_a_query_goes_to_the_branch_and_its_answer_back_to_the_lab(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    bench.tray_to_lab()

    def ask(reason_code: str) -> Any:
        request = pb.QueryJobRequest(
            job_id=bench.job_id, reason_code=reason_code, question="Which PD holds?"
        )
        return bench.ask(Role.LAB_CLERK, request, pb.QueryJobResponse, bench.lab_id)

    assert bench.refusal(lambda: ask("CURIOSITY")).code == "REASON_UNKNOWN"
    job = ask("MEAS_PD").job
    assert (job.envelope.state, job.envelope.held_at_id) == ("queried", bench.shop_id)
    request = pb.AnswerQueryRequest(job_id=bench.job_id, answer="The monocular ones.")
    answered = bench.ask(Role.OPTICIAN, request, pb.AnswerQueryResponse)
    assert answered.job_query.envelope.state == "answered"
    assert (answered.job.envelope.state, answered.job.envelope.held_at_id) == (
        "released",
        bench.lab_id,
    )
    assert bench.accept().envelope.state == "accepted"


def test_a_job_whose_order_was_cancelled_is_stopped_once(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    for _ in range(2):  # the event may come twice
        with bench.chain.work("labjob", actor.system("labjob")) as work:
            commands_release.cancel_job_of(work, order_id=bench.order_id)
    assert bench.job().envelope.state == "cancelled"
    assert len(bench.told("JobCancelled")) == 1
    assert bench.refusal(bench.send_tray).code == "MOVE_FORBIDDEN"


def test_the_next_job_of_an_order_stands_on_other_lenses_than_the_one_that_was_stopped(
    bench: Any,
) -> None:
    """What was reserved for the stopped job is freed when inventory hears of it, however late."""
    bench.order_glasses()
    bench.release()
    given_up = bench.reservation_ids
    with bench.chain.work("labjob", actor.system("labjob")) as work:
        commands_release.cancel_job_of(work, order_id=bench.order_id)
    [told] = bench.told("JobCancelled")
    assert list(told.reservation_ids) == given_up

    refused = bench.refusal(bench.release)
    assert refused.code == "RESERVATION_MISSING"
    assert refused.missing == (
        "lens reserved in the ordered power: od",
        "lens reserved in the ordered power: os",
    )

    bench.hold_stock()
    bench.quote()
    bench.approve()
    bench.commit_stock()
    job = bench.release()
    assert {one.reservation_id for one in job.reserved_lenses} == set(bench.reservation_ids)


def test_the_branch_takes_in_the_right_pair(bench: Any) -> None:
    bench.make()
    bench.inspect()
    ship = pb.ShipJobRequest(job_id=bench.job_id)
    answer = bench.ask(Role.LAB_CLERK, ship, pb.ShipJobResponse, bench.lab_id)
    bench.carry(answer.shipment.envelope.id)

    def receive(**changed: Any) -> Any:
        said: dict[str, Any] = {
            "slip_number": bench.job().slip_number,
            "frame_product_id": bench.frame_id,
            "condition": shipment_pb2.ARRIVAL_CONDITION_AS_SENT,
        }
        request = pb.ReceiveJobRequest(job_id=bench.job_id, **(said | changed))
        return bench.ask(Role.RECEPTION, request, pb.ReceiveJobResponse)

    assert bench.refusal(lambda: receive(slip_number="26-999999-1")).code == "WRONG_JOB"
    wrong = bench.refusal(lambda: receive(frame_product_id=new_id("prd")))
    assert wrong.code == "WRONG_FRAME"
    assert receive().job.envelope.state == "received"
    failed = bench.check(appearance=inspection_pb2.LOOKED_OVER_FAILED)
    assert failed.envelope.state == "branch_failed"
    ready = pb.MarkReadyRequest(job_id=bench.job_id)
    refused = bench.refusal(lambda: bench.ask(Role.OPTICIAN, ready, pb.MarkReadyResponse))
    assert refused.code == "MOVE_FORBIDDEN"
