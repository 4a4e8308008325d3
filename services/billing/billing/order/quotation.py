"""A quotation: what one pair costs, line by line, on which selection, specification and prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from billing.money.allocation import allocate
from billing.money.ledger import Account
from chassis.errors import Refused, invalid
from chassis.money import Money
from chassis.records.kinds import Kind, Transitions
from chassis.roles import Role

MARGIN_READERS = frozenset(
    {Role.BRANCH_MANAGER, Role.HEAD_OFFICE, Role.ACCOUNTS, Role.AUDITOR},
)
"""Roles that may see what the goods cost the chain."""

_WHOLE_BASIS_POINTS = 10_000


class QuotationExpired(Refused):
    """The last day of the quotation is over: quote again."""

    reason = "QUOTATION_EXPIRED"


class LineKind(StrEnum):
    """What a line sells."""

    FRAME = "frame"
    LENS = "lens"
    SERVICE = "service"

    @property
    def revenue(self) -> Account:
        """The account that earns it at the hand-over."""
        return Account(f"{self.value}_revenue")


@dataclass(frozen=True, kw_only=True)
class QuotationLine:
    """One line as it was priced, amounts in minor units; the cost is unknown when absent."""

    line_kind: LineKind
    product_id: str = ""
    service_code: str = ""
    description: str
    quantity: int
    unit_price_minor: int
    discount_minor: int = 0
    unit_cost_minor: int | None = None

    @property
    def base_minor(self) -> int:
        """Quantity times price."""
        return self.quantity * self.unit_price_minor

    @property
    def net_minor(self) -> int:
        """What the line costs the customer."""
        return self.base_minor - self.discount_minor


@dataclass(frozen=True)
class Margin:
    """What is earned: nothing is said where a cost is not known."""

    cost: Money | None = None
    margin: Money | None = None
    margin_basis_points: int = 0


@dataclass(frozen=True, kw_only=True)
class Quotation:
    """What the customer is asked to approve; amounts in minor units, tax included.

    Raises Invalid for a discount without a reason, or above the sum of the lines.
    """

    order_id: str
    frame_selection_id: str
    lens_specification_id: str
    set_aside_id: str
    reservation_ids: tuple[str, ...]
    own_frame: bool
    price_list_id: str
    currency: str
    lines: tuple[QuotationLine, ...]
    discount_minor: int
    discount_reason: str
    deposit_minor: int
    valid_until: date

    def __post_init__(self) -> None:
        if self.discount_minor > self.list_total_minor:
            raise invalid("discount_minor", "max", "must not be above the sum of the lines")
        if self.discount_minor and not self.discount_reason.strip():
            raise invalid("discount_reason", "required", "must be given with a discount")

    @property
    def list_total_minor(self) -> int:
        """Sum of the lines before the discount."""
        return sum(line.base_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        """What the customer pays."""
        return sum(line.net_minor for line in self.lines)

    def of_kind(self, kind: LineKind) -> tuple[str, ...]:
        """Return the products of one kind of line."""
        return tuple(line.product_id for line in self.lines if line.line_kind is kind)

    def revenue_minor(self) -> dict[Account, int]:
        """Return what each account earns at the hand-over."""
        earned: dict[Account, int] = {}
        for line in self.lines:
            if line.net_minor:
                account = line.line_kind.revenue
                earned[account] = earned.get(account, 0) + line.net_minor
        return earned

    @property
    def margin(self) -> Margin:
        """What is earned: total less the cost of the goods; services cost no goods."""
        goods = [line for line in self.lines if line.line_kind is not LineKind.SERVICE]
        costs = [
            line.unit_cost_minor * line.quantity
            for line in goods
            if line.unit_cost_minor is not None
        ]
        if len(costs) < len(goods):
            return Margin()
        cost, total = sum(costs), self.total_minor
        return Margin(
            cost=Money(cost, self.currency),
            margin=Money(total - cost, self.currency),
            margin_basis_points=(total - cost) * _WHOLE_BASIS_POINTS // total if total else 0,
        )


QUOTATION = Kind(
    "billing.quotation", "qto", Quotation, Transitions("quoted"), readers=MARGIN_READERS
)


def discounted(lines: Sequence[QuotationLine], discount_minor: int) -> tuple[QuotationLine, ...]:
    """Return the lines with the discount shared between them. Raises Invalid (discount_minor)."""
    shares = allocate(discount_minor, [line.base_minor for line in lines])
    return tuple(
        replace(line, discount_minor=share) for line, share in zip(lines, shares, strict=True)
    )
