"""Nothing is sold before head office has said for what and on which terms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from billing import queries
from chassis.db import Reading
from chassis.errors import DomainError


def refusal(call: Callable[[], object]) -> DomainError:
    with pytest.raises(DomainError) as refused:
        call()
    return refused.value


def ask(shop: Any, query: Callable[..., Any], **named: Any) -> Any:
    with shop.chain.database("billing").snapshot() as connection:
        return query(Reading(connection, shop.optician.actor), **named)


def test_nothing_is_listed_or_quoted_before_a_price_list_is_in_force(new_shop: Any) -> None:
    page: dict[str, Any] = {"price_list_id": "", "page_size": 5, "page_token": ""}
    assert refusal(lambda: ask(new_shop, queries.list_prices, **page)).code == "NO_PRICE_LIST"

    new_shop.publish_prices(valid_from=new_shop.today + timedelta(days=1))
    refused = refusal(new_shop.quote)
    assert refused.code == "NO_PRICE_LIST"
    assert refused.missing == ("price list in force",)
    assert new_shop.told() == []

    new_shop.publish_prices(valid_from=new_shop.today)
    assert new_shop.quote().state == "quoted"


def test_nothing_is_read_back_or_approved_before_terms_are_in_force(new_shop: Any) -> None:
    new_shop.publish_prices()
    order = new_shop.quote()
    assert refusal(lambda: ask(new_shop, queries.get_terms, terms_id="")).code == "NO_TERMS"

    new_shop.publish_terms(valid_from=new_shop.today + timedelta(days=1))
    refused = refusal(lambda: new_shop.approve(order.id))
    assert refused.code == "NO_TERMS"
    assert refused.missing == ("terms in force",)
    assert new_shop.order(order.id).state == "quoted"

    new_shop.publish_terms(valid_from=new_shop.today)
    assert new_shop.approve(order.id).state == "approved"
