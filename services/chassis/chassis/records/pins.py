"""Pins: the versions a record stands on, and when one of them no longer holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from chassis.errors import Refused
from chassis.records.changes import VOIDING, Change, ChangeKind
from chassis.records.envelope import Record


@dataclass(frozen=True, kw_only=True)
class Pin:
    """(record, version relied on, version settled); live unless `fixed`. No `fields` means all of
    them. `settled_void` says that somebody judged the record's end, and kept it at that version.
    What was begun in time `may_expire`: the holder is finished though the record's time runs out
    meanwhile."""

    record_id: str
    kind: str
    relied_version: int
    settled_version: int
    settled_by: str = ""
    fields: tuple[str, ...] = ()
    fixed: bool = False
    settled_void: bool = False
    may_expire: bool = False

    def is_touched_by(self, change: Change) -> bool:
        """Tell whether a later change makes this pin stale."""
        if self.fixed:
            return False
        if change.what is ChangeKind.EXPIRED and self.may_expire:
            return False
        if change.what in VOIDING:
            return change.version > self.settled_version or not self.settled_void
        if change.version <= self.settled_version:
            return False
        return self.rests_on(f.field for f in change.fields)

    def rests_on(self, changed_fields: Iterable[str]) -> bool:
        """Tell whether one of these fields is among those relied on."""
        return not self.fields or any(field in self.fields for field in changed_fields)


@dataclass(frozen=True, kw_only=True)
class StalePin:
    """A pin whose record has moved on, and the change that did it. When another record took its
    place, the change tells how that one differs, and `successor_version` where it stands."""

    pin: Pin
    live_version: int
    change: Change
    successor_version: int = 0


class StalePins(Refused):
    """A gate found that what the holder relied on has moved on. Carries every stale pin with its
    difference."""

    reason = "PIN_STALE"

    def __init__(self, stale: Iterable[StalePin]) -> None:
        self.stale = tuple(stale)
        names = ", ".join(f"{s.pin.record_id} ({s.change.what})" for s in self.stale)
        super().__init__(f"relied on records that have changed: {names}")


def pin(record: Record[Any], *fields: str) -> Pin:
    """Pin a record live at the version just read, on the named fields (none: all)."""
    unknown = set(fields) - set(record.kind.settled_fields)
    if unknown:
        raise ValueError(f"{record.kind.name} has no field {sorted(unknown)} to rely on")
    return Pin(
        record_id=record.id,
        kind=record.kind.name,
        relied_version=record.version,
        settled_version=record.version,
        fields=tuple(sorted(fields)),
    )


def fixed(record_id: str, kind: str, version: int) -> Pin:
    """Pin an agreed edition (price list, terms, tolerance set) that never goes stale for its
    holder."""
    return Pin(
        record_id=record_id, kind=kind, relied_version=version, settled_version=version, fixed=True
    )


def flat(pins: Iterable[Pin]) -> tuple[Pin, ...]:
    """Join pins so that each record stands once, on every field any of them relied on.

    Two pins on one record join at the lower settled version, and at the one that may not expire: a
    gate must then see everything that either of them has not.
    """
    joined: dict[str, Pin] = {}
    for one in pins:
        other = joined.get(one.record_id)
        joined[one.record_id] = one if other is None else _join(other, one)
    return tuple(joined[record_id] for record_id in sorted(joined))


def _join(a: Pin, b: Pin) -> Pin:
    lower = a if a.settled_version <= b.settled_version else b
    fields = tuple(sorted({*a.fields, *b.fields})) if a.fields and b.fields else ()
    return replace(
        lower,
        fields=fields,
        fixed=a.fixed and b.fixed,
        settled_void=a.settled_void and b.settled_void,
        may_expire=a.may_expire and b.may_expire,
    )
