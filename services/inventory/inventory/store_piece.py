"""Frames piece by piece: who takes one takes its row, and nobody else has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis.errors import Unknown
from chassis.ids import new_id
from chassis.records.tables import record
from inventory.stock import Piece, PieceState, SerialTaken, StockAtBranch
from inventory.store import is_sellable
from inventory.tables import piece as piece_table


def put(
    connection: Connection,
    *,
    product_id: str,
    lot_id: str,
    branch_id: str,
    serials: Sequence[str],
) -> list[str]:
    """Keep the pieces of a lot, one for each serial (empty where there is none); returns their
    ids. Raises SerialTaken."""
    rows = [
        {
            "id": new_id("pce"),
            "product_id": product_id,
            "lot_id": lot_id,
            "branch_id": branch_id,
            "serial": serial,
            "state": PieceState.FREE,
            "holder_id": "",
            "transfer_id": "",
        }
        for serial in serials
    ]
    kept = connection.execute(
        upsert(piece_table).values(rows).on_conflict_do_nothing().returning(piece_table.c.id)
    ).all()
    if len(kept) < len(rows):
        raise SerialTaken("a serial number of this frame is taken", product_id=product_id)
    return [str(row["id"]) for row in rows]


def find(connection: Connection, piece_id: str) -> Piece:
    """Return a piece. Raises Unknown."""
    row = connection.execute(select(piece_table).where(piece_table.c.id == piece_id)).first()
    if row is None:
        raise Unknown(f"{piece_id} is not kept here", id=piece_id)
    return _piece(row)


def by_ids(connection: Connection, piece_ids: Sequence[str]) -> list[Piece]:
    """Return the pieces of these ids in the order they came."""
    table = piece_table.c
    statement = select(piece_table).where(table.id.in_(piece_ids)).order_by(table.id)
    return [_piece(row) for row in connection.execute(statement)]


def hold(connection: Connection, piece_id: str) -> Piece:
    """Return a piece that nobody else takes, sends or asks for until this is committed. Raises
    Unknown."""
    locked = select(piece_table.c.id).where(piece_table.c.id == piece_id).with_for_update()
    connection.execute(locked)
    return find(connection, piece_id)


def take_any(
    connection: Connection,
    *,
    product_id: str,
    branch_id: str,
    state: PieceState,
    holder_id: str,
    on: date,
    drill: str,
) -> Piece | None:
    """Take one free piece of a sellable lot at a branch; None when there is none.

    Pieces that others are taking just now are passed over; when no other is left, their outcome is
    waited for, so that nobody is refused for one that is given up again.
    """
    table = piece_table.c
    free = (
        select(table.id)
        .where(
            table.product_id == product_id,
            table.branch_id == branch_id,
            *_is_free(on, drill),
        )
        .order_by(table.id)
    )
    ready = free.limit(1).with_for_update(skip_locked=True)
    found = connection.execute(ready).first() or connection.execute(free.with_for_update()).first()
    if found is None:
        return None
    return _take(connection, found.id, state, holder_id)


def take_this(
    connection: Connection,
    piece_id: str,
    *,
    state: PieceState,
    holder_id: str,
    on: date,
    drill: str,
) -> Piece | None:
    """Take a named piece if it is free and sellable; None when it is not."""
    table = piece_table.c
    found = connection.execute(
        select(table.id).where(table.id == piece_id, *_is_free(on, drill)).with_for_update()
    ).first()
    return _take(connection, piece_id, state, holder_id) if found is not None else None


def _is_free(on: date, drill: str) -> list[Any]:
    table = piece_table.c
    return [
        table.state == PieceState.FREE,
        table.transfer_id == "",
        is_sellable(table.lot_id, on, drill),
    ]


def _take(connection: Connection, piece_id: str, state: PieceState, holder_id: str) -> Piece:
    row = connection.execute(
        update(piece_table)
        .where(piece_table.c.id == piece_id)
        .values(state=state, holder_id=holder_id)
        .returning(*piece_table.c)
    ).one()
    return _piece(row)


def pass_on(
    connection: Connection, piece_id: str, *, holder_id: str, state: PieceState, to: str
) -> bool:
    """Pass a piece from its holder to another (or to nobody); False when the holder has it no
    longer."""
    row = connection.execute(
        update(piece_table)
        .where(piece_table.c.id == piece_id, piece_table.c.holder_id == holder_id)
        .values(state=state, holder_id=to)
        .returning(piece_table.c.id)
    ).first()
    return row is not None


def put_in_state(connection: Connection, piece_id: str, state: PieceState) -> Piece:
    """Note what became of a piece, whoever holds it; it travels no further. Returns it so."""
    row = connection.execute(
        update(piece_table)
        .where(piece_table.c.id == piece_id)
        .values(state=state, transfer_id="")
        .returning(*piece_table.c)
    ).one()
    return _piece(row)


def send(
    connection: Connection, piece_ids: Sequence[str], transfer_id: str, holders: Sequence[str]
) -> list[Piece]:
    """Put pieces on the road that one of the holders still has; returns those that went."""
    table = piece_table.c
    rows = connection.execute(
        update(piece_table)
        .where(
            table.id.in_(piece_ids),
            table.holder_id.in_(holders),
            table.transfer_id == "",
            table.state.in_((PieceState.SET_ASIDE, PieceState.RESERVED)),
        )
        .values(transfer_id=transfer_id)
        .returning(*table)
    )
    return [_piece(row) for row in rows]


def arrive(connection: Connection, transfer_id: str, branch_id: str) -> list[Piece]:
    """Take pieces from the road; those that only the transfer held are free."""
    table = piece_table.c
    rows = connection.execute(
        update(piece_table)
        .where(table.transfer_id == transfer_id)
        .values(transfer_id="", branch_id=branch_id)
        .returning(*table)
    ).all()
    connection.execute(
        update(piece_table)
        .where(table.holder_id == transfer_id, table.state == PieceState.RESERVED)
        .values(state=PieceState.FREE, holder_id="")
    )
    return [_piece(row) for row in rows]


def free_by_branch(
    connection: Connection,
    product_id: str,
    *,
    on: date,
    drill: str,
    after_branch_id: str,
    size: int,
) -> list[StockAtBranch]:
    """Return the branches with free, sellable pieces of a frame, by branch."""
    table = piece_table.c
    statement = (
        select(table.branch_id, func.count().label("free"))
        .where(table.product_id == product_id, *_is_free(on, drill))
        .group_by(table.branch_id)
        .order_by(table.branch_id)
        .limit(size)
    )
    if after_branch_id:
        statement = statement.where(table.branch_id > after_branch_id)
    return [
        StockAtBranch(branch_id=row.branch_id, free=row.free)
        for row in connection.execute(statement)
    ]


def pieces(
    connection: Connection,
    product_id: str,
    *,
    drill: str,
    branch_id: str,
    serial: str,
    after_id: str,
    size: int,
) -> list[Piece]:
    """Return pieces of a frame in the order they came."""
    table = piece_table.c
    statement = (
        select(piece_table)
        .join(record, record.c.id == table.lot_id)
        .where(table.product_id == product_id, record.c.drill == drill)
        .order_by(table.id)
        .limit(size)
    )
    if branch_id:
        statement = statement.where(table.branch_id == branch_id)
    if serial:
        statement = statement.where(table.serial == serial)
    if after_id:
        statement = statement.where(table.id > after_id)
    return [_piece(row) for row in connection.execute(statement)]


def _piece(row: Row[Any]) -> Piece:
    fields = dict(row._mapping)
    return Piece(**{**fields, "state": PieceState(fields["state"])})
