"""Billing's gRPC face."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import Message

from billing import commands_approving as approving
from billing import commands_paying as paying
from billing import commands_publishing as publishing
from billing import commands_quoting as quoting
from billing import commands_review as reviewing
from billing import printing, queries, wire
from billing.order.basis import Basis, Goods
from billing.order.order import ORDER
from chassis.errors import DomainError, Unknown
from chassis.records.pins import Pin, StalePins
from chassis.rpc import Api, Call, deciding
from optichain.billing.v1 import billing_service_pb2
from optichain.clinical.v1 import clinical_service_pb2 as clinical
from optichain.inventory.v1 import inventory_service_pb2 as inventory
from optichain.inventory.v1 import product_pb2 as products
from optichain.record.v1 import record_service_pb2 as records

api = Api(billing_service_pb2, "BillingService")
APIS = (api,)

api.commands(
    PublishPriceList=publishing.publish_price_list,
    PublishTerms=publishing.publish_terms,
    ConfirmOrder=paying.confirm_paid_order,
    VoidOrder=paying.void_order,
    RePromise=approving.re_promise,
)
api.queries(
    ListPrices=queries.list_prices,
    GetTerms=queries.get_terms,
    GetOrder=queries.get_order,
    ListOrders=queries.list_orders,
    GetLedger=queries.get_ledger,
    RequireSettled=queries.require_settled,
    ListPromises=queries.list_promises,
    ListPromisesAtRisk=queries.list_promises_at_risk,
)


@api.asks("QuoteOrder")
def quote_order(call: Call, request: Any) -> Message:
    """Ask what is chosen, specified and held; then price it."""
    basis = _basis(call, request, case_id=request.case_id, customer_id=request.customer_id)
    return call.run(quoting.quote_order, basis=basis)


@api.asks("RequoteOrder")
def requote_order(call: Call, request: Any) -> Message:
    """Ask what is chosen, specified and held now; then price it anew."""
    order = call.own(ORDER, request.order_id)
    basis = _basis(call, request, case_id=order.case_id, customer_id=order.customer_id)
    return call.run(quoting.requote_order, basis=basis)


@api.asks("ApproveOrder")
def approve_order(call: Call, request: Any) -> Message:
    """Ask whether the lenses fit what was measured; then pass the gate."""
    order = call.own(ORDER, request.order_id)
    measured = call.ask(
        clinical.GetFittingMeasurementRequest(
            fitting_measurement_id=request.fitting_measurement_id
        ),
        clinical.GetFittingMeasurementResponse,
    )
    measurement = measured.fitting_measurement
    pins = call.pins_on(measurement.envelope, measured.pins)
    call.require_live(pins, gate="approve order", behind=order.id)
    wire.require_case(
        "fitting_measurement",
        measurement.envelope,
        case_id=order.case_id,
        customer_id=order.customer_id,
    )
    wire.require_measured_on(measurement, order.content.frame_selection_id)
    call.ask(
        clinical.RequireLensFitsRequest(
            lens_specification_id=order.content.lens_specification_id,
            fitting_measurement_id=request.fitting_measurement_id,
        ),
        clinical.RequireLensFitsResponse,
    )
    return call.run(approving.approve_order, measurement_pins=pins)


@api.asks("TakePayment")
def take_payment(call: Call, request: Any) -> Message:
    """Record the payment, which has happened; then pass the gate that confirms the order, unless
    nothing awaits it. A payment whose confirmation is refused stands, and the answer tells why."""
    taken: Any = call.run(paying.take_payment)
    try:
        with call.database.snapshot() as connection:
            if not queries.awaits_confirmation(connection, request.order_id):
                return call.reply(taken)
        return call.run_next(paying.confirm_order, payment_id=taken.payment.envelope.id)
    except DomainError as refused:
        return call.reply(
            {
                "payment": taken.payment,
                "order": taken.order,
                "balance": taken.balance,
                "confirmation_refused": {
                    "reason": refused.code,
                    "stale": refused.stale if isinstance(refused, StalePins) else (),
                },
            }
        )


@api.asks("CloseOrder")
def close_order(call: Call, request: Any) -> Message:
    """Ask customer how the follow-up stands; then close."""
    order = call.own(ORDER, request.order_id)
    follow_up = call.ask(
        records.GetRecordRequest(record_id=request.follow_up_id),
        records.GetRecordResponse,
        of="customer",
    ).envelope
    wire.require_case("follow_up", follow_up, case_id=order.case_id, customer_id=order.customer_id)
    return call.run(approving.close_order, follow_up_state=follow_up.state)


@api.asks("DecideReview")
def decide_review(call: Call, request: Any) -> Message:
    """Decide what a change means for an order."""
    return deciding.decide_review(call, request, reviewing.CONSEQUENCES)


@api.asks("GetReceipt")
def get_receipt(call: Call, request: Any) -> Message:
    """Print a receipt, or give the one that shows the same ledger."""
    receipt = printing.receipt(call, request.order_id)
    pdf = receipt.evidence[0]
    offered = call.objects.offer_read(pdf.object_key)
    return call.reply(
        {
            "receipt": receipt,
            "evidence": pdf,
            "url": offered.url,
            "valid_seconds": offered.valid_seconds,
        }
    )


def _basis(call: Call, request: Any, *, case_id: str, customer_id: str) -> Basis:
    """Ask clinical and inventory what a quotation is built on; everything pinned is live."""
    selected = call.ask(
        clinical.GetFrameSelectionRequest(frame_selection_id=request.frame_selection_id),
        clinical.GetFrameSelectionResponse,
    )
    selection = selected.frame_selection
    pins = call.pins_on(selection.envelope, selected.pins, own=True)
    specified = call.ask(
        clinical.GetLensSpecificationRequest(lens_specification_id=request.lens_specification_id),
        clinical.GetLensSpecificationResponse,
    )
    specification = specified.lens_specification
    pins += call.pins_on(specification.envelope, specified.pins, own=True)
    call.require_live(pins, gate="quote order", behind=request.lens_specification_id)
    for name, found in (("frame_selection", selection), ("lens_specification", specification)):
        wire.require_case(name, found.envelope, case_id=case_id, customer_id=customer_id)
    held = call.ask(
        inventory.ListCaseReservationsRequest(case_id=case_id),
        inventory.ListCaseReservationsResponse,
    )
    pins += _pin_on_set_aside(call, held.set_asides, request.set_aside_id)
    chosen = [one for one in (selection.product_id, specification.product_id) if one]
    goods = {product_id: _goods(call, product_id) for product_id in chosen}
    return wire.basis(selection, specification, held, goods, pins)


def _pin_on_set_aside(call: Call, set_asides: Iterable[Any], set_aside_id: str) -> tuple[Pin, ...]:
    """Return a pin on the frame's set-aside while it may still expire: who quotes on it hears of
    its end. An order that took it up has a reservation instead."""
    for one in set_asides:
        if one.envelope.id == set_aside_id and one.envelope.state == "set_aside":
            return call.pins_on(one.envelope, ())
    return ()


def _goods(call: Call, product_id: str) -> Goods:
    product, cost = _product(call, product_id)
    return Goods(
        name=product.name,
        unit_cost_minor=cost,
        is_made_to_order=product.lens.supply == products.LENS_SUPPLY_MADE_TO_ORDER,
    )


def _product(call: Call, product_id: str) -> tuple[products.Product, int | None]:
    """Return a product and what one piece costs; None while nothing of it was ever accepted."""
    try:
        costed = call.ask(
            inventory.GetProductCostRequest(product_id=product_id),
            inventory.GetProductCostResponse,
        )
    except Unknown:
        request = inventory.GetProductRequest(product_id=product_id)
        return call.ask(request, inventory.GetProductResponse).product, None
    return costed.product, costed.average_unit_cost.amount_minor
