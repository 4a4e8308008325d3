"""占用: lenses are reserved for an eye, given back, or reserved again after a loss. Nothing is
reserved twice."""

from __future__ import annotations

from dataclasses import replace

from chassis.db import UnitOfWork
from chassis.ids import new_id
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Record
from chassis.records.kinds import MoveForbidden
from chassis.records.pins import Pin
from chassis.roles import Role
from inventory import store, store_piece, store_shelf
from inventory.commands_set_aside import holding_rule
from inventory.lens import Eye, LensPower
from inventory.lot import LOT, pin_on_lot
from inventory.product import PRODUCT, Product, ProductKind, pin_on_product
from inventory.reservation import (
    RESERVATION,
    Reservation,
    ReservationCommitted,
    ReservationExpired,
    ReservationReleased,
)
from inventory.stock import OutOfStock, PieceState, Shelf


def reserve_lens(
    work: UnitOfWork,
    *,
    case_id: str,
    customer_id: str,
    product_id: str,
    eye: Eye,
    power: LensPower,
    stock_branch_id: str,
    quantity: int = 0,
) -> Record[Reservation]:
    """Reserve lenses of one power for one eye. Raises Unknown, OutOfStock, Invalid (NOT_A_LENS,
    POWER_NOT_MADE)."""
    product = work.records.live(PRODUCT, product_id)
    wanted = Reservation(
        product_id=product_id,
        product_kind=ProductKind.LENS,
        quantity=quantity or 1,
        stock_branch_id=stock_branch_id,
        eye=eye,
        power=product.content.require_made(power),
    )
    reservation_id = new_id("rsv")
    content = take_stock(work, reservation_id, wanted)
    if content is None:
        raise _out_of_stock(wanted)
    store.fall_due(work.connection, reservation_id, holding_rule(work).reservation_ends(work.at))
    return work.records.add(
        RESERVATION,
        content,
        id=reservation_id,
        case_id=case_id,
        customer_id=customer_id,
        held_at_id=stock_branch_id,
        responsible_role=Role.OPTICIAN,
        closes_when="record_in_state(consumed)",
        relies_on=pins_of_stock(work, content, product),
    )


def take_stock(work: UnitOfWork, reservation_id: str, wanted: Reservation) -> Reservation | None:
    """Take free stock for a reservation; None when there is none."""
    on = store.today(work.connection)
    if wanted.product_kind is ProductKind.FRAME:
        piece = store_piece.take_any(
            work.connection,
            product_id=wanted.product_id,
            branch_id=wanted.stock_branch_id,
            state=PieceState.RESERVED,
            holder_id=reservation_id,
            on=on,
            drill=work.actor.drill,
        )
        return replace(wanted, piece_id=piece.id, lot_id=piece.lot_id) if piece else None
    shelf = store_shelf.reserve(
        work.connection,
        product_id=wanted.product_id,
        branch_id=wanted.stock_branch_id,
        power=wanted.power,
        quantity=wanted.quantity,
        on=on,
        drill=work.actor.drill,
    )
    return replace(wanted, lot_id=shelf.lot_id) if shelf else None


def pins_of_stock(
    work: UnitOfWork, content: Reservation, product: Record[Product] | None = None
) -> list[Pin]:
    """Return the pins a reservation stands on: the product, which is read unless given, and its lot
    once there is one."""
    product = product or work.records.find(PRODUCT, content.product_id)
    if not content.lot_id:
        return [pin_on_product(product)]
    return [pin_on_product(product), pin_on_lot(work.records.find(LOT, content.lot_id))]


def shelf_of(content: Reservation) -> Shelf:
    """Return the shelf a lens reservation stands on."""
    return Shelf(
        product_id=content.product_id,
        lot_id=content.lot_id,
        branch_id=content.stock_branch_id,
        power=content.power,
    )


def release_reservation(
    work: UnitOfWork, *, reservation_id: str, reason: str
) -> Record[Reservation]:
    """Give back what no order has taken up. Raises Unknown, WrongBranch, RecordVoid,
    ReservationCommitted, MoveForbidden."""
    reservation = work.records.live(RESERVATION, reservation_id)
    if reservation.content.order_id:
        text = "a confirmed order has taken this up: the order drops it"
        raise ReservationCommitted(text, order_id=reservation.content.order_id)
    return give_back(work, reservation, reason)


def give_back(
    work: UnitOfWork, reservation: Record[Reservation], reason: str
) -> Record[Reservation]:
    """Free what a reservation holds, and tell who counted on it. Raises MoveForbidden."""
    released = _end(
        work, reservation, "release", ChangeKind.REVOKED, "RESERVATION_RELEASED", reason
    )
    content = reservation.content
    work.tell(
        released,
        ReservationReleased(
            reservation_id=reservation.id,
            order_id=content.order_id,
            case_id=reservation.case_id,
            product_id=content.product_id,
        ),
    )
    return released


def expire_reservation(work: UnitOfWork, reservation_id: str) -> None:
    """Give back what no order took up in time, and tell who counted on it."""
    reservation = work.records.find(RESERVATION, reservation_id)
    if reservation.state != "reserved" or reservation.content.order_id:
        store.not_due(work.connection, reservation_id)
        return
    reason = "no order took it up within the time of the rule"
    _end(work, reservation, "expire", ChangeKind.EXPIRED, "RESERVATION_EXPIRED", reason)
    work.tell(
        reservation,
        ReservationExpired(
            reservation_id=reservation.id,
            case_id=reservation.case_id,
            customer_id=reservation.customer_id,
            branch_id=reservation.branch_id,
            product_id=reservation.content.product_id,
            expired_at=work.at,
        ),
    )


def _end(
    work: UnitOfWork,
    reservation: Record[Reservation],
    verb: str,
    what: ChangeKind,
    reason_code: str,
    reason: str,
) -> Record[Reservation]:
    state = RESERVATION.transitions.after(reservation.state, verb)
    ended = work.records.void(
        reservation, what, state=state, reason_code=reason_code, reason=reason
    )
    store.not_due(work.connection, reservation.id)
    if _holds_stock(reservation):
        _free(work, reservation)
    return ended


def _holds_stock(reservation: Record[Reservation]) -> bool:
    """Tell whether stock is kept for a reservation: on the shelf, or a piece on its way."""
    return reservation.state in ("reserved", "awaited") and bool(reservation.content.lot_id)


def _free(work: UnitOfWork, reservation: Record[Reservation]) -> None:
    content = reservation.content
    if not content.piece_id:
        store_shelf.give_back(work.connection, shelf_of(content), content.quantity)
        return
    store_piece.pass_on(
        work.connection,
        content.piece_id,
        holder_id=reservation.id,
        state=PieceState.FREE,
        to="",
    )


def replace_reservation(
    work: UnitOfWork, *, reservation_id: str, stock_branch_id: str = ""
) -> Record[Reservation]:
    """Reserve the same again in the place of what broke, never was there, or lies in a locked lot.
    Raises Unknown, WrongBranch, OutOfStock, MoveForbidden."""
    old = work.records.live(RESERVATION, reservation_id)
    if _holds_stock(old):
        if not store.locked_lots(work.connection, [old.content.lot_id], drill=work.actor.drill):
            raise MoveForbidden(f"{reservation_id} has its stock", id=reservation_id)
        _free(work, old)
    store.not_due(work.connection, reservation_id)
    new_reservation_id = new_id("rsv")
    work.records.move(
        old,
        "replace",
        nobody_next=True,
        closed=True,
        replaced_by_id=new_reservation_id,
        reason_code="RESERVED_AGAIN",
        reason="another piece takes its place",
    )
    wanted = again(old, stock_branch_id)
    content = take_stock(work, new_reservation_id, wanted)
    if content is None:
        raise _out_of_stock(wanted)
    return add_in_place(work, old, new_reservation_id, content)


def standing(work: UnitOfWork, reservation_id: str) -> Record[Reservation]:
    """Return the reservation that stands in the place of another now."""
    reservation = work.records.find(RESERVATION, reservation_id)
    while reservation.content.replaced_by_id:
        reservation = work.records.find(RESERVATION, reservation.content.replaced_by_id)
    return reservation


def again(old: Record[Reservation], stock_branch_id: str = "") -> Reservation:
    """Return what to reserve in the place of an earlier reservation."""
    content = old.content
    return Reservation(
        product_id=content.product_id,
        product_kind=content.product_kind,
        quantity=content.quantity,
        stock_branch_id=stock_branch_id or content.stock_branch_id,
        eye=content.eye,
        power=content.power,
        set_aside_id=content.set_aside_id,
        replaces_id=old.id,
        order_id=content.order_id,
    )


def add_in_place(
    work: UnitOfWork, old: Record[Reservation], reservation_id: str, content: Reservation
) -> Record[Reservation]:
    """Record a reservation that stands in the place of another; awaited when it has no lot."""
    if not content.order_id:
        ends = holding_rule(work).reservation_ends(work.at)
        store.fall_due(work.connection, reservation_id, ends)
    return work.records.add(
        RESERVATION,
        content,
        id=reservation_id,
        state="reserved" if content.lot_id else "awaited",
        case_id=old.case_id,
        customer_id=old.customer_id,
        branch_id=old.branch_id,
        held_at_id=content.stock_branch_id,
        responsible_role=next_role(content),
        closes_when="record_in_state(consumed)",
        relies_on=pins_of_stock(work, content),
    )


def next_role(content: Reservation) -> Role:
    """Return who must act next: who draws what an order has taken up, else who sells."""
    if content.product_kind is ProductKind.FRAME:
        return Role.FRAME_CONTROLLER
    return Role.LAB_TECHNICIAN if content.order_id and content.lot_id else Role.OPTICIAN


def _out_of_stock(wanted: Reservation) -> OutOfStock:
    return OutOfStock(
        f"fewer than {wanted.quantity} are free there",
        product_id=wanted.product_id,
        branch_id=wanted.stock_branch_id,
        eye=wanted.eye or "",
    )
