"""Money: integer minor units with a currency, never a float."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chassis.errors import invalid


@dataclass(frozen=True, order=True)
class Money:
    """An amount in the smallest unit of its currency (fen of CNY)."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if len(self.currency) != 3 or not self.currency.isupper():
            raise invalid("currency", "currency", "must be an ISO 4217 code such as CNY")

    def __add__(self, other: Money) -> Money:
        return Money(self.amount_minor + self._same(other).amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount_minor - self._same(other).amount_minor, self.currency)

    def times(self, count: int) -> Money:
        """Return the amount a whole number of times."""
        return Money(self.amount_minor * count, self.currency)

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise invalid("currency", "currency", f"is {other.currency}, not {self.currency}")
        return other


def total(amounts: Iterable[Money], currency: str) -> Money:
    """Return the sum of amounts; zero for none. Raises Invalid for another currency."""
    result = Money(0, currency)
    for one in amounts:
        result = result + one
    return result
