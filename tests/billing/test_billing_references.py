"""One slip of a card terminal or wallet pays once in the whole chain."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from billing import commands_paying as paying
from chassis.errors import DomainError
from chassis.roles import Role


def refusal(shop: Any, order_id: str, *paid: Any) -> DomainError:
    with pytest.raises(DomainError) as refused:
        shop.pay(order_id, *paid)
    return refused.value


def void(shop: Any, order_id: str) -> None:
    with shop.chain.work("billing", shop.manager.actor) as work:
        paying.void_order(
            work, order_id=order_id, revision=0, reason_code="ORDER_MISTAKE", reason="typed wrong"
        )


def test_a_terminal_reference_that_paid_one_order_pays_no_other_at_any_branch(shop: Any) -> None:
    first, second = shop.confirmed(), shop.confirmed()
    shop.pay(first.id, 100, "card", "T-9911")

    elsewhere = shop.chain.person(Role.CASHIER)
    refused = refusal(shop, second.id, 100, "card", " T-9911 ", elsewhere)

    assert refused.code == "REFERENCE_USED"
    assert refused.details["field"] == "reference"
    assert refused.details["rule"] == "one_payment_in_the_chain"
    assert refused.details["order_id"] == first.id
    assert "T-9911" not in refused.text
    shop.pay(second.id, 100, "wallet", "T-9911")


def test_the_reference_of_a_voided_payment_may_pay_the_order_it_was_meant_for(shop: Any) -> None:
    wrong, right = shop.confirmed(), shop.confirmed()
    shop.pay(wrong.id, 100, "card", "T-9911")
    assert refusal(shop, right.id, 100, "card", "T-9911").code == "REFERENCE_USED"

    void(shop, wrong.id)

    shop.pay(right.id, 100, "card", "T-9911")
    assert refusal(shop, shop.confirmed().id, 100, "card", "T-9911").code == "REFERENCE_USED"


def test_of_tills_that_use_one_reference_at_once_one_is_paid(shop: Any) -> None:
    orders = [shop.confirmed() for _ in range(4)]

    def pay(order: Any) -> str:
        try:
            shop.pay(order.id, 100, "card", "T-9911")
        except DomainError as refused:
            return refused.code
        return "paid"

    with ThreadPoolExecutor(4) as tills:
        answers = sorted(tills.map(pay, orders))

    assert answers == ["REFERENCE_USED"] * 3 + ["paid"]
