"""Customer's SQL of a search: one statement for each way of finding people, each along one index,
so that no page grows with the chain. Who belongs to a drill is found in it alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, literal, select, tuple_, union_all

from customer.tables import person_search

_LAST = "\U0010ffff"
"""Sorts after every name that begins alike."""

_columns = person_search.c


def by_name(
    connection: Connection, beginning: str, after: Sequence[Any], size: int, drill: str
) -> list[tuple[str, str]]:
    """Return (key, person id) of people whose name, or last word of it, begins so."""
    return _page(connection, _named(beginning), after, size, drill)


def by_initials(
    connection: Connection, beginning: str, after: Sequence[Any], size: int, drill: str
) -> list[tuple[str, str]]:
    """Return (key, person id) of people whose initials begin so."""
    return _page(connection, [_beginning(_columns.initials, beginning)], after, size, drill)


def by_name_or_initials(
    connection: Connection, beginning: str, after: Sequence[Any], size: int, drill: str
) -> list[tuple[str, str]]:
    """Return (key, person id) of people whose name, last word or initials begin so."""
    ways = [*_named(beginning), _beginning(_columns.initials, beginning)]
    return _page(connection, ways, after, size, drill)


def by_last_digits(
    connection: Connection, digits: str, after: Sequence[Any], size: int, drill: str
) -> list[tuple[str, str]]:
    """Return (key, person id) of people whose phone ends so, by name."""
    found = (_columns.name_folded, _columns.phone_last4 == digits, _columns.phone_last4 != "")
    return _page(connection, [found], after, size, drill)


def by_phone(
    connection: Connection, number: str, after: Sequence[Any], size: int, drill: str
) -> list[tuple[str, str]]:
    """Return (key, person id) of people with this phone, by name."""
    found = (_columns.name_folded, _columns.phone_e164 == number, _columns.phone_e164 != "")
    return _page(connection, [found], after, size, drill)


def _named(beginning: str) -> list[tuple[Any, ...]]:
    """Find by the whole name, and by its last word those not found so."""
    by_whole = _beginning(_columns.name_folded, beginning)
    by_last = _beginning(_columns.name_turned, beginning)
    is_found = (_columns.name_folded >= beginning) & (_columns.name_folded < beginning + _LAST)
    return [by_whole, (*by_last, _columns.name_turned != "", ~is_found)]


def _beginning(column: ColumnElement[str], text: str) -> tuple[Any, ...]:
    return column, column >= text, column < text + _LAST


def _page(
    connection: Connection, ways: list[tuple[Any, ...]], after: Sequence[Any], size: int, drill: str
) -> list[tuple[str, str]]:
    """Merge the first rows of each way in the order of its own index."""
    parts = [_part(key, conditions, after, size, drill) for key, *conditions in ways]
    found = parts[0] if len(parts) == 1 else _merged(parts, size)
    return [(row.key, row.person_id) for row in connection.execute(found)]


def _part(
    key: Any, conditions: Sequence[Any], after: Sequence[Any], size: int, drill: str
) -> Select[Any]:
    statement = select(key.label("key"), _columns.person_id).where(
        _columns.merged_into.is_(None), _columns.drill == drill, *conditions
    )
    if after:
        last = (literal(after[0]), literal(after[1]))
        statement = statement.where(tuple_(key, _columns.person_id) > tuple_(*last))
    return statement.order_by(key, _columns.person_id).limit(size)


def _merged(parts: list[Select[Any]], size: int) -> Select[Any]:
    rows = union_all(*(part.subquery().select() for part in parts)).subquery()
    return select(rows).order_by(rows.c.key, rows.c.person_id).limit(size)
