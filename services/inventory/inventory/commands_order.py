"""What orders and jobs do to stock: a confirmed order takes up what was held for it, a changed or
cancelled one gives it back, a collected job uses it up.

These follow facts that already happened, so they never refuse; each may be heard twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from chassis.db import UnitOfWork
from chassis.ids import new_id
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Record
from chassis.roles import Role
from inventory import store, store_piece
from inventory.commands_awaiting import (
    await_frame,
    awaited_frames_of,
    is_here,
    tell_committed,
)
from inventory.commands_drawing import take_out
from inventory.commands_reservation import (
    add_in_place,
    again,
    give_back,
    pins_of_stock,
    standing,
    take_stock,
)
from inventory.commands_set_aside import give_up
from inventory.draw import DRAW
from inventory.product import ProductKind
from inventory.reservation import HELD_NO_MORE, RESERVATION, Reservation
from inventory.set_aside import SET_ASIDE, SetAside
from inventory.stock import Cause, Piece, PieceState

_KEPT_OR_GONE = HELD_NO_MORE | {"consumed", "drawn"}


def commit_to_order(
    work: UnitOfWork,
    *,
    order_id: str,
    revision: int,
    set_aside_ids: Iterable[str],
    reservation_ids: Iterable[str],
    awaited_frame_product_id: str = "",
    case_id: str = "",
    customer_id: str = "",
    branch_id: str = "",
) -> None:
    """Turn set-asides into reservations and commit reservations to a confirmed order. What is there
    no longer is taken again, or awaited; so is a frame by special order. Nothing is taken up when
    the order was quoted anew or cancelled since, which may be heard of first."""
    if not store.hear_of_order(work.connection, order_id, revision):
        return
    for set_aside_id in set_aside_ids:
        held = work.records.find(SET_ASIDE, set_aside_id)
        if held.content.reservation_id:
            _commit(work, held.content.reservation_id, order_id)
        else:
            _reserve_set_aside(work, held, order_id)
    for reservation_id in reservation_ids:
        _commit(work, reservation_id, order_id)
    if awaited_frame_product_id:
        await_frame(
            work,
            order_id=order_id,
            product_id=awaited_frame_product_id,
            case_id=case_id,
            customer_id=customer_id,
            branch_id=branch_id,
        )


def _reserve_set_aside(work: UnitOfWork, held: Record[SetAside], order_id: str) -> None:
    reservation_id = new_id("rsv")
    content = _frame_for(work, held, reservation_id, order_id)
    if held.void:
        work.records.note(held, reservation_id=reservation_id)
    else:
        work.records.move(
            held, "reserve", nobody_next=True, closed=True, reservation_id=reservation_id
        )
    store.not_due(work.connection, held.id)
    reservation = work.records.add(
        RESERVATION,
        content,
        id=reservation_id,
        state="reserved" if is_here(work, content, held.branch_id) else "awaited",
        case_id=held.case_id,
        customer_id=held.customer_id,
        branch_id=held.branch_id,
        held_at_id=content.stock_branch_id,
        responsible_role=Role.FRAME_CONTROLLER,
        closes_when="record_in_state(consumed)",
        relies_on=pins_of_stock(work, content),
    )
    tell_committed(work, reservation)


def _frame_for(
    work: UnitOfWork, held: Record[SetAside], reservation_id: str, order_id: str
) -> Reservation:
    """Return the reservation of the frame that was set aside: the very piece if it can be had,
    another piece of it, or none yet: then one that comes to the branch of the order."""
    connection, content = work.connection, held.content
    piece = _same_piece(work, held, reservation_id)
    wanted = Reservation(
        product_id=content.product_id,
        product_kind=ProductKind.FRAME,
        quantity=1,
        stock_branch_id=piece.branch_id if piece else content.stock_branch_id,
        lot_id=piece.lot_id if piece else "",
        piece_id=piece.id if piece else "",
        set_aside_id=held.id,
        order_id=order_id,
    )
    if piece:
        return wanted
    store.lock_arrivals(connection, content.product_id, held.branch_id)
    other = take_stock(work, reservation_id, wanted)
    return other or replace(wanted, stock_branch_id=held.branch_id)


def _same_piece(work: UnitOfWork, held: Record[SetAside], reservation_id: str) -> Piece | None:
    """Pass the very piece on to the reservation, wherever it travels; None when it is gone, or its
    lot is locked."""
    connection, content = work.connection, held.content
    locked = bool(store.locked_lots(connection, [content.lot_id], drill=work.actor.drill))
    passed_on = not held.void and store_piece.pass_on(
        connection,
        content.piece_id,
        holder_id=held.id,
        state=PieceState.FREE if locked else PieceState.RESERVED,
        to="" if locked else reservation_id,
    )
    if passed_on and not locked:
        return store_piece.find(connection, content.piece_id)
    return store_piece.take_this(
        connection,
        content.piece_id,
        state=PieceState.RESERVED,
        holder_id=reservation_id,
        on=store.today(connection),
        drill=work.actor.drill,
    )


def _commit(work: UnitOfWork, reservation_id: str, order_id: str) -> None:
    reservation = standing(work, reservation_id)
    content = reservation.content
    if _is_of_another(content, order_id):
        return
    if reservation.void:
        _reserve_again(work, reservation, order_id)
    elif reservation.state in ("reserved", "awaited") and content.order_id != order_id:
        committed = work.records.move(
            reservation, "commit", responsible_role=_taker(content), order_id=order_id
        )
        store.not_due(work.connection, reservation.id)
        tell_committed(work, committed)
    elif content.order_id != order_id:
        work.records.note(reservation, order_id=order_id)


def _is_of_another(content: Reservation, order_id: str) -> bool:
    """Tell whether another order took a reservation up: it stays with that one, whatever a second
    order on the same stock comes to."""
    return content.order_id not in ("", order_id)


def _taker(content: Reservation) -> Role:
    is_frame = content.product_kind is ProductKind.FRAME
    return Role.FRAME_CONTROLLER if is_frame else Role.LAB_TECHNICIAN


def _reserve_again(work: UnitOfWork, old: Record[Reservation], order_id: str) -> None:
    """Take stock again for a reservation that ran out just before its order was confirmed."""
    reservation_id = new_id("rsv")
    noted = work.records.note(old, order_id=order_id, replaced_by_id=reservation_id)
    wanted = again(noted)
    content = take_stock(work, reservation_id, wanted) or wanted
    tell_committed(work, add_in_place(work, noted, reservation_id, content))


def drop_from_order(
    work: UnitOfWork,
    *,
    order_id: str,
    set_aside_ids: Iterable[str],
    reservation_ids: Iterable[str],
    reason: str,
    awaited_frame_product_id: str = "",
    case_id: str = "",
) -> None:
    """Give back what an order needs no longer. What was drawn already stays with its job, what
    another order took up stays with it, and what was given back before stays given back."""
    for set_aside_id in set_aside_ids:
        held = work.records.find(SET_ASIDE, set_aside_id)
        if held.content.reservation_id:
            _drop(work, held.content.reservation_id, order_id, reason)
        elif not held.void:
            give_up(work, held, "release", ChangeKind.REVOKED, "SET_ASIDE_RELEASED", reason)
    for reservation_id in reservation_ids:
        _drop(work, reservation_id, order_id, reason)
    if awaited_frame_product_id:
        for awaited in awaited_frames_of(
            work, order_id=order_id, product_id=awaited_frame_product_id, case_id=case_id
        ):
            _drop(work, awaited.id, order_id, reason)


def _drop(work: UnitOfWork, reservation_id: str, order_id: str, reason: str) -> None:
    _give_back_of_order(work, standing(work, reservation_id), order_id, reason)


def _give_back_of_order(
    work: UnitOfWork, reservation: Record[Reservation], order_id: str, reason: str
) -> None:
    is_held = reservation.state not in _KEPT_OR_GONE
    if is_held and not _is_of_another(reservation.content, order_id):
        give_back(work, reservation, reason)


def take_back(work: UnitOfWork, *, order_id: str, reservation_ids: Iterable[str]) -> None:
    """Give back the lenses that a stopped job stood on and did not draw. What else the order holds
    stays with it and its next job: the frame, and what was reserved anew or put in a place."""
    for reservation_id in reservation_ids:
        reservation = work.records.find(RESERVATION, reservation_id)
        _give_back_of_order(work, reservation, order_id, "the job was stopped")


def release_order(
    work: UnitOfWork,
    *,
    order_id: str,
    case_id: str,
    set_aside_ids: Iterable[str],
    reservation_ids: Iterable[str],
) -> None:
    """Give back everything that is held for a cancelled order, what replaced something included."""
    of_order = [
        one.id
        for one in store.of_case(work.connection, RESERVATION, case_id)
        if one.content.order_id == order_id
    ]
    drop_from_order(
        work,
        order_id=order_id,
        set_aside_ids=set_aside_ids,
        reservation_ids=dict.fromkeys([*reservation_ids, *of_order]),
        reason="the order was cancelled",
    )


def use_up(work: UnitOfWork, *, job_id: str, order_id: str, case_id: str) -> None:
    """Note that the customer has the glasses: what was drawn to the job is used up, and the frame
    of the order with it, drawn or not."""
    for reservation in store.of_case(work.connection, RESERVATION, case_id):
        content = reservation.content
        if reservation.state == "drawn" and content.job_id == job_id:
            draw = work.records.find(DRAW, content.draw_id)
            work.records.move(draw, "consume", nobody_next=True, closed=True)
            if content.piece_id:
                store_piece.put_in_state(work.connection, content.piece_id, PieceState.CONSUMED)
        elif reservation.state == "reserved" and content.piece_id and content.order_id == order_id:
            take_out(work, content, Cause.CONSUMED, PieceState.CONSUMED, reservation.id)
        else:
            continue
        work.records.move(reservation, "consume", nobody_next=True, closed=True, job_id=job_id)
