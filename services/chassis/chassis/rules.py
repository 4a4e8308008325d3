"""Numbers of the trade as data: named rules in editions, each with its source, validity and
confidence.

A service ships them as YAML in its `rules/` folder; `migrate` loads them; code asks for the
edition in force on a date and pins it. An edition that was once loaded never changes: a new
number is a new edition.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import yaml
from sqlalchemy import Connection, Pool, select
from sqlalchemy.dialects.postgresql import insert

from chassis.errors import Refused
from chassis.records.tables import rule_edition

_REMEMBERED_SECONDS = 60.0
_remembered: WeakKeyDictionary[Pool, dict[tuple[str, date], tuple[float, Edition]]] = (
    WeakKeyDictionary()
)
"""What was in force on a day, by database. An edition never changes and a new one comes with
`migrate` alone, so that a minute is soon enough to hear of it."""


class RuleEditionChanged(Exception):
    """A loaded edition differs from its file: give the file a new edition."""


class NoRuleInForce(Refused):
    """No edition of the rule is in force on the day."""

    reason = "NO_RULE_IN_FORCE"


@dataclass(frozen=True)
class Edition:
    """One edition of a rule: its body as loaded, and what it rests on."""

    name: str
    edition: str
    valid_from: date
    valid_to: date | None
    source: str
    confidence: str
    body: Any


def load_into(connection: Connection, folder: Path) -> None:
    """Load every edition of a folder. Raises RuleEditionChanged when a loaded one was edited."""
    for document in _documents(folder):
        row = {
            "name": document["name"],
            "edition": str(document["edition"]),
            "valid_from": str(document["valid_from"]),
            "valid_to": str(document.get("valid_to") or ""),
            "source": document["source"],
            "confidence": document["confidence"],
            "body": document["body"],
        }
        connection.execute(insert(rule_edition).values(row).on_conflict_do_nothing())
        kept = connection.execute(
            select(rule_edition.c.body).where(
                rule_edition.c.name == row["name"], rule_edition.c.edition == row["edition"]
            )
        ).scalar_one()
        if kept != row["body"]:
            raise RuleEditionChanged(f"{row['name']} {row['edition']}")


def _documents(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


def in_force(connection: Connection, name: str, on: date) -> Edition:
    """Return the edition of a rule in force on a date, as it was at most a minute ago. Raises
    NoRuleInForce."""
    known = _remembered.setdefault(connection.engine.pool, {})
    until, found = known.get((name, on), (0.0, None))
    if found is None or until < time.monotonic():
        found = _in_force(connection, name, on)
        known[name, on] = (time.monotonic() + _REMEMBERED_SECONDS, found)
    return found


def _in_force(connection: Connection, name: str, on: date) -> Edition:
    day = on.isoformat()
    table = rule_edition.c
    row = (
        connection.execute(
            select(rule_edition)
            .where(
                table.name == name,
                table.valid_from <= day,
                (table.valid_to == "") | (table.valid_to >= day),
            )
            .order_by(table.valid_from.desc(), table.edition.desc())
            .limit(1)
        )
        .mappings()
        .first()
    )
    if row is None:
        raise NoRuleInForce(f"no edition of {name} is in force on {day}", rule=name)
    return _edition(row)


def edition(connection: Connection, name: str, number: str) -> Edition:
    """Return one edition of a rule, as it was agreed. Raises NoRuleInForce."""
    table = rule_edition.c
    row = (
        connection.execute(select(rule_edition).where(table.name == name, table.edition == number))
        .mappings()
        .first()
    )
    if row is None:
        raise NoRuleInForce(f"there is no edition {number} of {name}", rule=name)
    return _edition(row)


def _edition(row: Any) -> Edition:
    return Edition(
        name=row["name"],
        edition=row["edition"],
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        source=row["source"],
        confidence=row["confidence"],
        body=row["body"],
    )
