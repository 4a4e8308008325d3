"""What other services answer, put into labjob's own words: the basis of a release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from google.protobuf.message import Message

from chassis.wire import value_of
from labjob.job import FrameOrigin
from labjob.lens import Eye
from labjob.order_basis import BasisEye, BasisFitting, HeldStock, OrderBasis
from optichain.billing.v1 import order_pb2, terms_pb2
from optichain.clinical.v1 import (
    fitting_measurement_pb2,
    frame_selection_pb2,
    lens_specification_pb2,
    prescription_pb2,
    value_pb2,
)
from optichain.inventory.v1 import inventory_service_pb2, product_pb2, reservation_pb2

_NOT_FOR_FAR = (
    prescription_pb2.PRESCRIPTION_PURPOSE_NEAR,
    prescription_pb2.PRESCRIPTION_PURPOSE_INTERMEDIATE,
)


def order_basis(
    *,
    order: order_pb2.Order,
    terms: terms_pb2.Terms,
    prescription: prescription_pb2.Prescription,
    specification: lens_specification_pb2.LensSpecification,
    selection: frame_selection_pb2.FrameSelection,
    measurement: fitting_measurement_pb2.FittingMeasurement,
    lens: product_pb2.Product,
    held: inventory_service_pb2.ListCaseReservationsResponse,
) -> OrderBasis:
    """Return everything a release needs in one value."""
    own = selection.source == frame_selection_pb2.FRAME_SOURCE_OWN
    return OrderBasis(
        order_id=order.envelope.id,
        order_state=order.envelope.state,
        case_id=order.envelope.case_id,
        customer_id=order.envelope.customer_id,
        branch_id=order.envelope.branch_id,
        promised_on=day_of(order.promised_on),
        reservation_ids=tuple(order.reservation_ids),
        set_aside_id=order.set_aside_id,
        terms_id=terms.envelope.id,
        terms_version=terms.envelope.version,
        warranty_days=terms.warranty_days,
        prescription_id=prescription.envelope.id,
        prescribed_od=_eye(prescription, "od"),
        prescribed_os=_eye(prescription, "os"),
        lens_specification_id=specification.envelope.id,
        is_for_near=specification.use == lens_specification_pb2.LENS_USE_NEAR,
        is_centred_for_near=specification.use == lens_specification_pb2.LENS_USE_NEAR
        or prescription.purpose in _NOT_FOR_FAR,
        specified_od=_eye(specification, "od"),
        specified_os=_eye(specification, "os"),
        lens_design=word(specification, "design"),
        lens_product_id=specification.product_id,
        lens_supply=word(lens.lens, "supply"),
        frame_selection_id=selection.envelope.id,
        frame_origin=FrameOrigin.OWN if own else FrameOrigin.STOCK,
        frame_product_id="" if own else selection.product_id,
        fitting_measurement_id=measurement.envelope.id,
        fitted_od=_fitting(measurement, "od"),
        fitted_os=_fitting(measurement, "os"),
        held=held_stock(held),
    )


def day_of(text: str) -> date | None:
    """Return the day of an ISO text; None for an empty one."""
    return date.fromisoformat(text) if text else None


def held_stock(
    answer: inventory_service_pb2.ListCaseReservationsResponse,
) -> tuple[HeldStock, ...]:
    """Return the reservations and set-asides of a case."""
    serials = {piece.id: piece.serial for piece in answer.pieces}
    return (*_reservations(answer.reservations, serials), *_set_asides(answer))


def _reservations(
    given: Iterable[reservation_pb2.Reservation], serials: Mapping[str, str]
) -> Iterable[HeldStock]:
    for one in given:
        power = one.power
        yield HeldStock(
            id=one.envelope.id,
            state=one.envelope.state,
            product_id=one.product_id,
            is_frame=one.product_kind == product_pb2.PRODUCT_KIND_FRAME,
            eye=Eye(spelt) if (spelt := word(one, "eye")) else None,
            sphere_centidioptres=power.sphere_centidioptres,
            cylinder_centidioptres=power.cylinder_centidioptres,
            add_centidioptres=power.add_centidioptres
            if power.HasField("add_centidioptres")
            else None,
            set_aside_id=one.set_aside_id,
            order_id=one.order_id,
            job_id=one.job_id,
            lot_id=one.lot_id,
            piece_id=one.piece_id,
            serial=serials.get(one.piece_id, ""),
        )


def _set_asides(answer: inventory_service_pb2.ListCaseReservationsResponse) -> Iterable[HeldStock]:
    for one in answer.set_asides:
        yield HeldStock(
            id=one.envelope.id,
            state=one.envelope.state,
            product_id=one.product_id,
            is_frame=True,
            lot_id=one.lot_id,
            set_aside_at=one.stock_branch_id,
        )


def _eye(message: Any, name: str) -> BasisEye | None:
    return value_of(getattr(message, name), BasisEye) if message.HasField(name) else None


def _fitting(
    measurement: fitting_measurement_pb2.FittingMeasurement, name: str
) -> BasisFitting | None:
    if not measurement.HasField(name):  # type: ignore[arg-type]  # the stubs want a literal
        return None
    eye = getattr(measurement, name)
    return BasisFitting(
        monocular_pd_micrometres=_amount(eye.monocular_pd_micrometres),
        near_pd_micrometres=_amount(eye.near_pd_micrometres),
        fitting_height_micrometres=_amount(eye.fitting_height_micrometres),
        segment_height_micrometres=_amount(eye.segment_height_micrometres),
    )


def _amount(number: value_pb2.MeasuredNumber) -> int | None:
    """Return a measured number; what is unread or unconfirmed is none."""
    return number.amount if number.state == value_pb2.VALUE_STATE_MEASURED else None


def word(message: Message, field: str) -> str:
    """Return an enum field's value as labjob spells it; empty for unspecified."""
    enum: Any = message.DESCRIPTOR.fields_by_name[field].enum_type
    number: int = getattr(message, field)
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    name: str = enum.values_by_number[number].name
    return "" if number == 0 else name.removeprefix(prefix).lower()
