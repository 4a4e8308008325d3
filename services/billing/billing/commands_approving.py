"""The customer's approval and the promise made with it; the promise moved, and the order closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from billing import accounts, sharing, store
from billing.commands_making import flag_late
from billing.order.approval import APPROVAL, CustomerApproval, ReadBack
from billing.order.facts import OrderApproved
from billing.order.order import ENDED, OPEN_PROMISE, ORDER, FollowUpOpen, Order, OrderEnded
from billing.order.promise import (
    PROMISE,
    InformedHow,
    NotPromised,
    Promise,
    ReasonMissing,
    require_to_come,
)
from billing.order.quotation import QUOTATION, Quotation, QuotationExpired
from billing.order.terms import TERMS, Terms, TermsNotInForce
from chassis.db import UnitOfWork
from chassis.errors import Refused
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Approval, ApprovalStatus, Record
from chassis.records.gates import gate
from chassis.records.pins import Pin, fixed, pin
from chassis.roles import Role


@gate("approve order", ORDER, by="order_id")
def approve_order(
    work: UnitOfWork,
    *,
    order_id: str,
    revision: int,
    fitting_measurement_id: str,
    terms_id: str,
    promised_on: date,
    promise_reason: str,
    read_back: ReadBack,
    signature_object_key: str,
    measurement_pins: Sequence[Pin],
) -> dict[str, Any]:
    """Record the approval, make or keep the promise, charge the total.

    Raises MoveForbidden, ReadBackIncomplete, QuotationExpired, StockSold, TermsNotInForce,
    ReasonMissing, EvidenceUnconfirmed, Invalid (promised_on, signature_object_key).
    """
    order = work.records.get(ORDER, order_id, revision=revision)
    ORDER.transitions.after(order.state, "approve")
    read_back.require_complete()
    stock = filter(None, (order.content.set_aside_id, *order.content.reservation_ids))
    sharing.require_unsold(work.connection, order.case_id, stock, order_id=order.id)
    today = store.day(work.connection, order.branch_id, work.at)
    quotation = _unexpired(work, order, today)
    terms = _terms_in_force(work, terms_id, today)
    require_to_come(promised_on, today)
    approval = work.records.add(
        APPROVAL,
        CustomerApproval(
            order_id=order.id,
            quotation_id=quotation.id,
            fitting_measurement_id=fitting_measurement_id,
            terms_id=terms.id,
            promised_on=promised_on,
            total_minor=quotation.content.total_minor,
            read_back=read_back,
            witness_id=work.actor.id,
        ),
        signed=True,
        customer_id=order.customer_id,
        case_id=order.case_id,
        branch_id=order.branch_id,
        evidence=work.records.signature("signature_object_key", signature_object_key),
        approval=Approval(
            status=ApprovalStatus.APPROVED, decided_by=order.customer_id, decided_at=work.at
        ),
        relies_on=[pin(quotation), *measurement_pins, fixed(terms.id, TERMS.name, terms.version)],
    )
    _supersede(work, order.content.approval_id, approval)
    promise = _promised(work, order, promised_on, promise_reason, InformedHow.IN_PERSON)
    charge = accounts.charge(work, order, quotation)
    order = work.records.move(
        order,
        "approve",
        responsible_role=Role.CASHIER,
        relies_on=[pin(approval)],
        approval_id=approval.id,
        fitting_measurement_id=fitting_measurement_id,
        terms_id=terms.id,
        charge_id=charge,
        **_promise_fields(order.content, promise),
    )
    told = OrderApproved(
        order_id=order.id,
        case_id=order.case_id,
        customer_id=order.customer_id,
        branch_id=order.branch_id,
        approval_id=approval.id,
        promised_on=promised_on,
    )
    work.tell(order, told)
    order = flag_late(work, order)
    order = accounts.confirmed(work, order, accounts.balance(work.connection, order))
    return {"order": order, "approval": approval, "promise": promise}


def re_promise(
    work: UnitOfWork, *, order_id: str, promised_on: date, reason: str, informed_how: InformedHow
) -> dict[str, Any]:
    """Move the promise after the customer was informed; the first is kept. A date before the lab's
    estimate is at risk, and told so.

    Raises NotPromised, OrderEnded, Refused (NOTHING_CHANGED), Invalid (promised_on).
    """
    order = work.records.get(ORDER, order_id)
    if order.state in ENDED:
        raise OrderEnded(f"the order is {order.state}", state=order.state)
    if order.state not in OPEN_PROMISE or not order.content.promise_id:
        raise NotPromised(f"no promise is open while the order is {order.state}")
    require_to_come(promised_on, store.day(work.connection, order.branch_id, work.at))
    if promised_on == order.content.promised_on:
        raise Refused("the promise stands on this date already", reason="NOTHING_CHANGED")
    promise = _promised(work, order, promised_on, reason, informed_how)
    order = work.records.note(order, **_promise_fields(order.content, promise))
    order = flag_late(work, order)
    return {"promise": promise, "order": order}


def close_order(
    work: UnitOfWork, *, order_id: str, follow_up_id: str, follow_up_state: str
) -> Record[Order]:
    """End a collected order. Raises MoveForbidden, FollowUpOpen, BalanceDue, RefundDue."""
    order = work.records.get(ORDER, order_id)
    ORDER.transitions.after(order.state, "close")
    if follow_up_state not in ("done", "waived"):
        raise FollowUpOpen(
            f"the follow-up is {follow_up_state}", missing=["follow-up done or waived"]
        )
    balance = accounts.balance(work.connection, order)
    accounts.require_settled(balance)
    accounts.require_nothing_to_refund(balance)
    return work.records.move(
        order, "close", nobody_next=True, closed=True, follow_up_id=follow_up_id
    )


def _unexpired(work: UnitOfWork, order: Record[Order], today: date) -> Record[Quotation]:
    quotation = work.records.find(QUOTATION, order.content.quotation_id)
    if today > quotation.content.valid_until:
        raise QuotationExpired(
            f"the quotation held until {quotation.content.valid_until}", missing=["a new quotation"]
        )
    return quotation


def _terms_in_force(work: UnitOfWork, terms_id: str, today: date) -> Record[Terms]:
    in_force = store.terms_in_force(work.connection, today)
    if in_force.id != terms_id:
        raise TermsNotInForce(
            f"{terms_id} is not in force today; {in_force.id} is", in_force=in_force.id
        )
    return in_force


def _supersede(work: UnitOfWork, approval_id: str, by: Record[CustomerApproval]) -> None:
    if approval_id:
        work.records.void(
            work.records.find(APPROVAL, approval_id),
            ChangeKind.SUPERSEDED,
            reason_code="APPROVED_ANEW",
            reason="the customer approved a new quotation",
            successor_id=by.id,
        )


def _promised(
    work: UnitOfWork, order: Record[Order], promised_on: date, reason: str, how: InformedHow
) -> Record[Promise]:
    """Return the promise that stands from now on: the present one while the date is the same."""
    before = order.content
    if not before.promise_id:
        return _promise(work, order, Promise(order_id=order.id, number=1, promised_on=promised_on))
    last = work.records.find(PROMISE, before.promise_id)
    if last.content.promised_on == promised_on:
        return last
    if not reason.strip():
        raise ReasonMissing(
            f"the promise moves from {last.content.promised_on} to {promised_on}",
            missing=["the reason why the promise moves"],
        )
    work.records.move(last, "replace")
    following = Promise(
        order_id=order.id,
        number=last.content.number + 1,
        promised_on=promised_on,
        reason=reason,
        informed_how=how,
    )
    return _promise(work, order, following)


def _promise(work: UnitOfWork, order: Record[Order], content: Promise) -> Record[Promise]:
    return work.records.add(
        PROMISE,
        content,
        customer_id=order.customer_id,
        case_id=order.case_id,
        branch_id=order.branch_id,
    )


def _promise_fields(before: Order, promise: Record[Promise]) -> dict[str, Any]:
    """Return the order's fields about its promise, with a risk that ended taken back."""
    promised_on = promise.content.promised_on
    return {
        "promise_id": promise.id,
        "promised_on": promised_on,
        "first_promise_id": before.first_promise_id or promise.id,
        "first_promised_on": before.first_promised_on or promised_on,
        "at_risk_since": before.at_risk_since if before.is_at_risk(promised_on) else None,
    }
