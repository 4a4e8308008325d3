"""What other services answer, in billing's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from billing.order.basis import Basis, Goods, Held, require_same
from billing.order.lens import Eye, LensPower
from chassis.records.pins import Pin
from chassis.wire import value_of
from optichain.clinical.v1.fitting_measurement_pb2 import FittingMeasurement
from optichain.clinical.v1.frame_selection_pb2 import (
    FRAME_SOURCE_DISPLAY,
    FRAME_SOURCE_OTHER_BRANCH,
    FRAME_SOURCE_OWN,
    FrameSelection,
)
from optichain.clinical.v1.lens_specification_pb2 import LensSpecification, SpecifiedLens
from optichain.inventory.v1.inventory_service_pb2 import ListCaseReservationsResponse
from optichain.inventory.v1.reservation_pb2 import EYE_OD, EYE_OS, Reservation
from optichain.record.v1.envelope_pb2 import Envelope
from optics.power import SpherocylinderPower

_EYES = {EYE_OD: Eye.OD, EYE_OS: Eye.OS}


def basis(
    selection: FrameSelection,
    specification: LensSpecification,
    held: ListCaseReservationsResponse,
    goods: Mapping[str, Goods],
    pins: Sequence[Pin],
) -> Basis:
    """Return what a quotation is built on. Raises OtherCase when the lenses are for another
    frame."""
    require_same(
        "lens_specification.frame_selection_id",
        specification.frame_selection_id,
        selection.envelope.id,
    )
    is_own = selection.source == FRAME_SOURCE_OWN
    return Basis(
        frame_product_id="" if is_own else selection.product_id,
        is_own_frame=is_own,
        is_frame_here=selection.source in (FRAME_SOURCE_DISPLAY, FRAME_SOURCE_OTHER_BRANCH),
        lens_product_id=specification.product_id,
        lenses={
            eye: _specified(getattr(specification, eye))
            for eye in Eye
            if specification.HasField(eye.value)
        },
        goods=goods,
        set_asides=[
            Held(
                id=one.envelope.id,
                product_id=one.product_id,
                state=one.envelope.state,
                became_id=one.reservation_id,
            )
            for one in held.set_asides
        ],
        reservations=[_reserved(one) for one in held.reservations],
        pins=pins,
    )


def _specified(lens: SpecifiedLens) -> LensPower:
    axis = lens.axis_degrees if lens.HasField("axis_degrees") else None
    power = SpherocylinderPower(lens.sphere_centidioptres, lens.cylinder_centidioptres, axis)
    minus = power.in_minus_cylinder()
    return LensPower(
        sphere_centidioptres=minus.sphere_centidioptres,
        cylinder_centidioptres=minus.cylinder_centidioptres,
        add_centidioptres=lens.add_centidioptres if lens.HasField("add_centidioptres") else None,
    )


def _reserved(one: Reservation) -> Held:
    return Held(
        id=one.envelope.id,
        product_id=one.product_id,
        state=one.envelope.state,
        eye=_EYES.get(one.eye),
        power=value_of(one.power, LensPower) if one.HasField("power") else None,
    )


def require_case(name: str, envelope: Envelope, *, case_id: str, customer_id: str) -> None:
    """Refuse a record of another case or customer. Raises OtherCase."""
    require_same(f"{name}.case_id", envelope.case_id, case_id)
    require_same(f"{name}.customer_id", envelope.customer_id, customer_id)


def require_measured_on(measurement: FittingMeasurement, frame_selection_id: str) -> None:
    """Refuse a measurement on another frame than the one quoted. Raises OtherCase."""
    require_same(
        "fitting_measurement.frame_selection_id",
        measurement.frame_selection_id,
        frame_selection_id,
    )
