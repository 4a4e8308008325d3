"""The catalogue in SQL: codes that are unique, words that are searched, powers that are covered,
costs that are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from chassis.ids import as_uuid
from chassis.money import Money
from chassis.records.envelope import Record
from chassis.records.rows import record_of
from chassis.records.tables import record
from inventory.lens import LensPower
from inventory.lot import Lot
from inventory.product import PRODUCT, Product, ProductKind, SkuTaken
from inventory.tables import catalogue, power_range, product_cost


@dataclass(frozen=True, kw_only=True)
class ProductCost:
    """What one piece of a product costs the chain."""

    product_id: str
    latest_unit_cost: Money
    average_unit_cost: Money
    latest_lot_id: str


def list_product(connection: Connection, product: Record[Product]) -> None:
    """Make a product findable. Raises SkuTaken."""
    row = connection.execute(
        upsert(catalogue)
        .values(product_id=product.id, **_entry(product.content))
        .on_conflict_do_nothing()
        .returning(catalogue.c.product_id)
    ).first()
    if row is None:
        raise SkuTaken(f"the code {product.content.sku} is taken", sku=product.content.sku)
    _add_ranges(connection, product)


def relist_product(connection: Connection, product: Record[Product]) -> None:
    """Make an amended product findable by what it is now. Raises SkuTaken."""
    try:
        with connection.begin_nested():
            connection.execute(
                update(catalogue)
                .where(catalogue.c.product_id == product.id)
                .values(**_entry(product.content))
            )
    except IntegrityError as error:
        raise SkuTaken(
            f"the code {product.content.sku} is taken", sku=product.content.sku
        ) from error
    connection.execute(delete(power_range).where(power_range.c.product_id == product.id))
    _add_ranges(connection, product)


def _entry(product: Product) -> dict[str, Any]:
    colour = product.frame.colour if product.frame else ""
    words = (product.sku, product.name, product.brand, product.maker, colour)
    return {
        "sku": product.sku,
        "product_kind": product.product_kind,
        "words": " ".join(words).lower(),
    }


def _add_ranges(connection: Connection, product: Record[Product]) -> None:
    rows = [
        {
            "product_id": product.id,
            "position": position,
            "sphere_min": one.sphere_min_centidioptres,
            "sphere_max": one.sphere_max_centidioptres,
            "cylinder_min": one.cylinder_min_centidioptres,
            "cylinder_max": one.cylinder_max_centidioptres,
            "add_min": one.add_min_centidioptres,
            "add_max": one.add_max_centidioptres,
        }
        for position, one in enumerate(product.content.power_ranges)
    ]
    if rows:
        connection.execute(insert(power_range), rows)


def products(
    connection: Connection,
    *,
    text: str,
    sku: str,
    product_kind: ProductKind | None,
    power: LensPower | None,
    after_sku: str,
    size: int,
) -> list[Record[Product]]:
    """Return products that fit everything given, by code."""
    entry = catalogue.c
    statement = (
        select(record)
        .join(catalogue, entry.product_id == record.c.id)
        .where(entry.sku > after_sku)
        .order_by(entry.sku)
        .limit(size)
    )
    if text:
        statement = statement.where(entry.words.contains(text.lower(), autoescape=True))
    if sku:
        statement = statement.where(entry.sku == sku)
    if product_kind is not None:
        statement = statement.where(entry.product_kind == product_kind)
    if power is not None:
        statement = statement.where(exists().where(*_covers(power.in_minus_cylinder())))
    return [record_of(row, PRODUCT) for row in connection.execute(statement).mappings()]


def _covers(power: LensPower) -> list[Any]:
    one = power_range.c
    conditions = [
        one.product_id == catalogue.c.product_id,
        func.int4range(one.sphere_min, one.sphere_max, "[]").op("@>")(power.sphere_centidioptres),
        func.int4range(one.cylinder_min, one.cylinder_max, "[]").op("@>")(
            power.cylinder_centidioptres
        ),
    ]
    if power.add_centidioptres is None:
        return [*conditions, one.add_min.is_(None)]
    return [
        *conditions,
        one.add_min <= power.add_centidioptres,
        one.add_max >= power.add_centidioptres,
    ]


def by_ids(connection: Connection, product_ids: list[str]) -> dict[str, Record[Product]]:
    """Return several products by id."""
    rows = connection.execute(
        select(record).where(record.c.id.in_([as_uuid(one) for one in product_ids]))
    ).mappings()
    found = [record_of(row, PRODUCT) for row in rows]
    return {one.id: one for one in found}


def add_cost(connection: Connection, lot: Record[Lot], at: datetime) -> None:
    """Add an accepted lot to what its product costs."""
    content = lot.content
    unit = content.unit_cost.amount_minor
    statement = upsert(product_cost).values(
        product_id=content.product_id,
        currency=content.unit_cost.currency,
        quantity=content.quantity,
        value_minor=unit * content.quantity,
        latest_unit_cost_minor=unit,
        latest_lot_id=lot.id,
        accepted_at=at,
    )
    new = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["product_id", "currency"],
            set_={
                "quantity": product_cost.c.quantity + new.quantity,
                "value_minor": product_cost.c.value_minor + new.value_minor,
                "latest_unit_cost_minor": new.latest_unit_cost_minor,
                "latest_lot_id": new.latest_lot_id,
                "accepted_at": new.accepted_at,
            },
        )
    )


def cost_of(connection: Connection, product_id: str) -> ProductCost | None:
    """Return what a product costs, in the currency of the lot accepted last; None before the
    first."""
    row = connection.execute(
        select(product_cost)
        .where(product_cost.c.product_id == product_id)
        .order_by(product_cost.c.accepted_at.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    # Rounded up: a margin is never shown larger than it is.
    average = -(-row.value_minor // row.quantity)
    return ProductCost(
        product_id=product_id,
        latest_unit_cost=Money(row.latest_unit_cost_minor, row.currency),
        average_unit_cost=Money(average, row.currency),
        latest_lot_id=row.latest_lot_id,
    )
