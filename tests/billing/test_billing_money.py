"""Money without a database: discounts shared to the last fen, deposits, postings that balance."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.money import ledger
from billing.money.allocation import allocate
from billing.money.ledger import Account, LedgerEntry, LedgerUnbalanced, Occasion, PostingKind
from billing.money.payment import Payment, PaymentMeans
from billing.money.policy import DepositRule, DiscountAboveLimit, DiscountRule
from billing.money.price_list import Price, check_prices
from billing.order.order import ORDER
from billing.order.promise import Outcome, judged
from billing.order.quotation import LineKind, Quotation, QuotationLine, discounted
from billing.receipt_pdf import amount, masked
from chassis.errors import Invalid
from chassis.ids import new_id
from chassis.records.kinds import MoveForbidden
from chassis.roles import Role

ON = Occasion(
    order_id=new_id("ord"),
    record_id=new_id("chg"),
    branch_id=new_id("br"),
    currency="CNY",
    posted_at=datetime(2026, 11, 22, tzinfo=UTC),
    posted_by=new_id("stf"),
)


@pytest.mark.parametrize(
    ("discount", "bases", "shares"),
    [
        (50_000, (60_000, 90_000), (20_000, 30_000)),
        (10_000, (33_333, 33_333, 33_333), (3_334, 3_333, 3_333)),
        (100_000, (60_000, 90_000), (40_000, 60_000)),  # the bundle: 1000 for 600 and 900
        (1, (50, 50), (1, 0)),  # a tie goes to the earlier line
        (0, (0, 0), (0, 0)),
    ],
)
def test_a_discount_is_shared_by_largest_remainder(
    discount: int, bases: tuple[int, ...], shares: tuple[int, ...]
) -> None:
    assert allocate(discount, bases) == shares


@given(
    bases=st.lists(st.integers(0, 10_000_000), min_size=1, max_size=12).filter(any),
    data=st.data(),
)
def test_shares_of_a_discount_sum_to_it_and_no_line_goes_below_zero(
    bases: list[int], data: st.DataObject
) -> None:
    discount = data.draw(st.integers(0, sum(bases)))

    shares = allocate(discount, bases)

    assert sum(shares) == discount
    assert all(0 <= share <= base for share, base in zip(shares, bases, strict=True))


def test_a_discount_on_nothing_is_refused_by_name() -> None:
    with pytest.raises(Invalid) as refused:
        allocate(1, (0, 0))
    assert refused.value.problems[0].field == "discount_minor"


@pytest.mark.parametrize(("total", "deposit"), [(0, 0), (1, 1), (100, 30), (101, 31)])
def test_the_deposit_is_the_share_rounded_up(total: int, deposit: int) -> None:
    assert DepositRule(share_basis_points=3000).deposit_minor(total) == deposit


def test_a_discount_is_held_against_the_highest_limit_of_the_roles() -> None:
    rule = DiscountRule(limit_basis_points={"optician": 500, "branch_manager": 2000})

    rule.require_within(5_000, 100_000, {Role.OPTICIAN})
    rule.require_within(20_000, 100_000, {Role.OPTICIAN, Role.BRANCH_MANAGER})
    with pytest.raises(DiscountAboveLimit) as refused:
        rule.require_within(5_001, 100_000, {Role.OPTICIAN})
    assert refused.value.details["most_minor"] == "5000"
    with pytest.raises(DiscountAboveLimit):
        rule.require_within(1, 100_000, {Role.CASHIER})


@given(amounts=st.lists(st.integers(1, 1_000_000), min_size=1, max_size=8))
def test_every_posting_sums_to_zero_and_reversing_all_leaves_every_account_empty(
    amounts: list[int],
) -> None:
    postings = [ledger.charged(ON, sum(amounts))]
    postings += [ledger.paid(ON, Account.CARD, one) for one in amounts]
    postings.append(ledger.delivered(ON, {Account.LENS_REVENUE: sum(amounts)}))
    assert sum(e.amount_minor for p in postings for e in p.entries) == 0
    assert ledger.balance_of(postings, Account.RECEIVABLE, Account.CONTRACT_LIABILITY) == 0

    everything = [*postings, *(ledger.reversed_(ON, one) for one in postings)]

    assert all(ledger.balance_of(everything, account) == 0 for account in Account)
    assert ledger.standing(everything) == []


def test_a_posting_that_does_not_balance_cannot_be_made() -> None:
    with pytest.raises(LedgerUnbalanced):
        ON.posting(PostingKind.PAYMENT, LedgerEntry(Account.CASH, 5))


@pytest.mark.parametrize(
    ("means", "reference", "minor", "field"),
    [
        (PaymentMeans.CARD, "", 100, "reference"),
        (PaymentMeans.CASH, "T1", 100, "reference"),
        (PaymentMeans.CASH, "", 0, "amount.amount_minor"),
        (PaymentMeans.CASH, "", -5, "amount.amount_minor"),
    ],
)
def test_a_payment_without_amount_or_with_the_wrong_reference_is_refused(
    means: PaymentMeans, reference: str, minor: int, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        Payment(order_id="", amount_minor=minor, currency="CNY", means=means, reference=reference)
    assert refused.value.problems[0].field == field


def test_prices_of_nothing_of_two_things_and_twice_of_one_are_each_named() -> None:
    product_id = new_id("prd")
    prices = [
        Price(product_id="", service_code="", name="", amount_minor=1),
        Price(product_id=product_id, service_code="edging", name="加工", amount_minor=1),
        Price(product_id=product_id, service_code="", name="", amount_minor=1),
        Price(product_id="", service_code="repair", name="", amount_minor=1),
    ]
    with pytest.raises(Invalid) as refused:
        check_prices(prices)
    assert [problem.field for problem in refused.value.problems] == [
        "prices[0]",
        "prices[1]",
        "prices[2]",
        "prices[3].name",
    ]


def line(kind: LineKind, price: int, quantity: int, cost: int | None) -> QuotationLine:
    return QuotationLine(
        line_kind=kind,
        description="",
        quantity=quantity,
        unit_price_minor=price,
        unit_cost_minor=cost,
    )


def quotation(*lines: QuotationLine, discount: int = 0, reason: str = "member") -> Quotation:
    return Quotation(
        order_id="",
        frame_selection_id="",
        lens_specification_id="",
        set_aside_id="",
        reservation_ids=(),
        own_frame=False,
        price_list_id="",
        currency="CNY",
        lines=discounted(lines, discount),
        discount_minor=discount,
        discount_reason=reason,
        deposit_minor=0,
        valid_until=date(2026, 12, 1),
    )


def test_margin_counts_the_discount_and_the_cost_of_goods_but_no_cost_of_services() -> None:
    sold = quotation(
        line(LineKind.FRAME, 40_000, 1, 16_000),
        line(LineKind.LENS, 30_000, 2, 12_000),
        line(LineKind.SERVICE, 5_000, 1, None),
        discount=5_000,
    )

    assert sold.total_minor == 100_000
    assert sold.margin.cost is not None
    assert sold.margin.cost.amount_minor == 40_000
    assert sold.margin.margin_basis_points == 6_000
    assert sum(sold.revenue_minor().values()) == sold.total_minor


def test_nothing_is_said_of_the_margin_while_a_cost_is_not_known() -> None:
    assert quotation(line(LineKind.FRAME, 40_000, 1, None)).margin.margin is None


def test_a_discount_needs_a_reason() -> None:
    with pytest.raises(Invalid) as refused:
        quotation(line(LineKind.FRAME, 40_000, 1, 1), discount=100, reason=" ")
    assert refused.value.problems[0].field == "discount_reason"


@pytest.mark.parametrize(
    ("collected", "outcome"),
    [(21, Outcome.EXCEEDED), (22, Outcome.MET), (23, Outcome.MISSED)],
)
def test_a_promise_is_judged_by_the_day_of_collection(collected: int, outcome: Outcome) -> None:
    assert judged(date(2026, 11, 22), date(2026, 11, collected)) is outcome


MOVES = {
    ("quoted", "requote"): "quoted",
    ("approved", "requote"): "quoted",
    ("confirmed", "requote"): "quoted",
    ("in_work", "requote"): "quoted",
    ("quoted", "approve"): "approved",
    ("approved", "confirm"): "confirmed",
    ("confirmed", "start_work"): "in_work",
    ("ready", "start_work"): "in_work",
    ("in_work", "stop_work"): "confirmed",
    ("in_work", "make_ready"): "ready",
    ("in_work", "collect"): "collected",
    ("ready", "collect"): "collected",
    ("collected", "close"): "closed",
    ("quoted", "cancel"): "cancelled",
    ("approved", "cancel"): "cancelled",
    ("confirmed", "cancel"): "cancelled",
}
STATES = sorted({state for state, _verb in MOVES} | set(MOVES.values()))
VERBS = sorted({verb for _state, verb in MOVES})


def test_no_move_of_an_order_is_left_out_of_this_table() -> None:
    assert set(VERBS) == set(ORDER.transitions.moves)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", VERBS)
def test_an_order_moves_as_its_table_says_and_in_no_other_way(state: str, verb: str) -> None:
    if (state, verb) in MOVES:
        assert ORDER.transitions.after(state, verb) == MOVES[state, verb]
    else:
        with pytest.raises(MoveForbidden):
            ORDER.transitions.after(state, verb)


def test_amounts_and_references_are_printed_as_people_read_them() -> None:
    assert (amount(123_456), amount(-5), amount(0)) == ("1,234.56", "-0.05", "0.00")
    assert (masked("6222021234"), masked("")) == ("…1234", "")
