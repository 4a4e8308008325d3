"""Clinical's gRPC face."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from chassis import clock
from chassis.access import AccessPolicy, Clearance
from chassis.rpc import Api, Call, deciding
from chassis.rpc.qualified import require_qualified
from clinical import (
    commands_confirming,
    commands_fitting,
    commands_frame,
    commands_lens,
    commands_prescription,
    commands_reading,
    commands_recheck,
    commands_refraction,
    commands_visit,
    queries,
    queries_vision_file,
    store_protection,
    wire,
)
from clinical.appointment import APPOINTMENT
from clinical.visit import VISIT
from optichain.clinical.v1 import clinical_service_pb2, frame_selection_pb2
from optichain.customer.v1 import customer_service_pb2 as customer_pb2
from optichain.inventory.v1 import inventory_service_pb2 as inventory_pb2

api = Api(clinical_service_pb2, "ClinicalService")
APIS = (api,)

api.commands(
    BookAppointment=commands_visit.book_appointment,
    CancelAppointment=commands_visit.cancel_appointment,
    HandToExaminer=commands_visit.hand_to_examiner,
    CloseVisit=commands_visit.close_visit,
    ArmStation=commands_visit.arm_station,
    DisarmStation=commands_visit.disarm_station,
    RecordReading=commands_reading.record_reading,
    ClaimReading=commands_reading.claim_reading,
    RecordRefraction=commands_refraction.record_refraction,
    RevokePrescription=commands_prescription.revoke_prescription,
    RecordNeedsAnalysis=commands_frame.record_needs_analysis,
    KeepRecheck=commands_recheck.keep_recheck,
    WaiveRecheck=commands_recheck.waive_recheck,
)
api.queries(
    ListDay=queries.list_day,
    GetVisit=queries.get_visit,
    GetArmedStation=queries.get_armed_station,
    GetReading=queries.get_reading,
    ListReadings=queries.list_readings,
    ListUnclaimedReadings=queries.list_unclaimed_readings,
    GetRefraction=queries.get_refraction,
    GetPrescription=queries.get_prescription,
    ListPrescriptions=queries.list_prescriptions,
    GetFrameSelection=queries.get_frame_selection,
    GetLensSpecification=queries.get_lens_specification,
    GetFittingMeasurement=queries.get_fitting_measurement,
    RequireLensFits=queries.require_lens_fits,
    ListRecheckPlans=queries.list_recheck_plans,
    GetVisionFile=queries_vision_file.get_vision_file,
)


def guard(call: Call, customer_id: str, branches: frozenset[str]) -> Clearance:
    """Open a file to roles that see the person's tier, at branches that keep some of it or have
    seen the person lately; of others the customer service is asked, which knows who registered the
    person and who has broken the glass. Raises BreakGlassNeeded, Unavailable."""
    at = clock.now()
    with call.database.snapshot() as connection:
        policy = AccessPolicy.in_force(connection, at)
        known = store_protection.known_here(
            connection, customer_id, call.actor.branch_id, policy.known_since(at)
        )
    known = known.also_here(call.actor.branch_id in branches)
    standing = known.standing(policy, call.actor)
    if standing is None:
        answer = call.ask(
            customer_pb2.GetProtectionRequest(customer_id=customer_id),
            customer_pb2.GetProtectionResponse,
        )
        standing = known.also_as(wire.standing(answer))
    return policy.cleared(call.actor, customer_id, standing)


GUARD = guard


@api.asks("OpenVisit")
def open_visit(call: Call, request: Any) -> Message:
    """Open a visit for a person whom the customer service calls ready."""
    if request.appointment_id:
        call.own(APPOINTMENT, request.appointment_id)
    ready = call.ask(
        customer_pb2.RequireReadyForVisitRequest(customer_id=request.customer_id),
        customer_pb2.RequireReadyForVisitResponse,
    )
    return call.run(
        commands_visit.open_visit,
        person_id=ready.person_id,
        age_years=ready.age_years,
        is_minor=ready.is_minor,
    )


@api.asks("SignRefraction")
def sign_refraction(call: Call, _request: Any) -> Message:
    """Sign a refraction in the name of a qualified examiner."""
    require_qualified(call, "refraction", call.actor.id)
    return call.run(commands_refraction.sign_refraction)


@api.asks("ConfirmPlausibility")
def confirm_plausibility(call: Call, _request: Any) -> Message:
    """Confirm a colleague's powers in the name of a qualified prescriber."""
    require_qualified(call, "prescription", call.actor.id)
    return call.run(commands_confirming.confirm_plausibility)


@api.asks("SignPrescription")
def sign_prescription(call: Call, request: Any) -> Message:
    """Sign a prescription in the name of a qualified prescriber."""
    require_qualified(call, "prescription", call.actor.id, request.second_person_id)
    return call.run(commands_prescription.sign_prescription)


@api.asks("RecordExternalPrescription")
def record_external_prescription(call: Call, request: Any) -> Message:
    """Take over a prescription in the name of a qualified prescriber."""
    require_qualified(call, "prescription", call.actor.id, request.second_person_id)
    return call.run(commands_prescription.record_external_prescription)


@api.asks("AmendPrescription")
def amend_prescription(call: Call, request: Any) -> Message:
    """Amend a prescription in the name of a qualified prescriber."""
    require_qualified(call, "prescription", call.actor.id, request.second_person_id)
    return call.run(commands_prescription.amend_prescription)


@api.asks("SelectFrame")
def select_frame(call: Call, request: Any) -> Message:
    """Select a frame; a catalogue frame has the catalogue's sizes."""
    own = frame_selection_pb2.FRAME_SOURCE_OWN
    if request.source == own or not request.product_id:
        return call.run(commands_frame.select_frame)
    product = _product(call, request.product_id)
    return call.run(
        commands_frame.select_frame,
        box=wire.frame_box(product),
        product_pin=wire.product_pin(product),
    )


@api.asks("SpecifyLens")
def specify_lens(call: Call, request: Any) -> Message:
    """Specify lenses of a catalogue product."""
    call.own(VISIT, request.visit_id)
    product = _product(call, request.product_id)
    return call.run(
        commands_lens.specify_lens,
        product=wire.lens_product(product),
        product_pin=wire.product_pin(product),
    )


@api.asks("RecordFittingMeasurement")
def record_fitting_measurement(call: Call, _request: Any) -> Message:
    """Record a fitting measurement in the name of a qualified optician."""
    require_qualified(call, "fitting_measurement", call.actor.id)
    return call.run(commands_fitting.record_fitting_measurement)


@api.asks("DecideReview")
def decide_review(call: Call, request: Any) -> Message:
    """Decide what a change of a reading means for a refraction that is not signed yet."""
    return deciding.decide_review(call, request, {})


def _product(call: Call, product_id: str) -> Any:
    request = inventory_pb2.GetProductRequest(product_id=product_id)
    return call.ask(request, inventory_pb2.GetProductResponse).product
