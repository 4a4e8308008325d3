"""A payment: money the customer gave for an order, at whatever branch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from billing.money.ledger import Account
from chassis.errors import Refused, invalid
from chassis.money import Money
from chassis.records.kinds import Kind, Transitions, moves


class Overpayment(Refused):
    """More was offered than is due; give change, or take less."""

    reason = "OVERPAYMENT"


class ReferenceUsed(Refused):
    """A payment by these means with this reference stands in the chain already."""

    reason = "REFERENCE_USED"


class BalanceDue(Refused):
    """Something is still due."""

    reason = "BALANCE_DUE"


class RefundDue(Refused):
    """More was paid than the order costs."""

    reason = "REFUND_DUE"


class PaymentMeans(StrEnum):
    """How money changes hands."""

    CASH = "cash"
    CARD = "card"
    WALLET = "wallet"

    @property
    def account(self) -> Account:
        """The ledger's account for it."""
        return Account(self.value)


@dataclass(frozen=True, kw_only=True)
class Payment:
    """How much, how, and by which reference.

    Raises Invalid for nothing, a card or wallet without a reference, or cash with one.
    """

    order_id: str
    amount_minor: int
    currency: str
    means: PaymentMeans
    reference: str = ""

    def __post_init__(self) -> None:
        if self.amount_minor <= 0:
            raise invalid("amount.amount_minor", "min", "must be above zero")
        if (self.means is PaymentMeans.CASH) == bool(self.reference):
            text = "cash has none" if self.reference else f"a {self.means} payment needs one"
            raise invalid("reference", "reference", text)

    @property
    def amount(self) -> Money:
        """The amount."""
        return Money(self.amount_minor, self.currency)


PAYMENT = Kind(
    "billing.payment",
    "pay",
    Payment,
    Transitions("taken", moves(reverse={"taken": "reversed"})),
)
