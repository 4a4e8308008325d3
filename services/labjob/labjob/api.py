"""Labjob's gRPC face."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from chassis.rpc import Api, Call, deciding
from chassis.rpc.qualified import require_qualified
from labjob import api_asking as asking
from labjob import api_drawing as drawing
from labjob import (
    commands_accepting,
    commands_counter,
    commands_inspection,
    commands_release,
    commands_repair,
    commands_review,
    commands_station,
    commands_tray,
    queries,
    store,
)
from labjob.job import JOB
from labjob.reason import FaultSide, check_fault
from labjob.station import JobPart, Station
from labjob.wire import day_of, word
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.labjob.v1 import labjob_service_pb2

api = Api(labjob_service_pb2, "LabjobService")
APIS = (api,)

api.commands(
    PrintTicket=commands_release.print_ticket,
    TakeShipment=commands_tray.take_shipment,
    HandOverShipment=commands_tray.hand_over_shipment,
    ReceiveTray=commands_tray.receive_tray,
    QueryJob=commands_accepting.query_job,
    AnswerQuery=commands_accepting.answer_query,
    FinishStation=commands_station.finish_station,
    HoldJob=commands_accepting.hold_job,
    ResumeJob=commands_accepting.resume_job,
    ReworkJob=commands_repair.rework_job,
    StartInspection=commands_inspection.start_inspection,
    ShipJob=commands_tray.ship_job,
    ReceiveJob=commands_tray.receive_job,
    CheckAtBranch=commands_counter.check_at_branch,
    MarkReady=commands_counter.mark_ready,
    RecordFittingCheck=commands_counter.record_fitting_check,
)
api.queries(
    GetJob=queries.get_job,
    ListJobs=queries.list_jobs,
    GetTicket=queries.get_ticket,
    ListJobSteps=queries.list_job_steps,
    ListShipments=queries.list_shipments,
)


@api.asks("ReleaseJob")
def release_job(call: Call, request: Any) -> Message:
    """Release a job on the live order and all beneath it."""
    asking.require_lab(call, request.lab_id)
    basis, pins = asking.basis_of(call, request.order_id, gate="release job")
    return call.run(commands_release.release_job, basis=basis, pins=pins)


@api.asks("ReviseJob")
def revise_job(call: Call, request: Any) -> Message:
    """Derive a job anew from the order as it was approved again."""
    job = call.own(JOB, request.job_id)
    commands_release.require_revisable(job)
    basis, pins = asking.basis_of(call, job.content.order_id, gate="revise job")
    return call.run(commands_release.revise_job, basis=basis, pins=pins)


@api.asks("RemakeJob")
def remake_job(call: Call, request: Any) -> Message:
    """Give a job up for a new one on the live order."""
    job = call.own(JOB, request.job_id)
    basis, pins = asking.basis_of(call, job.content.order_id, gate="remake job")
    return call.run(commands_release.remake_job, basis=basis, pins=pins)


@api.asks("SendTray")
def send_tray(call: Call, request: Any) -> Message:
    """Draw the frame from stock, then send it with the ticket."""
    job = call.own(JOB, request.job_id)
    commands_tray.require_sendable(job, request.frame_product_id)
    drawn = drawing.draw_frame(call, job, request.frame_serial)
    return call.run(
        commands_tray.send_tray,
        frame_reservation_id=drawn.reservation_id,
        frame_draw_id=drawn.draw_id,
    )


@api.asks("AcceptJob")
def accept_job(call: Call, request: Any) -> Message:
    """Take the job, against the promise and the blanks as they stand now."""
    job = call.own(JOB, request.job_id)
    order = asking.order_of(call, job.content.order_id)
    return call.run(
        commands_accepting.accept_job,
        order_state=order.envelope.state,
        promised_on=day_of(order.promised_on),
        today=asking.today_at(call, job.content.lab_id),
        eyes_without_blank=drawing.eyes_without_blank(call, job),
    )


@api.asks("DrawLenses")
def draw_lenses(call: Call, request: Any) -> Message:
    """Draw the reserved lenses, each held against the order first."""
    job = call.own(JOB, request.job_id)
    commands_station.require_drawable(job)
    drawn = drawing.draw_lenses(call, job, request.reservations)
    return call.run(commands_station.draw_lenses, drawn_lenses=drawn)


@api.asks("StartStation")
def start_station(call: Call, request: Any) -> Message:
    """Start a station by somebody qualified for it; before one that cannot be undone, ask which
    lots are locked."""
    job = call.own(JOB, request.job_id)
    station = Station(word(request, "station"))
    require_qualified(call, station, call.actor.id)
    locked: tuple[str, ...] = ()
    if station.is_irreversible:
        locked = asking.held_for(call, job.case_id)[1]
    return call.run(commands_station.start_station, locked_lot_ids=locked)


@api.asks("RecordQcResult")
def record_qc_result(call: Call, request: Any) -> Message:
    """Record what a qualified inspector measured."""
    call.own(JOB, request.job_id)
    require_qualified(call, "qc_result", call.actor.id)
    return call.run(commands_inspection.record_qc_result)


@api.asks("RecordBreakage")
def record_breakage(call: Call, request: Any) -> Message:
    """Tell inventory what broke, then let the job wait for it."""
    job = call.own(JOB, request.job_id)
    part = JobPart(word(request, "part"))
    commands_repair.require_breakable(job, part)
    side = FaultSide(word(request, "fault_side"))
    with call.database.snapshot() as connection:
        check_fault(store.reasons(connection, "breakages"), request.reason_code, side)
    breakage_id = drawing.break_stock(call, job, part, request)
    return call.run(commands_repair.record_breakage, breakage_id=breakage_id)


@api.asks("DecideReview")
def decide_review(call: Call, request: Any) -> Message:
    """Decide what a change means for a job."""
    return deciding.decide_review(call, request, commands_review.CONSEQUENCES)


@api.asks("CollectJob")
def collect_job(call: Call, request: Any) -> Message:
    """Hand the pair over once billing says that nothing is due."""
    job = call.own(JOB, request.job_id)
    call.ask(
        billing.RequireSettledRequest(order_id=job.content.order_id),
        billing.RequireSettledResponse,
    )
    return call.run(
        commands_counter.collect_job, collected_on=asking.today_at(call, call.actor.branch_id)
    )
