"""How a discount on the whole pair is shared between frame, lenses and services."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.errors import invalid


def allocate(amount_minor: int, bases_minor: Sequence[int]) -> tuple[int, ...]:
    """Return each line's share of an amount, by the lines' bases, in minor units.

    Every share is floored; the units left over go to the largest remainders, ties to the earlier
    line. The shares sum to the amount. Source: domain facts 7.2. Raises Invalid (discount_minor)
    for an amount below zero, or above zero with nothing to share it by.
    """
    whole = sum(bases_minor)
    if amount_minor < 0 or min(bases_minor, default=0) < 0:
        raise invalid("discount_minor", "min", "must not be below zero")
    if whole == 0:
        if amount_minor:
            raise invalid("discount_minor", "max", "there is nothing to give a discount on")
        return tuple(0 for _ in bases_minor)
    shares = [amount_minor * base // whole for base in bases_minor]
    remainders = [amount_minor * base % whole for base in bases_minor]
    by_remainder = sorted(range(len(shares)), key=lambda line: (-remainders[line], line))
    for line in by_remainder[: amount_minor - sum(shares)]:
        shares[line] += 1
    return tuple(shares)
