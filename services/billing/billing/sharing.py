"""What the orders of one case hold of stock between them: alternatives may be quoted on the same
frame and lenses, but only one of them sells it, and none gives up what another stands on."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from billing import store
from billing.order.basis import StockSold
from billing.order.order import ENDED, Order
from chassis.records.envelope import Record

_NOT_SOLD = ENDED | {"quoted"}


def require_unsold(
    connection: Connection, case_id: str, stock_ids: Iterable[str], *, order_id: str
) -> None:
    """Refuse a frame or lens that another order of the case sells; nobody else sells of the case
    until this is committed. Raises StockSold."""
    store.lock_case(connection, case_id)
    wanted = tuple(stock_ids)
    for other in store.orders_of_case(connection, case_id):
        sold = [one for one in wanted if one in _stock_of(other)]
        if sold and other.id != order_id and other.state not in _NOT_SOLD:
            raise StockSold(
                f"order {other.content.order_number} sells this already",
                missing=[f"stock of its own: {one}" for one in sold],
                order_id=other.id,
            )


def held_for_others(connection: Connection, order: Record[Order]) -> frozenset[str]:
    """Return the set-asides and reservations that other open orders of the case stand on; nobody
    else sells of the case until this is committed."""
    store.lock_case(connection, order.case_id)
    others = store.orders_of_case(connection, order.case_id)
    return frozenset(
        stock_id
        for other in others
        if other.id != order.id and other.state not in ENDED
        for stock_id in _stock_of(other)
    )


def _stock_of(order: Record[Order]) -> tuple[str, ...]:
    content = order.content
    return (content.set_aside_id, *content.reservation_ids)
