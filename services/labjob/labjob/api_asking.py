"""What labjob asks of others before a command: the order and all beneath it, read between the pins
and the last look at them, so that what was read is what is pinned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from google.protobuf.message import Message

from chassis.clock import today
from chassis.errors import invalid
from chassis.records.pins import Pin
from chassis.rpc import Call
from labjob import wire
from labjob.order_basis import HeldStock, OrderBasis, OrderNotConfirmed
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.clinical.v1 import clinical_service_pb2 as clinical
from optichain.inventory.v1 import inventory_service_pb2 as inventory
from optichain.organisation.v1 import branch_pb2
from optichain.organisation.v1 import organisation_service_pb2 as organisation
from optichain.record.v1.envelope_pb2 import Envelope

_RELIED_ON = ("od", "os", "pd", "purpose")
"""What of a prescription a job relies on; its notes may change."""

_LABS = (branch_pb2.BRANCH_KIND_CENTRAL_LAB, branch_pb2.BRANCH_KIND_SHOP)


def order_of(call: Call, order_id: str) -> Any:
    """Return the live order. Raises Unknown, Unavailable."""
    return _order(call, order_id).order


def _order(call: Call, order_id: str) -> billing.GetOrderResponse:
    return call.ask(billing.GetOrderRequest(order_id=order_id), billing.GetOrderResponse)


def held_for(call: Call, case_id: str) -> tuple[tuple[HeldStock, ...], tuple[str, ...]]:
    """Return what inventory holds for a case, and which of its lots are locked."""
    request = inventory.ListCaseReservationsRequest(case_id=case_id)
    answer = call.ask(request, inventory.ListCaseReservationsResponse)
    return wire.held_stock(answer), tuple(answer.locked_lot_ids)


def require_lab(call: Call, lab_id: str) -> None:
    """Refuse a place that is no lab. Raises Unknown, Invalid (NOT_A_LAB)."""
    if _branch(call, lab_id).branch_kind not in _LABS:
        raise invalid("lab_id", "lab", "is neither a central lab nor a shop", reason="NOT_A_LAB")


def today_at(call: Call, branch_id: str) -> date:
    """Return the day it is at a branch."""
    return today(_branch(call, branch_id).time_zone)


def _branch(call: Call, branch_id: str) -> Any:
    request = organisation.GetBranchRequest(branch_id=branch_id)
    return call.ask(request, organisation.GetBranchResponse).branch


def basis_of(call: Call, order_id: str, *, gate: str) -> tuple[OrderBasis, tuple[Pin, ...]]:
    """Return the basis of a release and the pins it stands on, none of them stale: the gate of the
    order to the lab.

    What is pinned is read with its pins and looked at again last: whatever changes in between is
    refused. The prescription must be in force now, and may expire while the job is made. Raises
    WrongBranch, OrderNotConfirmed, StalePins, Unknown, Unavailable.
    """
    ordered = _order(call, order_id)
    order = ordered.order
    pins = call.pins_on(order.envelope, ordered.pins, own=True)
    if not (order.approval_id and order.fitting_measurement_id and order.terms_id):
        raise OrderNotConfirmed(
            f"the order is {order.envelope.state}: nobody approved it",
            missing=["order approved and confirmed"],
            state=order.envelope.state,
        )
    # What verification power and centration derive from is pinned as it was read, should the order
    # itself not stand on it.
    specified = call.ask(
        clinical.GetLensSpecificationRequest(lens_specification_id=order.lens_specification_id),
        clinical.GetLensSpecificationResponse,
    )
    specification = specified.lens_specification
    measured = call.ask(
        clinical.GetFittingMeasurementRequest(fitting_measurement_id=order.fitting_measurement_id),
        clinical.GetFittingMeasurementResponse,
    )
    measurement = measured.fitting_measurement
    prescribed = call.ask(
        clinical.GetPrescriptionRequest(prescription_id=specification.prescription_id),
        clinical.GetPrescriptionResponse,
    )
    prescription = prescribed.prescription
    pins += _unless_pinned(call, pins, specification.envelope, specified.pins)
    pins += _unless_pinned(call, pins, measurement.envelope, measured.pins)
    pins += _unless_pinned(call, pins, prescription.envelope, prescribed.pins, *_RELIED_ON)
    basis = _read(call, order, specification, measurement, prescription)
    asked = _may_expire(pins, specification.prescription_id, may=False)
    call.require_live(asked, gate=gate, behind=order_id)
    return basis, _may_expire(pins, specification.prescription_id, may=True)


def _may_expire(pins: tuple[Pin, ...], record_id: str, *, may: bool) -> tuple[Pin, ...]:
    return tuple(
        replace(one, may_expire=may) if one.record_id == record_id else one for one in pins
    )


def _unless_pinned(
    call: Call, pins: tuple[Pin, ...], found: Envelope, copied: Iterable[Message], *fields: str
) -> tuple[Pin, ...]:
    """Return pins on a record of the clinic; none when one of these relies on as much of it."""
    for one in pins:
        enough = not one.fields or (fields and set(fields) <= set(one.fields))
        if one.record_id == found.id and not one.fixed and enough:
            return ()
    return call.pins_on(found, copied, *fields)


def _read(
    call: Call, order: Any, specification: Any, measurement: Any, prescription: Any
) -> OrderBasis:
    return wire.order_basis(
        order=order,
        terms=call.ask(
            billing.GetTermsRequest(terms_id=order.terms_id), billing.GetTermsResponse
        ).terms,
        prescription=prescription,
        specification=specification,
        selection=call.ask(
            clinical.GetFrameSelectionRequest(frame_selection_id=order.frame_selection_id),
            clinical.GetFrameSelectionResponse,
        ).frame_selection,
        measurement=measurement,
        lens=call.ask(
            inventory.GetProductRequest(product_id=specification.product_id),
            inventory.GetProductResponse,
        ).product,
        held=call.ask(
            inventory.ListCaseReservationsRequest(case_id=order.envelope.case_id),
            inventory.ListCaseReservationsResponse,
        ),
    )
