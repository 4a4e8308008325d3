"""占用: lenses for an eye, from first reservation to collection, and never one too many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from chassis.errors import Invalid, NotPermitted, Refused
from chassis.ids import new_id
from chassis.roles import Role
from inventory.tables import due_hold
from inventory.worker import InventoryWorker
from optichain.billing.v1 import events_pb2 as billing
from optichain.inventory.v1 import inventory_service_pb2 as pb
from optichain.inventory.v1 import product_pb2, reservation_pb2
from optichain.labjob.v1 import events_pb2 as labjob

OD, OS = 1, 2


def hear(stockroom: Any, event: Any, times: int = 1) -> None:
    """Let inventory's worker hear a fact."""
    handlers = {
        billing.OrderConfirmed: "take_up",
        billing.OrderRequoted: "drop",
        billing.OrderCancelled: "release",
        labjob.JobCancelled: "take_back",
        labjob.JobCollected: "use_up",
    }
    for _ in range(times):
        with stockroom.by_rule() as work:
            getattr(InventoryWorker(), handlers[type(event)])(work, event)


def confirmed(stockroom: Any, order_id: str, **held: Any) -> billing.OrderConfirmed:
    return billing.OrderConfirmed(
        order_id=order_id,
        case_id=stockroom.case_id,
        customer_id=stockroom.customer_id,
        branch_id=stockroom.shop_id,
        **held,
    )


def stopped(
    stockroom: Any, order_id: str, job_id: str, *reservation_ids: str
) -> labjob.JobCancelled:
    return labjob.JobCancelled(
        job_id=job_id,
        order_id=order_id,
        case_id=stockroom.case_id,
        reservation_ids=reservation_ids,
    )


def get(stockroom: Any, reservation_id: str) -> reservation_pb2.Reservation:
    request = pb.GetReservationRequest(reservation_id=reservation_id)
    answer: pb.GetReservationResponse = stockroom.ask(
        Role.OPTICIAN, request, pb.GetReservationResponse
    )
    return answer.reservation


def give_back(stockroom: Any, reservation_id: str, at: str = "") -> None:
    request = pb.ReleaseReservationRequest(reservation_id=reservation_id, reason="another lens")
    stockroom.ask(Role.OPTICIAN, request, pb.ReleaseReservationResponse, at)


@pytest.fixture
def lens_id(stockroom: Any) -> str:
    found: str = stockroom.add_lens()
    return found


def test_a_lens_is_reserved_for_an_eye_whatever_the_sign_of_its_cylinder(
    stockroom: Any, lens_id: str
) -> None:
    lot_id = stockroom.stock_lenses(lens_id, 2)
    plus = product_pb2.LensPower(sphere_centidioptres=-250, cylinder_centidioptres=50)

    reservation = get(stockroom, stockroom.reserve(lens_id, OS, power=plus))

    assert (reservation.eye, reservation.lot_id) == (reservation_pb2.EYE_OS, lot_id)
    assert reservation.power.sphere_centidioptres == -200
    assert reservation.power.cylinder_centidioptres == -50
    assert reservation.envelope.held_at_id == stockroom.lab_id
    assert stockroom.free(lens_id) == {stockroom.lab_id: 1}


def test_a_power_that_is_not_made_and_a_thing_that_is_no_lens_are_refused(
    stockroom: Any, lens_id: str
) -> None:
    with pytest.raises(Invalid) as refused:
        stockroom.reserve(lens_id, power=product_pb2.LensPower(sphere_centidioptres=-900))
    assert refused.value.code == "POWER_NOT_MADE"
    with pytest.raises(Invalid) as no_lens:
        stockroom.reserve(stockroom.add_frame())
    assert no_lens.value.code == "NOT_A_LENS"


def test_opticians_at_once_never_reserve_more_than_there_is(stockroom: Any, lens_id: str) -> None:
    for free in (1, 3):
        stockroom.stock_lenses(lens_id, free, lot_number=f"R{free}")
        outcomes = stockroom.at_once(*[lambda: stockroom.reserve(lens_id) for _ in range(6)])

        assert outcomes.count("OUT_OF_STOCK") == 6 - free, outcomes
        assert len({one for one in outcomes if one.startswith("rsv_")}) == free, outcomes
        assert stockroom.free(lens_id) == {}


def test_a_lot_locked_while_it_is_reserved_is_either_refused_or_seen_at_the_draw(
    stockroom: Any, lens_id: str
) -> None:
    for number in range(4):
        lot_id = stockroom.stock_lenses(lens_id, 1, lot_number=f"K{number}")
        lock = pb.LockLotRequest(lot_id=lot_id, reason_code="suspected_defect", reason="haze")
        reserved, _ = stockroom.at_once(
            lambda: stockroom.reserve(lens_id),
            lambda: stockroom.ask(Role.QUALITY_MANAGER, lock, pb.LockLotResponse),  # noqa: B023  # runs within the turn
        )
        if reserved != "OUT_OF_STOCK":
            drawn = stockroom.refusal(lambda: stockroom.draw(reserved, new_id("job")))  # noqa: B023  # runs within the turn
            assert drawn == "PIN_STALE"


def test_lenses_are_found_by_the_powers_of_both_eyes_where_they_lie(
    stockroom: Any, lens_id: str
) -> None:
    other = stockroom.add_lens("L-167")
    minus_four = product_pb2.LensPower(sphere_centidioptres=-400)
    minus_two = product_pb2.LensPower(sphere_centidioptres=-250, cylinder_centidioptres=50)
    stockroom.stock_lenses(lens_id, 1)
    stockroom.stock_lenses(lens_id, 1, minus_four)
    stockroom.stock_lenses(other, 5)

    def found(**wanted: Any) -> dict[str, tuple[int, int]]:
        request = pb.FindLensForRequest(branch_id=stockroom.lab_id, **wanted)
        options = stockroom.ask(Role.OPTICIAN, request, pb.FindLensForResponse).options
        assert all(
            70_000 in (one.od_blank_micrometres, one.os_blank_micrometres) for one in options
        )
        return {one.product.sku: (one.od_free, one.os_free) for one in options}

    assert found(od=minus_two, os=minus_four) == {"L-160": (1, 1)}
    assert found(od=minus_two) == {"L-160": (1, 0), "L-167": (5, 0)}
    assert found(od=minus_two, os=minus_two) == {"L-167": (5, 5)}
    assert found(od=minus_two, design=product_pb2.LENS_DESIGN_PROGRESSIVE) == {}
    with pytest.raises(Invalid):
        found()
    stockroom.reserve(lens_id)
    assert found(od=minus_two, os=minus_four) == {}


def test_a_reservation_is_given_back_by_its_own_branch_until_an_order_takes_it_up(
    stockroom: Any, lens_id: str
) -> None:
    stockroom.stock_lenses(lens_id, 2)
    unwanted, wanted = stockroom.reserve(lens_id), stockroom.reserve(lens_id)
    with pytest.raises(NotPermitted):
        give_back(stockroom, unwanted, stockroom.other_shop_id)
    give_back(stockroom, unwanted)
    assert stockroom.free(lens_id) == {stockroom.lab_id: 1}

    hear(stockroom, confirmed(stockroom, new_id("ord"), reservation_ids=[wanted]))
    with pytest.raises(Refused) as refused:
        give_back(stockroom, wanted)
    assert refused.value.code == "RESERVATION_COMMITTED"


def test_a_confirmed_order_takes_up_its_frame_and_lenses_once_however_often_it_is_told(
    stockroom: Any, lens_id: str
) -> None:
    frame_id, order_id = stockroom.add_frame(), new_id("ord")
    stockroom.stock_frames(frame_id, 2)
    stockroom.stock_lenses(lens_id, 2)
    set_aside_id = stockroom.set_aside(frame_id)
    lenses = [stockroom.reserve(lens_id, OD), stockroom.reserve(lens_id, OS)]

    event = confirmed(stockroom, order_id, set_aside_ids=[set_aside_id], reservation_ids=lenses)
    hear(stockroom, event, times=3)

    held = stockroom.held()
    assert [one.envelope.state for one in held.set_asides] == ["reserved"]
    assert [one.envelope.state for one in held.reservations] == ["reserved"] * 3
    assert {one.order_id for one in held.reservations} == {order_id}
    frames = [one for one in held.reservations if one.set_aside_id]
    assert [one.piece_id for one in frames] == [held.set_asides[0].piece_id]
    assert held.set_asides[0].reservation_id == frames[0].envelope.id
    assert len(stockroom.told("StockCommitted")) == 3
    roles = {one.envelope.responsible_role for one in held.reservations}
    assert roles == {8, 12}, "frame controller and lab technician"

    with stockroom.by_rule() as work:
        assert work.connection.execute(due_hold.select()).all() == []


def test_a_frame_that_ran_out_just_before_the_order_is_taken_again_or_awaited(
    stockroom: Any, lens_id: str
) -> None:
    frame_id = stockroom.add_frame()
    stockroom.stock_frames(frame_id, 1)
    stockroom.stock_lenses(lens_id, 1)
    set_aside_id, reserved = stockroom.set_aside(frame_id), stockroom.reserve(lens_id)
    past = datetime.now(UTC) - timedelta(hours=1)
    with stockroom.by_rule() as work:
        work.connection.execute(update(due_hold).values(due_at=past))
        InventoryWorker().give_up_what_is_due(work)
    assert stockroom.states() == {set_aside_id: "expired", reserved: "expired"}
    stockroom.case_id, first_case = new_id("case"), stockroom.case_id
    stockroom.reserve(lens_id)
    stockroom.case_id = first_case

    event = confirmed(
        stockroom, new_id("ord"), set_aside_ids=[set_aside_id], reservation_ids=[reserved]
    )
    hear(stockroom, event, times=2)

    standing = {one.product_id: one for one in stockroom.held().reservations if one.order_id}
    assert standing[frame_id].envelope.state == "reserved"
    assert standing[frame_id].piece_id == stockroom.held().set_asides[0].piece_id
    assert standing[lens_id].envelope.state == "awaited"
    assert standing[lens_id].replaces_id == reserved
    assert len(stockroom.held().reservations) == 3
    assert [one.is_awaited for one in stockroom.told("StockCommitted")] == [False, True]

    stockroom.stock_lenses(lens_id, 1, lot_number="LN-2")
    request = pb.ReplaceReservationRequest(reservation_id=standing[lens_id].envelope.id)
    answer = stockroom.ask(Role.OPTICIAN, request, pb.ReplaceReservationResponse)
    assert answer.reservation.envelope.state == "reserved"
    assert answer.reservation.order_id == event.order_id


def test_what_a_requote_drops_is_free_once_and_the_rest_stays(stockroom: Any, lens_id: str) -> None:
    frame_id, order_id = stockroom.add_frame(), new_id("ord")
    stockroom.stock_frames(frame_id, 1)
    stockroom.stock_lenses(lens_id, 3)
    set_aside_id = stockroom.set_aside(frame_id)
    kept, dropped = stockroom.reserve(lens_id, OD), stockroom.reserve(lens_id, OS)
    both = [kept, dropped]
    hear(
        stockroom,
        confirmed(stockroom, order_id, set_aside_ids=[set_aside_id], reservation_ids=both),
    )

    requoted = billing.OrderRequoted(
        order_id=order_id,
        case_id=stockroom.case_id,
        dropped_reservation_ids=[dropped],
        dropped_set_aside_ids=[set_aside_id],
    )
    hear(stockroom, requoted, times=3)

    assert stockroom.free(lens_id) == {stockroom.lab_id: 2}
    assert stockroom.free(frame_id) == {stockroom.shop_id: 1}
    states = stockroom.states()
    assert (states[kept], states[dropped]) == ("reserved", "released")
    assert len(stockroom.told("ReservationReleased")) == 2


def test_a_cancelled_order_gives_back_everything_and_what_was_drawn_stays_drawn(
    stockroom: Any, lens_id: str
) -> None:
    frame_id, order_id = stockroom.add_frame(), new_id("ord")
    stockroom.stock_frames(frame_id, 1)
    stockroom.stock_lenses(lens_id, 2)
    set_aside_id = stockroom.set_aside(frame_id)
    drawn, free = stockroom.reserve(lens_id, OD), stockroom.reserve(lens_id, OS)
    everything: Any = {"set_aside_ids": [set_aside_id], "reservation_ids": [drawn, free]}
    hear(stockroom, confirmed(stockroom, order_id, **everything))
    stockroom.draw(drawn, new_id("job"))

    cancelled = billing.OrderCancelled(order_id=order_id, case_id=stockroom.case_id, **everything)
    hear(stockroom, cancelled, times=2)

    assert stockroom.states()[drawn] == "drawn"
    assert stockroom.states()[free] == "released"
    assert stockroom.free(lens_id) == {stockroom.lab_id: 1}
    assert stockroom.free(frame_id) == {stockroom.shop_id: 1}


def test_a_job_that_was_stopped_gives_back_what_it_did_not_draw(
    stockroom: Any, lens_id: str
) -> None:
    order_id, job_id = new_id("ord"), new_id("job")
    stockroom.stock_lenses(lens_id, 2)
    drawn, free = stockroom.reserve(lens_id, OD), stockroom.reserve(lens_id, OS)
    hear(stockroom, confirmed(stockroom, order_id, reservation_ids=[drawn, free]))
    stockroom.draw(drawn, job_id)

    hear(stockroom, stopped(stockroom, order_id, job_id, drawn, free), times=2)

    assert stockroom.states()[drawn] == "drawn"
    assert stockroom.states()[free] == "released"
    assert stockroom.free(lens_id) == {stockroom.lab_id: 1}


def test_a_job_that_was_stopped_frees_nothing_of_the_next_job_of_its_order_however_late_it_is_told(
    stockroom: Any, lens_id: str
) -> None:
    order_id, first_job, next_job = new_id("ord"), new_id("job"), new_id("job")
    frame_id = stockroom.add_frame()
    stockroom.stock_frames(frame_id, 1)
    stockroom.stock_lenses(lens_id, 4)
    set_aside_id = stockroom.set_aside(frame_id)
    first = [stockroom.reserve(lens_id, OD), stockroom.reserve(lens_id, OS)]
    hear(
        stockroom,
        confirmed(
            stockroom, order_id, set_aside_ids=[set_aside_id], reservation_ids=first, revision=1
        ),
    )
    # Quoted and approved anew on other lenses; one of them is drawn to the next job already.
    anew = [stockroom.reserve(lens_id, OD), stockroom.reserve(lens_id, OS)]
    hear(stockroom, confirmed(stockroom, order_id, reservation_ids=anew, revision=2))
    stockroom.draw(anew[0], next_job)

    hear(stockroom, stopped(stockroom, order_id, first_job, *first))

    states = stockroom.states()
    assert [states[one] for one in first] == ["released", "released"]
    assert [states[one] for one in anew] == ["drawn", "reserved"]
    assert stockroom.free(frame_id) == {}, "the frame is the order's until it is drawn"


def test_a_lens_of_a_stopped_job_that_the_next_one_drew_stays_drawn(
    stockroom: Any, lens_id: str
) -> None:
    order_id, first_job, next_job = new_id("ord"), new_id("job"), new_id("job")
    stockroom.stock_lenses(lens_id, 1)
    lens = stockroom.reserve(lens_id, OD)
    hear(stockroom, confirmed(stockroom, order_id, reservation_ids=[lens]))
    stockroom.draw(lens, next_job)

    hear(stockroom, stopped(stockroom, order_id, first_job, lens))

    assert stockroom.states() == {lens: "drawn"}


@pytest.mark.parametrize("fact", [billing.OrderCancelled, billing.OrderRequoted])
def test_a_second_order_on_the_same_stock_neither_takes_nor_frees_what_the_first_took_up(
    stockroom: Any, lens_id: str, fact: Any
) -> None:
    frame_id, order_id, other_id = stockroom.add_frame(), new_id("ord"), new_id("ord")
    stockroom.stock_frames(frame_id, 1)
    stockroom.stock_lenses(lens_id, 1)
    set_aside_id, lens = stockroom.set_aside(frame_id), stockroom.reserve(lens_id)
    everything: Any = {"set_aside_ids": [set_aside_id], "reservation_ids": [lens]}
    hear(stockroom, confirmed(stockroom, order_id, **everything))

    hear(stockroom, confirmed(stockroom, other_id, **everything))
    if fact is billing.OrderCancelled:
        ended = fact(order_id=other_id, case_id=stockroom.case_id, **everything)
    else:
        ended = fact(
            order_id=other_id,
            case_id=stockroom.case_id,
            dropped_set_aside_ids=[set_aside_id],
            dropped_reservation_ids=[lens],
        )
    hear(stockroom, ended)

    held = stockroom.held().reservations
    assert {(one.envelope.state, one.order_id) for one in held} == {("reserved", order_id)}
    assert stockroom.free(frame_id) == stockroom.free(lens_id) == {}


@pytest.mark.parametrize("later", ["cancelled", "requoted"])
def test_a_confirmation_that_is_heard_after_what_came_later_takes_nothing_up(
    stockroom: Any, lens_id: str, later: str
) -> None:
    """They come by queues of their own, so a retry may swap them."""
    order_id = new_id("ord")
    stockroom.stock_lenses(lens_id, 1)
    lens = stockroom.reserve(lens_id, OD)
    told: dict[str, Any] = {"order_id": order_id, "case_id": stockroom.case_id, "revision": 4}
    event = (
        billing.OrderCancelled(**told, reservation_ids=[lens])
        if later == "cancelled"
        else billing.OrderRequoted(**told, dropped_reservation_ids=[lens])
    )

    hear(stockroom, event)
    hear(stockroom, confirmed(stockroom, order_id, reservation_ids=[lens], revision=3))

    assert stockroom.states()[lens] == "released"
    assert stockroom.free(lens_id) == {stockroom.lab_id: 1}


def test_a_cancelled_quotation_gives_back_its_set_aside(stockroom: Any) -> None:
    frame_id = stockroom.add_frame()
    stockroom.stock_frames(frame_id, 1)
    set_aside_id = stockroom.set_aside(frame_id)
    cancelled = billing.OrderCancelled(
        order_id=new_id("ord"), case_id=stockroom.case_id, set_aside_ids=[set_aside_id]
    )
    hear(stockroom, cancelled, times=2)

    assert stockroom.states() == {set_aside_id: "released"}
    assert stockroom.free(frame_id) == {stockroom.shop_id: 1}


def test_a_lens_that_no_order_takes_up_is_free_again(stockroom: Any, lens_id: str) -> None:
    stockroom.stock_lenses(lens_id, 2)
    forgotten, committed = stockroom.reserve(lens_id), stockroom.reserve(lens_id)
    hear(stockroom, confirmed(stockroom, new_id("ord"), reservation_ids=[committed]))
    past = datetime.now(UTC) - timedelta(hours=1)
    with stockroom.by_rule() as work:
        work.connection.execute(update(due_hold).values(due_at=past))
        InventoryWorker().give_up_what_is_due(work)

    assert stockroom.states() == {forgotten: "expired", committed: "reserved"}
    assert [one.reservation_id for one in stockroom.told("ReservationExpired")] == [forgotten]
    assert stockroom.free(lens_id) == {stockroom.lab_id: 1}


def test_a_collected_job_uses_up_its_lenses_and_the_frame(stockroom: Any, lens_id: str) -> None:
    frame_id, order_id, job_id = stockroom.add_frame(), new_id("ord"), new_id("job")
    stockroom.stock_frames(frame_id, 1)
    stockroom.stock_lenses(lens_id, 2)
    set_aside_id = stockroom.set_aside(frame_id)
    lenses = [stockroom.reserve(lens_id, OD), stockroom.reserve(lens_id, OS)]
    hear(
        stockroom,
        confirmed(stockroom, order_id, set_aside_ids=[set_aside_id], reservation_ids=lenses),
    )
    for one in lenses:
        stockroom.draw(one, job_id)

    collected = labjob.JobCollected(job_id=job_id, order_id=order_id, case_id=stockroom.case_id)
    hear(stockroom, collected, times=2)

    held = stockroom.held()
    assert {one.envelope.state for one in held.reservations} == {"consumed"}
    assert {one.job_id for one in held.reservations} == {job_id}
    request = pb.ListPiecesRequest(product_id=frame_id)
    pieces = stockroom.ask(Role.OPTICIAN, request, pb.ListPiecesResponse).pieces
    assert [one.state for one in pieces] == ["consumed"]


def test_a_repeated_request_reserves_once(stockroom: Any, lens_id: str) -> None:
    stockroom.stock_lenses(lens_id, 5)
    request = pb.ReserveLensRequest(
        request_id="one-click",
        case_id=stockroom.case_id,
        customer_id=stockroom.customer_id,
        product_id=lens_id,
        eye=reservation_pb2.EYE_OD,
        power=product_pb2.LensPower(sphere_centidioptres=-200, cylinder_centidioptres=-50),
        stock_branch_id=stockroom.lab_id,
    )

    stockroom.person(Role.OPTICIAN)  # one person, who clicks three times

    def click() -> Any:
        answer = stockroom.ask(Role.OPTICIAN, request, pb.ReserveLensResponse)
        return answer.reservation.envelope.id

    assert len(set(stockroom.at_once(click, click, click))) == 1
    assert stockroom.free(lens_id) == {stockroom.lab_id: 4}
