"""What happened to a record: the words of its history, and of what others hear about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from chassis.roles import Role


class ChangeKind(StrEnum):
    """What happened, the same list as `optichain.record.v1.ChangeKind`."""

    RECORDED = "recorded"
    MOVED = "moved"
    AMENDED = "amended"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"
    EXPIRED = "expired"
    LOCKED = "locked"
    MERGED = "merged"


VOIDING = frozenset(
    {
        ChangeKind.SUPERSEDED,
        ChangeKind.REVOKED,
        ChangeKind.EXPIRED,
        ChangeKind.LOCKED,
        ChangeKind.MERGED,
    }
)
"""Changes after which nobody may go on relying on the record, whatever fields they relied on."""

TOLD_TO_OTHERS = VOIDING | {ChangeKind.AMENDED}
"""Changes that may make a pin stale, and so are published."""


@dataclass(frozen=True)
class FieldChange:
    """One content field of an amendment, values as JSON text."""

    field: str
    old_value: str
    new_value: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """One row of a record's history, as people read it."""

    what: ChangeKind
    version: int
    revision: int
    changed_by: str
    changed_at: datetime
    role: Role | None = None
    fields: tuple[FieldChange, ...] = ()
    reason_code: str = ""
    reason: str = ""
    successor_id: str = ""
    state: str = ""
    trace_id: str = ""


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Return the top-level fields that differ, with both values as JSON text."""
    return tuple(
        FieldChange(name, _text(old.get(name)), _text(new.get(name)))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
