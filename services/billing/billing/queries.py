"""What billing is asked: prices, terms, orders as they stand, their ledger, and what is at risk."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection

from billing import accounts, store
from billing.money import ledger
from billing.money.ledger import Posting
from billing.money.price_list import PRICE_LIST, Price
from billing.order.order import ORDER, Order
from billing.order.quotation import MARGIN_READERS, Quotation
from billing.order.terms import TERMS, Terms
from chassis import clock
from chassis.db import Reading
from chassis.errors import Refused, Unknown
from chassis.pages import Page, after, size_of
from chassis.records.conditions import Asked, ConditionType, Finding, answers, found
from chassis.records.envelope import Record
from chassis.records.kinds import Kind
from chassis.records.queries import record_at, records_at, standing

_BEFORE_CONFIRMED = ("quoted", "approved", "cancelled")


def list_prices(
    reading: Reading, *, price_list_id: str, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of an edition's prices. Raises Unknown, NoPriceList."""
    if price_list_id:
        price_list = read(reading.connection, PRICE_LIST, price_list_id)
    else:
        price_list = store.price_list_in_force(reading.connection, _today(reading))
    size = size_of(page_size)
    rows = store.prices_page(reading.connection, price_list.id, after(page_token, 2), size + 1)
    page = Page.of(rows, size, key=_price_key)
    return {
        "price_list": price_list,
        "prices": page.rows,
        "next_page_token": page.next_page_token,
    }


def _price_key(price: Price) -> list[str]:
    return ["product" if price.product_id else "service", price.item]


def get_terms(reading: Reading, *, terms_id: str) -> Record[Terms]:
    """Return an edition of the terms, or the one in force today. Raises Unknown, NoTerms."""
    if terms_id:
        return read(reading.connection, TERMS, terms_id)
    return store.terms_in_force(reading.connection, _today(reading))


def get_order(reading: Reading, *, order_id: str) -> dict[str, Any]:
    """Return an order with what stands, and its margin for those who may see it. Raises
    Unknown."""
    connection = reading.connection
    stands = standing(connection, order_id)
    order: Record[Order] = _of_kind(ORDER, stands.envelope)
    content = order.content
    named = (
        content.quotation_id,
        content.approval_id,
        content.promise_id,
        content.first_promise_id,
    )
    found = records_at(connection, filter(None, named))
    quotation: Record[Quotation] = found[content.quotation_id]
    may_see_margin = not reading.actor.service and bool(
        MARGIN_READERS & (reading.actor.roles | {reading.actor.role})
    )
    return {
        "order": order,
        "quotation": quotation,
        "approval": found.get(content.approval_id),
        "promise": found.get(content.promise_id),
        "first_promise": found.get(content.first_promise_id),
        "balance": accounts.balance(connection, order),
        "margin": quotation.content.margin if may_see_margin else None,
        "promise_outcome": store.outcome_of(connection, order_id),
        "pins": stands.pins,
    }


def list_orders(
    reading: Reading, *, branch_id: str, state: str, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of a branch's orders, newest first."""
    size = size_of(page_size)
    rows = store.orders_page(reading.connection, branch_id, state, after(page_token, 2), size + 1)
    page = Page.of(rows, size, key=lambda one: [one.recorded_at.isoformat(), one.id])
    return {"orders": page.rows, "next_page_token": page.next_page_token}


def get_ledger(reading: Reading, *, order_id: str) -> dict[str, Any]:
    """Return an order's postings and its balance by them. Raises Unknown."""
    order = read(reading.connection, ORDER, order_id)
    postings = store.postings_of(reading.connection, order_id)
    return {"postings": postings, "balance": accounts.balance_from(order, postings)}


def awaits_confirmation(connection: Connection, order_id: str) -> bool:
    """Tell whether an order could be confirmed now, if what it stands on is live. Raises
    Unknown."""
    order = read(connection, ORDER, order_id)
    return accounts.awaits_confirmation(order, accounts.balance(connection, order))


def require_settled(reading: Reading, *, order_id: str) -> dict[str, Any]:
    """Return the balance of an order that owes nothing. Raises Unknown, BalanceDue, Refused."""
    order = read(reading.connection, ORDER, order_id)
    balance = accounts.balance(reading.connection, order)
    accounts.require_settled(balance)
    if order.state in _BEFORE_CONFIRMED:
        raise Refused(
            f"the order is {order.state}",
            reason="MOVE_FORBIDDEN",
            missing=["a confirmed order"],
            state=order.state,
        )
    return {"balance": balance}


def list_promises(reading: Reading, *, order_id: str) -> dict[str, Any]:
    """Return every promise of an order, the first one first, and what became of it. Raises
    Unknown."""
    read(reading.connection, ORDER, order_id)
    return {
        "promises": store.promises_of(reading.connection, order_id),
        "outcome": store.outcome_of(reading.connection, order_id),
    }


def list_promises_at_risk(
    reading: Reading, *, branch_id: str, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of a branch's orders whose promise is at risk, earliest promise first."""
    size = size_of(page_size)
    rows = store.risks_page(reading.connection, branch_id, after(page_token, 2), size + 1)
    page = Page.of(rows, size, key=lambda one: [str(one.content.promised_on), one.id])
    return {"risks": [_risk(one) for one in page.rows], "next_page_token": page.next_page_token}


def _risk(order: Record[Order]) -> dict[str, Any]:
    content = order.content
    return {
        "order_id": order.id,
        "order_number": content.order_number,
        "branch_id": order.branch_id,
        "promised_on": content.promised_on,
        "eta_on": content.eta_on,
        "at_risk_since": content.at_risk_since,
        "state": order.state,
    }


def read(connection: Connection, kind: Kind[Any], record_id: str) -> Record[Any]:
    """Return a record of a kind. Raises Unknown."""
    return _of_kind(kind, record_at(connection, record_id))


def _of_kind(kind: Kind[Any], found: Record[Any]) -> Record[Any]:
    if found.kind is not kind:
        raise Unknown(f"{found.id} is not kept here", id=found.id)
    return found


def latest_posting(postings: list[Posting]) -> str:
    """Return the newest posting's id, or empty text."""
    return postings[-1].id if postings else ""


def _today(reading: Reading) -> date:
    return store.day(reading.connection, reading.actor.branch_id, clock.now())


@answers(ConditionType.REFUND_POSTED)
def refund_posted(connection: Connection, asked: Asked) -> Finding:
    """Tell whether enough was given back on an order, and nothing is left to give back. Raises
    Unknown."""
    order = read(connection, ORDER, asked.condition.record_id)
    postings = store.postings_of(connection, order.id)
    left = accounts.balance_from(order, postings).to_refund.amount_minor
    lacking = asked.condition.amount_minor - ledger.given_back(postings)
    missing = ""
    if left > 0:
        missing = f"{left} minor units are still to be given back on {order.id}"
    elif lacking > 0:
        missing = f"{lacking} minor units more must be given back on {order.id}"
    return found(asked, order, missing)
