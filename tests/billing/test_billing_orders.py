"""An order from quotation to hand-over, by its commands on a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from billing import commands_approving as approving
from billing import commands_making as making
from billing import commands_paying as paying
from billing import commands_publishing as publishing
from billing import queries, store
from billing.money import ledger
from billing.money.ledger import Account
from billing.money.price_list import PRICE_LIST, Price
from billing.order.approval import ReadBack
from billing.order.basis import ServiceWanted
from billing.order.promise import PROMISE, InformedHow, Outcome
from chassis import actor
from chassis.db import Reading
from chassis.errors import DomainError, Invalid, Refused
from chassis.ids import as_uuid, new_id
from chassis.records import reviewing, worklists
from chassis.records.book import WrongBranch
from chassis.records.changes import ChangeKind
from chassis.records.pins import Pin
from chassis.records.tables import review
from chassis.roles import Role

FRAME_PRICE, LENS_PRICE, EDGING_PRICE = 60_000, 45_000, 3_000
TOTAL = FRAME_PRICE + 2 * LENS_PRICE


def refusal(shop: Any, what: Any, *args: Any, **named: Any) -> str:
    """Return the code of a refusal that must come."""
    with pytest.raises(DomainError) as refused:
        what(*args, **named)
    return refused.value.code


def test_a_quotation_prices_frame_lenses_and_services_by_the_list_in_force(shop: Any) -> None:
    order = shop.quote(services=(ServiceWanted(service_code="edging", quantity=2),))
    quotation = shop.whole(order.id)["quotation"].content

    assert [(one.line_kind, one.net_minor) for one in quotation.lines] == [
        ("frame", FRAME_PRICE),
        ("lens", 2 * LENS_PRICE),
        ("service", 2 * EDGING_PRICE),
    ]
    assert quotation.total_minor == TOTAL + 2 * EDGING_PRICE
    assert order.state == "quoted"
    assert order.responsible_role is Role.OPTICIAN
    assert order.content.order_number.startswith("B")
    assert shop.told() == ["OrderQuoted"]


def test_a_customers_own_frame_costs_nothing_and_needs_no_set_aside(shop: Any) -> None:
    own = shop.own_frame()

    order = shop.quote(**own)

    assert order.content.own_frame
    assert order.content.total_minor == 2 * LENS_PRICE
    assert refusal(shop, shop.quote, **own | {"set_aside_id": new_id("sta")}) == "INVALID"


def test_a_frame_of_the_display_that_is_not_set_aside_for_the_case_is_not_quoted(
    shop: Any,
) -> None:
    with pytest.raises(Invalid) as refused:
        shop.quote(set_aside_id="")
    assert refused.value.problems[0].field == "set_aside_id"
    assert refusal(shop, shop.quote, set_aside_id=new_id("sta")) == "STOCK_NOT_HELD"
    assert refusal(shop, shop.quote, reservation_ids=(new_id("rsv"),)) == "STOCK_NOT_HELD"


def test_a_product_without_a_price_is_not_quoted(shop: Any) -> None:
    wanted = (ServiceWanted(service_code="engraving", quantity=1),)

    assert refusal(shop, shop.quote, services=wanted) == "PRICE_MISSING"
    assert shop.told() == []


def test_a_discount_above_the_roles_limit_is_refused_and_the_manager_may_give_it(
    shop: Any,
) -> None:
    named = {"discount_minor": TOTAL // 10, "discount_reason": "member"}

    assert refusal(shop, shop.quote, **named) == "DISCOUNT_ABOVE_LIMIT"
    order = shop.quote(by=shop.manager, **named)

    quotation = shop.whole(order.id)["quotation"].content
    assert quotation.total_minor == TOTAL - TOTAL // 10
    assert sum(one.discount_minor for one in quotation.lines) == TOTAL // 10


def test_the_margin_is_shown_to_the_manager_and_not_to_the_optician(shop: Any) -> None:
    order = shop.quote()

    assert shop.whole(order.id)["margin"] is None
    assert shop.whole(order.id, by=shop.manager)["margin"].margin.amount_minor == (
        TOTAL - 20_000 - 2 * 9_000
    )


def test_an_approval_makes_promise_and_charge_and_waits_for_the_cashier(shop: Any) -> None:
    order = shop.approve(shop.quote().id)
    whole = shop.whole(order.id)

    assert order.state == "approved"
    assert order.responsible_role is Role.CASHIER
    assert whole["approval"].content.witness_id == shop.optician.id
    assert whole["approval"].approval.decided_by == order.customer_id
    assert whole["approval"].evidence[0].media_type == "image/png"
    assert whole["promise"].content.number == 1
    assert whole["balance"].charged.amount_minor == TOTAL
    assert shop.told()[-1] == "OrderApproved"


@pytest.mark.parametrize("missing", sorted(ReadBack.__dataclass_fields__))
def test_an_approval_with_one_acknowledgement_missing_is_refused_by_its_name(
    shop: Any, missing: str
) -> None:
    order = shop.quote()
    said = dict.fromkeys(ReadBack.__dataclass_fields__, True) | {missing: False}

    with pytest.raises(Refused) as refused:
        shop.approve(order.id, read_back=ReadBack(**said))

    assert refused.value.code == "READ_BACK_INCOMPLETE"
    assert refused.value.missing == (f"read back and acknowledged: {missing}",)
    assert shop.order(order.id).state == "quoted"


def test_an_approval_needs_a_confirmed_image_of_the_signature(shop: Any) -> None:
    order = shop.quote()

    unconfirmed = f"billing/signature/{new_id('obj')}"
    assert refusal(shop, shop.approve, order.id, signature=unconfirmed) == "EVIDENCE_UNCONFIRMED"
    with pytest.raises(Invalid) as refused:
        shop.approve(order.id, signature=shop.signature("application/pdf"))
    assert refused.value.problems[0].field == "signature_object_key"


def test_an_approval_on_other_terms_than_those_in_force_or_for_a_day_gone_by_is_refused(
    shop: Any,
) -> None:
    order = shop.quote()
    with shop.chain.work("billing", shop.office.actor) as work:
        words = dict.fromkeys(("warranty_text", "redo_text", "price_text", "limits_text"), "新")
        newer = publishing.publish_terms(
            work,
            edition="2026 b",
            valid_from=date(2026, 6, 1),
            warranty_days=180,
            redo_days=14,
            redo_attempts=1,
            **words,
        )

    assert refusal(shop, shop.approve, order.id) == "TERMS_NOT_IN_FORCE"
    with pytest.raises(Invalid) as refused:
        shop.approve(order.id, terms_id=newer.id, promised_on=shop.today - timedelta(days=1))
    assert refused.value.problems[0].field == "promised_on"


def test_the_order_stands_on_approval_quotation_measurement_terms_and_prices(shop: Any) -> None:
    order = shop.approve(shop.quote().id)
    with shop.chain.work("billing", shop.optician.actor) as work:
        pins = {one.kind: one for one in work.records.pins_of(order.id)}

    assert set(pins) == {
        "billing.customer_approval",
        "billing.quotation",
        "billing.price_list",
        "billing.terms",
    }
    assert pins["billing.price_list"].fixed
    assert pins["billing.terms"].fixed
    assert not pins["billing.quotation"].fixed


def test_a_price_list_is_held_as_agreed_whatever_is_published_later(shop: Any) -> None:
    order = shop.quote()
    price = Price(product_id=shop.lens_id, service_code="", name="", amount_minor=99_000)
    with shop.chain.work("billing", shop.office.actor) as work:
        publishing.publish_price_list(
            work, edition="dearer", valid_from=date(2026, 2, 1), currency="CNY", prices=(price,)
        )

    approved = shop.approve(order.id)

    assert approved.content.total_minor == TOTAL
    assert refusal(shop, shop.quote) == "PRICE_MISSING"


def test_an_edition_is_published_once(shop: Any) -> None:
    assert refusal(shop, shop.publish_prices) == "EDITION_TAKEN"


def test_a_deposit_confirms_the_order_and_says_what_to_reserve(shop: Any) -> None:
    order = shop.approve(shop.quote().id)

    partly = shop.pay(order.id, order.content.deposit_minor - 1)
    assert partly.state == "approved"
    confirmed = shop.pay(order.id, 1)

    assert confirmed.state == "confirmed"
    assert confirmed.responsible_role is Role.OPTICIAN
    assert shop.told()[-1] == "OrderConfirmed"


def test_money_may_be_given_at_another_branch_and_stays_on_its_ledger(shop: Any) -> None:
    order = shop.confirmed()
    elsewhere = shop.chain.person(Role.CASHIER)

    shop.pay(order.id, 100, by=elsewhere)

    with shop.chain.database("billing").snapshot() as connection:
        assert store.postings_of(connection, order.id)[-1].branch_id == elsewhere.branch_id
        assert store.payments_of(connection, order.id)[-1].branch_id == elsewhere.branch_id


def test_more_than_is_due_is_refused_and_nothing_is_posted(shop: Any) -> None:
    order = shop.confirmed()
    due = shop.whole(order.id)["balance"].due.amount_minor

    assert refusal(shop, shop.pay, order.id, due + 1) == "OVERPAYMENT"
    assert shop.whole(order.id)["balance"].due.amount_minor == due


def test_one_card_reference_pays_once(shop: Any) -> None:
    order = shop.confirmed()
    shop.pay(order.id, 100, "card", "T-9911")

    assert refusal(shop, shop.pay, order.id, 100, "card", "T-9911") == "REFERENCE_USED"
    shop.pay(order.id, 100, "wallet", "T-9911")


def test_a_new_quotation_supersedes_the_old_frees_what_it_drops_and_keeps_the_money(
    shop: Any,
) -> None:
    order = shop.confirmed()
    paid = shop.whole(order.id)["balance"].paid.amount_minor

    requoted = shop.requote(order.id)

    assert requoted.state == "quoted"
    assert requoted.content.quotation_id != order.content.quotation_id
    assert shop.whole(order.id)["balance"].paid.amount_minor == paid
    with shop.chain.work("billing", shop.optician.actor) as work:
        old = work.connection.exec_driver_sql(
            "SELECT void FROM record WHERE kind = 'billing.quotation' ORDER BY recorded_at LIMIT 1"
        ).scalar_one()
    assert old == "superseded"
    assert shop.told()[-2:] == ["RecordChanged", "OrderRequoted"]


def test_a_second_approval_confirms_at_once_when_the_deposit_is_already_paid(shop: Any) -> None:
    order = shop.confirmed()
    shop.requote(order.id)

    again = shop.approve(order.id)

    assert again.state == "confirmed"
    assert again.content.approval_id != order.content.approval_id
    assert again.content.promise_id == order.content.promise_id
    assert shop.told()[-1] == "OrderConfirmed"
    assert shop.whole(order.id)["balance"].charged.amount_minor == TOTAL


def test_a_second_approval_may_move_the_date_only_with_a_reason_and_keeps_the_first_promise(
    shop: Any,
) -> None:
    order = shop.confirmed()
    shop.requote(order.id)
    later = shop.today + timedelta(days=12)

    assert refusal(shop, shop.approve, order.id, promised_on=later) == "REASON_MISSING"
    again = shop.approve(order.id, promised_on=later, promise_reason="another lens is needed")

    assert again.content.promised_on == later
    assert again.content.first_promise_id == order.content.first_promise_id
    assert again.content.first_promised_on == order.content.promised_on
    assert shop.whole(order.id)["promise"].content.number == 2


def test_a_cheaper_quotation_after_full_payment_shows_what_is_to_be_given_back(
    shop: Any,
) -> None:
    order = shop.approve(shop.quote().id)
    shop.pay(order.id, TOTAL)
    shop.requote(order.id, **shop.own_frame())
    shop.approve(order.id)

    balance = shop.whole(order.id)["balance"]

    assert balance.to_refund.amount_minor == FRAME_PRICE
    assert balance.due.amount_minor == -FRAME_PRICE
    assert balance.charged.amount_minor == 2 * LENS_PRICE


def test_a_void_before_release_reverses_charge_and_payments_and_frees_what_was_held(
    shop: Any,
) -> None:
    order = shop.confirmed()
    assert refusal(shop, void, shop, order.id, shop.optician) == "MANAGER_NEEDED"

    answer = void(shop, order.id, shop.manager)

    assert answer["order"].state == "cancelled"
    assert [one.state for one in answer["given_back"]] == ["reversed"]
    with shop.chain.database("billing").snapshot() as connection:
        postings = store.postings_of(connection, order.id)
    assert all(ledger.balance_of(postings, account) == 0 for account in Account)
    assert "OrderCancelled" in shop.told()
    assert refusal(shop, shop.pay, order.id, 100) == "ORDER_ENDED"


@pytest.mark.parametrize(("is_made", "asked"), [(False, 1), (True, 0)])
def test_an_expired_prescription_is_a_question_until_the_glasses_are_being_made(
    shop: Any, is_made: bool, asked: int
) -> None:
    prescription = Pin(
        record_id=new_id("rx"), kind="clinical.prescription", relied_version=1, settled_version=1
    )
    set_aside_id, lenses = new_id("sta"), (new_id("rsv"), new_id("rsv"))
    basis = replace(shop.held(set_aside_id, *lenses), pins=[prescription])
    order = shop.quote(basis=basis, set_aside_id=set_aside_id, reservation_ids=lenses)
    order = shop.approve(order.id)
    order = shop.pay(order.id, order.content.deposit_minor)
    if is_made:
        shop.hear(order.id, "released", job_id=new_id("job"))

    shop.chain.hears("billing", prescription.record_id, 1, what=ChangeKind.EXPIRED)
    assert len(reviews_of(shop, order.id)) == asked

    shop.chain.hears("billing", prescription.record_id, 2, what=ChangeKind.SUPERSEDED)
    assert len(reviews_of(shop, order.id)) == asked + 1


def reviews_of(shop: Any, order_id: str) -> list[Any]:
    """What somebody is asked about an order."""
    with shop.chain.database("billing").snapshot() as connection:
        return reviewing.open_reviews(connection, review.c.holder_id == as_uuid(order_id))


def test_an_order_whose_job_is_released_is_not_voided(shop: Any) -> None:
    order = shop.confirmed()
    shop.hear(order.id, "released", job_id=new_id("job"))

    assert refusal(shop, void, shop, order.id, shop.manager) == "MOVE_FORBIDDEN"
    shop.requote(order.id)
    assert refusal(shop, void, shop, order.id, shop.manager) == "JOB_RELEASED"


def void(shop: Any, order_id: str, by: Any) -> Any:
    with shop.chain.work("billing", by.actor) as work:
        return paying.void_order(
            work, order_id=order_id, revision=0, reason_code="CUSTOMER_CHANGE", reason="a mistake"
        )


def test_an_order_of_another_branch_is_not_quoted_anew_here(shop: Any) -> None:
    order = shop.quote()
    shop.optician = shop.chain.person(Role.OPTICIAN)

    with pytest.raises(WrongBranch):
        shop.requote(order.id)


def test_an_order_is_ready_when_all_jobs_are_and_the_customer_was_told_after_that(
    shop: Any,
) -> None:
    order, job_id = shop.confirmed(), new_id("job")
    shop.hear(order.id, "released", job_id=job_id)
    assert shop.order(order.id).state == "in_work"
    assert shop.order(order.id).responsible_role is Role.LAB_CLERK

    shop.hear(order.id, "informed", "ready", job_id=job_id)
    assert shop.order(order.id).state == "in_work"
    shop.hear(order.id, "informed", job_id=job_id)

    assert shop.order(order.id).state == "ready"
    assert shop.order(order.id).held_at_id == order.branch_id


def test_facts_that_come_in_another_order_carry_the_order_as_far(shop: Any) -> None:
    order, job_id = shop.confirmed(), new_id("job")
    now = datetime.now(UTC)

    shop.hear(order.id, "informed", job_id=job_id, at=now)
    shop.hear(order.id, "ready", job_id=job_id, at=now - timedelta(seconds=5))
    assert shop.order(order.id).state == "ready"
    shop.hear(order.id, "released", job_id=job_id)
    assert shop.order(order.id).state == "ready"


def test_a_job_of_an_old_quotation_does_not_put_the_new_one_in_work(shop: Any) -> None:
    order, job_id = shop.confirmed(), new_id("job")
    shop.hear(order.id, "released", job_id=job_id)
    shop.requote(order.id)

    again = shop.approve(order.id)
    assert again.state == "confirmed"
    assert again.content.jobs[0].state == "to_revise"
    shop.hear(order.id, "revised", job_id=job_id)

    assert shop.order(order.id).state == "in_work"


def test_collection_earns_the_revenue_judges_the_first_promise_and_is_told(shop: Any) -> None:
    order, job_id = shop.confirmed(), new_id("job")
    shop.pay(order.id, TOTAL - order.content.deposit_minor)
    later = order.content.promised_on + timedelta(days=3)
    with shop.chain.work("billing", shop.optician.actor) as work:
        approving.re_promise(
            work,
            order_id=order.id,
            promised_on=later,
            reason="the lens came late",
            informed_how=InformedHow.TELEPHONE,
        )
    shop.hear(order.id, "released", "ready", "informed", job_id=job_id)
    noon = datetime.combine(later, datetime.min.time(), UTC) + timedelta(hours=4)
    shop.hear(order.id, "collected", job_id=job_id, at=noon)

    whole = shop.whole(order.id)
    outcome = whole["promise_outcome"].content
    assert whole["order"].state == "collected"
    assert (outcome.outcome, outcome.repromises) == (Outcome.MISSED, 1)
    assert outcome.promised_on == order.content.promised_on
    with shop.chain.database("billing").snapshot() as connection:
        postings = store.postings_of(connection, order.id)
    assert ledger.balance_of(postings, Account.CONTRACT_LIABILITY) == 0
    assert ledger.balance_of(postings, Account.FRAME_REVENUE) == -FRAME_PRICE
    assert ledger.balance_of(postings, Account.LENS_REVENUE) == -2 * LENS_PRICE
    assert shop.told()[-1] == "OrderCollected"


def test_an_estimate_later_than_the_promise_puts_it_at_risk_until_it_is_moved(
    shop: Any,
) -> None:
    order, job_id = shop.confirmed(), new_id("job")
    shop.hear(order.id, "released", job_id=job_id)
    eta = order.content.promised_on + timedelta(days=2)
    with shop.chain.work("billing", actor.system("billing")) as work:
        making.note_job_accepted(work, order_id=order.id, job_id=job_id, eta_date=eta)

    assert shop.told()[-1] == "PromiseAtRisk"
    assert risks(shop) == [(order.id, eta)]
    [issue] = issues_of(shop, order)
    assert (issue.content.type, issue.responsible_role) == ("laboratory_delay", Role.OPTICIAN)
    assert issue.source.kind == "system"
    assert issue.closure.condition == (
        "all(customer_informed(), any(record_in_state(replaced), "
        "record_in_state(ready, collected, cancelled, closed)))"
    )
    with shop.chain.work("billing", shop.optician.actor) as work:
        answer = approving.re_promise(
            work,
            order_id=order.id,
            promised_on=eta,
            reason="the lab needs longer",
            informed_how=InformedHow.TELEPHONE,
        )

    assert answer["promise"].content.number == 2
    assert risks(shop) == []
    with shop.chain.work("billing", shop.optician.actor) as work:
        assert work.records.find(PROMISE, order.content.promise_id).state == "replaced"


def test_a_promise_moved_before_the_estimate_is_told_to_be_at_risk(shop: Any) -> None:
    order, job_id = shop.confirmed(), new_id("job")
    shop.hear(order.id, "released", job_id=job_id)
    promised_on = order.content.promised_on
    eta = promised_on - timedelta(days=1)
    with shop.chain.work("billing", actor.system("billing")) as work:
        making.note_job_accepted(work, order_id=order.id, job_id=job_id, eta_date=eta)
    assert "PromiseAtRisk" not in shop.told()

    def move(day: date) -> None:
        with shop.chain.work("billing", shop.optician.actor) as work:
            approving.re_promise(
                work,
                order_id=order.id,
                promised_on=day,
                reason="she travels",
                informed_how=InformedHow.TELEPHONE,
            )

    move(eta - timedelta(days=1))
    assert shop.told()[-1] == "PromiseAtRisk"
    assert risks(shop) == [(order.id, eta)]
    # The same risk is told once; one that ended and comes back is told again.
    move(eta - timedelta(days=2))
    assert shop.told().count("PromiseAtRisk") == 1
    move(eta)
    assert risks(shop) == []
    move(eta - timedelta(days=1))
    assert shop.told().count("PromiseAtRisk") == 2


def test_a_promise_whose_day_has_come_is_flagged_once(shop: Any) -> None:
    order = shop.approve(shop.quote().id, promised_on=shop.today)
    for _ in range(2):
        with shop.chain.work("billing", actor.system("billing")) as work:
            making.flag_due_promises(work)

    assert [one for one, _eta in risks(shop)] == [order.id]
    assert shop.told().count("PromiseAtRisk") == 1


def issues_of(shop: Any, order: Any) -> list[Any]:
    with shop.chain.database("billing").snapshot() as connection:
        return list(worklists.issues_of_case(connection, order.case_id))


def risks(shop: Any) -> list[Any]:
    with shop.chain.database("billing").snapshot() as connection:
        found = queries.list_promises_at_risk(
            Reading(connection, shop.optician.actor),
            branch_id=shop.optician.branch_id,
            page_size=0,
            page_token="",
        )
    return [(one["order_id"], one["eta_on"]) for one in found["risks"]]


def test_a_promise_is_not_moved_before_it_is_given_nor_to_the_same_day(shop: Any) -> None:
    def move(order_id: str, promised_on: date) -> None:
        with shop.chain.work("billing", shop.optician.actor) as work:
            approving.re_promise(
                work,
                order_id=order_id,
                promised_on=promised_on,
                reason="x",
                informed_how=InformedHow.MESSAGE,
            )

    order = shop.quote()
    assert refusal(shop, move, order.id, shop.today) == "NOT_PROMISED"
    approved = shop.approve(order.id)
    same = approved.content.promised_on
    assert refusal(shop, move, order.id, same) == "NOTHING_CHANGED"


def test_an_order_closes_after_its_follow_up_and_never_with_money_open(shop: Any) -> None:
    order, job_id = shop.confirmed(), new_id("job")
    shop.hear(order.id, "released", "ready", "informed", "collected", job_id=job_id)

    assert refusal(shop, close, shop, order.id, "planned") == "FOLLOW_UP_OPEN"
    assert refusal(shop, close, shop, order.id, "done") == "BALANCE_DUE"
    shop.pay(order.id, TOTAL - order.content.deposit_minor)

    closed = close(shop, order.id, "waived")
    assert (closed.state, closed.responsible_role) == ("closed", None)


def test_an_order_does_not_close_while_the_customer_paid_more_than_it_costs(shop: Any) -> None:
    order, job_id = shop.confirmed(), new_id("job")
    shop.pay(order.id, TOTAL - order.content.deposit_minor)
    shop.requote(order.id, **shop.own_frame())
    shop.approve(order.id)
    shop.hear(order.id, "released", "ready", "informed", "collected", job_id=job_id)

    with pytest.raises(DomainError) as refused:
        close(shop, order.id, "done")

    assert refused.value.code == "REFUND_DUE"
    assert refused.value.details["to_refund_minor"] == str(FRAME_PRICE)


def close(shop: Any, order_id: str, follow_up_state: str) -> Any:
    with shop.chain.work("billing", shop.optician.actor) as work:
        return approving.close_order(
            work,
            order_id=order_id,
            follow_up_id=new_id("fup"),
            follow_up_state=follow_up_state,
        )


def test_prices_are_listed_by_page_products_before_services(shop: Any) -> None:
    items: list[str] = []
    token = ""
    while True:
        with shop.chain.database("billing").snapshot() as connection:
            page = queries.list_prices(
                Reading(connection, shop.optician.actor),
                price_list_id="",
                page_size=1,
                page_token=token,
            )
        items += [one.item for one in page["prices"]]
        token = page["next_page_token"]
        if not token:
            break

    assert items == [*sorted((shop.frame_id, shop.lens_id)), "edging"]
    assert page["price_list"].kind is PRICE_LIST


def test_orders_are_listed_by_page_newest_first_and_by_state(shop: Any) -> None:
    made = [shop.quote().id for _ in range(3)]
    shop.approve(made[0])

    def page(state: str, token: str) -> Any:
        with shop.chain.database("billing").snapshot() as connection:
            return queries.list_orders(
                Reading(connection, shop.optician.actor),
                branch_id=shop.optician.branch_id,
                state=state,
                page_size=2,
                page_token=token,
            )

    first = page("", "")
    second = page("", first["next_page_token"])
    assert [one.id for one in (*first["orders"], *second["orders"])] == made[::-1]
    assert second["next_page_token"] == ""
    assert [one.id for one in page("approved", "")["orders"]] == [made[0]]


def test_dates_are_those_of_the_branch(shop: Any) -> None:
    late = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
    branch_id = shop.optician.branch_id
    with shop.chain.work("billing", actor.system("billing")) as work:
        assert store.day(work.connection, branch_id, late) == date(2026, 11, 23)
        store.keep_zone(work.connection, branch_id, "Europe/London")
        assert store.day(work.connection, branch_id, late) == date(2026, 11, 22)


def test_money_of_another_currency_is_refused(shop: Any) -> None:
    order = shop.confirmed()
    with pytest.raises(Invalid) as refused:
        shop.pay(order.id, 5, currency="USD")
    assert refused.value.problems[0].field == "amount.currency"
