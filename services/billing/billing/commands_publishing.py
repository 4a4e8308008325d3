"""What head office publishes: editions of the prices and of the terms."""

from __future__ import annotations

from datetime import date

from billing import store
from billing.money.price_list import PRICE_LIST, EditionTaken, Price, PriceList, check_prices
from billing.order.terms import TERMS, Terms
from chassis.db import UnitOfWork
from chassis.records.envelope import Record


def publish_price_list(
    work: UnitOfWork, *, edition: str, valid_from: date, currency: str, prices: tuple[Price, ...]
) -> Record[PriceList]:
    """Publish an edition of the prices. Raises EditionTaken, Invalid (prices, currency)."""
    check_prices(prices)
    if store.is_published(work.connection, PRICE_LIST, edition):
        raise EditionTaken(f"the edition {edition} was published before", edition=edition)
    content = PriceList(
        edition=edition, valid_from=valid_from, currency=currency, price_count=len(prices)
    )
    price_list = work.records.add(PRICE_LIST, content)
    store.add_prices(work.connection, price_list.id, prices)
    return price_list


def publish_terms(
    work: UnitOfWork,
    *,
    edition: str,
    valid_from: date,
    warranty_days: int,
    warranty_text: str,
    redo_days: int,
    redo_attempts: int,
    redo_text: str,
    price_text: str,
    limits_text: str,
) -> Record[Terms]:
    """Publish an edition of the terms. Raises EditionTaken."""
    if store.is_published(work.connection, TERMS, edition):
        raise EditionTaken(f"the edition {edition} was published before", edition=edition)
    content = Terms(
        edition=edition,
        valid_from=valid_from,
        warranty_days=warranty_days,
        warranty_text=warranty_text,
        redo_days=redo_days,
        redo_attempts=redo_attempts,
        redo_text=redo_text,
        price_text=price_text,
        limits_text=limits_text,
    )
    return work.records.add(TERMS, content)
