"""Lenses and goods by their count: the UPDATE itself refuses to oversell, and CHECKs stand behind
it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, and_, func, nulls_last, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis.ids import new_id
from chassis.records.tables import record
from inventory.lens import LensDesign, LensPower
from inventory.stock import Shelf, StockAtBranch
from inventory.store import is_sellable, power_columns
from inventory.tables import catalogue
from inventory.tables import shelf as shelf_table

_TRIED_AT_MOST = 50
_KEY = ("lot_id", "branch_id", "sphere", "cylinder", "addition")


@dataclass(frozen=True, kw_only=True)
class FreeForEyes:
    """A product with what is free of it for each eye."""

    product_id: str
    sku: str
    od_free: int
    os_free: int


def put(connection: Connection, shelves: Sequence[tuple[Shelf, int]]) -> None:
    """Add pieces to shelves, making those that are not there."""
    statement = upsert(shelf_table)
    statement = statement.on_conflict_do_update(
        index_elements=list(_KEY),
        set_={"on_hand": shelf_table.c.on_hand + statement.excluded.on_hand},
    )
    rows = [
        {
            "id": new_id("shf"),
            "product_id": one.product_id,
            "lot_id": one.lot_id,
            "branch_id": one.branch_id,
            **power_columns(one.power),
            "on_hand": count,
            "reserved": 0,
        }
        for one, count in shelves
    ]
    connection.execute(statement, rows)


def reserve(
    connection: Connection,
    *,
    product_id: str,
    branch_id: str,
    power: LensPower | None,
    quantity: int,
    on: date,
    drill: str,
) -> Shelf | None:
    """Reserve from one sellable lot, first to expire first; None when no lot has so many free.

    The condition stands in the UPDATE: of two who come at once for the last piece, the second
    waits for the first and then finds nothing.
    """
    table = shelf_table.c
    for row in _candidates(connection, product_id, branch_id, power, quantity, on, drill):
        taken = connection.execute(
            update(shelf_table)
            .where(table.id == row.id, table.on_hand - table.reserved >= quantity)
            .values(reserved=table.reserved + quantity)
            .returning(table.id)
        ).first()
        if taken is not None:
            return Shelf(product_id=product_id, lot_id=row.lot_id, branch_id=branch_id, power=power)
    return None


def _candidates(
    connection: Connection,
    product_id: str,
    branch_id: str,
    power: LensPower | None,
    quantity: int,
    on: date,
    drill: str,
) -> list[Any]:
    table = shelf_table.c
    return list(
        connection.execute(
            select(table.id, table.lot_id)
            .join(record, record.c.id == table.lot_id)
            .where(
                table.product_id == product_id,
                table.branch_id == branch_id,
                _of_power(power),
                table.on_hand - table.reserved >= quantity,
                is_sellable(table.lot_id, on, drill),
            )
            .order_by(
                nulls_last(record.c.content["expires_on"].astext), record.c.recorded_at, table.id
            )
            .limit(_TRIED_AT_MOST)
        )
    )


def give_back(connection: Connection, shelf: Shelf, quantity: int) -> None:
    """Free what was reserved."""
    table = shelf_table.c
    connection.execute(
        update(shelf_table).where(_is(shelf)).values(reserved=table.reserved - quantity)
    )


def take_reserved(connection: Connection, shelf: Shelf, quantity: int) -> None:
    """Take away what was reserved: drawn, sent or broken."""
    table = shelf_table.c
    connection.execute(
        update(shelf_table)
        .where(_is(shelf))
        .values(on_hand=table.on_hand - quantity, reserved=table.reserved - quantity)
    )


def take_free(connection: Connection, shelf: Shelf, quantity: int) -> int:
    """Take away what broke on the shelf, as far as it is free; returns how many were."""
    table = shelf_table.c
    row = connection.execute(select(shelf_table).where(_is(shelf)).with_for_update()).first()
    if row is None:
        return 0
    count = min(quantity, row.on_hand - row.reserved)
    if count:
        connection.execute(
            update(shelf_table).where(table.id == row.id).values(on_hand=table.on_hand - count)
        )
    return int(count)


def free_by_branch(
    connection: Connection,
    product_id: str,
    power: LensPower | None,
    *,
    on: date,
    drill: str,
    after_branch_id: str,
    size: int,
) -> list[StockAtBranch]:
    """Return the branches with free, sellable stock of a product, by branch."""
    table = shelf_table.c
    free = func.sum(table.on_hand - table.reserved)
    statement = (
        select(table.branch_id, free.label("free"))
        .where(table.product_id == product_id, is_sellable(table.lot_id, on, drill))
        .group_by(table.branch_id)
        .having(free > 0)
        .order_by(table.branch_id)
        .limit(size)
    )
    if power is not None:
        statement = statement.where(_of_power(power))
    if after_branch_id:
        statement = statement.where(table.branch_id > after_branch_id)
    return [
        StockAtBranch(branch_id=row.branch_id, free=row.free)
        for row in connection.execute(statement)
    ]


def free_for_eyes(
    connection: Connection,
    branch_id: str,
    od: LensPower | None,
    os: LensPower | None,
    *,
    design: LensDesign | None,
    on: date,
    drill: str,
    after_sku: str,
    size: int,
) -> list[FreeForEyes]:
    """Return the products that lie free at a branch for every eye asked for, by code. Two eyes of
    one power need two pieces."""
    table = shelf_table.c
    wanted = {"od": od, "os": os}
    asked = [power for power in wanted.values() if power is not None]
    free = table.on_hand - table.reserved
    sums = {
        eye: func.coalesce(func.sum(free).filter(_of_power(power)), 0)
        for eye, power in wanted.items()
        if power is not None
    }
    least = 2 if len(asked) == 2 and asked[0] == asked[1] else 1
    statement = (
        select(
            catalogue.c.product_id,
            catalogue.c.sku,
            *(one.label(f"{eye}_free") for eye, one in sums.items()),
        )
        .join(catalogue, catalogue.c.product_id == table.product_id)
        .where(
            table.branch_id == branch_id,
            or_(*(_of_power(power) for power in asked)),
            catalogue.c.sku > after_sku,
            free > 0,
            is_sellable(table.lot_id, on, drill),
        )
        .group_by(catalogue.c.product_id, catalogue.c.sku)
        .having(and_(*(one >= least for one in sums.values())))
        .order_by(catalogue.c.sku)
        .limit(size)
    )
    if design is not None:
        lens = record.c.content["lens"]
        statement = statement.join(record, record.c.id == catalogue.c.product_id).where(
            lens["design"].astext == design
        )
    return [
        FreeForEyes(
            product_id=row["product_id"],
            sku=row["sku"],
            od_free=row.get("od_free", 0),
            os_free=row.get("os_free", 0),
        )
        for row in connection.execute(statement).mappings()
    ]


def _is(shelf: Shelf) -> Any:
    table = shelf_table.c
    return and_(
        table.lot_id == shelf.lot_id, table.branch_id == shelf.branch_id, _of_power(shelf.power)
    )


def _of_power(power: LensPower | None) -> Any:
    columns = power_columns(power).items()
    return and_(*(shelf_table.c[name].is_not_distinct_from(value) for name, value in columns))
