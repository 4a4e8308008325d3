"""Goods come in: counted, accepted by somebody else, locked and released by quality staff."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chassis import clock
from chassis.errors import AlreadyThere, Invalid, NotPermitted, Refused, Unknown
from chassis.ids import new_id
from chassis.records.pins import StalePins
from chassis.roles import Role
from optichain.inventory.v1 import inventory_service_pb2 as pb
from optichain.inventory.v1 import product_pb2, stock_pb2
from optichain.money.v1.money_pb2 import Money


def lock(stockroom: Any, lot_id: str) -> stock_pb2.Lot:
    request = pb.LockLotRequest(lot_id=lot_id, reason_code="recall_notice", reason="notice 12")
    lot: stock_pb2.Lot = stockroom.ask(Role.QUALITY_MANAGER, request, pb.LockLotResponse).lot
    return lot


def release(stockroom: Any, lot_id: str) -> stock_pb2.Lot:
    request = pb.ReleaseLotRequest(lot_id=lot_id, quality_decision="ten pieces checked, sound")
    lot: stock_pb2.Lot = stockroom.ask(Role.QUALITY_MANAGER, request, pb.ReleaseLotResponse).lot
    return lot


def test_goods_are_sellable_only_after_acceptance(stockroom: Any) -> None:
    lens_id = stockroom.add_lens()
    lot_id = stockroom.receive(stockroom.lens_line(lens_id, 5), stockroom.lab_id)
    assert stockroom.free(lens_id) == {}
    assert stockroom.refusal(lambda: stockroom.reserve(lens_id)) == "OUT_OF_STOCK"

    lot = stockroom.accept(lot_id, stockroom.lab_id)

    assert (lot.envelope.state, lot.quantity) == ("qualified", 5)
    assert lot.acceptor_id == stockroom.person(Role.ACCEPTOR, stockroom.lab_id).id
    assert stockroom.free(lens_id) == {stockroom.lab_id: 5}
    assert [one.lot_id for one in stockroom.told("LotAccepted")] == [lot_id]


def test_who_received_a_lot_does_not_accept_it(stockroom: Any) -> None:
    both = stockroom.chain.person(Role.RECEIVER, Role.ACCEPTOR, branch_id=stockroom.shop_id)
    line = stockroom.lens_line(stockroom.add_lens(), 1)
    request = pb.ReceiveGoodsRequest(supplier="D", delivery_note="1", lines=[line])
    answer = stockroom.chain.ask(request, pb.ReceiveGoodsResponse, as_=both)
    lot_id = answer.lots[0].envelope.id

    accept = pb.AcceptLotRequest(
        lot_id=lot_id, appearance_checked=True, label_checked=True, certificate_checked=True
    )
    with pytest.raises(Refused) as refused:
        stockroom.chain.ask(accept, pb.AcceptLotResponse, as_=both)
    assert refused.value.code == "SEPARATION_OF_DUTIES"
    assert (refused.value.details["other"], refused.value.details["id"]) == ("receiver", lot_id)
    assert stockroom.accept(lot_id).envelope.state == "qualified"


def test_who_accepted_a_lot_does_not_end_its_quality_hold(stockroom: Any) -> None:
    both = stockroom.chain.person(Role.ACCEPTOR, Role.QUALITY_MANAGER, branch_id=stockroom.shop_id)
    line = stockroom.lens_line(stockroom.add_lens(), 1)
    lot_id = stockroom.receive(line)
    accept = pb.AcceptLotRequest(
        lot_id=lot_id, appearance_checked=True, label_checked=True, certificate_checked=True
    )
    stockroom.chain.ask(accept, pb.AcceptLotResponse, as_=both)
    lock = pb.LockLotRequest(lot_id=lot_id, reason_code="RECALL", reason="news from the maker")
    stockroom.chain.ask(lock, pb.LockLotResponse, as_=both)

    release = pb.ReleaseLotRequest(lot_id=lot_id, quality_decision="looked over")
    with pytest.raises(Refused) as refused:
        stockroom.chain.ask(release, pb.ReleaseLotResponse, as_=both)
    assert refused.value.code == "SEPARATION_OF_DUTIES"
    assert refused.value.details["other"] == "acceptor"
    other = stockroom.chain.person(Role.QUALITY_MANAGER, branch_id=stockroom.shop_id)
    released = stockroom.chain.ask(release, pb.ReleaseLotResponse, as_=other)
    assert released.lot.envelope.state == "qualified"


def test_a_lot_is_accepted_once_after_every_check_at_its_own_branch(stockroom: Any) -> None:
    lot_id = stockroom.receive(stockroom.lens_line(stockroom.add_lens(), 1))
    request = pb.AcceptLotRequest(lot_id=lot_id, appearance_checked=True)
    with pytest.raises(Refused) as refused:
        stockroom.ask(Role.ACCEPTOR, request, pb.AcceptLotResponse)
    assert refused.value.code == "CHECKS_MISSING"
    assert refused.value.missing == ("certificate_checked", "label_checked")

    with pytest.raises(NotPermitted) as elsewhere:
        stockroom.accept(lot_id, stockroom.other_shop_id)
    assert elsewhere.value.code == "WRONG_BRANCH"
    stockroom.accept(lot_id)
    assert stockroom.refusal(lambda: stockroom.accept(lot_id)) == "MOVE_FORBIDDEN"


def test_a_refused_lot_is_never_sellable(stockroom: Any) -> None:
    frame_id = stockroom.add_frame()
    line = pb.ReceiptLine(
        product_id=frame_id,
        lot_number="FR-9",
        unit_cost=Money(amount_minor=1, currency="CNY"),
        quantity=2,
    )
    lot_id = stockroom.receive(line)
    request = pb.RefuseLotRequest(lot_id=lot_id, reason="hinges loose")
    lot = stockroom.ask(Role.ACCEPTOR, request, pb.RefuseLotResponse).lot

    assert lot.envelope.state == "refused"
    assert stockroom.refusal(lambda: stockroom.accept(lot_id)) == "MOVE_FORBIDDEN"
    assert stockroom.free(frame_id) == {}
    assert stockroom.refusal(lambda: stockroom.set_aside(frame_id)) == "OUT_OF_STOCK"


def test_a_locked_lot_is_not_sold_and_its_reservations_are_not_drawn_until_it_is_released(
    stockroom: Any,
) -> None:
    lens_id = stockroom.add_lens()
    lot_id = stockroom.stock_lenses(lens_id, 4)
    reservation_id = stockroom.reserve(lens_id)
    assert lock(stockroom, lot_id).envelope.state == "held"
    assert [one.reason_code for one in stockroom.told("LotLocked")] == ["recall_notice"]

    assert stockroom.free(lens_id) == {}
    assert list(stockroom.held().locked_lot_ids) == [lot_id]
    assert stockroom.refusal(lambda: stockroom.reserve(lens_id)) == "OUT_OF_STOCK"
    with pytest.raises(StalePins) as refused:
        stockroom.draw(reservation_id, new_id("job"))
    stale = refused.value.stale[0]
    assert (stale.pin.record_id, stale.change.what) == (lot_id, "locked")
    assert stockroom.refusal(lambda: lock(stockroom, lot_id)) == "MOVE_FORBIDDEN"

    released = release(stockroom, lot_id)
    assert (released.envelope.state, released.envelope.version) == ("qualified", 2)
    assert stockroom.refusal(lambda: release(stockroom, lot_id)) == "MOVE_FORBIDDEN"
    assert stockroom.free(lens_id) == {stockroom.lab_id: 3}
    assert stockroom.draw(reservation_id, new_id("job")).lot_id == lot_id
    assert stockroom.reserve(lens_id)


def test_a_reservation_in_a_locked_lot_moves_to_another_lot(stockroom: Any) -> None:
    lens_id = stockroom.add_lens()
    first = stockroom.stock_lenses(lens_id, 1)
    reservation_id = stockroom.reserve(lens_id)
    request = pb.ReplaceReservationRequest(reservation_id=reservation_id)

    def replace() -> Any:
        answer = stockroom.ask(Role.OPTICIAN, request, pb.ReplaceReservationResponse)
        return answer.reservation

    assert stockroom.refusal(replace) == "MOVE_FORBIDDEN"
    lock(stockroom, first)
    assert stockroom.refusal(replace) == "OUT_OF_STOCK"
    second = stockroom.stock_lenses(lens_id, 1, lot_number="LN-2")

    replacement = replace()
    assert (replacement.lot_id, replacement.replaces_id) == (second, reservation_id)
    assert stockroom.states()[reservation_id] == "replaced"
    release(stockroom, first)
    assert stockroom.free(lens_id) == {stockroom.lab_id: 1}


def test_what_expires_first_is_sold_first_and_never_after_its_last_day(stockroom: Any) -> None:
    lens_id = stockroom.add_lens()
    today = clock.today("Asia/Shanghai")

    def lot(days: int) -> str:
        expires_on = (today + timedelta(days=days)).isoformat()
        found: str = stockroom.stock_lenses(
            lens_id, 1, lot_number=f"E{days}", expires_on=expires_on
        )
        return found

    lot(-1)
    late, last_day = lot(90), lot(0)

    assert stockroom.free(lens_id) == {stockroom.lab_id: 2}
    reservations = [stockroom.reserve(lens_id), stockroom.reserve(lens_id)]
    lots = {one.envelope.id: one.lot_id for one in stockroom.held().reservations}
    assert [lots[one] for one in reservations] == [last_day, late]
    assert stockroom.refusal(lambda: stockroom.reserve(lens_id)) == "OUT_OF_STOCK"


def test_lenses_come_only_in_powers_the_product_is_made_in(stockroom: Any) -> None:
    lens_id, frame_id = stockroom.add_lens(), stockroom.add_frame()
    far = product_pb2.LensPower(sphere_centidioptres=-900)
    with pytest.raises(Invalid) as refused:
        stockroom.receive(stockroom.lens_line(lens_id, 1, far))
    assert refused.value.code == "POWER_NOT_MADE"
    assert refused.value.problems[0].field == "lines[0].lenses[0].power"

    money = Money(amount_minor=1, currency="CNY")
    bare = pb.ReceiptLine(product_id=lens_id, lot_number="1", unit_cost=money, quantity=3)
    assert stockroom.refusal(lambda: stockroom.receive(bare)) == "QUANTITIES_MISSING"
    uneven = pb.ReceiptLine(
        product_id=frame_id, lot_number="1", unit_cost=money, quantity=2, serials=["A"]
    )
    assert stockroom.refusal(lambda: stockroom.receive(uneven)) == "SERIAL_COUNT"
    unknown = pb.ReceiptLine(product_id=new_id("prd"), lot_number="1", unit_cost=money, quantity=2)
    assert stockroom.refusal(lambda: stockroom.receive(unknown)) == "RECORD_UNKNOWN"
    assert stockroom.told("LotAccepted") == []


def test_a_serial_number_is_one_piece_of_its_frame(stockroom: Any) -> None:
    frame_id = stockroom.add_frame()
    stockroom.stock_frames(frame_id, 2, serials=["S1", "S2"])
    with pytest.raises(AlreadyThere) as taken:
        stockroom.stock_frames(frame_id, 2, serials=["S3", "S2"])
    assert taken.value.code == "SERIAL_TAKEN"

    request = pb.ListPiecesRequest(product_id=frame_id)
    pieces = stockroom.ask(Role.OPTICIAN, request, pb.ListPiecesResponse).pieces
    assert [one.serial for one in pieces] == ["S1", "S2"]
    request.serial = "S2"
    found = stockroom.ask(Role.OPTICIAN, request, pb.ListPiecesResponse).pieces
    assert [one.id for one in found] == [pieces[1].id]


def test_what_a_product_costs_is_known_to_billing_and_the_office_only(stockroom: Any) -> None:
    lens_id = stockroom.add_lens()
    request = pb.GetProductCostRequest(product_id=lens_id)
    with pytest.raises(Unknown) as unknown:
        stockroom.ask(Role.ACCOUNTS, request, pb.GetProductCostResponse)
    assert unknown.value.code == "COST_UNKNOWN"
    stockroom.stock_lenses(lens_id, 2, cost=3_000)
    last = stockroom.stock_lenses(lens_id, 1, cost=4_000, lot_number="LN-2")

    cost = stockroom.chain.ask_as_service("billing", request, pb.GetProductCostResponse)

    assert cost.latest_unit_cost == Money(amount_minor=4_000, currency="CNY")
    assert cost.average_unit_cost.amount_minor == 3_334  # 10,000 over 3, rounded up
    assert cost.latest_lot_id == last
    assert (cost.product.envelope.id, cost.product.lens.supply) == (
        lens_id,
        product_pb2.LENS_SUPPLY_STOCK,
    )
    for role in (Role.OPTICIAN, Role.BRANCH_MANAGER):
        with pytest.raises(NotPermitted):
            stockroom.ask(role, request, pb.GetProductCostResponse)
    with pytest.raises(NotPermitted):
        stockroom.chain.ask_as_service("clinical", request, pb.GetProductCostResponse)


def test_lots_of_a_product_are_listed_newest_first_by_page_and_number(stockroom: Any) -> None:
    lens_id = stockroom.add_lens()
    lots = [stockroom.stock_lenses(lens_id, 1, lot_number=f"N{n}") for n in range(3)]

    def page(**more: Any) -> pb.ListLotsResponse:
        request = pb.ListLotsRequest(product_id=lens_id, **more)
        found: pb.ListLotsResponse = stockroom.ask(
            Role.QUALITY_MANAGER, request, pb.ListLotsResponse
        )
        return found

    first = page(page_size=2)
    rest = page(page_size=2, page_token=first.next_page_token)
    assert [one.envelope.id for one in (*first.lots, *rest.lots)] == lots[::-1]
    assert [one.envelope.id for one in page(lot_number="N1").lots] == [lots[1]]
