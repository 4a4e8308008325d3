"""Stock goes from the branch that has it to the branch that wants it, and is nowhere twice."""

from __future__ import annotations

from typing import Any

import pytest

from chassis.errors import DomainError, Invalid, NotPermitted
from chassis.ids import new_id
from chassis.roles import Role
from inventory.worker import InventoryWorker
from optichain.billing.v1 import events_pb2 as billing
from optichain.inventory.v1 import inventory_service_pb2 as pb
from optichain.inventory.v1 import transfer_pb2


def ask_for(stockroom: Any, **wanted: Any) -> transfer_pb2.Transfer:
    request = pb.RequestTransferRequest(**wanted)
    answer: pb.RequestTransferResponse = stockroom.ask(
        Role.OPTICIAN, request, pb.RequestTransferResponse
    )
    return answer.transfer


def send(stockroom: Any, transfer_id: str, at: str) -> transfer_pb2.Transfer:
    request = pb.SendTransferRequest(transfer_id=transfer_id, carrier="van 3")
    answer: pb.SendTransferResponse = stockroom.ask(
        Role.FRAME_CONTROLLER, request, pb.SendTransferResponse, at
    )
    return answer.transfer


def receive(stockroom: Any, transfer_id: str, at: str = "") -> transfer_pb2.Transfer:
    request = pb.ReceiveTransferRequest(transfer_id=transfer_id)
    answer: pb.ReceiveTransferResponse = stockroom.ask(
        Role.RECEIVER, request, pb.ReceiveTransferResponse, at
    )
    return answer.transfer


def pieces(stockroom: Any, frame_id: str) -> list[Any]:
    request = pb.ListPiecesRequest(product_id=frame_id)
    answer = stockroom.ask(Role.OPTICIAN, request, pb.ListPiecesResponse)
    return list(answer.pieces)


def test_a_frame_of_another_branch_is_asked_for_sent_and_received(stockroom: Any) -> None:
    frame_id, there = stockroom.add_frame(), stockroom.other_shop_id
    stockroom.stock_frames(frame_id, 1, there)

    transfer = ask_for(stockroom, product_id=frame_id, from_branch_id=there)
    transfer_id = transfer.envelope.id
    assert stockroom.free(frame_id) == {}
    with pytest.raises(DomainError) as refused:
        ask_for(stockroom, product_id=frame_id, from_branch_id=there)
    assert refused.value.code == "OUT_OF_STOCK"
    with pytest.raises(NotPermitted) as here:
        send(stockroom, transfer_id, stockroom.shop_id)
    assert here.value.code == "WRONG_BRANCH"
    with pytest.raises(DomainError) as unsent:
        receive(stockroom, transfer_id)
    assert unsent.value.code == "MOVE_FORBIDDEN"

    assert send(stockroom, transfer_id, there).envelope.state == "sent"
    assert pieces(stockroom, frame_id)[0].is_in_transit
    assert stockroom.free(frame_id) == {}
    with pytest.raises(NotPermitted):
        receive(stockroom, transfer_id, there)
    receive(stockroom, transfer_id)
    assert stockroom.free(frame_id) == {stockroom.shop_id: 1}


def test_a_frame_set_aside_elsewhere_comes_and_stays_with_its_customer(stockroom: Any) -> None:
    frame_id, there = stockroom.add_frame(), stockroom.other_shop_id
    stockroom.stock_frames(frame_id, 1, there)
    set_aside_id = stockroom.set_aside(frame_id, branch_id=there)
    transfer = ask_for(stockroom, set_aside_id=set_aside_id)
    assert transfer.envelope.case_id == stockroom.case_id
    send(stockroom, transfer.envelope.id, there)

    # The order is confirmed while the frame is on the road.
    event = billing.OrderConfirmed(
        order_id=new_id("ord"), case_id=stockroom.case_id, set_aside_ids=[set_aside_id]
    )
    with stockroom.by_rule() as work:
        InventoryWorker().take_up(work, event)
    receive(stockroom, transfer.envelope.id)

    piece = pieces(stockroom, frame_id)[0]
    reservation = stockroom.held().reservations[0]
    assert (piece.branch_id, piece.state) == (stockroom.shop_id, "reserved")
    assert piece.holder_id == reservation.envelope.id
    assert reservation.envelope.state == "reserved"


def test_a_set_aside_given_back_meanwhile_is_not_sent(stockroom: Any) -> None:
    frame_id, there = stockroom.add_frame(), stockroom.other_shop_id
    stockroom.stock_frames(frame_id, 1, there)
    set_aside_id = stockroom.set_aside(frame_id, branch_id=there)
    transfer = ask_for(stockroom, set_aside_id=set_aside_id)
    request = pb.ReleaseSetAsideRequest(set_aside_id=set_aside_id, reason="chose another")
    stockroom.ask(Role.OPTICIAN, request, pb.ReleaseSetAsideResponse)

    with pytest.raises(DomainError) as refused:
        send(stockroom, transfer.envelope.id, there)
    assert refused.value.code == "NOT_HELD"
    assert stockroom.free(frame_id) == {there: 1}


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_set_aside_that_is_on_its_way_is_not_sent_a_second_time(
    stockroom: Any, is_sent: bool
) -> None:
    frame_id, there = stockroom.add_frame(), stockroom.other_shop_id
    stockroom.stock_frames(frame_id, 1, there)
    set_aside_id = stockroom.set_aside(frame_id, branch_id=there)
    first = ask_for(stockroom, set_aside_id=set_aside_id).envelope.id
    if is_sent:
        send(stockroom, first, there)

    with pytest.raises(DomainError) as refused:
        ask_for(stockroom, set_aside_id=set_aside_id, to_branch_id=stockroom.lab_id)
    assert refused.value.code == "TRANSFER_UNDER_WAY"
    assert refused.value.details["transfer_id"] == first


def test_of_two_who_ask_for_one_set_aside_at_once_one_gets_a_transfer(stockroom: Any) -> None:
    frame_id, there = stockroom.add_frame(), stockroom.other_shop_id
    stockroom.stock_frames(frame_id, 3, there)
    for _ in range(3):
        wanted = stockroom.set_aside(frame_id, branch_id=there)
        outcomes = stockroom.at_once(
            *[lambda: ask_for(stockroom, set_aside_id=wanted) for _ in range(4)]  # noqa: B023  # runs within the turn
        )
        assert outcomes.count("TRANSFER_UNDER_WAY") == 3, outcomes


def test_a_set_aside_is_asked_for_again_once_its_transfer_was_given_up_or_received(
    stockroom: Any,
) -> None:
    frame_id, there = stockroom.add_frame(), stockroom.other_shop_id
    stockroom.stock_frames(frame_id, 1, there)
    set_aside_id = stockroom.set_aside(frame_id, branch_id=there)
    given_up = ask_for(stockroom, set_aside_id=set_aside_id).envelope.id
    request = pb.CancelTransferRequest(transfer_id=given_up, reason="the van is full")
    stockroom.ask(Role.OPTICIAN, request, pb.CancelTransferResponse)

    second = ask_for(stockroom, set_aside_id=set_aside_id).envelope.id
    send(stockroom, second, there)
    receive(stockroom, second)

    onward = ask_for(stockroom, set_aside_id=set_aside_id, to_branch_id=stockroom.lab_id)
    assert onward.envelope.state == "requested"
    assert onward.from_branch_id == stockroom.shop_id


def test_another_piece_that_was_taken_for_a_set_aside_is_the_one_that_travels(
    stockroom: Any,
) -> None:
    frame_id, there = stockroom.add_frame(), stockroom.other_shop_id
    stockroom.stock_frames(frame_id, 2, there)
    set_aside_id = stockroom.set_aside(frame_id, branch_id=there)
    broken = stockroom.held().set_asides[0].piece_id
    request = pb.RecordBreakageRequest(piece_id=broken, reason_code="L08")
    stockroom.ask(Role.LAB_TECHNICIAN, request, pb.RecordBreakageResponse)
    event = billing.OrderConfirmed(
        order_id=new_id("ord"), case_id=stockroom.case_id, set_aside_ids=[set_aside_id]
    )
    with stockroom.by_rule() as work:
        InventoryWorker().take_up(work, event)
    [kept] = stockroom.held().reservations
    assert kept.envelope.state == "awaited"
    assert kept.piece_id != broken

    transfer = ask_for(stockroom, set_aside_id=set_aside_id)
    assert list(transfer.piece_ids) == [kept.piece_id]
    send(stockroom, transfer.envelope.id, there)
    receive(stockroom, transfer.envelope.id)
    assert stockroom.held().reservations[0].envelope.state == "reserved"


def test_lenses_leave_one_branch_and_reach_the_other_with_their_lot(stockroom: Any) -> None:
    lens_id = stockroom.add_lens()
    lot_id = stockroom.stock_lenses(lens_id, 5)
    power = stockroom.lens_line(lens_id, 1).lenses[0].power
    wanted = {"product_id": lens_id, "from_branch_id": stockroom.lab_id, "quantity": 3}

    transfer = ask_for(stockroom, power=power, **wanted)
    assert transfer.lot_id == lot_id
    assert stockroom.free(lens_id) == {stockroom.lab_id: 2}
    send(stockroom, transfer.envelope.id, stockroom.lab_id)
    assert stockroom.free(lens_id) == {stockroom.lab_id: 2}
    receive(stockroom, transfer.envelope.id)

    assert stockroom.free(lens_id) == {stockroom.lab_id: 2, stockroom.shop_id: 3}
    with pytest.raises(Invalid) as missing:
        ask_for(stockroom, **wanted)
    assert missing.value.code == "POWER_MISSING"


def test_a_lot_locked_after_the_request_does_not_travel(stockroom: Any) -> None:
    frame_id, there = stockroom.add_frame(), stockroom.other_shop_id
    lot_id = stockroom.stock_frames(frame_id, 1, there)
    transfer = ask_for(stockroom, product_id=frame_id, from_branch_id=there)
    lock = pb.LockLotRequest(lot_id=lot_id, reason_code="recall_notice", reason="notice 12")
    stockroom.ask(Role.QUALITY_MANAGER, lock, pb.LockLotResponse)

    with pytest.raises(DomainError) as refused:
        send(stockroom, transfer.envelope.id, there)
    assert refused.value.code == "PIN_STALE"


def test_a_transfer_given_up_frees_what_it_held(stockroom: Any) -> None:
    frame_id, lens_id = stockroom.add_frame(), stockroom.add_lens()
    there = stockroom.other_shop_id
    stockroom.stock_frames(frame_id, 2, there)
    stockroom.stock_lenses(lens_id, 2)
    power = stockroom.lens_line(lens_id, 1).lenses[0].power
    asked = [
        ask_for(stockroom, product_id=frame_id, from_branch_id=there, quantity=2),
        ask_for(stockroom, product_id=lens_id, from_branch_id=stockroom.lab_id, power=power),
    ]
    for one in asked:
        request = pb.CancelTransferRequest(transfer_id=one.envelope.id, reason="not needed")
        answer = stockroom.ask(Role.OPTICIAN, request, pb.CancelTransferResponse)
        assert answer.transfer.envelope.state == "cancelled"

    assert stockroom.free(frame_id) == {there: 2}
    assert stockroom.free(lens_id) == {stockroom.lab_id: 2}


def test_stock_is_not_asked_of_the_branch_that_wants_it(stockroom: Any) -> None:
    frame_id = stockroom.add_frame()
    stockroom.stock_frames(frame_id, 1)
    with pytest.raises(Invalid) as refused:
        ask_for(stockroom, product_id=frame_id, from_branch_id=stockroom.shop_id)
    assert refused.value.code == "SAME_BRANCH"
    assert stockroom.free(frame_id) == {stockroom.shop_id: 1}
