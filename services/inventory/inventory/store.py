"""Look-ups of lots, holds and cases, holds that fall due, and every movement of stock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Date,
    cast,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis import clock, locks
from chassis.db import UnitOfWork
from chassis.ids import as_uuid
from chassis.records.envelope import Record
from chassis.records.kinds import Kind
from chassis.records.rows import record_of
from chassis.records.tables import record
from chassis.rules import in_force
from inventory.lens import LensPower
from inventory.lot import LOT, SELLABLE, Lot
from inventory.product import ProductKind
from inventory.reservation import RESERVATION, Reservation
from inventory.stock import Cause, Shelf
from inventory.tables import due_hold, movement, order_heard
from inventory.transfer import TRANSFER, UNDER_WAY, Transfer

C = TypeVar("C")


def today(connection: Connection) -> date:
    """Return today's date in the zone where lots expire."""
    rule = in_force(connection, "expiry", clock.now().date())
    return clock.today(str(rule.body["time_zone"]))


@lru_cache(maxsize=32)
def is_sellable(lot_id: Any, on: date, drill: str) -> Any:
    """Return the condition that the lot in a column is sellable on a day, in real work or in a
    drill: neither sees, or sells, what the other has."""
    lot = record.alias("lot")
    expires_on = lot.c.content["expires_on"].astext
    return exists().where(
        lot.c.id == lot_id,
        lot.c.state.in_(SELLABLE),
        lot.c.void == "",
        lot.c.drill == drill,
        or_(expires_on.is_(None), cast(expires_on, Date) >= on),
    )


def locked_lots(connection: Connection, lot_ids: Iterable[str], *, drill: str) -> list[str]:
    """Return those of the lots of which nothing may be sold or drawn now."""
    wanted = {as_uuid(lot_id): lot_id for lot_id in sorted(set(lot_ids))}
    if not wanted:
        return []
    known = record.c.id.in_(list(wanted))
    found = connection.execute(
        select(record.c.id).where(known, is_sellable(record.c.id, today(connection), drill))
    )
    sellable = set(found.scalars())
    return [lot_id for key, lot_id in wanted.items() if key not in sellable]


def lots(
    connection: Connection,
    product_id: str,
    *,
    drill: str,
    lot_number: str,
    before: tuple[datetime, str] | None,
    size: int,
) -> list[Record[Lot]]:
    """Return lots of a product, newest first."""
    columns = record.c
    statement = (
        select(record)
        .where(
            columns.kind == LOT.name,
            columns.content["product_id"].astext == product_id,
            columns.drill == drill,
        )
        .order_by(columns.recorded_at.desc(), columns.id.desc())
        .limit(size)
    )
    if lot_number:
        statement = statement.where(columns.content["lot_number"].astext == lot_number)
    if before is not None:
        key = (before[0], as_uuid(before[1]))
        statement = statement.where(tuple_(columns.recorded_at, columns.id) < key)
    return [record_of(row, LOT) for row in connection.execute(statement).mappings()]


def of_case(connection: Connection, kind: Kind[C], case_id: str) -> list[Record[C]]:
    """Return the records of one kind in a case, oldest first."""
    statement = (
        select(record)
        .where(record.c.case_id == case_id, record.c.kind == kind.name)
        .order_by(record.c.recorded_at, record.c.id)
    )
    return [record_of(row, kind) for row in connection.execute(statement).mappings()]


def reservations_on(connection: Connection, shelf: Shelf) -> list[Record[Reservation]]:
    """Return the reservations that stand on a shelf, newest first."""
    columns = record.c
    content = columns.content
    statement = (
        select(record)
        .where(
            columns.kind == RESERVATION.name,
            columns.state == "reserved",
            content["lot_id"].astext == shelf.lot_id,
            content["stock_branch_id"].astext == shelf.branch_id,
        )
        .order_by(columns.recorded_at.desc(), columns.id.desc())
    )
    found = [record_of(row, RESERVATION) for row in connection.execute(statement).mappings()]
    return [one for one in found if one.content.power == shelf.power]


def lock_arrivals(connection: Connection, product_id: str, branch_id: str) -> None:
    """Let nobody else await a frame at a branch, or receive it there, until this is committed: who
    comes second sees what the first did."""
    locks.take(connection, f"{product_id} {branch_id}")


def awaited_frames(
    connection: Connection, product_id: str, branch_id: str
) -> list[Record[Reservation]]:
    """Return the reservations that await any piece of a frame at a branch, oldest first."""
    columns = record.c
    content = columns.content
    statement = (
        select(record)
        .where(
            columns.kind == RESERVATION.name,
            columns.state == "awaited",
            content["product_id"].astext == product_id,
            content["stock_branch_id"].astext == branch_id,
            content["product_kind"].astext == ProductKind.FRAME,
            content["piece_id"].astext == "",
        )
        .order_by(columns.recorded_at, columns.id)
        .with_for_update()
    )
    return [record_of(row, RESERVATION) for row in connection.execute(statement).mappings()]


def transfer_under_way(connection: Connection, piece_id: str) -> Record[Transfer] | None:
    """Return the transfer of a piece that is neither received nor given up, if there is one."""
    statement = select(record).where(
        record.c.kind == TRANSFER.name,
        record.c.state.in_(UNDER_WAY),
        record.c.content["piece_ids"].contains([piece_id]),
    )
    row = connection.execute(statement).mappings().first()
    return record_of(row, TRANSFER) if row else None


def fall_due(connection: Connection, record_id: str, due_at: datetime) -> None:
    """Note when a hold falls due, in place of what was noted before."""
    connection.execute(
        upsert(due_hold)
        .values(record_id=record_id, due_at=due_at)
        .on_conflict_do_update(index_elements=["record_id"], set_={"due_at": due_at})
    )


def not_due(connection: Connection, record_id: str) -> None:
    """Forget that a hold falls due: it ended, or an order took it up."""
    connection.execute(delete(due_hold).where(due_hold.c.record_id == record_id))


def claim_due(connection: Connection, at: datetime, size: int) -> list[str]:
    """Claim holds that are due; other workers claim others."""
    due = (
        select(due_hold.c.record_id)
        .where(due_hold.c.due_at <= at)
        .order_by(due_hold.c.due_at)
        .limit(size)
        .with_for_update(skip_locked=True)
    )
    return list(connection.execute(due).scalars())


def moved(
    work: UnitOfWork, cause: Cause, shelf: Shelf, quantity: int, about: str, *, piece_id: str = ""
) -> None:
    """Note that the count at a branch changed; rows are never changed afterwards."""
    work.connection.execute(
        insert(movement).values(
            moved_at=work.at,
            cause=cause,
            product_id=shelf.product_id,
            lot_id=shelf.lot_id,
            branch_id=shelf.branch_id,
            piece_id=piece_id or None,
            **power_columns(shelf.power),
            quantity=quantity,
            record_id=about,
        )
    )


def power_columns(power: LensPower | None) -> dict[str, int | None]:
    """Return the columns of a power; all absent for goods and frames."""
    return {
        "sphere": power.sphere_centidioptres if power else None,
        "cylinder": power.cylinder_centidioptres if power else None,
        "addition": power.add_centidioptres if power else None,
    }


def on_hand_by_movements(connection: Connection, lot_id: str) -> int:
    """Return what the movements say is on hand of a lot, at all branches together."""
    total = select(func.coalesce(func.sum(movement.c.quantity), 0))
    return int(connection.execute(total.where(movement.c.lot_id == lot_id)).scalar_one())


def hear_of_order(connection: Connection, order_id: str, revision: int) -> bool:
    """Note how far an order was heard of; False when what came later was heard before. Whoever
    hears of the same order waits until this is committed."""
    heard = upsert(order_heard).values(order_id=order_id, revision=revision)
    newest = connection.execute(
        heard.on_conflict_do_update(
            index_elements=["order_id"],
            set_={"revision": heard.excluded.revision},
            where=order_heard.c.revision <= heard.excluded.revision,
        ).returning(order_heard.c.revision)
    )
    return newest.first() is not None
