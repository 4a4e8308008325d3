"""Stock goes from the branch that has it to the branch that wants it; what is asked for is held at
once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.ids import new_id
from chassis.records.book import WrongBranch
from chassis.records.envelope import Record
from chassis.records.gates import gate
from chassis.roles import Role
from inventory import store, store_piece, store_shelf
from inventory.commands_awaiting import serve_arrived
from inventory.commands_reservation import standing
from inventory.lens import LensPower
from inventory.lot import LOT, pin_on_lot
from inventory.product import PRODUCT, Product, ProductKind, pin_on_product
from inventory.set_aside import SET_ASIDE, SetAside
from inventory.stock import Cause, NotHeld, OutOfStock, Piece, PieceState, Shelf
from inventory.transfer import TRANSFER, Transfer, TransferUnderWay


def request_transfer(
    work: UnitOfWork,
    *,
    product_id: str = "",
    from_branch_id: str = "",
    to_branch_id: str = "",
    quantity: int = 0,
    power: LensPower | None = None,
    set_aside_id: str = "",
) -> Record[Transfer]:
    """Ask a branch to send stock and hold it there. Raises Unknown, OutOfStock, NotHeld,
    TransferUnderWay, Invalid (SAME_BRANCH, POWER_MISSING)."""
    wanted_at = to_branch_id or work.actor.branch_id
    if set_aside_id:
        return _request_set_aside(work, set_aside_id, wanted_at)
    for name, given in (("product_id", product_id), ("from_branch_id", from_branch_id)):
        if not given:
            raise invalid(name, "required", "must be given, or a set-aside named")
    product = work.records.live(PRODUCT, product_id)
    is_lens = product.content.product_kind is ProductKind.LENS
    if is_lens and power is None:
        raise invalid("power", "required", "lenses go by power", reason="POWER_MISSING")
    content = Transfer(
        product_id=product_id,
        from_branch_id=from_branch_id,
        to_branch_id=wanted_at,
        quantity=quantity or 1,
        power=product.content.require_made(power) if power is not None else None,
    )
    if product.content.product_kind is ProductKind.FRAME:
        return _request_pieces(work, product, content)
    return _request_from_shelf(work, product, content)


def _request_set_aside(work: UnitOfWork, set_aside_id: str, to_branch_id: str) -> Record[Transfer]:
    held = work.records.get(SET_ASIDE, set_aside_id)
    if not held.content.reservation_id:
        held = work.records.live(SET_ASIDE, set_aside_id)
    piece = _kept_piece(work, held)
    under_way = store.transfer_under_way(work.connection, piece.id)
    if under_way is not None:
        raise TransferUnderWay(
            f"the frame of {set_aside_id} is asked for or on its way already",
            missing=["the first transfer received or given up"],
            transfer_id=under_way.id,
        )
    if piece.holder_id not in _holders(work, held) or piece.is_in_transit:
        raise _no_frame(held)
    product = work.records.live(PRODUCT, piece.product_id)
    content = Transfer(
        product_id=piece.product_id,
        from_branch_id=piece.branch_id,
        to_branch_id=to_branch_id,
        quantity=1,
        set_aside_id=set_aside_id,
        piece_ids=(piece.id,),
    )
    return _add(work, product, content, new_id("trf"), [piece.lot_id], about=held)


def _kept_piece(work: UnitOfWork, held: Record[SetAside]) -> Piece:
    """Return the piece that is kept for a set-aside, or for the reservation that it became; nobody
    else asks for it until this is committed."""
    piece_id = held.content.piece_id
    if held.content.reservation_id:
        piece_id = standing(work, held.content.reservation_id).content.piece_id
    if not piece_id:
        raise _no_frame(held)
    return store_piece.hold(work.connection, piece_id)


def _holders(work: UnitOfWork, held: Record[SetAside]) -> list[str]:
    became = held.content.reservation_id
    return [held.id, standing(work, became).id] if became else [held.id]


def _no_frame(held: Record[SetAside]) -> NotHeld:
    return NotHeld(f"{held.id} holds no frame that could be sent", id=held.id)


def _request_pieces(
    work: UnitOfWork, product: Record[Product], wanted: Transfer
) -> Record[Transfer]:
    transfer_id = new_id("trf")
    on = store.today(work.connection)
    pieces: list[Piece] = []
    for _ in range(wanted.quantity):
        piece = store_piece.take_any(
            work.connection,
            product_id=wanted.product_id,
            branch_id=wanted.from_branch_id,
            state=PieceState.RESERVED,
            holder_id=transfer_id,
            on=on,
            drill=work.actor.drill,
        )
        if piece is None:
            raise _too_few(wanted)
        pieces.append(piece)
    content = replace(wanted, piece_ids=tuple(piece.id for piece in pieces))
    return _add(work, product, content, transfer_id, [piece.lot_id for piece in pieces])


def _request_from_shelf(
    work: UnitOfWork, product: Record[Product], wanted: Transfer
) -> Record[Transfer]:
    shelf = store_shelf.reserve(
        work.connection,
        product_id=wanted.product_id,
        branch_id=wanted.from_branch_id,
        power=wanted.power,
        quantity=wanted.quantity,
        on=store.today(work.connection),
        drill=work.actor.drill,
    )
    if shelf is None:
        raise _too_few(wanted)
    content = replace(wanted, lot_id=shelf.lot_id)
    return _add(work, product, content, new_id("trf"), [shelf.lot_id])


def _too_few(wanted: Transfer) -> OutOfStock:
    return OutOfStock(
        f"fewer than {wanted.quantity} are free there",
        product_id=wanted.product_id,
        branch_id=wanted.from_branch_id,
    )


def _add(
    work: UnitOfWork,
    product: Record[Product],
    content: Transfer,
    transfer_id: str,
    lot_ids: list[str],
    *,
    about: Record[Any] | None = None,
) -> Record[Transfer]:
    lots = [work.records.find(LOT, lot_id) for lot_id in sorted(set(lot_ids))]
    is_frame = product.content.product_kind is ProductKind.FRAME
    return work.records.add(
        TRANSFER,
        content,
        id=transfer_id,
        customer_id=about.customer_id if about else "",
        case_id=about.case_id if about else "",
        branch_id=content.to_branch_id,
        held_at_id=content.from_branch_id,
        responsible_role=Role.FRAME_CONTROLLER if is_frame else Role.STOREKEEPER,
        relies_on=[pin_on_product(product), *(pin_on_lot(lot) for lot in lots)],
    )


@gate("send_transfer", TRANSFER, by="transfer_id")
def send_transfer(work: UnitOfWork, *, transfer_id: str, carrier: str) -> Record[Transfer]:
    """Record that the stock left. Raises Unknown, WrongBranch, MoveForbidden, NotHeld,
    StalePins."""
    transfer = work.records.live(TRANSFER, transfer_id)
    content = transfer.content
    _require_at(work, transfer, content.from_branch_id)
    sent = work.records.move(
        transfer,
        "send",
        held_at_id=content.to_branch_id,
        responsible_role=Role.RECEIVER,
        carrier=carrier,
    )
    if content.piece_ids:
        _send_pieces(work, transfer)
    else:
        shelf = _shelf(content, content.from_branch_id)
        store_shelf.take_reserved(work.connection, shelf, content.quantity)
        store.moved(work, Cause.SENT, shelf, -content.quantity, transfer.id)
    return sent


def _send_pieces(work: UnitOfWork, transfer: Record[Transfer]) -> None:
    content = transfer.content
    holders = [transfer.id]
    if content.set_aside_id:
        holders = _holders(work, work.records.find(SET_ASIDE, content.set_aside_id))
    gone = store_piece.send(work.connection, content.piece_ids, transfer.id, holders)
    if len(gone) < content.quantity:
        raise NotHeld("a frame of this transfer is held no longer", id=transfer.id)
    for piece in gone:
        store.moved(
            work, Cause.SENT, _where(piece, piece.branch_id), -1, transfer.id, piece_id=piece.id
        )


def receive_transfer(
    work: UnitOfWork, *, transfer_id: str, evidence_keys: tuple[str, ...] = ()
) -> Record[Transfer]:
    """Record that the stock arrived; orders that await such a frame there have it. Raises Unknown,
    WrongBranch, MoveForbidden."""
    transfer = work.records.live(TRANSFER, transfer_id)
    content = transfer.content
    _require_at(work, transfer, content.to_branch_id)
    received = work.records.move(
        transfer,
        "receive",
        nobody_next=True,
        closed=True,
        evidence=work.records.evidence(evidence_keys),
    )
    if content.piece_ids:
        arrived = store_piece.arrive(work.connection, transfer.id, content.to_branch_id)
        for piece in arrived:
            place = _where(piece, content.to_branch_id)
            store.moved(work, Cause.ARRIVED, place, 1, transfer.id, piece_id=piece.id)
        serve_arrived(work, arrived, content.to_branch_id)
    else:
        shelf = _shelf(content, content.to_branch_id)
        store_shelf.put(work.connection, [(shelf, content.quantity)])
        store.moved(work, Cause.ARRIVED, shelf, content.quantity, transfer.id)
    return received


def cancel_transfer(work: UnitOfWork, *, transfer_id: str, reason: str) -> Record[Transfer]:
    """Give up a transfer that was not sent. Raises Unknown, WrongBranch, MoveForbidden."""
    transfer = work.records.live(TRANSFER, transfer_id)
    content = transfer.content
    cancelled = work.records.move(
        transfer,
        "cancel",
        nobody_next=True,
        closed=True,
        reason_code="TRANSFER_CANCELLED",
        reason=reason,
    )
    for piece_id in content.piece_ids:
        store_piece.pass_on(
            work.connection, piece_id, holder_id=transfer.id, state=PieceState.FREE, to=""
        )
    if content.lot_id:
        shelf = _shelf(content, content.from_branch_id)
        store_shelf.give_back(work.connection, shelf, content.quantity)
    return cancelled


def _require_at(work: UnitOfWork, transfer: Record[Transfer], branch_id: str) -> None:
    if not work.actor.reaches(branch_id):
        raise WrongBranch(f"{transfer.id} is not handled at this branch", id=transfer.id)


def _shelf(content: Transfer, branch_id: str) -> Shelf:
    return Shelf(
        product_id=content.product_id,
        lot_id=content.lot_id,
        branch_id=branch_id,
        power=content.power,
    )


def _where(piece: Piece, branch_id: str) -> Shelf:
    return Shelf(product_id=piece.product_id, lot_id=piece.lot_id, branch_id=branch_id)
