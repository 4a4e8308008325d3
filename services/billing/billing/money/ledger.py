"""The one ledger: postings whose entries sum to zero, reversed and never edited.

A charge makes the customer owe what is promised and not yet handed over (a contract liability
until then); a payment settles it; handing over turns the liability into revenue. Source: domain
facts 7.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chassis.ids import new_id
from chassis.money import Money


class LedgerUnbalanced(Exception):
    """A posting's entries do not sum to zero: a mistake in our code, never in a request."""


class Account(StrEnum):
    """An account; debits are positive, credits negative."""

    RECEIVABLE = "receivable"
    CONTRACT_LIABILITY = "contract_liability"
    CASH = "cash"
    CARD = "card"
    WALLET = "wallet"
    FRAME_REVENUE = "frame_revenue"
    LENS_REVENUE = "lens_revenue"
    SERVICE_REVENUE = "service_revenue"


MONEY = frozenset({Account.CASH, Account.CARD, Account.WALLET})
"""The accounts that hold what customers gave."""


class PostingKind(StrEnum):
    """What a posting tells of."""

    CHARGE = "charge"
    PAYMENT = "payment"
    DELIVERY = "delivery"
    REVERSAL = "reversal"


@dataclass(frozen=True)
class LedgerEntry:
    """One side of a posting, in minor units."""

    account: Account
    amount_minor: int


@dataclass(frozen=True, kw_only=True)
class Posting:
    """Entries that belong together. Raises LedgerUnbalanced unless they sum to zero."""

    id: str
    posting_kind: PostingKind
    order_id: str
    record_id: str
    branch_id: str
    currency: str
    entries: tuple[LedgerEntry, ...]
    posted_at: datetime
    posted_by: str
    reverses_id: str = ""

    def __post_init__(self) -> None:
        if not self.entries or sum(entry.amount_minor for entry in self.entries) != 0:
            raise LedgerUnbalanced(self.id)


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """For which order and record, where, when and by whom something is posted."""

    order_id: str
    record_id: str
    branch_id: str
    currency: str
    posted_at: datetime
    posted_by: str

    def posting(self, kind: PostingKind, *entries: LedgerEntry, reverses_id: str = "") -> Posting:
        """Return a posting of this occasion."""
        return Posting(
            id=new_id("pst"),
            posting_kind=kind,
            order_id=self.order_id,
            record_id=self.record_id,
            branch_id=self.branch_id,
            currency=self.currency,
            entries=entries,
            posted_at=self.posted_at,
            posted_by=self.posted_by,
            reverses_id=reverses_id,
        )


def charged(on: Occasion, amount_minor: int) -> Posting:
    """Return the posting of a charge."""
    return on.posting(
        PostingKind.CHARGE,
        LedgerEntry(Account.RECEIVABLE, amount_minor),
        LedgerEntry(Account.CONTRACT_LIABILITY, -amount_minor),
    )


def paid(on: Occasion, means: Account, amount_minor: int) -> Posting:
    """Return the posting of a payment."""
    return on.posting(
        PostingKind.PAYMENT,
        LedgerEntry(means, amount_minor),
        LedgerEntry(Account.RECEIVABLE, -amount_minor),
    )


def delivered(on: Occasion, revenue_minor: Mapping[Account, int]) -> Posting:
    """Return the posting of the hand-over: what was owed to the customer becomes revenue."""
    earned = [LedgerEntry(account, -amount) for account, amount in sorted(revenue_minor.items())]
    liability = LedgerEntry(Account.CONTRACT_LIABILITY, sum(revenue_minor.values()))
    return on.posting(PostingKind.DELIVERY, liability, *earned)


def reversed_(on: Occasion, posting: Posting) -> Posting:
    """Return the posting that undoes another, entry by entry."""
    entries = [LedgerEntry(entry.account, -entry.amount_minor) for entry in posting.entries]
    return on.posting(PostingKind.REVERSAL, *entries, reverses_id=posting.id)


def standing(postings: Iterable[Posting]) -> list[Posting]:
    """Return the postings that are neither reversals nor reversed."""
    kept = list(postings)
    undone = {posting.reverses_id for posting in kept}
    return [one for one in kept if not one.reverses_id and one.id not in undone]


def balance_of(postings: Iterable[Posting], *accounts: Account) -> int:
    """Return the sum of the entries on some accounts, in minor units."""
    return sum(
        entry.amount_minor
        for posting in postings
        for entry in posting.entries
        if entry.account in accounts
    )


def given_back(postings: Iterable[Posting]) -> int:
    """Return what the customer got back, in minor units, payments that were undone among it."""
    return -sum(
        entry.amount_minor
        for posting in postings
        for entry in posting.entries
        if entry.account in MONEY and entry.amount_minor < 0
    )


@dataclass(frozen=True, kw_only=True)
class Balance:
    """How an order stands in money."""

    total: Money
    charged: Money
    paid: Money
    due: Money
    deposit: Money
    to_refund: Money

    @property
    def meets_deposit(self) -> bool:
        """Whether enough is paid for the order to be confirmed."""
        return self.paid.amount_minor >= self.deposit.amount_minor


def balance(
    postings: Iterable[Posting], *, total_minor: int, deposit_minor: int, currency: str
) -> Balance:
    """Return how an order stands: what its quotation asks for against what its ledger holds."""
    kept = list(postings)
    paid_minor = balance_of(kept, *MONEY)
    owed_minor = balance_of(kept, Account.RECEIVABLE)
    return Balance(
        total=Money(total_minor, currency),
        charged=Money(paid_minor + owed_minor, currency),
        paid=Money(paid_minor, currency),
        due=Money(total_minor - paid_minor, currency),
        deposit=Money(deposit_minor, currency),
        to_refund=Money(max(0, paid_minor - total_minor), currency),
    )
