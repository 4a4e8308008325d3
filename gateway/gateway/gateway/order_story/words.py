"""Names of the contract in words that people read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def of_kind(kind: str) -> str:
    """Return a dotted kind in words: `clinical.lens_specification` becomes lens specification; a
    review stays apart from what it is about."""
    return kind.rpartition(".")[2].replace("_", " ")


def of(name: str) -> str:
    """Return a name of the contract in words."""
    return name.replace("_", " ")


def amount(minor: int, currency: str) -> str:
    """Return money as people read it."""
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02d} {currency}"


def joined(parts: Iterable[Any]) -> str:
    """Return what is not empty, with commas."""
    return ", ".join(str(one) for one in parts if one)
