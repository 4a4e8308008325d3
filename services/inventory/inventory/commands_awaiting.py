"""A frame that an order awaits: by special order, or set aside at another branch. It is reserved as
soon as a piece lies at the branch of the order."""

from __future__ import annotations

from dataclasses import replace

from chassis.db import UnitOfWork
from chassis.ids import new_id, prefix_of
from chassis.records.envelope import Record
from chassis.roles import Role
from inventory import store, store_piece
from inventory.commands_reservation import pins_of_stock, take_stock
from inventory.product import ProductKind
from inventory.reservation import HELD_NO_MORE, RESERVATION, Reservation, StockCommitted
from inventory.stock import Piece


def await_frame(
    work: UnitOfWork,
    *,
    order_id: str,
    product_id: str,
    case_id: str,
    customer_id: str,
    branch_id: str,
) -> None:
    """Reserve a frame for an order that chose it without a set-aside: a piece that came already, or
    the first that comes. Heard twice, it is reserved once."""
    if any(awaited_frames_of(work, order_id=order_id, product_id=product_id, case_id=case_id)):
        return
    reservation_id = new_id("rsv")
    wanted = Reservation(
        product_id=product_id,
        product_kind=ProductKind.FRAME,
        quantity=1,
        stock_branch_id=branch_id,
        order_id=order_id,
    )
    store.lock_arrivals(work.connection, product_id, branch_id)
    content = take_stock(work, reservation_id, wanted) or wanted
    reservation = work.records.add(
        RESERVATION,
        content,
        id=reservation_id,
        state="reserved" if content.piece_id else "awaited",
        case_id=case_id,
        customer_id=customer_id,
        branch_id=branch_id,
        responsible_role=Role.FRAME_CONTROLLER,
        closes_when="record_in_state(consumed)",
        relies_on=pins_of_stock(work, content),
    )
    tell_committed(work, reservation)


def awaited_frames_of(
    work: UnitOfWork, *, order_id: str, product_id: str, case_id: str
) -> list[Record[Reservation]]:
    """Return what an order holds of a frame that it chose without a set-aside."""
    return [
        one
        for one in store.of_case(work.connection, RESERVATION, case_id)
        if one.content.order_id == order_id
        and one.content.product_id == product_id
        and not one.content.set_aside_id
        and one.state not in HELD_NO_MORE
    ]


def serve_awaited(work: UnitOfWork, product_id: str, branch_id: str) -> None:
    """Give the free pieces of a frame to the orders that await it at a branch; who waits longest
    comes first."""
    store.lock_arrivals(work.connection, product_id, branch_id)
    for reservation in store.awaited_frames(work.connection, product_id, branch_id):
        content = take_stock(work, reservation.id, reservation.content)
        if content is None:
            return
        _had(work, reservation, content)


def serve_arrived(work: UnitOfWork, pieces: list[Piece], branch_id: str) -> None:
    """Note that pieces came to a branch: what was kept for an order there is had, and what nobody
    holds serves those who await it."""
    for piece in pieces:
        if prefix_of(piece.holder_id) != RESERVATION.prefix:
            continue
        reservation = work.records.find(RESERVATION, piece.holder_id)
        if reservation.state == "awaited" and reservation.branch_id == branch_id:
            _had(work, reservation, replace(reservation.content, stock_branch_id=branch_id))
    for product_id in sorted({piece.product_id for piece in pieces}):
        serve_awaited(work, product_id, branch_id)


def _had(work: UnitOfWork, reservation: Record[Reservation], content: Reservation) -> None:
    if content != reservation.content:
        reservation = work.records.amend(
            reservation,
            reason_code="FRAME_ARRIVED",
            reason="the frame came to the branch of the order",
            relies_on=pins_of_stock(work, content),
            stock_branch_id=content.stock_branch_id,
            lot_id=content.lot_id,
            piece_id=content.piece_id,
        )
    had = work.records.move(reservation, "arrive", held_at_id=content.stock_branch_id)
    tell_committed(work, had)


def is_here(work: UnitOfWork, content: Reservation, branch_id: str) -> bool:
    """Tell whether the piece of a reservation lies at a branch."""
    if not content.piece_id:
        return False
    piece = store_piece.find(work.connection, content.piece_id)
    return piece.branch_id == branch_id and not piece.is_in_transit


def tell_committed(work: UnitOfWork, reservation: Record[Reservation]) -> None:
    """Tell that a reservation belongs to an order, and whether its stock is there."""
    content = reservation.content
    work.tell(
        reservation,
        StockCommitted(
            reservation_id=reservation.id,
            order_id=content.order_id,
            case_id=reservation.case_id,
            product_id=content.product_id,
            set_aside_id=content.set_aside_id,
            is_awaited=reservation.state == "awaited",
        ),
    )
