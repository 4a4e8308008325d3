"""What breaks is recorded, whatever state it is in; whoever counted on it must reserve again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.ids import new_id, prefix_of
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Evidence, Record
from chassis.records.kinds import MoveForbidden
from chassis.roles import Role
from chassis.rules import in_force
from inventory import store, store_piece, store_shelf
from inventory.commands_drawing import take_out
from inventory.commands_reservation import shelf_of
from inventory.commands_set_aside import give_up
from inventory.draw import BREAKAGE, DRAW, Breakage, StockBroken, fault_side_of
from inventory.lens import LensPower
from inventory.lot import LOT
from inventory.product import PRODUCT, ProductKind
from inventory.reservation import RESERVATION, Reservation
from inventory.set_aside import SET_ASIDE
from inventory.stock import Cause, Piece, PieceState, Shelf


def record_breakage(
    work: UnitOfWork,
    *,
    reason_code: str,
    reservation_id: str = "",
    piece_id: str = "",
    lot_id: str = "",
    power: LensPower | None = None,
    quantity: int = 0,
    note: str = "",
    evidence_keys: tuple[str, ...] = (),
) -> Record[Breakage]:
    """Record that stock broke: what a reservation holds (all of it), a piece, or stock on the
    shelf of this branch. Raises Unknown, WrongBranch, MoveForbidden, Invalid (REASON_UNKNOWN,
    NOTHING_NAMED, POWER_MISSING)."""
    rule = in_force(work.connection, "breakage_reason", work.at.date())
    told = _Told(
        id=new_id("brk"),
        reason_code=reason_code,
        fault_side=fault_side_of(rule.body, reason_code),
        note=note,
        evidence=work.records.evidence(evidence_keys),
    )
    if piece_id and not reservation_id:
        piece = store_piece.find(work.connection, piece_id)
        if prefix_of(piece.holder_id) != RESERVATION.prefix:
            return _break_piece(work, told, piece)
        reservation_id = piece.holder_id
    if reservation_id:
        return _break_reserved(work, told, work.records.get(RESERVATION, reservation_id))
    if lot_id:
        written = power.in_minus_cylinder() if power is not None else None
        return _break_on_shelf(work, told, lot_id, written, quantity or 1)
    text = "name a reservation, a piece or a lot"
    raise invalid("reservation_id", "required", text, reason="NOTHING_NAMED")


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What the person says of a breakage."""

    id: str
    reason_code: str
    fault_side: str
    note: str
    evidence: tuple[Evidence, ...]


def _break_reserved(
    work: UnitOfWork, told: _Told, reservation: Record[Reservation]
) -> Record[Breakage]:
    content = reservation.content
    if not content.lot_id:
        raise MoveForbidden(f"{reservation.id} awaits its stock", id=reservation.id)
    was_drawn = reservation.state == "drawn"
    _lose(work, told, reservation, content.quantity)
    if not was_drawn:
        take_out(work, content, Cause.BROKEN, PieceState.BROKEN, told.id)
    elif content.piece_id:
        store_piece.put_in_state(work.connection, content.piece_id, PieceState.BROKEN)
    return _add(
        work,
        told,
        shelf_of(content),
        content.quantity,
        reservation=reservation,
        piece_id=content.piece_id,
    )


def _lose(work: UnitOfWork, told: _Told, reservation: Record[Reservation], quantity: int) -> None:
    """Note that a reservation lost its stock, or part of it: the optician must reserve again."""
    content = reservation.content
    work.records.move(
        reservation,
        "lose",
        responsible_role=Role.OPTICIAN,
        held_at_id=reservation.branch_id,
        reason_code=told.reason_code,
        reason=told.note,
    )
    if content.draw_id:
        work.records.move(work.records.find(DRAW, content.draw_id), "lose", nobody_next=True)
    store.not_due(work.connection, reservation.id)
    _tell(work, told, shelf_of(content), quantity, reservation)


def _break_piece(work: UnitOfWork, told: _Told, piece: Piece) -> Record[Breakage]:
    if piece.state in (PieceState.BROKEN, PieceState.CONSUMED):
        raise MoveForbidden(f"{piece.id} is {piece.state} already", id=piece.id)
    store_piece.put_in_state(work.connection, piece.id, PieceState.BROKEN)
    shelf = Shelf(product_id=piece.product_id, lot_id=piece.lot_id, branch_id=piece.branch_id)
    if not piece.is_in_transit:
        store.moved(work, Cause.BROKEN, shelf, -1, told.id, piece_id=piece.id)
    held = None
    if prefix_of(piece.holder_id) == SET_ASIDE.prefix:
        held = work.records.find(SET_ASIDE, piece.holder_id)
        give_up(work, held, "release", ChangeKind.REVOKED, told.reason_code, "the frame broke")
    _tell(work, told, shelf, 1, held)
    return _add(work, told, shelf, 1, about=held, piece_id=piece.id)


def _break_on_shelf(
    work: UnitOfWork, told: _Told, lot_id: str, power: LensPower | None, quantity: int
) -> Record[Breakage]:
    """Take broken stock from the shelf: what is free first, then what the newest reservations hold.
    What was never counted there is found and lost at once."""
    lot = work.records.find(LOT, lot_id)
    _require_counted_so(work, lot.content.product_id, power)
    shelf = Shelf(
        product_id=lot.content.product_id,
        lot_id=lot_id,
        branch_id=work.actor.branch_id,
        power=power,
    )
    rest = quantity - store_shelf.take_free(work.connection, shelf, quantity)
    if rest < quantity:
        _tell(work, told, shelf, quantity - rest, None)
    for reservation in store.reservations_on(work.connection, shelf) if rest else ():
        held = reservation.content.quantity
        _lose(work, told, reservation, min(held, rest))
        store_shelf.take_reserved(work.connection, shelf, held)
        if held > rest:
            store_shelf.put(work.connection, [(shelf, held - rest)])
        rest = max(0, rest - held)
        if not rest:
            break
    if rest:
        store.moved(work, Cause.ADJUSTED, shelf, rest, told.id)
    store.moved(work, Cause.BROKEN, shelf, -quantity, told.id)
    return _add(work, told, shelf, quantity)


def _require_counted_so(work: UnitOfWork, product_id: str, power: LensPower | None) -> None:
    kind = work.records.find(PRODUCT, product_id).content.product_kind
    if kind is ProductKind.FRAME:
        raise invalid("piece_id", "required", "frames are counted piece by piece")
    if (kind is ProductKind.LENS) != (power is not None):
        text = "must be given for lenses, and for nothing else"
        raise invalid("power", "required", text, reason="POWER_MISSING")


def _add(
    work: UnitOfWork,
    told: _Told,
    shelf: Shelf,
    quantity: int,
    *,
    reservation: Record[Reservation] | None = None,
    about: Record[Any] | None = None,
    piece_id: str = "",
) -> Record[Breakage]:
    whose = reservation or about
    lot = work.records.find(LOT, shelf.lot_id)
    return work.records.add(
        BREAKAGE,
        Breakage(
            product_id=shelf.product_id,
            lot_id=shelf.lot_id,
            quantity=quantity,
            reason_code=told.reason_code,
            fault_side=told.fault_side,
            cost=lot.content.unit_cost.times(quantity),
            piece_id=piece_id,
            power=shelf.power,
            reservation_id=reservation.id if reservation else "",
            job_id=reservation.content.job_id if reservation else "",
            note=told.note,
        ),
        id=told.id,
        case_id=whose.case_id if whose else "",
        customer_id=whose.customer_id if whose else "",
        branch_id=work.actor.branch_id or shelf.branch_id,
        evidence=told.evidence,
    )


def _tell(
    work: UnitOfWork, told: _Told, shelf: Shelf, quantity: int, whose: Record[Any] | None
) -> None:
    reservation = whose if whose is not None and whose.kind is RESERVATION else None
    work.tell(
        told.id,
        StockBroken(
            breakage_id=told.id,
            reservation_id=reservation.id if reservation else "",
            job_id=reservation.content.job_id if reservation else "",
            case_id=whose.case_id if whose else "",
            product_id=shelf.product_id,
            lot_id=shelf.lot_id,
            quantity=quantity,
            reason_code=told.reason_code,
        ),
    )
