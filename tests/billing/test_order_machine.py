"""An order in random hands: it moves as the trade's table says, and its money conserves."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import text

from billing import commands_paying as paying
from chassis.ids import new_id
from machines import Table, outcome, play, require_by_table

STANDING = ("quoted", "approved", "confirmed")
ORDER: Table = {
    "requote": dict.fromkeys((*STANDING, "in_work"), "quoted"),
    "approve": {"quoted": "approved"},
    "void": dict.fromkeys(STANDING, "cancelled"),
}
HEARD = ("released", "ready", "informed", "collected")


class Orders(RuleBasedStateMachine):
    """One order: quoted anew, approved, paid, voided, made and collected in any order."""

    def __init__(self, shop: Any) -> None:
        super().__init__()
        self.shop = shop
        self.paid = 0

    @initialize()
    def quote(self) -> None:
        self.order_id = self.shop.quote().id
        self.job_id = new_id("job")
        self.is_released = False

    @rule()
    def requote(self) -> None:
        self._moved("requote", lambda: self.shop.requote(self.order_id), {"FRAME_HOLD_GONE"})

    @rule()
    def approve(self) -> None:
        self._moved("approve", lambda: self.shop.approve(self.order_id), set())

    @rule(share=st.sampled_from([1, 2, 4]))
    def pay(self, share: int) -> None:
        before = self._state()
        due = self.shop.whole(self.order_id)["balance"].due.amount_minor
        amount = max(due // share, 1)
        _, refused = outcome(lambda: self.shop.pay(self.order_id, amount))
        if due <= 0 or before == "cancelled":
            assert refused, "money was taken that nobody owes"
        if not refused:
            self.paid += amount
        assert self._state() in {before, "confirmed"}

    @rule()
    def void(self) -> None:
        with_reason = {
            "order_id": self.order_id,
            "revision": 0,
            "reason_code": "CUSTOMER_CHANGE",
            "reason": "went elsewhere",
        }

        def attempt() -> None:
            with self.shop.chain.work("billing", self.shop.manager.actor) as work:
                paying.void_order(work, **with_reason)

        self._moved("void", attempt, {"JOB_IS_RELEASED"})
        if self._state() == "cancelled":
            self.paid = 0

    @rule(what=st.sampled_from(HEARD))
    def hear(self, what: str) -> None:
        """Events about the job come in any order, and again."""
        before = self._state()
        if what == "released" and before != "confirmed" and not self.is_released:
            return  # nothing is released of an order that is not confirmed
        if what != "released" and not self.is_released:
            return
        outcome(lambda: self.shop.hear(self.order_id, what, job_id=self.job_id))
        self.is_released = True
        after = self._state()
        assert before != "cancelled" or after == "cancelled"
        assert before != "collected" or after == "collected"

    @invariant()
    def money_conserves(self) -> None:
        if not hasattr(self, "order_id"):
            return
        with self.shop.chain.database("billing").snapshot() as connection:
            unbalanced = connection.execute(
                text(
                    "SELECT posting_id FROM ledger_entry GROUP BY posting_id"
                    " HAVING sum(amount_minor) <> 0"
                )
            ).all()
        assert unbalanced == []
        balance = self.shop.whole(self.order_id)["balance"]
        assert balance.paid.amount_minor == self.paid
        if self._state() != "cancelled":
            total, due = balance.total.amount_minor, balance.due.amount_minor
            assert due == max(total - self.paid, 0) or due == total - self.paid

    def _state(self) -> str:
        return str(self.shop.order(self.order_id).state)

    def _moved(self, verb: str, attempt: Any, lawful: set[str]) -> None:
        before = self._state()
        _, refused = outcome(attempt)
        require_by_table(ORDER, verb, before, self._state(), refused, lawful)


def test_an_order_moves_by_its_table_and_its_money_conserves(shop: Any) -> None:
    play(lambda: Orders(shop))
