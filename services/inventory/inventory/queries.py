"""What inventory is asked: products, where stock is free, what is held for a case, what things
cost."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from chassis.db import Reading
from chassis.errors import Unknown, invalid
from chassis.pages import Page, after, size_of
from chassis.records.envelope import Record
from chassis.records.queries import record_at
from inventory import store, store_catalogue, store_piece, store_shelf
from inventory.draw import BREAKAGE, DRAW, Breakage
from inventory.lens import LensDesign, LensPower
from inventory.product import Product, ProductKind
from inventory.reservation import RESERVATION
from inventory.set_aside import SET_ASIDE
from inventory.store_shelf import FreeForEyes


def get_product(reading: Reading, *, product_id: str) -> Record[Any]:
    """Return a product. Raises Unknown."""
    return record_at(reading.connection, product_id)


def get_lot(reading: Reading, *, lot_id: str) -> Record[Any]:
    """Return a lot. Raises Unknown."""
    return record_at(reading.connection, lot_id)


def get_transfer(reading: Reading, *, transfer_id: str) -> Record[Any]:
    """Return a transfer. Raises Unknown."""
    return record_at(reading.connection, transfer_id)


def get_set_aside(reading: Reading, *, set_aside_id: str) -> Record[Any]:
    """Return a set-aside. Raises Unknown."""
    return record_at(reading.connection, set_aside_id)


def get_reservation(reading: Reading, *, reservation_id: str) -> Record[Any]:
    """Return a reservation. Raises Unknown."""
    return record_at(reading.connection, reservation_id)


def get_product_cost(reading: Reading, *, product_id: str) -> dict[str, Any]:
    """Return what a product costs the chain, and the product. Raises Unknown (COST_UNKNOWN)."""
    found = store_catalogue.cost_of(reading.connection, product_id)
    if found is None:
        raise Unknown(f"nothing of {product_id} was ever accepted", reason="COST_UNKNOWN")
    return {**vars(found), "product": record_at(reading.connection, product_id)}


def search_products(
    reading: Reading,
    *,
    text: str,
    sku: str,
    product_kind: ProductKind | None,
    power: LensPower | None,
    page_size: int,
    page_token: str,
) -> dict[str, Any]:
    """Return a page of products that fit everything given, by code."""
    size = size_of(page_size)
    found = store_catalogue.products(
        reading.connection,
        text=text,
        sku=sku,
        product_kind=product_kind,
        power=power,
        after_sku=_after(page_token),
        size=size + 1,
    )
    page = Page.of(found, size, key=lambda one: [one.content.sku])
    return {"products": page.rows, "next_page_token": page.next_page_token}


def find_lens_for(
    reading: Reading,
    *,
    branch_id: str,
    od: LensPower | None,
    os: LensPower | None,
    design: LensDesign | None,
    page_size: int,
    page_token: str,
) -> dict[str, Any]:
    """Return a page of lenses that are made in the powers and lie free at the branch. Raises
    Invalid when neither eye is given."""
    if od is None and os is None:
        raise invalid("od", "required", "the power of at least one eye must be given")
    size = size_of(page_size)
    found = store_shelf.free_for_eyes(
        reading.connection,
        branch_id,
        od.in_minus_cylinder() if od else None,
        os.in_minus_cylinder() if os else None,
        design=design,
        on=store.today(reading.connection),
        drill=reading.actor.drill,
        after_sku=_after(page_token),
        size=size + 1,
    )
    page = Page.of(found, size, key=lambda one: [one.sku])
    products = store_catalogue.by_ids(reading.connection, [one.product_id for one in page.rows])
    options = [_option(products[one.product_id], one, od, os) for one in page.rows]
    return {"options": [one for one in options if one], "next_page_token": page.next_page_token}


def _option(
    product: Record[Product], free: FreeForEyes, od: LensPower | None, os: LensPower | None
) -> dict[str, Any] | None:
    """Return a lens with its blanks; None when it is made in one of the powers no longer."""
    option: dict[str, Any] = {"product": product, "od_free": free.od_free, "os_free": free.os_free}
    for eye, power in (("od", od), ("os", os)):
        if power is not None:
            made = product.content.range_of(power)
            if made is None:
                return None
            option[f"{eye}_blank_micrometres"] = made.blank_diameter_micrometres
    return option


def list_lots(
    reading: Reading, *, product_id: str, lot_number: str, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of a product's lots, newest first."""
    size = size_of(page_size)
    key = after(page_token, 2)
    found = store.lots(
        reading.connection,
        product_id,
        drill=reading.actor.drill,
        lot_number=lot_number,
        before=(datetime.fromisoformat(key[0]), key[1]) if key else None,
        size=size + 1,
    )
    page = Page.of(found, size, key=lambda one: [one.recorded_at.isoformat(), one.id])
    return {"lots": page.rows, "next_page_token": page.next_page_token}


def find_stock(
    reading: Reading,
    *,
    product_id: str,
    power: LensPower | None,
    page_size: int,
    page_token: str,
) -> dict[str, Any]:
    """Return a page of the branches that have a product free. Raises Unknown."""
    size = size_of(page_size)
    product: Record[Product] = record_at(reading.connection, product_id)
    connection, on = reading.connection, store.today(reading.connection)
    after_id, drill = _after(page_token), reading.actor.drill
    if product.content.product_kind is ProductKind.FRAME:
        found = store_piece.free_by_branch(
            connection, product_id, on=on, drill=drill, after_branch_id=after_id, size=size + 1
        )
    else:
        written = power.in_minus_cylinder() if power is not None else None
        found = store_shelf.free_by_branch(
            connection,
            product_id,
            written,
            on=on,
            drill=drill,
            after_branch_id=after_id,
            size=size + 1,
        )
    page = Page.of(found, size, key=lambda one: [one.branch_id])
    return {"branches": page.rows, "next_page_token": page.next_page_token}


def list_pieces(
    reading: Reading,
    *,
    product_id: str,
    branch_id: str,
    serial: str,
    page_size: int,
    page_token: str,
) -> dict[str, Any]:
    """Return a page of the pieces of a frame in the order they came."""
    size = size_of(page_size)
    found = store_piece.pieces(
        reading.connection,
        product_id,
        drill=reading.actor.drill,
        branch_id=branch_id,
        serial=serial,
        after_id=_after(page_token),
        size=size + 1,
    )
    page = Page.of(found, size, key=lambda one: [one.id])
    return {"pieces": page.rows, "next_page_token": page.next_page_token}


def list_case_reservations(reading: Reading, *, case_id: str) -> dict[str, Any]:
    """Return what is held for a case, oldest first, its pieces, and which of its lots are locked
    now."""
    connection = reading.connection
    reservations = store.of_case(connection, RESERVATION, case_id)
    set_asides = store.of_case(connection, SET_ASIDE, case_id)
    lot_ids = {one.content.lot_id for one in reservations if one.content.lot_id}
    lot_ids |= {one.content.lot_id for one in set_asides}
    piece_ids = {one.content.piece_id for one in reservations}
    piece_ids |= {one.content.piece_id for one in set_asides}
    return {
        "reservations": reservations,
        "set_asides": set_asides,
        "locked_lot_ids": store.locked_lots(connection, lot_ids, drill=reading.actor.drill),
        "pieces": store_piece.by_ids(connection, sorted(piece_ids)),
    }


def list_case_draws(reading: Reading, *, case_id: str) -> dict[str, Any]:
    """Return what was drawn for a case and what broke of it, oldest first; what that cost only for
    roles that may see it."""
    connection, actor = reading.connection, reading.actor
    may_see_cost = bool(BREAKAGE.readers & (actor.roles | {actor.role}))
    broken = store.of_case(connection, BREAKAGE, case_id)
    return {
        "draws": store.of_case(connection, DRAW, case_id),
        "breakages": [one if may_see_cost else _without_cost(one) for one in broken],
    }


def _without_cost(breakage: Record[Breakage]) -> dict[str, Any]:
    names = [field.name for field in fields(Breakage) if field.name != "cost"]
    told = {name: getattr(breakage.content, name) for name in names}
    return {"envelope": breakage, **told}


def _after(page_token: str) -> str:
    key = after(page_token, 1)
    return key[0] if key else ""
