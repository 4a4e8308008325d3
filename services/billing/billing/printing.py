"""Printing a receipt: what it says is put together from billing's ledger, customer's name and
organisation's branch, and only the hash of the PDF stays here."""

from __future__ import annotations

from billing import accounts, commands_paying, queries, receipt_pdf, store
from billing.money.ledger import PostingKind, standing
from billing.money.receipt import NothingPaid, Receipt
from billing.order.order import ORDER, Order
from billing.order.quotation import QUOTATION
from billing.order.terms import TERMS
from billing.receipt_pdf import Paper
from chassis import clock
from chassis.records.envelope import Record
from chassis.rpc import Call
from optichain.customer.v1 import customer_service_pb2 as customer
from optichain.organisation.v1 import organisation_service_pb2 as organisation


def receipt(call: Call, order_id: str) -> Record[Receipt]:
    """Return the receipt of the ledger as it stands, printing it unless it was printed.

    Raises Unknown, NothingPaid, Unavailable.
    """
    with call.database.snapshot() as connection:
        order = queries.read(connection, ORDER, order_id)
        postings = store.postings_of(connection, order_id)
        printed = store.receipt_of(connection, order_id, queries.latest_posting(postings))
        quotation = queries.read(connection, QUOTATION, order.content.quotation_id)
        payments = [one for one in store.payments_of(connection, order_id) if one.state == "taken"]
        terms_id = order.content.terms_id
        terms = queries.read(connection, TERMS, terms_id) if terms_id else None
        zone = store.zone(connection, order.branch_id, clock.now())
    if printed is not None:
        return printed
    if not any(one.posting_kind is PostingKind.PAYMENT for one in standing(postings)):
        raise NothingPaid("nothing was paid", missing=["a payment"])
    balance = accounts.balance_from(order, postings)
    with call.database.work(call.actor) as work:
        number = store.next_receipt_number(work.connection)
    paper = Paper(
        number=number,
        printed_at=clock.now().astimezone(zone),
        branch=_branch(call, order),
        customer_name=_customer_name(call, order),
        order=order,
        quotation=quotation,
        payments=payments,
        terms=terms,
        balance=balance,
        zone=zone,
    )
    pdf = call.objects.put(
        "billing", "receipt", receipt_pdf.render(paper), "application/pdf", "receipt"
    )
    content = Receipt(
        order_id=order_id,
        receipt_number=number,
        posting_id=queries.latest_posting(postings),
        paid_minor=balance.paid.amount_minor,
        due_minor=balance.due.amount_minor,
        currency=order.content.currency,
    )
    with call.database.work(call.actor) as work:
        return commands_paying.keep_receipt(work, order=order, content=content, pdf=pdf)


def _branch(call: Call, order: Record[Order]) -> receipt_pdf.Branch:
    branch = call.ask(
        organisation.GetBranchRequest(branch_id=order.branch_id), organisation.GetBranchResponse
    ).branch
    return receipt_pdf.Branch(name=branch.name, address=branch.address, telephone=branch.telephone)


def _customer_name(call: Call, order: Record[Order]) -> str:
    answer = call.ask(
        customer.GetPersonRequest(customer_id=order.customer_id), customer.GetPersonResponse
    )
    return str(answer.person.name)
