"""The number people read aloud: on the job ticket and on the collection slip, with a digit that
catches a slip of the tongue."""

from __future__ import annotations

from datetime import date

from chassis.errors import invalid


def slip_number(on: date, sequence: int) -> str:
    """Return the number of the sequence made on a day, such as 26-000042-7."""
    digits = f"{on.year % 100:02d}{sequence:06d}"
    return f"{digits[:2]}-{digits[2:]}-{_check_digit(digits)}"


def check_slip_number(field: str, given: str) -> str:
    """Return a slip number as it is kept, whatever spaces it was typed with. Raises Invalid
    (SLIP_NUMBER_MISTYPED)."""
    digits = "".join(one for one in given if one.isascii() and one.isdigit())
    strange = given.translate({ord(" "): None, ord("-"): None})
    if strange != digits or len(digits) < 9 or _check_digit(digits[:-1]) != int(digits[-1]):
        raise invalid(
            field, "slip_number", "is no slip number: look again", reason="SLIP_NUMBER_MISTYPED"
        )
    return f"{digits[:2]}-{digits[2:-1]}-{digits[-1]}"


def _check_digit(digits: str) -> int:
    """Luhn's: catches every single wrong digit and most neighbours that changed places."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10
