"""Price lists: editions of what a piece or a service costs, published once and never edited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from chassis.errors import AlreadyThere, FieldProblem, Invalid, Refused, invalid
from chassis.records.kinds import Kind, Transitions

_CURRENCY_LETTERS = 3


class EditionTaken(AlreadyThere):
    """An edition of this name was published before."""

    reason = "EDITION_TAKEN"


class NoPriceList(Refused):
    """No price list is in force on the day."""

    reason = "NO_PRICE_LIST"


class PriceMissing(Refused):
    """The price list holds no price for something that is to be sold."""

    reason = "PRICE_MISSING"


@dataclass(frozen=True, kw_only=True)
class Price:
    """The price of one piece of a product, or of one service, in minor units, tax included."""

    product_id: str
    service_code: str
    name: str
    amount_minor: int

    @property
    def item(self) -> str:
        """What is priced: a product's id or a service's code."""
        return self.product_id or self.service_code


@dataclass(frozen=True, kw_only=True)
class PriceList:
    """An edition: its name, first day in force, currency and number of prices."""

    edition: str
    valid_from: date
    currency: str
    price_count: int

    def __post_init__(self) -> None:
        if len(self.currency) != _CURRENCY_LETTERS or not self.currency.isupper():
            raise invalid("currency", "currency", "must be an ISO 4217 code such as CNY")


PRICE_LIST = Kind("billing.price_list", "pls", PriceList, Transitions("published"))


def check_prices(prices: Iterable[Price]) -> None:
    """Refuse prices of nothing, of two things, or a second price of one thing. Raises Invalid."""
    problems = []
    seen: set[str] = set()
    for index, price in enumerate(prices):
        place = f"prices[{index}]"
        if bool(price.product_id) == bool(price.service_code):
            text = "must name a product or a service, and not both"
            problems.append(FieldProblem(place, "one_of", text))
        elif price.item in seen:
            problems.append(FieldProblem(place, "unique", f"{price.item} has a price already"))
        elif price.service_code and not price.name:
            problems.append(FieldProblem(f"{place}.name", "required", "a service needs a name"))
        seen.add(price.item)
    if problems:
        raise Invalid(problems)
