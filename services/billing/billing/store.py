"""Billing's SQL: prices and editions, the ledger, and look-ups of orders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, insert, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from billing.money.ledger import Account, LedgerEntry, Posting, PostingKind
from billing.money.payment import PAYMENT, Payment
from billing.money.price_list import PRICE_LIST, NoPriceList, Price, PriceList
from billing.money.receipt import RECEIPT, Receipt
from billing.order.order import OPEN_PROMISE, ORDER, Order
from billing.order.promise import PROMISE, PROMISE_OUTCOME, Promise, PromiseOutcome
from billing.order.terms import TERMS, NoTerms, Terms
from billing.tables import branch_zone, ledger_entry, order_number, posting, price, receipt_number
from chassis import locks
from chassis.ids import as_uuid
from chassis.records.envelope import Record
from chassis.records.kinds import Kind
from chassis.records.rows import record_of
from chassis.records.tables import record
from chassis.rules import in_force

C = TypeVar("C")

_POSTINGS = (
    select(posting, ledger_entry.c.account, ledger_entry.c.amount_minor)
    .join(ledger_entry, ledger_entry.c.posting_id == posting.c.id)
    .where(posting.c.order_id == bindparam("of_order"))
    .order_by(posting.c.posted_at, posting.c.id, ledger_entry.c.line)
)


def zone(connection: Connection, branch_id: str, at: datetime) -> ZoneInfo:
    """Return a branch's time zone; the chain's own where billing has not heard of the branch."""
    known = None
    if branch_id:
        known = connection.execute(
            select(branch_zone.c.time_zone).where(branch_zone.c.branch_id == branch_id)
        ).scalar()
    return ZoneInfo(known or in_force(connection, "calendar", at.date()).body["time_zone"])


def day(connection: Connection, branch_id: str, at: datetime) -> date:
    """Return the calendar day of an instant at a branch."""
    return at.astimezone(zone(connection, branch_id, at)).date()


def keep_zone(connection: Connection, branch_id: str, time_zone: str, drill: str = "") -> None:
    """Keep a branch's time zone."""
    statement = upsert(branch_zone).values(branch_id=branch_id, time_zone=time_zone, drill=drill)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["branch_id"], set_={"time_zone": statement.excluded.time_zone}
        )
    )


def is_published(connection: Connection, kind: Kind[Any], edition: str) -> bool:
    """Tell whether an edition of this name exists, and let nobody else publish meanwhile."""
    locks.take(connection, "publishing an edition")
    statement = select(record.c.id).where(
        record.c.kind == kind.name, record.c.content["edition"].astext == edition
    )
    return connection.execute(statement).first() is not None


def _newest_edition(connection: Connection, kind: Kind[C], on: date) -> Record[C] | None:
    valid_from = record.c.content["valid_from"].astext
    statement = (
        select(record)
        .where(record.c.kind == kind.name, valid_from <= on.isoformat())
        .order_by(valid_from.desc(), record.c.recorded_at.desc())
        .limit(1)
    )
    row = connection.execute(statement).mappings().first()
    return record_of(row, kind) if row else None


def price_list_in_force(connection: Connection, on: date) -> Record[PriceList]:
    """Return the price list in force on a day. Raises NoPriceList."""
    found = _newest_edition(connection, PRICE_LIST, on)
    if found is None:
        raise NoPriceList(f"no price list is in force on {on}", missing=["price list in force"])
    return found


def terms_in_force(connection: Connection, on: date) -> Record[Terms]:
    """Return the terms in force on a day. Raises NoTerms."""
    found = _newest_edition(connection, TERMS, on)
    if found is None:
        raise NoTerms(f"no terms are in force on {on}", missing=["terms in force"])
    return found


def add_prices(connection: Connection, price_list_id: str, prices: Iterable[Price]) -> None:
    """Keep the prices of an edition."""
    rows = [
        {
            "price_list_id": price_list_id,
            "item": one.item,
            "product_id": one.product_id,
            "service_code": one.service_code,
            "name": one.name,
            "amount_minor": one.amount_minor,
        }
        for one in prices
    ]
    connection.execute(insert(price), rows)


def prices_of(connection: Connection, price_list_id: str, items: Sequence[str]) -> dict[str, Price]:
    """Return the prices of some products and services."""
    statement = select(price).where(
        price.c.price_list_id == price_list_id, price.c.item.in_(list(items))
    )
    return {row["item"]: _price(row) for row in connection.execute(statement).mappings()}


def prices_page(
    connection: Connection, price_list_id: str, after_item: Sequence[str], size: int
) -> list[Price]:
    """Return some prices of an edition: products by id, then services by code."""
    is_service = price.c.product_id == ""
    statement = select(price).where(price.c.price_list_id == price_list_id)
    if after_item:
        last = (after_item[0] == "service", after_item[1])
        statement = statement.where(tuple_(is_service, price.c.item) > last)
    rows = connection.execute(statement.order_by(is_service, price.c.item).limit(size)).mappings()
    return [_price(row) for row in rows]


def _price(row: Any) -> Price:
    return Price(
        product_id=row["product_id"],
        service_code=row["service_code"],
        name=row["name"],
        amount_minor=row["amount_minor"],
    )


def post(connection: Connection, *postings: Posting) -> None:
    """Write postings to the ledger."""
    for one in postings:
        connection.execute(
            insert(posting).values(
                id=one.id,
                posting_kind=one.posting_kind,
                order_id=one.order_id,
                record_id=one.record_id,
                reverses_id=one.reverses_id or None,
                branch_id=one.branch_id,
                currency=one.currency,
                posted_at=one.posted_at,
                posted_by=one.posted_by,
            )
        )
        connection.execute(
            insert(ledger_entry),
            [
                {
                    "posting_id": one.id,
                    "line": line,
                    "account": entry.account,
                    "amount_minor": entry.amount_minor,
                }
                for line, entry in enumerate(one.entries, start=1)
            ],
        )


def postings_of(connection: Connection, order_id: str) -> list[Posting]:
    """Return the postings of an order, oldest first."""
    grouped: dict[str, list[Any]] = {}
    for row in connection.execute(_POSTINGS, {"of_order": order_id}).mappings():
        grouped.setdefault(row["id"], []).append(row)
    return [_posting(rows) for rows in grouped.values()]


def _posting(rows: Sequence[Any]) -> Posting:
    first = rows[0]
    return Posting(
        id=first["id"],
        posting_kind=PostingKind(first["posting_kind"]),
        order_id=first["order_id"],
        record_id=first["record_id"],
        reverses_id=first["reverses_id"] or "",
        branch_id=first["branch_id"] or "",
        currency=first["currency"],
        posted_at=first["posted_at"],
        posted_by=first["posted_by"],
        entries=tuple(LedgerEntry(Account(r["account"]), r["amount_minor"]) for r in rows),
    )


def next_order_number(connection: Connection) -> str:
    """Return a fresh number that people read aloud."""
    return f"B{connection.scalar(order_number):07d}"


def next_receipt_number(connection: Connection) -> str:
    """Return a fresh number to print."""
    return f"R{connection.scalar(receipt_number):07d}"


def _of_order(connection: Connection, kind: Kind[C], order_id: str) -> list[Record[C]]:
    statement = (
        select(record)
        .where(record.c.kind == kind.name, record.c.content["order_id"].astext == order_id)
        .order_by(record.c.recorded_at, record.c.id)
    )
    return [record_of(row, kind) for row in connection.execute(statement).mappings()]


def payments_of(connection: Connection, order_id: str) -> list[Record[Payment]]:
    """Return the payments of an order, oldest first."""
    return _of_order(connection, PAYMENT, order_id)


def payment_by_reference(
    connection: Connection, payment: Payment, drill: str
) -> Record[Payment] | None:
    """Return the payment that stands in the chain, or in a drill, on the same means and reference,
    and let nobody else use it until this is committed."""
    locks.take(connection, f"{payment.means} {payment.reference}")
    content = record.c.content
    statement = select(record).where(
        record.c.kind == PAYMENT.name,
        record.c.state == "taken",
        content["means"].astext == payment.means,
        content["reference"].astext == payment.reference,
        content["reference"].astext != "",
        record.c.drill == drill,
    )
    row = connection.execute(statement).mappings().first()
    return record_of(row, PAYMENT) if row else None


def promises_of(connection: Connection, order_id: str) -> list[Record[Promise]]:
    """Return the promises of an order, the first one first."""
    return sorted(_of_order(connection, PROMISE, order_id), key=lambda one: one.content.number)


def outcome_of(connection: Connection, order_id: str) -> Record[PromiseOutcome] | None:
    """Return what became of the order's promise, once it was judged."""
    return next(iter(_of_order(connection, PROMISE_OUTCOME, order_id)), None)


def receipt_of(connection: Connection, order_id: str, posting_id: str) -> Record[Receipt] | None:
    """Return the receipt that shows the ledger up to a posting."""
    found = _of_order(connection, RECEIPT, order_id)
    return next((one for one in found if one.content.posting_id == posting_id), None)


def lock_order(connection: Connection, order_id: str) -> None:
    """Let nobody else write the order until this is committed."""
    locked = select(record.c.id).where(record.c.id == as_uuid(order_id))
    connection.execute(locked.with_for_update(key_share=True))


def lock_case(connection: Connection, case_id: str) -> None:
    """Let nobody else sell or give up stock of the case until this is committed."""
    locks.take(connection, case_id)


def orders_of_case(connection: Connection, case_id: str) -> list[Record[Order]]:
    """Return the orders of a case, oldest first."""
    statement = (
        select(record)
        .where(record.c.case_id == case_id, record.c.kind == ORDER.name)
        .order_by(record.c.recorded_at, record.c.id)
    )
    return [record_of(row, ORDER) for row in connection.execute(statement).mappings()]


def lock_printing(connection: Connection, order_id: str) -> None:
    """Let nobody else print a receipt of the order until this is committed."""
    locks.take(connection, order_id)


def orders_page(
    connection: Connection, branch_id: str, state: str, before: Sequence[str], size: int
) -> list[Record[Order]]:
    """Return some orders of a branch, newest first."""
    columns = record.c
    statement = select(record).where(columns.kind == ORDER.name, columns.branch_id == branch_id)
    if state:
        statement = statement.where(columns.state == state)
    if before:
        last = (datetime.fromisoformat(before[0]), as_uuid(before[1]))
        statement = statement.where(tuple_(columns.recorded_at, columns.id) < last)
    ordered = statement.order_by(columns.recorded_at.desc(), columns.id.desc()).limit(size)
    return [record_of(row, ORDER) for row in connection.execute(ordered).mappings()]


def risks_page(
    connection: Connection, branch_id: str, after: Sequence[str], size: int
) -> list[Record[Order]]:
    """Return some orders of a branch whose promise is at risk, earliest promise first."""
    columns = record.c
    promised_on = columns.content["promised_on"].astext
    statement = select(record).where(
        columns.kind == ORDER.name,
        columns.branch_id == branch_id,
        columns.state.in_(sorted(OPEN_PROMISE)),
        columns.content["at_risk_since"].astext.is_not(None),
    )
    if after:
        statement = statement.where(tuple_(promised_on, columns.id) > (after[0], as_uuid(after[1])))
    ordered = statement.order_by(promised_on, columns.id).limit(size)
    return [record_of(row, ORDER) for row in connection.execute(ordered).mappings()]


def claim_promises_due(connection: Connection, on: date, most: int) -> list[Record[Order]]:
    """Return open orders promised for this day or before and not yet flagged, claimed against
    other workers."""
    columns = record.c
    statement = (
        select(record)
        .where(
            columns.kind == ORDER.name,
            columns.state.in_(sorted(OPEN_PROMISE)),
            columns.content["at_risk_since"].astext.is_(None),
            columns.content["promised_on"].astext <= on.isoformat(),
        )
        .order_by(columns.content["promised_on"].astext)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return [record_of(row, ORDER) for row in connection.execute(statement).mappings()]
