"""Lists by page: a token names the last row seen, so no page grows with its table."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from chassis.errors import Invalid, invalid

T = TypeVar("T")

DEFAULT_SIZE = 50


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list, and the token of those that follow (empty on the last page)."""

    rows: tuple[T, ...]
    next_page_token: str = ""

    @classmethod
    def of(cls, rows: Sequence[T], size: int, *, key: Callable[[T], Sequence[str]]) -> Page[T]:
        """Make a page of `size` rows from a query that fetched one more than that."""
        if len(rows) <= size:
            return cls(tuple(rows))
        kept = tuple(rows[:size])
        return cls(kept, token_of(key(kept[-1])))


def size_of(asked: int | None) -> int:
    """Return the page size asked for, or the usual one."""
    return asked or DEFAULT_SIZE


def after(page_token: str, parts: int) -> list[str]:
    """Return the sort key a token names; empty for the first page. Raises Invalid
    (PAGE_TOKEN_REFUSED)."""
    if not page_token:
        return []
    try:
        key = msgspec.json.decode(base64.urlsafe_b64decode(page_token.encode()), type=list[str])
    except (ValueError, msgspec.DecodeError) as error:
        raise token_refused() from error
    if len(key) != parts:
        raise token_refused()
    return key


def position(page_token: str, *readers: Callable[[str], Any]) -> list[Any]:
    """Return the sort key a token names, each part read by its reader (which raises ValueError for
    what it cannot read); empty for the first page. Raises Invalid (PAGE_TOKEN_REFUSED)."""
    parts = after(page_token, len(readers))
    try:
        return [read(part) for read, part in zip(readers, parts, strict=False)]
    except ValueError as error:
        raise token_refused() from error


def token_refused() -> Invalid:
    """Return the refusal of a token that the list did not give."""
    return invalid(
        "page_token", "page_token", "is not a token of this list", reason="PAGE_TOKEN_REFUSED"
    )


def token_of(key: Sequence[str]) -> str:
    """Return the token of the page that follows the row with this sort key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(list(key))).decode()
