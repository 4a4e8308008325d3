"""发料: reserved stock is drawn to a job, with its lot."""

from __future__ import annotations

from dataclasses import replace

from chassis.db import UnitOfWork
from chassis.ids import new_id
from chassis.records.envelope import Record
from chassis.records.gates import gate
from chassis.records.pins import pin
from inventory import store, store_piece, store_shelf
from inventory.commands_reservation import shelf_of
from inventory.draw import DRAW, Draw, LotNotSellable, StockDrawn
from inventory.lot import LOT
from inventory.reservation import RESERVATION, OtherCase, Reservation
from inventory.stock import Cause, PieceInTransit, PieceState


@gate("draw_to_job", RESERVATION, by="reservation_id")
def draw_to_job(
    work: UnitOfWork, *, reservation_id: str, job_id: str, case_id: str = ""
) -> Record[Draw]:
    """Draw reserved stock to a job. Raises Unknown, WrongBranch, OtherCase, LotNotSellable,
    PieceInTransit, MoveForbidden, StalePins."""
    reservation = work.records.live(RESERVATION, reservation_id)
    content = reservation.content
    if case_id and case_id != reservation.case_id:
        raise OtherCase(f"{reservation_id} belongs to another case", id=reservation_id)
    if content.lot_id and store.locked_lots(
        work.connection, [content.lot_id], drill=work.actor.drill
    ):
        raise LotNotSellable("nothing of this lot may be drawn", id=content.lot_id)
    if content.piece_id and store_piece.find(work.connection, content.piece_id).is_in_transit:
        raise PieceInTransit("the frame travels", id=content.piece_id, missing=["frame received"])
    draw_id = new_id("drw")
    drawn = work.records.move(reservation, "draw", nobody_next=True, job_id=job_id, draw_id=draw_id)
    lot = work.records.find(LOT, content.lot_id)
    draw = work.records.add(
        DRAW,
        Draw(
            reservation_id=reservation_id,
            job_id=job_id,
            product_id=content.product_id,
            lot_id=content.lot_id,
            quantity=content.quantity,
            unit_cost=lot.content.unit_cost,
            piece_id=content.piece_id,
            eye=content.eye,
            power=content.power,
        ),
        id=draw_id,
        case_id=reservation.case_id,
        customer_id=reservation.customer_id,
        branch_id=content.stock_branch_id,
        relies_on=[pin(drawn, "product_id", "lot_id", "piece_id", "power")],
    )
    store.not_due(work.connection, reservation_id)
    take_out(work, content, Cause.DRAWN, PieceState.DRAWN, draw_id)
    work.tell(
        draw,
        StockDrawn(
            draw_id=draw_id,
            reservation_id=reservation_id,
            job_id=job_id,
            case_id=reservation.case_id,
            product_id=content.product_id,
            lot_id=content.lot_id,
            quantity=content.quantity,
        ),
    )
    return draw


def take_out(
    work: UnitOfWork, content: Reservation, cause: Cause, state: PieceState, about: str
) -> None:
    """Take reserved stock away for good, and note the movement; what travels was counted off when
    it was sent."""
    shelf = shelf_of(content)
    if content.piece_id:
        piece = store_piece.find(work.connection, content.piece_id)
        store_piece.put_in_state(work.connection, piece.id, state)
        if piece.is_in_transit:
            return
        shelf = replace(shelf, branch_id=piece.branch_id)
    else:
        store_shelf.take_reserved(work.connection, shelf, content.quantity)
    store.moved(work, cause, shelf, -content.quantity, about, piece_id=content.piece_id)
