"""Pricing a pair of glasses: the first quotation opens the order, a later one supersedes it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from billing import sharing, store
from billing.money.policy import DepositRule, DiscountRule
from billing.money.price_list import Price, PriceList, PriceMissing
from billing.order.basis import Basis, ServiceWanted
from billing.order.facts import OrderQuoted, OrderRequoted
from billing.order.order import ORDER, Order, to_revise
from billing.order.quotation import QUOTATION, LineKind, Quotation, QuotationLine, discounted
from chassis.db import UnitOfWork
from chassis.ids import new_id
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Record
from chassis.records.pins import fixed, pin
from chassis.roles import Role
from chassis.rules import in_force


def quote_order(
    work: UnitOfWork,
    *,
    case_id: str,
    customer_id: str,
    frame_selection_id: str,
    lens_specification_id: str,
    set_aside_id: str,
    reservation_ids: tuple[str, ...],
    services: tuple[ServiceWanted, ...],
    discount_minor: int,
    discount_reason: str,
    basis: Basis,
) -> dict[str, Any]:
    """Price a pair and open its order.

    Raises NoPriceList, PriceMissing, DiscountAboveLimit, StockNotHeld, LensNotAsSpecified,
    StockSold, Invalid (discount).
    """
    order_id = new_id(ORDER.prefix)
    content = _priced(
        work,
        basis,
        case_id=case_id,
        order_id=order_id,
        frame_selection_id=frame_selection_id,
        lens_specification_id=lens_specification_id,
        set_aside_id=set_aside_id,
        reservation_ids=reservation_ids,
        services=services,
        discount_minor=discount_minor,
        discount_reason=discount_reason,
    )
    quotation = _quoted(work, content, basis, customer_id, case_id, work.actor.branch_id)
    opened = Order(
        order_number=store.next_order_number(work.connection),
        currency=content.currency,
        **_standing_on(quotation, basis),
    )
    order = work.records.add(
        ORDER,
        opened,
        id=order_id,
        customer_id=customer_id,
        case_id=case_id,
        responsible_role=Role.OPTICIAN,
        relies_on=[pin(quotation)],
    )
    told = OrderQuoted(
        order_id=order.id,
        case_id=case_id,
        customer_id=customer_id,
        branch_id=order.branch_id,
        quotation_id=quotation.id,
    )
    work.tell(order, told)
    return {"order": order, "quotation": quotation}


def requote_order(
    work: UnitOfWork,
    *,
    order_id: str,
    revision: int,
    frame_selection_id: str,
    lens_specification_id: str,
    set_aside_id: str,
    reservation_ids: tuple[str, ...],
    services: tuple[ServiceWanted, ...],
    discount_minor: int,
    discount_reason: str,
    reason: str,
    basis: Basis,
) -> dict[str, Any]:
    """Price an order anew; money paid stays on it, and the customer must approve again.

    Raises as `quote_order`, and MoveForbidden once it is ready.
    """
    order = work.records.get(ORDER, order_id, revision=revision)
    ORDER.transitions.after(order.state, "requote")
    content = _priced(
        work,
        basis,
        case_id=order.case_id,
        order_id=order_id,
        frame_selection_id=frame_selection_id,
        lens_specification_id=lens_specification_id,
        set_aside_id=set_aside_id,
        reservation_ids=reservation_ids,
        services=services,
        discount_minor=discount_minor,
        discount_reason=discount_reason,
    )
    before = order.content
    quotation = _quoted(work, content, basis, order.customer_id, order.case_id, order.branch_id)
    work.records.void(
        work.records.find(QUOTATION, before.quotation_id),
        ChangeKind.SUPERSEDED,
        reason_code="REQUOTED",
        reason=reason,
        successor_id=quotation.id,
    )
    order = work.records.move(
        order,
        "requote",
        responsible_role=Role.OPTICIAN,
        held_at_id=order.branch_id,
        relies_on=[pin(quotation)],
        reason_code="REQUOTED",
        reason=reason,
        jobs=to_revise(before.jobs),
        **_standing_on(quotation, basis),
    )
    kept = sharing.held_for_others(work.connection, order)
    work.tell(order, _requoted(order, before, basis, kept))
    return {"order": order, "quotation": quotation}


def _priced(
    work: UnitOfWork,
    basis: Basis,
    *,
    case_id: str,
    order_id: str,
    services: tuple[ServiceWanted, ...],
    discount_minor: int,
    set_aside_id: str,
    reservation_ids: tuple[str, ...],
    **named: Any,
) -> Quotation:
    """Return the quotation's content by the price list and the rules in force today."""
    basis.require_held(set_aside_id, reservation_ids)
    stock_ids = (set_aside_id, *reservation_ids) if set_aside_id else reservation_ids
    sharing.require_unsold(work.connection, case_id, stock_ids, order_id=order_id)
    today = store.day(work.connection, work.actor.branch_id, work.at)
    price_list = store.price_list_in_force(work.connection, today)
    lines = discounted(_lines(work, price_list, basis, services), discount_minor)
    quotation = Quotation(
        order_id=order_id,
        lines=lines,
        set_aside_id=set_aside_id,
        reservation_ids=reservation_ids,
        own_frame=basis.is_own_frame,
        price_list_id=price_list.id,
        currency=price_list.content.currency,
        discount_minor=discount_minor,
        deposit_minor=DepositRule(**_rule(work, "deposit")).deposit_minor(
            sum(line.net_minor for line in lines)
        ),
        valid_until=today + timedelta(days=_rule(work, "quotation")["valid_days"]),
        **named,
    )
    limits = DiscountRule(**_rule(work, "discount"))
    roles = work.actor.roles | {work.actor.role}
    limits.require_within(discount_minor, quotation.list_total_minor, roles)
    return quotation


def _lines(
    work: UnitOfWork,
    price_list: Record[PriceList],
    basis: Basis,
    services: tuple[ServiceWanted, ...],
) -> list[QuotationLine]:
    goods = [(LineKind.LENS, basis.lens_product_id, len(basis.lenses))]
    if basis.frame_product_id:
        goods.insert(0, (LineKind.FRAME, basis.frame_product_id, 1))
    wanted = [product_id for _kind, product_id, _count in goods]
    wanted += [service.service_code for service in services]
    prices = store.prices_of(work.connection, price_list.id, wanted)
    missing = [item for item in wanted if item not in prices]
    if missing:
        raise PriceMissing(
            f"the price list {price_list.content.edition} has no price for {', '.join(missing)}",
            missing=[f"price of {item}" for item in missing],
        )
    sold = [_goods_line(kind, count, prices[item], basis) for kind, item, count in goods]
    return sold + [_service_line(one, prices[one.service_code]) for one in services]


def _goods_line(kind: LineKind, quantity: int, price: Price, basis: Basis) -> QuotationLine:
    known = basis.goods[price.product_id]
    return QuotationLine(
        line_kind=kind,
        product_id=price.product_id,
        description=known.name,
        quantity=quantity,
        unit_price_minor=price.amount_minor,
        unit_cost_minor=known.unit_cost_minor,
    )


def _service_line(wanted: ServiceWanted, price: Price) -> QuotationLine:
    return QuotationLine(
        line_kind=LineKind.SERVICE,
        service_code=wanted.service_code,
        description=price.name,
        quantity=wanted.quantity,
        unit_price_minor=price.amount_minor,
    )


def _quoted(
    work: UnitOfWork,
    content: Quotation,
    basis: Basis,
    customer_id: str,
    case_id: str,
    branch_id: str,
) -> Record[Quotation]:
    return work.records.add(
        QUOTATION,
        content,
        customer_id=customer_id,
        case_id=case_id,
        branch_id=branch_id,
        relies_on=[*basis.pins, fixed(content.price_list_id, "billing.price_list", 1)],
    )


def _standing_on(quotation: Record[Quotation], basis: Basis) -> dict[str, Any]:
    """Return the order's fields that say which quotation stands and what it sells."""
    content = quotation.content
    return {
        "quotation_id": quotation.id,
        "frame_selection_id": content.frame_selection_id,
        "lens_specification_id": content.lens_specification_id,
        "frame_product_id": basis.frame_product_id,
        "lens_product_ids": content.of_kind(LineKind.LENS),
        "set_aside_id": content.set_aside_id,
        "reservation_ids": content.reservation_ids,
        "own_frame": content.own_frame,
        "price_list_id": content.price_list_id,
        "total_minor": content.total_minor,
        "deposit_minor": content.deposit_minor,
    }


def _requoted(
    order: Record[Order], before: Order, basis: Basis, kept: frozenset[str]
) -> OrderRequoted:
    now = order.content
    kept |= {now.set_aside_id, *now.reservation_ids}
    dropped = [one for one in before.reservation_ids if one not in kept]
    dropped_frame = before.set_aside_id if before.set_aside_id not in kept else ""
    became = basis.became(dropped_frame) if dropped_frame else ""
    awaited = before.awaited_frame_product_id
    return OrderRequoted(
        order_id=order.id,
        case_id=order.case_id,
        customer_id=order.customer_id,
        branch_id=order.branch_id,
        quotation_id=now.quotation_id,
        dropped_reservation_ids=(*dropped, *([became] if became else [])),
        dropped_set_aside_ids=(dropped_frame,) if dropped_frame else (),
        dropped_frame_product_id=awaited if awaited != now.awaited_frame_product_id else "",
        revision=order.revision,
    )


def _rule(work: UnitOfWork, name: str) -> Any:
    return in_force(work.connection, name, work.at.date()).body
