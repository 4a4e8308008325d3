"""How an order stands in money, and what posts to its ledger: shared by every command that touches
money."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from billing import store
from billing.money import ledger
from billing.money.charge import CHARGE, Charge
from billing.money.ledger import Balance, Occasion, Posting
from billing.money.payment import BalanceDue, RefundDue
from billing.order.facts import OrderConfirmed
from billing.order.order import Order
from billing.order.quotation import QUOTATION, Quotation
from chassis.db import UnitOfWork
from chassis.records.envelope import Record
from chassis.roles import Role


def balance(connection: Connection, order: Record[Order]) -> Balance:
    """Return how an order stands in money: its quotation against its ledger."""
    return balance_from(order, store.postings_of(connection, order.id))


def balance_from(order: Record[Order], postings: list[Posting]) -> Balance:
    """Return how an order stands in money by these postings; a cancelled one asks for nothing."""
    asked = replace(order.content, total_minor=0, deposit_minor=0)
    content = asked if order.state == "cancelled" else order.content
    return ledger.balance(
        postings,
        total_minor=content.total_minor,
        deposit_minor=content.deposit_minor,
        currency=content.currency,
    )


def require_settled(balance: Balance) -> None:
    """Refuse while something is due. Raises BalanceDue."""
    if balance.due.amount_minor > 0:
        raise BalanceDue(
            f"{balance.due.amount_minor} {balance.due.currency} minor units are due",
            missing=["the balance is paid"],
            due_minor=balance.due.amount_minor,
            currency=balance.due.currency,
        )


def require_nothing_to_refund(balance: Balance) -> None:
    """Refuse while something is to be given back. Raises RefundDue."""
    if balance.to_refund.amount_minor > 0:
        raise RefundDue(
            f"{balance.to_refund.amount_minor} {balance.to_refund.currency} minor units "
            "are to be given back",
            missing=["the refund is posted"],
            to_refund_minor=balance.to_refund.amount_minor,
        )


def occasion(work: UnitOfWork, order: Record[Order], record_id: str) -> Occasion:
    """Return what every posting of this unit of work about the order says."""
    return Occasion(
        order_id=order.id,
        record_id=record_id,
        branch_id=work.actor.branch_id or order.branch_id,
        currency=order.content.currency,
        posted_at=work.at,
        posted_by=work.actor.id,
    )


def charge(work: UnitOfWork, order: Record[Order], quotation: Record[Quotation]) -> str:
    """Reverse the charge that stands and charge the quotation; returns the new charge's id."""
    if order.content.charge_id:
        reverse(work, order, order.content.charge_id)
        work.records.move(work.records.find(CHARGE, order.content.charge_id), "reverse")
    amount = quotation.content.total_minor
    charged = work.records.add(
        CHARGE,
        Charge(
            order_id=order.id,
            quotation_id=quotation.id,
            amount_minor=amount,
            currency=quotation.content.currency,
        ),
        customer_id=order.customer_id,
        case_id=order.case_id,
        branch_id=order.branch_id,
    )
    if amount:
        store.post(work.connection, ledger.charged(occasion(work, order, charged.id), amount))
    return charged.id


def reverse(work: UnitOfWork, order: Record[Order], record_id: str) -> None:
    """Reverse what stands in the ledger for a charge or payment."""
    postings = store.postings_of(work.connection, order.id)
    undone = [one for one in ledger.standing(postings) if one.record_id == record_id]
    on = occasion(work, order, record_id)
    store.post(work.connection, *(ledger.reversed_(on, one) for one in undone))


def deliver(work: UnitOfWork, order: Record[Order]) -> None:
    """Turn what was owed to the customer into revenue, at the hand-over."""
    quotation = work.records.find(QUOTATION, order.content.quotation_id)
    earned = quotation.content.revenue_minor()
    if earned:
        store.post(work.connection, ledger.delivered(occasion(work, order, order.id), earned))


def awaits_confirmation(order: Record[Order], balance: Balance) -> bool:
    """Tell whether an order is approved and its deposit is paid."""
    return order.state == "approved" and balance.meets_deposit


def confirmed(work: UnitOfWork, order: Record[Order], balance: Balance) -> Record[Order]:
    """Confirm an order that awaits it by this balance of its ledger, and tell it; else return it
    as it is."""
    if not awaits_confirmation(order, balance):
        return order
    order = work.records.move(order, "confirm", responsible_role=Role.OPTICIAN)
    content = order.content
    told = OrderConfirmed(
        order_id=order.id,
        case_id=order.case_id,
        customer_id=order.customer_id,
        branch_id=order.branch_id,
        set_aside_ids=(content.set_aside_id,) if content.set_aside_id else (),
        reservation_ids=content.reservation_ids,
        awaited_frame_product_id=content.awaited_frame_product_id,
        revision=order.revision,
    )
    work.tell(order, told)
    return order
