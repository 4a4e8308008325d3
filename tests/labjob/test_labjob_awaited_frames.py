"""A job is released once its frame is at the branch, and not while the order awaits it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from chassis import actor
from chassis.records.tables import outbox
from chassis.roles import Role
from clinical.dispensing.frame_selection import FrameSource
from inventory.worker import InventoryWorker
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.billing.v1 import events_pb2, price_list_pb2
from optichain.inventory.v1 import inventory_service_pb2 as inventory
from optichain.inventory.v1 import product_pb2

FRAME = product_pb2.Frame(
    a_micrometres=50_000,
    b_micrometres=38_000,
    dbl_micrometres=18_000,
    temple_micrometres=145_000,
    material=product_pb2.FRAME_MATERIAL_TITANIUM,
    colour="red",
    rim=product_pb2.RIM_FULL,
)


def choose(bench: Any, source: FrameSource) -> None:
    """Choose a frame of which the branch has no piece."""
    bench.frame_id = bench._add_product("F-900", frame=FRAME)
    prices = [
        price_list_pb2.Price(product_id=product_id, amount_minor=50_000)
        for product_id in (bench.frame_id, bench.lens_id)
    ]
    request = billing.PublishPriceListRequest(
        edition="2026-b", valid_from="2026-01-02", currency="CNY", prices=prices
    )
    bench.ask(Role.HEAD_OFFICE, request, billing.PublishPriceListResponse)
    bench.prescribe()
    bench.frame_source = source
    bench.dispense()


def order(bench: Any) -> None:
    """Reserve the lenses, and go on to a confirmed order."""
    eyes = ((1, bench.rx.content.od), (2, bench.rx.content.os))
    bench.reservation_ids = [bench.reserve(number, eye) for number, eye in eyes]
    bench.quote()
    bench.approve()
    bench.pay()


def hear_of_the_confirmation(bench: Any) -> None:
    """Let inventory hear what billing told."""
    with bench.chain.database("billing").snapshot() as connection:
        body = connection.execute(
            select(outbox.c.body).where(outbox.c.type == "optichain.billing.v1.OrderConfirmed")
        ).scalar_one()
    with bench.chain.work("inventory", actor.system("inventory")) as work:
        event = events_pb2.OrderConfirmed.FromString(bytes(body))
        InventoryWorker().take_up(work, event)


def refused_for_its_frame(bench: Any) -> bool:
    refusal = bench.refusal(bench.release)
    assert refusal.code == "RESERVATION_MISSING"
    return bool(refusal.missing == ("frame set aside or reserved at the branch",))


def test_a_job_on_a_special_order_is_released_when_the_frame_came(bench: Any) -> None:
    choose(bench, FrameSource.SPECIAL_ORDER)
    order(bench)
    assert refused_for_its_frame(bench)
    hear_of_the_confirmation(bench)
    assert refused_for_its_frame(bench)

    bench._receive(bench.frame_id, bench.shop_id, quantity=1)

    assert bench.release().envelope.state == "released"
    bench.send_tray()
    assert bench.job().frame_draw_id


@pytest.mark.parametrize("is_heard", [False, True])
def test_a_job_on_a_frame_of_another_branch_is_released_when_it_was_received(
    bench: Any, is_heard: bool
) -> None:
    choose(bench, FrameSource.OTHER_BRANCH)
    bench._receive(bench.frame_id, bench.lab_id, quantity=1)
    aside = inventory.SetAsideFrameRequest(
        case_id=bench.case_id,
        customer_id=bench.customer_id,
        product_id=bench.frame_id,
        branch_id=bench.lab_id,
    )
    answer = bench.ask(Role.OPTICIAN, aside, inventory.SetAsideFrameResponse)
    bench.set_aside_id = answer.set_aside.envelope.id
    order(bench)
    if is_heard:
        hear_of_the_confirmation(bench)
    assert refused_for_its_frame(bench)

    wanted = inventory.RequestTransferRequest(set_aside_id=bench.set_aside_id)
    transfer = bench.ask(Role.OPTICIAN, wanted, inventory.RequestTransferResponse).transfer
    send = inventory.SendTransferRequest(transfer_id=transfer.envelope.id, carrier="van 3")
    bench.ask(Role.FRAME_CONTROLLER, send, inventory.SendTransferResponse, bench.lab_id)
    receive = inventory.ReceiveTransferRequest(transfer_id=transfer.envelope.id)
    bench.ask(Role.RECEIVER, receive, inventory.ReceiveTransferResponse)
    if not is_heard:
        hear_of_the_confirmation(bench)

    assert bench.release().envelope.state == "released"
