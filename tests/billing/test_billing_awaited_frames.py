"""A frame that is still to come is quoted and approved, and inventory is told to await it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from billing.order.order import Order
from chassis.ids import new_id
from chassis.records.envelope import Record
from chassis.records.tables import outbox
from optichain.billing.v1 import events_pb2


def special_order(shop: Any) -> dict[str, Any]:
    """Return what is asked for a frame that is ordered for the customer: no set-aside."""
    lenses = (new_id("rsv"), new_id("rsv"))
    basis = shop.basis(is_frame_here=False, reservations=shop.reserved(*lenses))
    return {"basis": basis, "set_aside_id": "", "reservation_ids": lenses}


def confirmed(shop: Any, order_id: str) -> Record[Order]:
    order = shop.approve(order_id)
    if order.state == "approved":
        order = shop.pay(order.id, order.content.deposit_minor)
    assert order.state == "confirmed"
    return order


def last_told(shop: Any, name: str) -> Any:
    with shop.chain.database("billing").snapshot() as connection:
        body = connection.execute(
            select(outbox.c.body)
            .where(outbox.c.type == f"optichain.billing.v1.{name}")
            .order_by(outbox.c.seq.desc())
        ).scalars()
        return getattr(events_pb2, name).FromString(bytes(body.first()))


def test_a_special_order_is_approved_and_inventory_is_told_which_frame_to_await(
    shop: Any,
) -> None:
    order = confirmed(shop, shop.quote(**special_order(shop)).id)

    told = last_told(shop, "OrderConfirmed")
    assert told.awaited_frame_product_id == order.content.frame_product_id == shop.frame_id
    assert list(told.set_aside_ids) == []


def test_a_frame_that_is_set_aside_or_the_customers_own_is_not_awaited(shop: Any) -> None:
    shop.confirmed()
    assert last_told(shop, "OrderConfirmed").awaited_frame_product_id == ""

    confirmed(shop, shop.quote(**shop.own_frame()).id)
    assert last_told(shop, "OrderConfirmed").awaited_frame_product_id == ""


def test_a_frame_that_is_chosen_no_more_is_dropped_and_the_same_one_is_kept(shop: Any) -> None:
    order = confirmed(shop, shop.quote(**special_order(shop)).id)

    shop.requote(order.id, **special_order(shop))
    assert last_told(shop, "OrderRequoted").dropped_frame_product_id == ""

    shop.requote(order.id, **shop.own_frame())
    assert last_told(shop, "OrderRequoted").dropped_frame_product_id == shop.frame_id


def test_a_frame_that_came_and_is_set_aside_takes_the_place_of_the_awaited_one(shop: Any) -> None:
    order = confirmed(shop, shop.quote(**special_order(shop)).id)
    set_aside_id, lenses = new_id("sta"), (new_id("rsv"), new_id("rsv"))

    shop.requote(
        order.id,
        set_aside_id=set_aside_id,
        reservation_ids=lenses,
        basis=shop.held(set_aside_id, *lenses),
    )

    assert last_told(shop, "OrderRequoted").dropped_frame_product_id == shop.frame_id
    confirmed(shop, order.id)
    assert last_told(shop, "OrderConfirmed").awaited_frame_product_id == ""
