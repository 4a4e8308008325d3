"""Money given and given back: payments, the void of a mistake before release, receipts."""

from __future__ import annotations

from typing import Any

from billing import accounts, sharing, store
from billing.money import ledger
from billing.money.charge import CHARGE
from billing.money.ledger import Balance
from billing.money.payment import PAYMENT, Overpayment, Payment, PaymentMeans, ReferenceUsed
from billing.money.receipt import RECEIPT, Receipt
from billing.order.approval import APPROVAL
from billing.order.facts import OrderCancelled
from billing.order.order import (
    ENDED,
    ORDER,
    JobIsReleased,
    ManagerNeeded,
    NotConfirmable,
    Order,
    OrderEnded,
)
from billing.order.quotation import QUOTATION
from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.money import Money
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Evidence, Record
from chassis.records.gates import gate
from chassis.roles import Role


def take_payment(
    work: UnitOfWork,
    *,
    order_id: str,
    amount: Money,
    means: PaymentMeans,
    reference: str,
) -> dict[str, Any]:
    """Record money given, whatever the order stands on: it has happened. No gate, and so it
    confirms nothing; `confirm_order` does.

    Raises Overpayment, OrderEnded, ReferenceUsed, Invalid.
    """
    # Two cashiers at once wait for each other: money in the drawer is not refused as outdated.
    store.lock_order(work.connection, order_id)
    order = work.records.get(ORDER, order_id)
    if order.state in ENDED:
        raise OrderEnded(f"the order is {order.state}", state=order.state)
    content = Payment(
        order_id=order_id,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        means=means,
        reference=reference.strip(),
    )
    postings = store.postings_of(work.connection, order_id)
    _require_payable(work, order, content, accounts.balance_from(order, postings))
    payment = work.records.add(
        PAYMENT, content, customer_id=order.customer_id, case_id=order.case_id
    )
    on = accounts.occasion(work, order, payment.id)
    paid = ledger.paid(on, means.account, content.amount_minor)
    store.post(work.connection, paid)
    # A write of the order, so that whoever read the old balance without the lock starts over.
    return _paid(payment, work.records.note(order), accounts.balance_from(order, [*postings, paid]))


@gate("confirm order", ORDER, by="order_id")
def confirm_order(work: UnitOfWork, *, order_id: str, payment_id: str) -> dict[str, Any]:
    """Confirm an approved order once its deposit is paid, and answer as the payment did; an order
    that was moved meanwhile is left as it is. Raises Unknown."""
    order = work.records.get(ORDER, order_id)
    balance = accounts.balance(work.connection, order)
    order = accounts.confirmed(work, order, balance)
    return _paid(work.records.find(PAYMENT, payment_id), order, balance)


@gate("confirm order", ORDER, by="order_id")
def confirm_paid_order(work: UnitOfWork, *, order_id: str) -> dict[str, Any]:
    """Confirm an approved order whose confirmation was refused or cut off at the payment. Raises
    Unknown, NotConfirmable."""
    order = work.records.get(ORDER, order_id)
    balance = accounts.balance(work.connection, order)
    if not accounts.awaits_confirmation(order, balance):
        raise NotConfirmable(
            "the order is not approved, or its deposit is not paid",
            missing=["order approved", "deposit paid"],
        )
    return {"order": accounts.confirmed(work, order, balance), "balance": balance}


def _paid(payment: Record[Payment], order: Record[Order], balance: Balance) -> dict[str, Any]:
    return {"payment": payment, "order": order, "balance": balance}


def _require_payable(
    work: UnitOfWork, order: Record[Order], payment: Payment, balance: Balance
) -> None:
    if payment.currency != order.content.currency:
        raise invalid("amount.currency", "currency", f"must be {order.content.currency}")
    due = balance.due.amount_minor
    if payment.amount_minor > due:
        raise Overpayment(
            f"amount.amount_minor: {payment.amount_minor} is above {due}, which is due",
            due_minor=due,
        )
    if payment.reference:
        _require_unused(work, payment)


def _require_unused(work: UnitOfWork, payment: Payment) -> None:
    """Refuse a reference that stands on a payment; one that was reversed may be used again."""
    standing = store.payment_by_reference(work.connection, payment, work.actor.drill)
    if standing is not None:
        raise ReferenceUsed(
            f"reference: a {payment.means} payment stands on it already",
            field="reference",
            rule="one_payment_in_the_chain",
            payment_id=standing.id,
            order_id=standing.content.order_id,
        )


def void_order(
    work: UnitOfWork, *, order_id: str, revision: int, reason_code: str, reason: str
) -> dict[str, Any]:
    """End an order before release and reverse its ledger.

    Raises MoveForbidden, JobIsReleased, ManagerNeeded, Outdated.
    """
    order = work.records.get(ORDER, order_id, revision=revision)
    ORDER.transitions.after(order.state, "cancel")
    if order.content.live_jobs:
        raise JobIsReleased("a job was released: cancel it first", missing=["no job in work"])
    given_back = _give_back(work, order)
    content = order.content
    kept = sharing.held_for_others(work.connection, order)
    if content.charge_id:
        accounts.reverse(work, order, content.charge_id)
        work.records.move(work.records.find(CHARGE, content.charge_id), "reverse")
    # A job released meanwhile stands on all three, so its next gate sees that they are gone.
    work.records.void(
        work.records.find(QUOTATION, content.quotation_id),
        ChangeKind.REVOKED,
        reason_code=reason_code,
        reason=reason,
    )
    if content.approval_id:
        approval = work.records.find(APPROVAL, content.approval_id)
        work.records.void(approval, ChangeKind.REVOKED, reason_code=reason_code, reason=reason)
    order = work.records.void(
        order,
        ChangeKind.REVOKED,
        state=ORDER.transitions.after(order.state, "cancel"),
        reason_code=reason_code,
        reason=reason,
    )
    told = OrderCancelled(
        order_id=order.id,
        case_id=order.case_id,
        customer_id=order.customer_id,
        branch_id=order.branch_id,
        set_aside_ids=tuple(filter(None, {content.set_aside_id} - kept)),
        reservation_ids=tuple(one for one in content.reservation_ids if one not in kept),
        reason_code=reason_code,
        revision=order.revision,
    )
    work.tell(order, told)
    return {"order": order, "given_back": given_back}


def _give_back(work: UnitOfWork, order: Record[Order]) -> list[Record[Payment]]:
    taken = [one for one in store.payments_of(work.connection, order.id) if one.state == "taken"]
    if taken and Role.BRANCH_MANAGER not in work.actor.roles | {work.actor.role}:
        raise ManagerNeeded("money was paid", missing=["a branch manager who voids it"])
    given_back = []
    for payment in taken:
        accounts.reverse(work, order, payment.id)
        given_back.append(work.records.move(payment, "reverse"))
    return given_back


def keep_receipt(
    work: UnitOfWork, *, order: Record[Order], content: Receipt, pdf: Evidence
) -> Record[Receipt]:
    """Keep a receipt as printed; when another was printed of the same ledger meanwhile, that one
    stands."""
    store.lock_printing(work.connection, order.id)
    printed = store.receipt_of(work.connection, order.id, content.posting_id)
    return printed or work.records.add(
        RECEIPT,
        content,
        customer_id=order.customer_id,
        case_id=order.case_id,
        evidence=[pdf],
    )
