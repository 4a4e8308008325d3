"""留架: one piece for one customer, at this branch or another, until its time has come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from chassis.errors import DomainError, Invalid, NotPermitted, Refused
from chassis.ids import new_id
from chassis.roles import Role
from inventory.tables import due_hold
from inventory.worker import InventoryWorker
from optichain.inventory.v1 import inventory_service_pb2 as pb


def fall_due(stockroom: Any) -> None:
    """Let the time of everything that is held come, and the worker notice it."""
    past = datetime.now(UTC) - timedelta(hours=1)
    with stockroom.by_rule() as work:
        work.connection.execute(update(due_hold).values(due_at=past))
    with stockroom.by_rule() as work:
        assert not InventoryWorker().give_up_what_is_due(work)


def get(stockroom: Any, set_aside_id: str) -> Any:
    request = pb.GetSetAsideRequest(set_aside_id=set_aside_id)
    return stockroom.ask(Role.OPTICIAN, request, pb.GetSetAsideResponse).set_aside


def extend(stockroom: Any, set_aside_id: str, hours: int = 0) -> Any:
    request = pb.ExtendSetAsideRequest(set_aside_id=set_aside_id, hours=hours, reason="asks")
    return stockroom.ask(Role.OPTICIAN, request, pb.ExtendSetAsideResponse).set_aside


def test_a_frame_set_aside_is_free_for_nobody_else(stockroom: Any) -> None:
    frame_id = stockroom.add_frame()
    stockroom.stock_frames(frame_id, 1)
    held = get(stockroom, stockroom.set_aside(frame_id))

    assert held.envelope.state == "set_aside"
    assert held.envelope.customer_id == stockroom.customer_id
    assert held.expires_at.seconds - held.set_aside_at.seconds == 48 * 3600
    assert stockroom.free(frame_id) == {}
    assert stockroom.refusal(lambda: stockroom.set_aside(frame_id)) == "OUT_OF_STOCK"


def test_who_has_this_frame_and_the_very_piece_at_another_branch(stockroom: Any) -> None:
    frame_id = stockroom.add_frame()
    stockroom.stock_frames(frame_id, 2)
    stockroom.stock_frames(frame_id, 1, stockroom.other_shop_id, serials=["X9"])
    assert stockroom.free(frame_id) == {stockroom.shop_id: 2, stockroom.other_shop_id: 1}
    pages = pb.FindStockRequest(product_id=frame_id, page_size=1)
    first = stockroom.ask(Role.OPTICIAN, pages, pb.FindStockResponse)
    pages.page_token = first.next_page_token
    rest = stockroom.ask(Role.OPTICIAN, pages, pb.FindStockResponse)
    assert {one.branch_id for one in (*first.branches, *rest.branches)} == set(
        stockroom.free(frame_id)
    )

    request = pb.ListPiecesRequest(product_id=frame_id, serial="X9")
    piece = stockroom.ask(Role.OPTICIAN, request, pb.ListPiecesResponse).pieces[0]
    held = get(stockroom, stockroom.set_aside("", piece_id=piece.id))

    assert (held.piece_id, held.stock_branch_id) == (piece.id, stockroom.other_shop_id)
    assert held.envelope.branch_id == stockroom.shop_id
    assert stockroom.free(frame_id) == {stockroom.shop_id: 2}


def test_two_opticians_want_the_last_piece_and_exactly_one_gets_it(stockroom: Any) -> None:
    frame_id = stockroom.add_frame()
    for _ in range(5):
        stockroom.stock_frames(frame_id, 1)
        outcomes = stockroom.at_once(*[lambda: stockroom.set_aside(frame_id) for _ in range(4)])

        assert outcomes.count("OUT_OF_STOCK") == 3, outcomes
        assert sum(one.startswith("sta_") for one in outcomes) == 1, outcomes


def test_four_opticians_want_four_pieces_and_each_gets_another(stockroom: Any) -> None:
    frame_id = stockroom.add_frame()
    stockroom.stock_frames(frame_id, 4)
    outcomes = stockroom.at_once(*[lambda: stockroom.set_aside(frame_id) for _ in range(4)])

    pieces = {get(stockroom, one).piece_id for one in outcomes}
    assert len(pieces) == 4


def test_a_set_aside_expires_by_rule_and_it_is_told(stockroom: Any) -> None:
    frame_id = stockroom.add_frame()
    stockroom.stock_frames(frame_id, 1)
    set_aside_id = stockroom.set_aside(frame_id)
    with stockroom.by_rule() as work:
        InventoryWorker().give_up_what_is_due(work)
    assert stockroom.states() == {set_aside_id: "set_aside"}

    fall_due(stockroom)

    assert stockroom.states() == {set_aside_id: "expired"}
    assert stockroom.free(frame_id) == {stockroom.shop_id: 1}
    told = stockroom.told("SetAsideExpired")
    assert [(one.set_aside_id, one.case_id) for one in told] == [(set_aside_id, stockroom.case_id)]
    assert stockroom.refusal(lambda: extend(stockroom, set_aside_id)) == "RECORD_VOID"
    fall_due(stockroom)
    assert len(stockroom.told("SetAsideExpired")) == 1


def test_two_workers_expire_each_set_aside_once(stockroom: Any) -> None:
    frame_id = stockroom.add_frame()
    stockroom.stock_frames(frame_id, 6)
    for _ in range(6):
        stockroom.set_aside(frame_id)
    past = datetime.now(UTC) - timedelta(hours=1)
    with stockroom.by_rule() as work:
        work.connection.execute(update(due_hold).values(due_at=past))

    def turn() -> None:
        with stockroom.by_rule() as work:
            InventoryWorker().give_up_what_is_due(work)

    assert stockroom.at_once(turn, turn, turn) == [None] * 3
    assert len({one.set_aside_id for one in stockroom.told("SetAsideExpired")}) == 6
    assert len(stockroom.told("SetAsideExpired")) == 6
    assert stockroom.free(frame_id) == {stockroom.shop_id: 6}


def test_a_set_aside_is_extended_within_the_longest_time_of_the_rule(stockroom: Any) -> None:
    frame_id = stockroom.add_frame()
    stockroom.stock_frames(frame_id, 1)
    set_aside_id = stockroom.set_aside(frame_id)

    before = get(stockroom, set_aside_id).expires_at.seconds
    assert extend(stockroom, set_aside_id, 100).expires_at.seconds > before
    with pytest.raises(Refused) as refused:
        extend(stockroom, set_aside_id, 241)
    assert refused.value.code == "SET_ASIDE_LIMIT"


def test_a_frame_given_back_hangs_on_the_display_again(stockroom: Any) -> None:
    frame_id = stockroom.add_frame()
    stockroom.stock_frames(frame_id, 1)
    set_aside_id = stockroom.set_aside(frame_id)
    request = pb.ReleaseSetAsideRequest(set_aside_id=set_aside_id, reason="chose another")
    with pytest.raises(NotPermitted):
        stockroom.ask(Role.OPTICIAN, request, pb.ReleaseSetAsideResponse, stockroom.other_shop_id)

    stockroom.ask(Role.OPTICIAN, request, pb.ReleaseSetAsideResponse)

    assert stockroom.states() == {set_aside_id: "released"}
    assert stockroom.free(frame_id) == {stockroom.shop_id: 1}
    again = stockroom.refusal(
        lambda: stockroom.ask(Role.OPTICIAN, request, pb.ReleaseSetAsideResponse)
    )
    assert again == "RECORD_VOID"
    assert stockroom.set_aside(frame_id)


def test_only_frames_are_set_aside_and_one_must_be_named(stockroom: Any) -> None:
    lens_id, frame_id = stockroom.add_lens(), stockroom.add_frame()
    stockroom.stock_lenses(lens_id, 1)
    with pytest.raises(Invalid) as refused:
        stockroom.set_aside(lens_id)
    assert refused.value.code == "NOT_A_FRAME"
    with pytest.raises(Invalid) as nothing:
        stockroom.set_aside("")
    assert nothing.value.code == "NOTHING_NAMED"
    with pytest.raises(DomainError) as unknown:
        stockroom.set_aside(frame_id, piece_id=new_id("pce"))
    assert unknown.value.code == "RECORD_UNKNOWN"
