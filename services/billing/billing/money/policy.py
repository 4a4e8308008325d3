"""Rules of money that are data: the deposit that confirms an order and the discount a role may
give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chassis.errors import Refused
from chassis.roles import Role

_WHOLE_BASIS_POINTS = 10_000


class DiscountAboveLimit(Refused):
    """The discount is above what the caller's role may give."""

    reason = "DISCOUNT_ABOVE_LIMIT"


@dataclass(frozen=True)
class DepositRule:
    """The share of the total that confirms an order: data, from rules/deposit.yaml."""

    share_basis_points: int

    def deposit_minor(self, total_minor: int) -> int:
        """Return the deposit for a total, rounded up to the minor unit."""
        return -(-total_minor * self.share_basis_points // _WHOLE_BASIS_POINTS)


@dataclass(frozen=True)
class DiscountRule:
    """The highest discount of each role: data, from rules/discount.yaml."""

    limit_basis_points: Mapping[str, int]

    def require_within(
        self, discount_minor: int, list_total_minor: int, roles: Iterable[Role]
    ) -> None:
        """Refuse a discount above the highest limit of the roles. Raises DiscountAboveLimit."""
        limit = max((self.limit_basis_points.get(str(role), 0) for role in roles), default=0)
        most = list_total_minor * limit // _WHOLE_BASIS_POINTS
        if discount_minor > most:
            raise DiscountAboveLimit(
                f"discount_minor: {discount_minor} is above {most}, the most this role may give",
                most_minor=most,
                limit_basis_points=limit,
                missing=["approval of the discount by a role with a higher limit"],
            )
