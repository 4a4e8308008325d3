"""发料 and breakage: what is drawn carries its lot, what breaks is always recorded, and nothing is
lost from the count."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from chassis import clock
from chassis.errors import DomainError, Invalid, NotPermitted
from chassis.ids import as_uuid, new_id
from chassis.records.pins import StalePins
from chassis.records.tables import record
from chassis.roles import Role
from inventory import store
from inventory.commands_order import commit_to_order
from inventory.lot import LOT
from inventory.stock import Cause
from inventory.tables import movement, shelf
from optichain.inventory.v1 import inventory_service_pb2 as pb
from optichain.inventory.v1 import product_pb2, reservation_pb2
from optichain.money.v1.money_pb2 import Money


def spoil(stockroom: Any, **what: Any) -> reservation_pb2.Breakage:
    request = pb.RecordBreakageRequest(**{"reason_code": "L08", **what})
    answer: pb.RecordBreakageResponse = stockroom.ask(
        Role.LAB_TECHNICIAN, request, pb.RecordBreakageResponse, stockroom.lab_id
    )
    return answer.breakage


def reserve_again(stockroom: Any, reservation_id: str) -> reservation_pb2.Reservation:
    request = pb.ReplaceReservationRequest(reservation_id=reservation_id)
    answer: pb.ReplaceReservationResponse = stockroom.ask(
        Role.OPTICIAN, request, pb.ReplaceReservationResponse
    )
    return answer.reservation


@pytest.fixture
def lens_id(stockroom: Any) -> str:
    found: str = stockroom.add_lens()
    return found


def test_a_drawn_lens_leaves_the_shelf_with_its_lot_and_power(stockroom: Any, lens_id: str) -> None:
    lot_id, job_id = stockroom.stock_lenses(lens_id, 2), new_id("job")
    reservation_id = stockroom.reserve(lens_id)

    draw = stockroom.draw(reservation_id, job_id)

    assert (draw.lot_id, draw.job_id, draw.eye) == (lot_id, job_id, reservation_pb2.EYE_OD)
    assert draw.power.sphere_centidioptres == -200
    assert stockroom.states() == {reservation_id: "drawn"}
    told = stockroom.told("StockDrawn")
    assert [(one.draw_id, one.job_id) for one in told] == [(draw.envelope.id, job_id)]
    with pytest.raises(DomainError) as again:
        stockroom.draw(reservation_id, job_id)
    assert again.value.code == "MOVE_FORBIDDEN"


def test_a_lens_whose_lots_last_day_went_by_while_it_was_reserved_is_not_drawn(
    stockroom: Any, lens_id: str
) -> None:
    today = clock.today("Asia/Shanghai")
    lot_id = stockroom.stock_lenses(lens_id, 1, expires_on=today.isoformat())
    reservation_id = stockroom.reserve(lens_id)
    pass_a_day(stockroom, lot_id, today)

    with pytest.raises(DomainError) as refused:
        stockroom.draw(reservation_id, new_id("job"))

    assert refused.value.code == "LOT_NOT_SELLABLE"
    assert refused.value.details["id"] == lot_id
    assert stockroom.states() == {reservation_id: "reserved"}
    assert stockroom.held().locked_lot_ids == [lot_id]


def pass_a_day(stockroom: Any, lot_id: str, today: date) -> None:
    """Let the last day of a lot be the one before: no record changes when a day goes by."""
    yesterday = (today - timedelta(days=1)).isoformat()
    with stockroom.by_rule() as work:
        content = LOT.pack(work.records.find(LOT, lot_id).content)
        work.connection.execute(
            update(record)
            .where(record.c.id == as_uuid(lot_id))
            .values(content={**content, "expires_on": yesterday})
        )


def test_a_lens_is_drawn_where_it_lies_for_its_own_case(stockroom: Any, lens_id: str) -> None:
    stockroom.stock_lenses(lens_id, 1)
    reservation_id = stockroom.reserve(lens_id)
    request = pb.DrawToJobRequest(
        reservation_id=reservation_id, job_id=new_id("job"), case_id=new_id("case")
    )
    with pytest.raises(NotPermitted):
        stockroom.ask(Role.LAB_TECHNICIAN, request, pb.DrawToJobResponse, stockroom.other_shop_id)
    with pytest.raises(DomainError) as refused:
        stockroom.ask(Role.LAB_TECHNICIAN, request, pb.DrawToJobResponse, stockroom.lab_id)
    assert refused.value.code == "OTHER_CASE"

    request.case_id = stockroom.case_id
    drawn = stockroom.chain.ask_as_service("labjob", request, pb.DrawToJobResponse)
    assert drawn.draw.reservation_id == reservation_id
    with pytest.raises(NotPermitted):
        stockroom.chain.ask_as_service("billing", request, pb.DrawToJobResponse)


def test_two_technicians_draw_one_reservation_and_one_lens_leaves(
    stockroom: Any, lens_id: str
) -> None:
    stockroom.stock_lenses(lens_id, 5)
    reservation_id = stockroom.reserve(lens_id)
    stockroom.person(Role.LAB_TECHNICIAN, stockroom.lab_id)
    outcomes = stockroom.at_once(
        *[lambda: stockroom.draw(reservation_id, new_id("job")) for _ in range(3)]
    )

    assert sum(isinstance(one, reservation_pb2.Draw) for one in outcomes) == 1, outcomes
    assert len(stockroom.told("StockDrawn")) == 1


def test_a_lens_amended_in_the_catalogue_is_not_drawn_but_a_new_range_hurts_nobody(
    stockroom: Any, lens_id: str
) -> None:
    stockroom.stock_lenses(lens_id, 2)
    first, second = stockroom.reserve(lens_id, 1), stockroom.reserve(lens_id, 2)

    def amend(change: Any) -> None:
        request = pb.GetProductRequest(product_id=lens_id)
        product = stockroom.ask(Role.OPTICIAN, request, pb.GetProductResponse).product
        change(product)
        amendment = pb.AmendProductRequest(
            product_id=lens_id,
            revision=product.envelope.revision,
            reason="maker's new list",
            sku=product.sku,
            name=product.name,
            lens=product.lens,
            power_ranges=product.power_ranges,
        )
        stockroom.ask(Role.PURCHASER, amendment, pb.AmendProductResponse)

    amend(lambda product: setattr(product.power_ranges[0], "sphere_min_centidioptres", -800))
    assert stockroom.draw(first, new_id("job"))

    amend(lambda product: setattr(product.lens, "index_thousandths", 1560))
    with pytest.raises(StalePins) as refused:
        stockroom.draw(second, new_id("job"))
    stale = refused.value.stale[0]
    assert (stale.pin.record_id, stale.live_version) == (lens_id, 3)
    assert [one.field for one in stale.change.fields] == ["lens"]
    assert "1600" in stale.change.fields[0].old_value
    assert "1560" in stale.change.fields[0].new_value


@pytest.mark.parametrize("is_drawn", [True, False], ids=["drawn", "reserved"])
def test_a_broken_lens_is_recorded_and_another_is_reserved_in_its_place(
    stockroom: Any, lens_id: str, is_drawn: bool
) -> None:
    stockroom.stock_lenses(lens_id, 2)
    job_id, reservation_id = new_id("job"), stockroom.reserve(lens_id)
    if is_drawn:
        stockroom.draw(reservation_id, job_id)

    breakage = spoil(stockroom, reservation_id=reservation_id, note="chipped at the bevel")

    assert (breakage.reason_code, breakage.fault_side) == ("L08", "lab")
    assert breakage.cost == Money(amount_minor=3_500, currency="CNY")
    assert breakage.job_id == (job_id if is_drawn else "")
    assert stockroom.states() == {reservation_id: "broken"}
    assert stockroom.free(lens_id) == {stockroom.lab_id: 1}, "a breakage frees nothing"
    assert [one.reservation_id for one in stockroom.told("StockBroken")] == [reservation_id]
    waiting = stockroom.held().reservations[0].envelope
    assert (waiting.responsible_role, waiting.held_at_id) == (7, stockroom.shop_id)

    replacement = reserve_again(stockroom, reservation_id)
    assert replacement.replaces_id == reservation_id
    assert stockroom.free(lens_id) == {}
    with pytest.raises(DomainError):
        reserve_again(stockroom, reservation_id)
    with pytest.raises(DomainError):
        spoil(stockroom, reservation_id=reservation_id)
    spoil(stockroom, reservation_id=replacement.envelope.id)
    with pytest.raises(DomainError) as refused:
        reserve_again(stockroom, replacement.envelope.id)
    assert refused.value.code == "OUT_OF_STOCK"
    assert stockroom.states()[replacement.envelope.id] == "broken", "a refusal changes nothing"


def test_a_breakage_is_recorded_even_of_a_locked_lot(stockroom: Any, lens_id: str) -> None:
    lot_id = stockroom.stock_lenses(lens_id, 1)
    reservation_id = stockroom.reserve(lens_id)
    lock = pb.LockLotRequest(lot_id=lot_id, reason_code="recall_notice", reason="notice 12")
    stockroom.ask(Role.QUALITY_MANAGER, lock, pb.LockLotResponse)

    assert spoil(stockroom, reservation_id=reservation_id).lot_id == lot_id


def test_stock_that_breaks_on_the_shelf_takes_the_free_ones_first_then_the_newest_reservation(
    stockroom: Any, lens_id: str
) -> None:
    lot_id = stockroom.stock_lenses(lens_id, 3)
    older, newer = stockroom.reserve(lens_id), stockroom.reserve(lens_id)
    power = product_pb2.LensPower(sphere_centidioptres=-200, cylinder_centidioptres=-50)

    spoil(stockroom, lot_id=lot_id, power=power)
    assert stockroom.states() == {older: "reserved", newer: "reserved"}
    assert stockroom.free(lens_id) == {}
    spoil(stockroom, lot_id=lot_id, power=power)
    assert stockroom.states() == {older: "reserved", newer: "broken"}
    assert [one.reservation_id for one in stockroom.told("StockBroken")] == ["", newer]

    # More broke than was ever counted: the fact stands, the count ends at nothing.
    assert spoil(stockroom, lot_id=lot_id, power=power, quantity=5).quantity == 5
    assert stockroom.states()[older] == "broken"
    with stockroom.by_rule() as work:
        assert store.on_hand_by_movements(work.connection, lot_id) == 0


def test_a_frame_that_breaks_on_the_display_ends_its_set_aside(stockroom: Any) -> None:
    frame_id = stockroom.add_frame()
    stockroom.stock_frames(frame_id, 2, stockroom.lab_id)
    set_aside_id = stockroom.set_aside(frame_id, branch_id=stockroom.lab_id)
    piece_id = stockroom.held().set_asides[0].piece_id

    breakage = spoil(stockroom, piece_id=piece_id, reason_code="T05")

    assert (breakage.fault_side, breakage.piece_id) == ("store", piece_id)
    assert breakage.envelope.case_id == stockroom.case_id
    assert stockroom.states() == {set_aside_id: "released"}
    assert stockroom.free(frame_id) == {stockroom.lab_id: 1}
    with pytest.raises(DomainError):
        spoil(stockroom, piece_id=piece_id)


@pytest.mark.parametrize("is_set_aside", [False, True])
def test_a_frame_that_breaks_on_the_road_is_counted_off_once_and_never_arrives(
    stockroom: Any, is_set_aside: bool
) -> None:
    frame_id = stockroom.add_frame()
    lot_id = stockroom.stock_frames(frame_id, 1, stockroom.lab_id)
    if is_set_aside:
        set_aside_id = stockroom.set_aside(frame_id, branch_id=stockroom.lab_id)
        wanted = pb.RequestTransferRequest(set_aside_id=set_aside_id)
        commit_frame(stockroom, set_aside_id)
    else:
        wanted = pb.RequestTransferRequest(product_id=frame_id, from_branch_id=stockroom.lab_id)
    asked = stockroom.ask(Role.OPTICIAN, wanted, pb.RequestTransferResponse).transfer
    on_the_road(stockroom, asked.envelope.id)
    listed = pb.ListPiecesRequest(product_id=frame_id)
    piece_id = stockroom.ask(Role.OPTICIAN, listed, pb.ListPiecesResponse).pieces[0].id

    spoil(stockroom, piece_id=piece_id, reason_code="X01")
    receive = pb.ReceiveTransferRequest(transfer_id=asked.envelope.id)
    stockroom.ask(Role.RECEIVER, receive, pb.ReceiveTransferResponse)

    with stockroom.by_rule() as work:
        counted = select(movement.c.branch_id, func.sum(movement.c.quantity))
        of_branch = work.connection.execute(counted.group_by(movement.c.branch_id)).all()
        assert store.on_hand_by_movements(work.connection, lot_id) == 0
    assert [tuple(row) for row in of_branch] == [(stockroom.lab_id, 0)]


def test_a_frame_on_the_road_is_not_drawn_to_a_job(stockroom: Any) -> None:
    frame_id = stockroom.add_frame()
    stockroom.stock_frames(frame_id, 1, stockroom.lab_id)
    set_aside_id = stockroom.set_aside(frame_id, branch_id=stockroom.lab_id)
    commit_frame(stockroom, set_aside_id)
    wanted = pb.RequestTransferRequest(set_aside_id=set_aside_id)
    asked = stockroom.ask(Role.OPTICIAN, wanted, pb.RequestTransferResponse).transfer
    on_the_road(stockroom, asked.envelope.id)
    reserved = stockroom.held().reservations[0].envelope.id

    assert stockroom.refusal(lambda: stockroom.draw(reserved, new_id("job"))) == "IN_TRANSIT"


def commit_frame(stockroom: Any, set_aside_id: str) -> None:
    with stockroom.by_rule() as work:
        commit_to_order(
            work,
            order_id=new_id("ord"),
            revision=1,
            set_aside_ids=[set_aside_id],
            reservation_ids=[],
        )


def on_the_road(stockroom: Any, transfer_id: str) -> None:
    send = pb.SendTransferRequest(transfer_id=transfer_id, carrier="van 3")
    stockroom.ask(Role.FRAME_CONTROLLER, send, pb.SendTransferResponse, stockroom.lab_id)


def test_frames_break_piece_by_piece_and_lenses_by_power(stockroom: Any, lens_id: str) -> None:
    frame_id = stockroom.add_frame()
    frames, lenses = stockroom.stock_frames(frame_id, 1), stockroom.stock_lenses(lens_id, 1)

    for lot_id, field in ((frames, "piece_id"), (lenses, "power")):
        with pytest.raises(Invalid) as refused:
            spoil(stockroom, lot_id=lot_id)
        assert refused.value.problems[0].field == field
    assert stockroom.free(frame_id) == {stockroom.shop_id: 1}
    assert stockroom.told("StockBroken") == []


def test_a_breakage_names_its_reason_and_what_broke(stockroom: Any) -> None:
    with pytest.raises(Invalid) as reason:
        spoil(stockroom, reason_code="Z99")
    assert reason.value.code == "REASON_UNKNOWN"
    with pytest.raises(Invalid) as nothing:
        spoil(stockroom)
    assert nothing.value.code == "NOTHING_NAMED"


ACTS = ("reserve", "release", "draw", "break", "again", "shelf", "send", "receive")


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(acts=st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 5)), max_size=14))
def test_whatever_people_do_what_was_received_is_free_reserved_drawn_travelling_or_broken(
    stockroom: Any, acts: list[tuple[str, int]]
) -> None:
    """Received = free + reserved + drawn + in transit + broken, give or take what breakages found
    on the shelf that nobody had counted."""
    stockroom.chain.empty()
    lens_id = stockroom.add_lens()
    lot_id = stockroom.stock_lenses(lens_id, 6)
    for act, which in acts:
        _try(stockroom, lens_id, lot_id, act, which)

    with stockroom.by_rule() as work:
        counted = work.connection.execute(
            select(func.sum(shelf.c.on_hand), func.sum(shelf.c.reserved))
        ).one()
        by_movements = store.on_hand_by_movements(work.connection, lot_id)
        found = work.connection.execute(
            select(func.coalesce(func.sum(movement.c.quantity), 0)).where(
                movement.c.cause == Cause.ADJUSTED
            )
        ).scalar_one()
        of_kind = {
            kind: [
                (row.state, row.content)
                for row in work.connection.execute(
                    select(record.c.state, record.c.content).where(
                        record.c.kind == f"inventory.{kind}"
                    )
                )
            ]
            for kind in ("reservation", "transfer", "draw", "breakage")
        }
    on_hand, reserved = counted

    def total(kind: str, *states: str) -> int:
        return sum(content["quantity"] for state, content in of_kind[kind] if state in states)

    assert on_hand == by_movements
    assert reserved == total("reservation", "reserved") + total("transfer", "requested")
    drawn = total("draw", "drawn", "consumed")
    travelling = total("transfer", "sent")
    assert on_hand + drawn + travelling + total("breakage", "recorded") - found == 6


def _try(stockroom: Any, lens_id: str, lot_id: str, act: str, which: int) -> None:
    """Do one thing to the which-th reservation or transfer, as far as it is allowed."""
    reservations = [one.envelope.id for one in stockroom.held().reservations]
    chosen = reservations[which % len(reservations)] if reservations else ""
    power = product_pb2.LensPower(sphere_centidioptres=-200, cylinder_centidioptres=-50)
    try:
        if act == "reserve":
            stockroom.reserve(lens_id, quantity=1 + which % 2)
        elif act == "shelf":
            spoil(stockroom, lot_id=lot_id, power=power, quantity=1 + which % 3)
        elif act in ("send", "receive"):
            _transfer(stockroom, lens_id, power, act == "receive")
        elif chosen:
            _to_reservation(stockroom, act, chosen)
    except DomainError:
        pass  # refused: nothing may have changed, which is what the count shows


def _transfer(stockroom: Any, lens_id: str, power: Any, is_received: bool) -> None:
    request = pb.RequestTransferRequest(
        product_id=lens_id, from_branch_id=stockroom.lab_id, power=power
    )
    answer = stockroom.ask(Role.OPTICIAN, request, pb.RequestTransferResponse)
    transfer_id = answer.transfer.envelope.id
    send = pb.SendTransferRequest(transfer_id=transfer_id, carrier="van 3")
    stockroom.ask(Role.STOREKEEPER, send, pb.SendTransferResponse, stockroom.lab_id)
    if is_received:
        receive = pb.ReceiveTransferRequest(transfer_id=transfer_id)
        stockroom.ask(Role.RECEIVER, receive, pb.ReceiveTransferResponse)


def _to_reservation(stockroom: Any, act: str, reservation_id: str) -> None:
    if act == "release":
        give_back = pb.ReleaseReservationRequest(reservation_id=reservation_id, reason="no")
        stockroom.ask(Role.OPTICIAN, give_back, pb.ReleaseReservationResponse)
    elif act == "draw":
        stockroom.draw(reservation_id, new_id("job"))
    elif act == "break":
        spoil(stockroom, reservation_id=reservation_id)
    elif act == "again":
        reserve_again(stockroom, reservation_id)
