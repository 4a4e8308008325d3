"""留架: a frame is held for a customer, longer when asked, and goes back when it is not wanted or
its time has come."""

from __future__ import annotations

from chassis.db import UnitOfWork
from chassis.errors import Outdated, invalid
from chassis.ids import new_id
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Record
from chassis.roles import Role
from chassis.rules import in_force
from inventory import store, store_piece
from inventory.lot import LOT, pin_on_lot
from inventory.product import PRODUCT, ProductKind, pin_on_product
from inventory.set_aside import SET_ASIDE, HoldingRule, SetAside, SetAsideExpired
from inventory.stock import OutOfStock, Piece, PieceState


def holding_rule(work: UnitOfWork) -> HoldingRule:
    """Return how long stock is held without an order, by the rule in force today; a drill has one
    of its own."""
    name = "holding_in_a_drill" if work.actor.drill else "holding"
    return HoldingRule(**in_force(work.connection, name, work.at.date()).body)


def set_aside_frame(
    work: UnitOfWork,
    *,
    case_id: str,
    customer_id: str,
    product_id: str = "",
    piece_id: str = "",
    branch_id: str = "",
) -> Record[SetAside]:
    """Hold one free piece of a frame. Raises Unknown, OutOfStock, Invalid (NOT_A_FRAME,
    NOTHING_NAMED)."""
    set_aside_id = new_id("sta")
    piece = _take(work, set_aside_id, product_id, piece_id, branch_id or work.actor.branch_id)
    product = work.records.live(PRODUCT, piece.product_id)
    lot = work.records.find(LOT, piece.lot_id)
    rule = holding_rule(work)
    ends = rule.set_aside_ends(work.at)
    content = SetAside(
        product_id=piece.product_id,
        piece_id=piece.id,
        lot_id=piece.lot_id,
        stock_branch_id=piece.branch_id,
        set_aside_at=work.at,
        expires_at=ends,
    )
    store.fall_due(work.connection, set_aside_id, rule.given_up_at(ends))
    return work.records.add(
        SET_ASIDE,
        content,
        id=set_aside_id,
        case_id=case_id,
        customer_id=customer_id,
        held_at_id=piece.branch_id,
        responsible_role=Role.OPTICIAN,
        closes_when="record_in_state(reserved)",
        relies_on=[pin_on_product(product), pin_on_lot(lot)],
    )


def _take(
    work: UnitOfWork, set_aside_id: str, product_id: str, piece_id: str, branch_id: str
) -> Piece:
    on = store.today(work.connection)
    if piece_id:
        if product_id not in ("", store_piece.find(work.connection, piece_id).product_id):
            raise invalid("piece_id", "product", "is no piece of that product")
        piece = store_piece.take_this(
            work.connection,
            piece_id,
            state=PieceState.SET_ASIDE,
            holder_id=set_aside_id,
            on=on,
            drill=work.actor.drill,
        )
    elif product_id:
        product = work.records.live(PRODUCT, product_id)
        if product.content.product_kind is not ProductKind.FRAME:
            raise invalid("product_id", "kind", "is no frame", reason="NOT_A_FRAME")
        piece = store_piece.take_any(
            work.connection,
            product_id=product_id,
            branch_id=branch_id,
            state=PieceState.SET_ASIDE,
            holder_id=set_aside_id,
            on=on,
            drill=work.actor.drill,
        )
    else:
        raise invalid("product_id", "required", "name a frame or a piece", reason="NOTHING_NAMED")
    if piece is None:
        raise OutOfStock("no piece of this frame is free there", branch_id=branch_id)
    return piece


def extend_set_aside(
    work: UnitOfWork, *, set_aside_id: str, reason: str, hours: int = 0
) -> Record[SetAside]:
    """Hold a frame longer. Raises Unknown, WrongBranch, RecordVoid, SetAsideLimit,
    MoveForbidden."""
    held = work.records.live(SET_ASIDE, set_aside_id)
    rule = holding_rule(work)
    ends = rule.extended(held.content.set_aside_at, work.at, hours)
    extended = work.records.move(
        held, "extend", reason_code="SET_ASIDE_EXTENDED", reason=reason, expires_at=ends
    )
    store.fall_due(work.connection, set_aside_id, rule.given_up_at(ends))
    return extended


def release_set_aside(work: UnitOfWork, *, set_aside_id: str, reason: str) -> Record[SetAside]:
    """Give a frame back to the display. Raises Unknown, WrongBranch, RecordVoid, MoveForbidden."""
    held = work.records.live(SET_ASIDE, set_aside_id)
    return give_up(work, held, "release", ChangeKind.REVOKED, "SET_ASIDE_RELEASED", reason)


def expire_set_aside(work: UnitOfWork, set_aside_id: str) -> None:
    """Give a frame back because its time has come, and tell who counted on it."""
    held = work.records.find(SET_ASIDE, set_aside_id)
    if held.state != "set_aside":
        store.not_due(work.connection, set_aside_id)
        return
    reason = "nobody ordered within the time of the rule"
    give_up(work, held, "expire", ChangeKind.EXPIRED, "SET_ASIDE_EXPIRED", reason)
    work.tell(
        held,
        SetAsideExpired(
            set_aside_id=held.id,
            case_id=held.case_id,
            customer_id=held.customer_id,
            branch_id=held.branch_id,
            product_id=held.content.product_id,
            expired_at=work.at,
        ),
    )


def give_up(
    work: UnitOfWork,
    held: Record[SetAside],
    verb: str,
    what: ChangeKind,
    reason_code: str,
    reason: str,
) -> Record[SetAside]:
    """End a set-aside whose frame becomes free, or is broken already."""
    ended = work.records.void(
        held,
        what,
        state=SET_ASIDE.transitions.after(held.state, verb),
        reason_code=reason_code,
        reason=reason,
    )
    content = held.content
    piece = store_piece.find(work.connection, content.piece_id)
    if piece.state is PieceState.SET_ASIDE and not store_piece.pass_on(
        work.connection, piece.id, holder_id=held.id, state=PieceState.FREE, to=""
    ):
        raise Outdated(f"{piece.id} was passed on meanwhile", id=piece.id)
    store.not_due(work.connection, held.id)
    return ended
