"""Finding people by what they say at the counter: one query for each way of saying it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from chassis import clock
from chassis.db import Reading
from chassis.errors import invalid
from chassis.ids import as_uuid
from chassis.pages import Page, position
from customer import names, short_code, store, store_protection, store_search
from customer import phone as phones
from customer.person import FoundPerson

_PEOPLE_ON_PAGE = 20
_LONGEST_INITIALS = 6
_Find = Callable[[Any, str, Sequence[Any], int, str], list[tuple[str, str]]]


class SearchKind(StrEnum):
    """How the text of a search is to be read."""

    NAME = "name"
    INITIALS = "initials"
    PHONE = "phone"
    SHORT_CODE = "short_code"


def search_people(
    reading: Reading, *, text: str, by: SearchKind | None, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of the people a text finds. Raises Invalid."""
    if (by or _guessed(text)) is SearchKind.SHORT_CODE:
        return {"people": _by_code(reading, text)}
    find, wanted = _way(reading, text, by)
    size = page_size or _PEOPLE_ON_PAGE
    key = position(page_token, str, as_uuid)
    found = find(reading.connection, wanted, key, size + 1, reading.actor.drill)
    page = Page.of(found, size, key=lambda one: one)
    people = store.found_people(reading.connection, [one[1] for one in page.rows])
    veil = store_protection.veil(reading.connection, reading.actor)
    return {
        "people": [veil.over(people[one[1]]) for one in page.rows],
        "next_page_token": page.next_page_token,
    }


def _way(reading: Reading, text: str, by: SearchKind | None) -> tuple[_Find, str]:
    """Return the one query that reads the text, and what it is given. Raises Invalid."""
    kind = by or _guessed(text)
    if kind is SearchKind.PHONE:
        digits = "".join(one for one in text if one.isdigit())
        if len(digits) == phones.LAST_DIGITS:
            return store_search.by_last_digits, digits
        region = store.country(reading.connection, clock.now()).phone_region
        return store_search.by_phone, phones.e164(text, region, "text")
    folded = names.folded(text)
    if not folded:
        raise invalid("text", "text", "must hold a letter or four digits")
    if kind is SearchKind.INITIALS:
        return store_search.by_initials, folded.replace(" ", "")
    may_be_initials = by is None and folded.isascii() and folded.isalpha()
    if may_be_initials and len(folded) <= _LONGEST_INITIALS:
        return store_search.by_name_or_initials, folded
    return store_search.by_name, folded


def _guessed(text: str) -> SearchKind:
    if short_code.read(text):
        return SearchKind.SHORT_CODE
    has_digit = any(one.isdigit() for one in text)
    is_phone = has_digit and not any(one.isalpha() for one in text)
    return SearchKind.PHONE if is_phone else SearchKind.NAME


def _by_code(reading: Reading, text: str) -> list[FoundPerson]:
    code = short_code.read(text)
    if not code:
        raise invalid("text", "short_code", "is no short code: one of its characters is wrong")
    owner = store.code_owner(reading.connection, code)
    found = store.found_people(reading.connection, [owner] if owner else []).values()
    veil = store_protection.veil(reading.connection, reading.actor)
    return [veil.over(one) for one in found]
