"""Goods come in: counted against their delivery note, then accepted by somebody else, and locked
when quality staff say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.ids import new_id
from chassis.money import Money
from chassis.records.changes import ChangeKind
from chassis.records.duties import duties
from chassis.records.envelope import Approval, ApprovalStatus, Record
from chassis.roles import Role
from inventory import store, store_catalogue, store_piece, store_shelf
from inventory.commands_awaiting import serve_awaited
from inventory.lot import (
    LOT,
    RECEIPT,
    Lot,
    LotAccepted,
    LotLocked,
    LotReleased,
    Receipt,
    require_checks,
)
from inventory.product import PRODUCT, Product, ProductKind
from inventory.stock import Cause, Shelf, StockQuantity


@dataclass(frozen=True, kw_only=True)
class ReceiptLine:
    """One lot of one product on a delivery note, as counted."""

    product_id: str
    lot_number: str
    unit_cost: Money
    quantity: int = 0
    serials: tuple[str, ...] = ()
    lenses: tuple[StockQuantity, ...] = ()
    manufactured_on: date | None = None
    expires_on: date | None = None


@duties("receiver")
def receive_goods(
    work: UnitOfWork,
    *,
    supplier: str,
    delivery_note: str,
    lines: tuple[ReceiptLine, ...],
    evidence_keys: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Record what arrived: a receipt with one lot for each line, waiting for acceptance. Raises
    Unknown, SerialTaken, Invalid."""
    receipt_id = new_id("rcp")
    lots = [
        _receive_line(work, receipt_id, line, f"lines[{number}]")
        for number, line in enumerate(lines)
    ]
    receipt = work.records.add(
        RECEIPT,
        Receipt(
            supplier=supplier,
            delivery_note=delivery_note,
            lot_ids=tuple(lot.id for lot in lots),
        ),
        id=receipt_id,
        evidence=work.records.evidence(evidence_keys),
    )
    return {"receipt": receipt, "lots": lots}


def _receive_line(work: UnitOfWork, receipt_id: str, line: ReceiptLine, place: str) -> Record[Lot]:
    product = work.records.live(PRODUCT, line.product_id)
    shelves = _counted(product.content, line, place)
    content = Lot(
        product_id=line.product_id,
        lot_number=line.lot_number,
        receipt_id=receipt_id,
        quantity=sum(one.quantity for one in shelves),
        unit_cost=line.unit_cost,
        manufactured_on=line.manufactured_on,
        expires_on=line.expires_on,
    )
    lot = work.records.add(
        LOT,
        content,
        responsible_role=Role.ACCEPTOR,
        approval=Approval(status=ApprovalStatus.PENDING),
    )
    if product.content.product_kind is ProductKind.FRAME:
        _keep_pieces(work, lot, line.serials or ("",) * line.quantity)
    else:
        _keep_on_shelves(work, lot, shelves)
    return lot


def _counted(product: Product, line: ReceiptLine, place: str) -> list[StockQuantity]:
    """Return the counted quantities by power. Raises Invalid (QUANTITIES_MISSING, SERIAL_COUNT,
    POWER_NOT_MADE)."""
    if product.product_kind is not ProductKind.LENS:
        if line.lenses:
            raise invalid(f"{place}.lenses", "kind", "only lenses come in powers")
        if line.serials and len(line.serials) != line.quantity:
            text = f"{len(line.serials)} serial numbers for {line.quantity} pieces"
            raise invalid(f"{place}.serials", "count", text, reason="SERIAL_COUNT")
        if line.quantity <= 0:
            raise invalid(f"{place}.quantity", "count", "must be above zero")
        return [StockQuantity(quantity=line.quantity)]
    if not line.lenses or any(one.power is None for one in line.lenses):
        text = "lenses are counted by power"
        raise invalid(f"{place}.lenses", "required", text, reason="QUANTITIES_MISSING")
    counted = []
    for number, one in enumerate(line.lenses):
        where = f"{place}.lenses[{number}]"
        if one.quantity <= 0:
            raise invalid(f"{where}.quantity", "count", "must be above zero")
        assert one.power is not None
        power = product.require_made(one.power, f"{where}.power")
        counted.append(StockQuantity(quantity=one.quantity, power=power))
    return counted


def _keep_pieces(work: UnitOfWork, lot: Record[Lot], serials: Sequence[str]) -> None:
    piece_ids = store_piece.put(
        work.connection,
        product_id=lot.content.product_id,
        lot_id=lot.id,
        branch_id=lot.branch_id,
        serials=serials,
    )
    shelf = Shelf(product_id=lot.content.product_id, lot_id=lot.id, branch_id=lot.branch_id)
    for piece_id in piece_ids:
        store.moved(work, Cause.RECEIVED, shelf, 1, lot.content.receipt_id, piece_id=piece_id)


def _keep_on_shelves(work: UnitOfWork, lot: Record[Lot], counted: Sequence[StockQuantity]) -> None:
    shelves = [
        (
            Shelf(
                product_id=lot.content.product_id,
                lot_id=lot.id,
                branch_id=lot.branch_id,
                power=one.power,
            ),
            one.quantity,
        )
        for one in counted
    ]
    store_shelf.put(work.connection, shelves)
    for shelf, quantity in shelves:
        store.moved(work, Cause.RECEIVED, shelf, quantity, lot.content.receipt_id)


@duties("acceptor", on="lot_id")
def accept_lot(
    work: UnitOfWork,
    *,
    lot_id: str,
    appearance_checked: bool,
    label_checked: bool,
    certificate_checked: bool,
    note: str = "",
    evidence_keys: tuple[str, ...] = (),
) -> Record[Lot]:
    """Accept a lot, so that it is sellable; orders that await such a frame there have it. Raises
    Unknown, WrongBranch, DutiesNotSeparate, ChecksMissing, MoveForbidden."""
    lot = work.records.live(LOT, lot_id)
    require_checks(
        appearance_checked=appearance_checked,
        label_checked=label_checked,
        certificate_checked=certificate_checked,
    )
    lot = work.records.move(
        lot,
        "accept",
        signed=True,
        approval=_decided(work, ApprovalStatus.APPROVED, note),
        evidence=work.records.evidence(evidence_keys),
        acceptor_id=work.actor.id,
        accepted_at=work.at,
        acceptance_note=note,
    )
    # A branch without zones of its own puts accepted goods straight among the qualified ones.
    lot = work.records.move(lot, "put_away", nobody_next=True)
    if not lot.drill:  # what a drill is said to cost is no cost
        store_catalogue.add_cost(work.connection, lot, work.at)
    serve_awaited(work, lot.content.product_id, lot.branch_id)
    work.tell(
        lot,
        LotAccepted(lot_id=lot.id, product_id=lot.content.product_id, branch_id=lot.branch_id),
    )
    return lot


@duties("acceptor", on="lot_id")
def refuse_lot(
    work: UnitOfWork, *, lot_id: str, reason: str, evidence_keys: tuple[str, ...] = ()
) -> Record[Lot]:
    """Refuse a lot: it goes back to its supplier. Raises Unknown, WrongBranch, DutiesNotSeparate,
    MoveForbidden."""
    lot = work.records.live(LOT, lot_id)
    return work.records.move(
        lot,
        "refuse",
        signed=True,
        nobody_next=True,
        approval=_decided(work, ApprovalStatus.REJECTED, reason),
        evidence=work.records.evidence(evidence_keys),
        reason_code="LOT_REFUSED",
        reason=reason,
        acceptor_id=work.actor.id,
        accepted_at=work.at,
        acceptance_note=reason,
    )


def _decided(work: UnitOfWork, status: ApprovalStatus, reason: str) -> Approval:
    return Approval(status=status, decided_by=work.actor.id, decided_at=work.at, reason=reason)


def lock_lot(work: UnitOfWork, *, lot_id: str, reason_code: str, reason: str) -> Record[Lot]:
    """Put a quality hold on a lot, everywhere at once. Raises Unknown, MoveForbidden."""
    lot = work.records.get(LOT, lot_id)
    held = work.records.void(
        lot,
        ChangeKind.LOCKED,
        state=LOT.transitions.after(lot.state, "hold"),
        reason_code=reason_code,
        reason=reason,
    )
    work.tell(
        held,
        LotLocked(
            lot_id=lot.id,
            product_id=lot.content.product_id,
            lot_number=lot.content.lot_number,
            reason_code=reason_code,
        ),
    )
    return held


@duties("quality_release", on="lot_id")
def release_lot(work: UnitOfWork, *, lot_id: str, quality_decision: str) -> Record[Lot]:
    """End a quality hold, by somebody who did not accept the lot. Raises Unknown,
    DutiesNotSeparate, MoveForbidden."""
    lot = work.records.get(LOT, lot_id)
    released = work.records.unlock(
        lot,
        "release",
        reason_code="QUALITY_RELEASE",
        reason=quality_decision,
        quality_decision=quality_decision,
    )
    work.tell(released, LotReleased(lot_id=lot.id, product_id=lot.content.product_id))
    return released
