"""Two orders of one visit: alternatives are quoted on the same stock, and only one of them sells
it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from billing import commands_paying as paying
from chassis.errors import DomainError
from chassis.ids import new_id
from chassis.records.tables import outbox
from optichain.billing.v1 import events_pb2


def shared(shop: Any) -> dict[str, Any]:
    """Return one frame and the two lenses that a case holds."""
    set_aside_id, lenses = new_id("sta"), (new_id("rsv"), new_id("rsv"))
    return {
        "case_id": new_id("case"),
        "set_aside_id": set_aside_id,
        "reservation_ids": lenses,
        "basis": shop.held(set_aside_id, *lenses),
    }


def refusal(what: Any, *args: Any, **named: Any) -> DomainError:
    with pytest.raises(DomainError) as refused:
        what(*args, **named)
    return refused.value


def void(shop: Any, order_id: str) -> None:
    with shop.chain.work("billing", shop.manager.actor) as work:
        paying.void_order(
            work, order_id=order_id, revision=0, reason_code="CUSTOMER_CHANGE", reason="twice"
        )


def last_told(shop: Any, name: str) -> Any:
    with shop.chain.database("billing").snapshot() as connection:
        body = connection.execute(
            select(outbox.c.body)
            .where(outbox.c.type == f"optichain.billing.v1.{name}")
            .order_by(outbox.c.seq.desc())
        ).scalars()
        return getattr(events_pb2, name).FromString(bytes(body.first()))


def test_what_an_approved_order_sells_is_not_quoted_to_the_same_customer_again(shop: Any) -> None:
    held = shared(shop)
    first = shop.approve(shop.quote(**held).id)

    refused = refusal(shop.quote, **held)

    assert refused.code == "STOCK_SOLD"
    assert refused.missing == (
        f"stock of its own: {held['set_aside_id']}",
        *(f"stock of its own: {lens}" for lens in held["reservation_ids"]),
    )
    assert refused.details["order_id"] == first.id
    void(shop, first.id)
    assert shop.quote(**held).state == "quoted", "what was given up may be sold"


def test_of_two_quotations_on_the_same_stock_one_is_approved(shop: Any) -> None:
    held = shared(shop)
    orders = [shop.quote(**held), shop.quote(**held)]

    def approve(order: Any) -> str:
        try:
            return str(shop.approve(order.id).state)
        except DomainError as refused:
            return refused.code

    with ThreadPoolExecutor(2) as hands:
        assert sorted(hands.map(approve, orders)) == ["STOCK_SOLD", "approved"]


def test_another_case_and_other_stock_of_the_same_case_are_sold(shop: Any) -> None:
    held = shared(shop)
    shop.approve(shop.quote(**held).id)

    second_pair = shop.quote(**(shared(shop) | {"case_id": held["case_id"]}))

    assert shop.approve(second_pair.id).state == "approved"
    assert shop.requote(second_pair.id).state == "quoted", "an order may keep its own stock"


def test_a_voided_quotation_frees_nothing_that_the_other_one_stands_on(shop: Any) -> None:
    held = shared(shop)
    first, second = shop.quote(**held), shop.quote(**held)

    void(shop, second.id)
    told = last_told(shop, "OrderCancelled")
    assert (list(told.set_aside_ids), list(told.reservation_ids)) == ([], [])

    void(shop, first.id)
    told = last_told(shop, "OrderCancelled")
    assert list(told.set_aside_ids) == [held["set_aside_id"]]
    assert tuple(told.reservation_ids) == held["reservation_ids"]


def test_a_quotation_made_anew_frees_nothing_that_another_one_stands_on(shop: Any) -> None:
    held = shared(shop)
    shop.quote(**held)
    second = shop.quote(**held)
    other_aside, other_lenses = new_id("sta"), (new_id("rsv"), new_id("rsv"))

    shop.requote(
        second.id,
        set_aside_id=other_aside,
        reservation_ids=other_lenses,
        basis=shop.held(other_aside, *other_lenses),
    )

    told = last_told(shop, "OrderRequoted")
    assert (list(told.dropped_set_aside_ids), list(told.dropped_reservation_ids)) == ([], [])
