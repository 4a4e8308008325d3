"""Telephone numbers: said in any form, kept in one."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from chassis.errors import invalid

LAST_DIGITS = 4
"""How many last digits people are found by."""


def e164(phone: str, region: str, field: str = "phone") -> str:
    """Return a phone as E.164, such as +8613800138000; empty for empty. `region` is the country of
    national forms, as ISO 3166 (CN). Raises Invalid."""
    if not phone.strip():
        return ""
    number = _parsed(phone, region)
    if not number:
        raise invalid(field, "phone", f"is no telephone number of {region} or with a country code")
    return number


def last_digits(number: str) -> str:
    """Return the digits people remember a number by; empty for none."""
    return number[-LAST_DIGITS:]


@lru_cache(maxsize=1024)
def _parsed(phone: str, region: str) -> str:
    try:
        number = phonenumbers.parse(phone, region)
    except NumberParseException:
        return ""
    if number.extension or not phonenumbers.is_valid_number(number):
        return ""
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))
