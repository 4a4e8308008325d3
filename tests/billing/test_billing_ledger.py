"""The ledger under whatever happens to an order: it balances, it is never edited, it empties."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from billing import accounts, store
from billing import commands_paying as paying
from billing.money import ledger
from billing.money.ledger import Account
from billing.worker import BillingWorker
from chassis import actor
from chassis.errors import DomainError
from chassis.ids import as_uuid, new_id
from chassis.roles import Role
from optichain.customer.v1 import contact_pb2
from optichain.customer.v1 import events_pb2 as customer
from optichain.labjob.v1 import events_pb2 as labjob
from optichain.organisation.v1 import events_pb2 as organisation

STEPS = st.lists(
    st.sampled_from(["quote anew", "own frame", "approve", "pay some", "pay rest", "void"]),
    min_size=1,
    max_size=9,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_the_ledger_balances_and_agrees_with_the_order_whatever_is_done(
    shop: Any, steps: list[str]
) -> None:
    order_id = shop.quote().id
    for step in steps:
        try:
            _take(shop, order_id, step)
        except DomainError:
            continue  # refused as the order stands: nothing may have been posted

    order = shop.order(order_id)
    with shop.chain.database("billing").snapshot() as connection:
        postings = store.postings_of(connection, order_id)
        payments = store.payments_of(connection, order_id)
    balance = accounts.balance_from(order, postings)
    taken = sum(one.content.amount_minor for one in payments if one.state == "taken")
    assert balance.paid.amount_minor == taken
    assert sum(e.amount_minor for p in postings for e in p.entries) == 0
    if order.state in ("approved", "confirmed"):
        assert balance.charged.amount_minor == order.content.total_minor
    if order.state == "confirmed":
        assert balance.meets_deposit
    if order.state == "cancelled":
        assert all(ledger.balance_of(postings, account) == 0 for account in Account)


def _take(shop: Any, order_id: str, step: str) -> None:
    match step:
        case "quote anew":
            shop.requote(order_id)
        case "own frame":
            shop.requote(order_id, **shop.own_frame())
        case "approve":
            shop.approve(order_id)
        case "pay some":
            shop.pay(order_id, 20_000)
        case "pay rest":
            shop.pay(order_id, shop.whole(order_id)["balance"].due.amount_minor)
        case "void":
            with shop.chain.work("billing", shop.manager.actor) as work:
                paying.void_order(
                    work, order_id=order_id, revision=0, reason_code="ORDER_MISTAKE", reason="x"
                )


@pytest.mark.parametrize("statement", ["DELETE FROM", "UPDATE"])
@pytest.mark.parametrize("table", ["posting", "ledger_entry", "price"])
def test_the_run_time_role_can_neither_edit_nor_delete_money(
    shop: Any, statement: str, table: str
) -> None:
    shop.confirmed()
    column = "name" if table == "price" else "currency" if table == "posting" else "account"
    edit = f" SET {column} = 'x'" if statement == "UPDATE" else ""
    with (
        shop.chain.database("billing").engine.connect() as connection,
        pytest.raises(DBAPIError, match="permission denied"),
    ):
        connection.execute(text(f"{statement} {table}{edit}"))


def test_the_database_itself_refuses_a_posting_that_does_not_balance(shop: Any) -> None:
    order = shop.confirmed()
    with shop.chain.database("billing").engine.connect() as connection:
        posting_id = as_uuid(new_id("pst"))
        connection.execute(
            text(
                "INSERT INTO posting VALUES (:id, 'payment', :order_id, 'x', NULL, NULL, 'CNY', "
                "now(), 'x')"
            ),
            {"id": posting_id, "order_id": as_uuid(order.id)},
        )
        connection.execute(
            text("INSERT INTO ledger_entry VALUES (:id, 1, 'cash', 100)"), {"id": posting_id}
        )
        with pytest.raises(DBAPIError, match="does not sum to zero"):
            connection.commit()


def test_the_worker_carries_an_order_from_release_to_collection_by_what_it_hears(
    shop: Any,
) -> None:
    order = shop.confirmed()
    named = {"job_id": new_id("job"), "order_id": order.id}
    lab_id = new_id("br")
    worker = BillingWorker()
    collected = labjob.JobCollected(**named)
    collected.collected_at.FromDatetime(datetime.now(UTC))
    informed = customer.CustomerInformed(
        order_id=order.id, purpose=contact_pb2.PURPOSE_ORDER_SERVICE
    )
    marketing = customer.CustomerInformed(order_id=order.id, purpose=contact_pb2.PURPOSE_MARKETING)
    late = (order.content.promised_on + timedelta(days=1)).isoformat()
    opened = organisation.BranchOpened(branch_id=order.branch_id, time_zone="Asia/Urumqi")
    heard: list[tuple[Any, Any, str]] = [
        (worker.keep_zone, opened, "confirmed"),
        (worker.note_released, labjob.JobReleased(**named, lab_id=lab_id), "in_work"),
        (worker.note_accepted, labjob.JobAccepted(**named, eta_date=late), "in_work"),
        (worker.note_revised, labjob.JobRevised(**named, lab_id=lab_id), "in_work"),
        (worker.note_ready, labjob.JobReady(**named), "in_work"),
        (worker.note_informed, marketing, "in_work"),
        (worker.note_informed, informed, "ready"),
        (worker.note_collected, collected, "collected"),
    ]
    for handler, event, state in heard:
        with shop.chain.work("billing", actor.system("billing")) as work:
            handler(work, event)
        assert shop.order(order.id).state == state

    assert shop.order(order.id).content.at_risk_since is None
    assert "PromiseAtRisk" in shop.told()
    with shop.chain.work("billing", actor.system("billing")) as work:
        assert not worker.watch_promises(work)


def test_an_order_waits_for_the_new_job_when_one_is_remade(shop: Any) -> None:
    order, old, new = shop.confirmed(), new_id("job"), new_id("job")
    shop.hear(order.id, "released", job_id=old)
    worker = BillingWorker()
    with shop.chain.work("billing", actor.system("billing")) as work:
        worker.note_remade(work, labjob.JobRemade(job_id=old, new_job_id=new, order_id=order.id))
    shop.hear(order.id, "released", "ready", "informed", job_id=new)

    assert shop.order(order.id).state == "ready"
    assert [job.state for job in shop.order(order.id).content.jobs] == ["remade", "ready"]


def test_a_ready_order_goes_back_to_work_with_a_remake_and_the_customer_is_told_again(
    shop: Any,
) -> None:
    order, old, new = shop.confirmed(), new_id("job"), new_id("job")
    shop.hear(order.id, "released", "ready", "informed", job_id=old)
    assert shop.order(order.id).state == "ready"
    with shop.chain.work("billing", actor.system("billing")) as work:
        remade = labjob.JobRemade(job_id=old, new_job_id=new, order_id=order.id)
        BillingWorker().note_remade(work, remade)

    shop.hear(order.id, "released", job_id=new)
    assert shop.order(order.id).state == "in_work"
    shop.hear(order.id, "ready", job_id=new)
    assert shop.order(order.id).state == "in_work"
    shop.hear(order.id, "informed", job_id=new)
    assert shop.order(order.id).state == "ready"


def test_a_cancelled_job_lets_the_order_be_quoted_anew_and_voided(shop: Any) -> None:
    order, job_id = shop.confirmed(), new_id("job")
    shop.hear(order.id, "released", job_id=job_id)
    with shop.chain.work("billing", actor.system("billing")) as work:
        BillingWorker().note_cancelled(work, labjob.JobCancelled(job_id=job_id, order_id=order.id))
    stopped = shop.order(order.id)
    assert (stopped.state, stopped.responsible_role) == ("confirmed", Role.BRANCH_MANAGER)
    shop.requote(order.id)
    _take(shop, order.id, "void")

    assert shop.order(order.id).state == "cancelled"


def test_a_quotation_is_not_approved_after_its_last_day(shop: Any) -> None:
    order = shop.quote()
    with shop.chain.work("billing", shop.optician.actor) as work:
        work.connection.execute(
            text(
                "UPDATE record SET content = jsonb_set(content, '{valid_until}', :day) "
                "WHERE kind = 'billing.quotation'"
            ),
            {"day": f'"{date(2026, 1, 1)}"'},
        )

    with pytest.raises(DomainError) as refused:
        shop.approve(order.id)
    assert refused.value.code == "QUOTATION_EXPIRED"
