"""The slow look at evidence: object by object, whether the bytes in the store still are those that
were confirmed.

A worker claims a few objects, the longest unchecked first, reads and hashes them outside any
transaction, and notes what it found. A flaw stays until a later look finds the object mended; while
the store is away nothing is found and nothing is noted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Connection, and_, func, or_, select, update

from chassis import clock, rules, telemetry
from chassis.db import Database
from chassis.errors import Unavailable, Unknown
from chassis.evidence import records_showing
from chassis.ids import as_id
from chassis.records.kinds import kind_named
from chassis.records.tables import evidence, record

if TYPE_CHECKING:  # every worker would carry the object store's client otherwise
    from chassis.objects import ObjectStore

log = structlog.get_logger()

SWEEP_SECONDS = 60.0
"""How far apart the turns of a worker are; how much one takes on follows from the rule's pace."""

_HOUR_SECONDS = 3600
_COUNTED_AT_MOST = 10_000

_columns = evidence.c
_last_look = func.coalesce(_columns.checked_at, _columns.confirmed_at)
_kept = and_(_columns.confirmed_at.is_not(None), _columns.let_go_at.is_(None))
_flawed = and_(_columns.found != "", _columns.let_go_at.is_(None))


class ObjectFlaw(StrEnum):
    """What is wrong with an object, the same list as `optichain.record.v1.ObjectFlaw`."""

    MISSING = "missing"
    SIZE_DIFFERS = "size_differs"
    HASH_DIFFERS = "hash_differs"


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How slowly objects are looked at: the edition of `evidence_sweep` in force."""

    seen_within_days: int
    flawed_again_after_hours: int
    objects_per_hour: int
    claim_minutes: int

    @property
    def objects_per_turn(self) -> int:
        """How many objects one turn of a worker takes on."""
        return max(1, int(self.objects_per_hour * SWEEP_SECONDS / _HOUR_SECONDS))


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """An object about to be looked at, and what it should be; `was` is the flaw known of it."""

    object_key: str
    sha256: str
    size_bytes: int
    was: str


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a look at an object found: no flaw, or which, with the hash and size of what lies there
    (empty when it was not read to its end)."""

    flaw: ObjectFlaw | None = None
    sha256: str = ""
    size_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class EvidenceFlaw:
    """An object that is not as it was confirmed, with the records it shows."""

    object_key: str
    flaw: ObjectFlaw
    record_ids: tuple[str, ...]
    expected_sha256: str
    found_sha256: str
    expected_size_bytes: int
    found_size_bytes: int
    found_since: datetime
    checked_at: datetime


@dataclass(frozen=True, kw_only=True)
class _Recorded:
    """The records an object shows, and what they say of it."""

    record_ids: tuple[str, ...]
    sha256: str
    size_bytes: int


def turn(service: str, database: Database, objects: ObjectStore) -> bool:
    """Look at the next few objects; false, since the pace is that of the clock."""
    at = clock.now()
    with database.engine.begin() as connection:
        pace = pace_in_force(connection, at)
        claimed = claim(connection, pace, at)
    left = [one.object_key for one in claimed]
    try:
        for one in claimed:
            _noted(service, database, one, look(objects, one))
            left.remove(one.object_key)
    except Unavailable:
        log.warning("evidence sweep put off", service=service)
        with database.engine.begin() as connection:
            _unclaim(connection, left)
    _measure(service, database, at)
    return False


def pace_in_force(connection: Connection, at: datetime) -> Pace:
    """Return how slowly objects are looked at. Raises NoRuleInForce."""
    return Pace(**rules.in_force(connection, "evidence_sweep", at.date()).body)


def claim(connection: Connection, pace: Pace, at: datetime) -> list[Claimed]:
    """Claim what is due for this worker alone: flawed objects first, then the longest unchecked."""
    is_free = or_(_columns.claimed_until.is_(None), _columns.claimed_until < at)
    again = at - timedelta(hours=pace.flawed_again_after_hours)
    flawed = select(evidence).where(_flawed, _columns.checked_at < again, is_free)
    seen_since = at - timedelta(days=pace.seen_within_days)
    unchecked = select(evidence).where(_kept, _last_look < seen_since, is_free).order_by(_last_look)
    rows: dict[str, Any] = {}
    for statement in (flawed, unchecked):
        left = pace.objects_per_turn - len(rows)
        if left > 0:
            taken = statement.limit(left).with_for_update(skip_locked=True)
            rows |= {row.object_key: row for row in connection.execute(taken)}
    until = at + timedelta(minutes=pace.claim_minutes)
    connection.execute(
        update(evidence).where(_columns.object_key.in_(list(rows))).values(claimed_until=until)
    )
    recorded = [_as_recorded(connection, row) for row in rows.values()]
    return [
        Claimed(
            object_key=row.object_key, sha256=one.sha256, size_bytes=one.size_bytes, was=row.found
        )
        for row, one in zip(rows.values(), recorded, strict=True)
    ]


def look(objects: ObjectStore, wanted: Claimed) -> Look:
    """Read an object and compare it with what was confirmed. Raises Unavailable."""
    digest, size = hashlib.sha256(), 0
    try:
        for chunk in objects.stream(wanted.object_key):
            digest.update(chunk)
            size += len(chunk)
            if size > wanted.size_bytes:  # another object; its hash would tell no more
                return Look(flaw=ObjectFlaw.SIZE_DIFFERS, size_bytes=size)
    except Unknown:
        return Look(flaw=ObjectFlaw.MISSING)
    found = digest.hexdigest()
    if size != wanted.size_bytes:
        return Look(flaw=ObjectFlaw.SIZE_DIFFERS, sha256=found, size_bytes=size)
    if found != wanted.sha256:
        return Look(flaw=ObjectFlaw.HASH_DIFFERS, sha256=found, size_bytes=size)
    return Look()


def note(connection: Connection, object_key: str, found: Look, at: datetime) -> None:
    """Note what a look found; the flaw of an object that was mended is cleared."""
    flaw = str(found.flaw or "")
    since = func.coalesce(_columns.found_since, at) if flaw else None
    connection.execute(
        update(evidence)
        .where(_columns.object_key == object_key)
        .values(
            checked_at=at,
            claimed_until=None,
            found=flaw,
            found_since=since,
            found_sha256=found.sha256,
            found_size_bytes=found.size_bytes,
        )
    )


def flaws(connection: Connection, *, after: str = "", most: int) -> list[EvidenceFlaw]:
    """Return objects that are not as they were confirmed, by key, with the records they show."""
    rows = connection.execute(
        select(evidence)
        .where(_flawed, _columns.object_key > after)
        .order_by(_columns.object_key)
        .limit(most)
    ).all()
    recorded = [_as_recorded(connection, row) for row in rows]
    return [
        EvidenceFlaw(
            object_key=row.object_key,
            flaw=ObjectFlaw(row.found),
            record_ids=one.record_ids,
            expected_sha256=one.sha256,
            found_sha256=row.found_sha256,
            expected_size_bytes=one.size_bytes,
            found_size_bytes=row.found_size_bytes,
            found_since=row.found_since,
            checked_at=row.checked_at,
        )
        for row, one in zip(rows, recorded, strict=True)
    ]


def longest_unchecked(connection: Connection) -> datetime | None:
    """Return when the object that was not looked at for the longest time was confirmed or looked
    at; None when no object is kept."""
    statement = select(_last_look).where(_kept).order_by(_last_look).limit(1)
    found: datetime | None = connection.execute(statement).scalar()
    return found


def _as_recorded(connection: Connection, row: Any) -> _Recorded:
    """Return the records an object shows, and the hash and size they say it has: history proves
    those, and nothing proves the list of objects, which counts for an object without a record."""
    shown = connection.execute(
        records_showing(row.object_key).add_columns(record.c.id, record.c.evidence)
    ).all()
    said = [one for each in shown for one in each.evidence if one["object_key"] == row.object_key]
    return _Recorded(
        record_ids=tuple(as_id(kind_named(one.kind).prefix, one.id) for one in shown),
        sha256=said[0]["sha256"] if said else row.sha256,
        size_bytes=said[0]["size_bytes"] if said else row.size_bytes,
    )


def _noted(service: str, database: Database, one: Claimed, found: Look) -> None:
    with database.engine.begin() as connection:
        note(connection, one.object_key, found, clock.now())
    flaw = str(found.flaw or "")
    if flaw:
        log.error("evidence flawed", service=service, object_key=one.object_key, flaw=flaw)
    elif one.was:
        log.info("evidence mended", service=service, object_key=one.object_key)


def _unclaim(connection: Connection, object_keys: Sequence[str]) -> None:
    those = _columns.object_key.in_(object_keys)
    connection.execute(update(evidence).where(those).values(claimed_until=None))


def _measure(service: str, database: Database, at: datetime) -> None:
    """Tell the metrics how many objects are flawed, and how long the longest unchecked waits."""
    some = select(_columns.object_key).where(_flawed).limit(_COUNTED_AT_MOST).subquery()
    with database.snapshot() as connection:
        count = connection.execute(select(func.count()).select_from(some)).scalar() or 0
        since = longest_unchecked(connection)
    told = {telemetry.SERVICE: service}
    telemetry.evidence_flaws.set(count, told)
    hours = (at - since).total_seconds() / _HOUR_SECONDS if since else 0.0
    telemetry.evidence_unchecked.set(hours, told)
