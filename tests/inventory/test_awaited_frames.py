"""A frame that is still to come: an order awaits it, and has it when one comes to its branch."""

from __future__ import annotations

from typing import Any

import pytest

from chassis.errors import DomainError
from chassis.ids import new_id
from chassis.roles import Role
from inventory.worker import InventoryWorker
from optichain.billing.v1 import events_pb2 as billing
from optichain.inventory.v1 import inventory_service_pb2 as pb
from optichain.inventory.v1 import reservation_pb2


def hear(stockroom: Any, handler: str, event: Any) -> None:
    with stockroom.by_rule() as work:
        getattr(InventoryWorker(), handler)(work, event)


def confirm(stockroom: Any, frame_id: str = "", order_id: str = "", **held: Any) -> str:
    """Let inventory hear of a confirmed order, whose frame is to come when it is named."""
    event = billing.OrderConfirmed(
        order_id=order_id or new_id("ord"),
        case_id=stockroom.case_id,
        customer_id=stockroom.customer_id,
        branch_id=stockroom.shop_id,
        awaited_frame_product_id=frame_id,
        **held,
    )
    hear(stockroom, "take_up", event)
    return event.order_id


def frames_of(stockroom: Any, order_id: str) -> list[reservation_pb2.Reservation]:
    return [one for one in stockroom.held().reservations if one.order_id == order_id]


def frame_of(stockroom: Any, order_id: str) -> reservation_pb2.Reservation:
    [frame] = frames_of(stockroom, order_id)
    return frame


def ask_for(stockroom: Any, **wanted: Any) -> str:
    request = pb.RequestTransferRequest(**wanted)
    answer = stockroom.ask(Role.OPTICIAN, request, pb.RequestTransferResponse)
    return str(answer.transfer.envelope.id)


def send(stockroom: Any, transfer_id: str, at: str) -> None:
    request = pb.SendTransferRequest(transfer_id=transfer_id, carrier="van 3")
    stockroom.ask(Role.FRAME_CONTROLLER, request, pb.SendTransferResponse, at)


def receive(stockroom: Any, transfer_id: str) -> None:
    request = pb.ReceiveTransferRequest(transfer_id=transfer_id)
    stockroom.ask(Role.RECEIVER, request, pb.ReceiveTransferResponse)


def draw(stockroom: Any, reservation_id: str) -> Any:
    request = pb.DrawToJobRequest(reservation_id=reservation_id, job_id=new_id("job"))
    return stockroom.ask(Role.FRAME_CONTROLLER, request, pb.DrawToJobResponse).draw


@pytest.fixture
def frame_id(stockroom: Any) -> str:
    found: str = stockroom.add_frame()
    return found


@pytest.fixture
def there(stockroom: Any) -> str:
    """Another branch, which has a piece of the frame."""
    found: str = stockroom.other_shop_id
    return found


def test_a_special_order_is_awaited_once_and_had_when_its_lot_is_accepted(
    stockroom: Any, frame_id: str
) -> None:
    order_id = confirm(stockroom, frame_id)
    confirm(stockroom, frame_id, order_id)

    awaited = frame_of(stockroom, order_id)
    assert (awaited.envelope.state, awaited.piece_id) == ("awaited", "")
    assert (awaited.product_id, awaited.stock_branch_id) == (frame_id, stockroom.shop_id)
    with pytest.raises(DomainError) as refused:
        draw(stockroom, awaited.envelope.id)
    assert refused.value.code == "MOVE_FORBIDDEN"

    lot_id = stockroom.stock_frames(frame_id, 2)

    reserved = frame_of(stockroom, order_id)
    assert reserved.envelope.id == awaited.envelope.id
    assert (reserved.envelope.state, reserved.lot_id) == ("reserved", lot_id)
    assert stockroom.free(frame_id) == {stockroom.shop_id: 1}
    assert [one.is_awaited for one in stockroom.told("StockCommitted")] == [True, False]
    assert draw(stockroom, reserved.envelope.id).piece_id == reserved.piece_id


def test_a_lot_that_nobody_accepted_yet_gives_an_order_no_frame(
    stockroom: Any, frame_id: str
) -> None:
    order_id = confirm(stockroom, frame_id)
    line = pb.ReceiptLine(product_id=frame_id, lot_number="FR-1", quantity=1)
    line.unit_cost.amount_minor, line.unit_cost.currency = 1, "CNY"
    lot_id = stockroom.receive(line)
    assert frame_of(stockroom, order_id).envelope.state == "awaited"

    stockroom.accept(lot_id)
    assert frame_of(stockroom, order_id).envelope.state == "reserved"


def test_a_frame_that_came_before_the_order_was_confirmed_is_had_at_once(
    stockroom: Any, frame_id: str
) -> None:
    stockroom.stock_frames(frame_id, 1)
    assert frame_of(stockroom, confirm(stockroom, frame_id)).envelope.state == "reserved"


def test_of_two_orders_the_one_that_waits_longer_has_the_first_piece(
    stockroom: Any, frame_id: str
) -> None:
    first, second = confirm(stockroom, frame_id), confirm(stockroom, frame_id)
    elsewhere = stockroom.other_shop_id

    stockroom.stock_frames(frame_id, 1, elsewhere)
    assert frame_of(stockroom, first).envelope.state == "awaited", "it came to another branch"

    stockroom.stock_frames(frame_id, 1)
    assert frame_of(stockroom, first).envelope.state == "reserved"
    assert frame_of(stockroom, second).envelope.state == "awaited"


def test_a_confirmation_and_an_acceptance_at_once_leave_no_order_without_its_piece(
    stockroom: Any, frame_id: str
) -> None:
    for number in range(5):
        line = pb.ReceiptLine(product_id=frame_id, lot_number=f"R-{number}", quantity=1)
        line.unit_cost.amount_minor, line.unit_cost.currency = 1, "CNY"
        lot_id = stockroom.receive(line)
        order_id, _ = stockroom.at_once(
            lambda: confirm(stockroom, frame_id),
            lambda: stockroom.accept(lot_id),  # noqa: B023  # runs within the turn
        )
        assert frame_of(stockroom, order_id).envelope.state == "reserved"


def test_plain_stock_from_another_branch_serves_an_order_that_awaits_it(
    stockroom: Any, frame_id: str, there: str
) -> None:
    stockroom.stock_frames(frame_id, 1, there)
    order_id = confirm(stockroom, frame_id)
    transfer_id = ask_for(stockroom, product_id=frame_id, from_branch_id=there)
    send(stockroom, transfer_id, there)
    assert frame_of(stockroom, order_id).envelope.state == "awaited"

    receive(stockroom, transfer_id)

    frame = frame_of(stockroom, order_id)
    assert (frame.envelope.state, frame.stock_branch_id) == ("reserved", stockroom.shop_id)
    assert stockroom.free(frame_id) == {}


@pytest.mark.parametrize("asked_first", [True, False])
def test_a_frame_set_aside_at_another_branch_is_awaited_until_it_is_received(
    stockroom: Any, frame_id: str, there: str, asked_first: bool
) -> None:
    stockroom.stock_frames(frame_id, 1, there)
    set_aside_id = stockroom.set_aside(frame_id, branch_id=there)
    if asked_first:
        transfer_id = ask_for(stockroom, set_aside_id=set_aside_id)
        send(stockroom, transfer_id, there)
    order_id = confirm(stockroom, set_aside_ids=[set_aside_id])
    awaited = frame_of(stockroom, order_id)
    assert awaited.envelope.state == "awaited"
    assert awaited.piece_id, "that very piece is kept for it"
    if not asked_first:
        transfer_id = ask_for(stockroom, set_aside_id=set_aside_id)
        send(stockroom, transfer_id, there)

    receive(stockroom, transfer_id)

    frame = frame_of(stockroom, order_id)
    assert (frame.envelope.state, frame.piece_id) == ("reserved", awaited.piece_id)
    assert (frame.stock_branch_id, frame.envelope.held_at_id) == (stockroom.shop_id,) * 2
    assert draw(stockroom, frame.envelope.id).piece_id == awaited.piece_id


def test_a_frame_that_is_here_is_never_awaited(stockroom: Any, frame_id: str) -> None:
    stockroom.stock_frames(frame_id, 1)
    order_id = confirm(stockroom, set_aside_ids=[stockroom.set_aside(frame_id)])
    assert frame_of(stockroom, order_id).envelope.state == "reserved"


def test_a_piece_that_breaks_on_its_way_is_lost_to_its_order_and_another_one_is_asked_for(
    stockroom: Any, frame_id: str, there: str
) -> None:
    stockroom.stock_frames(frame_id, 1, there)
    set_aside_id = stockroom.set_aside(frame_id, branch_id=there)
    transfer_id = ask_for(stockroom, set_aside_id=set_aside_id)
    send(stockroom, transfer_id, there)
    order_id = confirm(stockroom, set_aside_ids=[set_aside_id])
    lost = frame_of(stockroom, order_id)

    request = pb.RecordBreakageRequest(piece_id=lost.piece_id, reason_code="L08")
    stockroom.ask(Role.LAB_TECHNICIAN, request, pb.RecordBreakageResponse)
    assert frame_of(stockroom, order_id).envelope.state == "broken"

    stockroom.stock_frames(frame_id, 1)
    again = pb.ReplaceReservationRequest(
        reservation_id=lost.envelope.id, stock_branch_id=stockroom.shop_id
    )
    stockroom.ask(Role.OPTICIAN, again, pb.ReplaceReservationResponse)
    assert [one.envelope.state for one in frames_of(stockroom, order_id)] == [
        "replaced",
        "reserved",
    ]


def test_nothing_breaks_that_is_not_there_and_what_is_on_its_way_is_not_replaced(
    stockroom: Any, frame_id: str, there: str
) -> None:
    awaited = frame_of(stockroom, confirm(stockroom, frame_id)).envelope.id
    request = pb.RecordBreakageRequest(reservation_id=awaited, reason_code="L08")
    with pytest.raises(DomainError) as refused:
        stockroom.ask(Role.LAB_TECHNICIAN, request, pb.RecordBreakageResponse)
    assert refused.value.code == "MOVE_FORBIDDEN"

    stockroom.stock_frames(frame_id, 1, there)
    held = [stockroom.set_aside(frame_id, branch_id=there)]
    on_its_way = frame_of(stockroom, confirm(stockroom, set_aside_ids=held)).envelope.id
    again = pb.ReplaceReservationRequest(reservation_id=on_its_way)
    with pytest.raises(DomainError) as kept:
        stockroom.ask(Role.OPTICIAN, again, pb.ReplaceReservationResponse)
    assert kept.value.code == "MOVE_FORBIDDEN"


def test_an_order_that_ends_frees_the_piece_that_was_kept_for_it_and_awaits_nothing(
    stockroom: Any, frame_id: str, there: str
) -> None:
    stockroom.stock_frames(frame_id, 1, there)
    kept = confirm(stockroom, set_aside_ids=[stockroom.set_aside(frame_id, branch_id=there)])
    nothing_yet = confirm(stockroom, frame_id)
    for order_id in (kept, nothing_yet):
        ended = billing.OrderCancelled(order_id=order_id, case_id=stockroom.case_id)
        hear(stockroom, "release", ended)
        assert frame_of(stockroom, order_id).envelope.state == "released"
    assert stockroom.free(frame_id) == {there: 1}

    stockroom.stock_frames(frame_id, 1)
    assert stockroom.free(frame_id) == {there: 1, stockroom.shop_id: 1}


def test_an_order_quoted_anew_on_another_frame_awaits_the_first_one_no_more(
    stockroom: Any, frame_id: str
) -> None:
    order_id, other_frame = confirm(stockroom, frame_id), stockroom.add_frame("F-200")
    requoted = billing.OrderRequoted(
        order_id=order_id, case_id=stockroom.case_id, dropped_frame_product_id=frame_id
    )
    hear(stockroom, "drop", requoted)
    confirm(stockroom, other_frame, order_id)

    states = {one.product_id: one.envelope.state for one in frames_of(stockroom, order_id)}
    assert states == {frame_id: "released", other_frame: "awaited"}
