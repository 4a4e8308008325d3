"""Evidence on its way into records: offered for upload, then confirmed by hash, then named by
commands.

What was offered and never confirmed is swept after a day; so is its object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis.errors import Refused, Unknown
from chassis.records.envelope import Evidence
from chassis.records.tables import evidence

_CONFIRMABLE = timedelta(days=1)
_CONFIRMING = timedelta(hours=1)
"""A confirmation that begins in the last second has this long to read the object before it may be
swept under it."""

_SWEPT_AT_ONCE = 100


class EvidenceUnconfirmed(Refused):
    """The object was not confirmed: nobody has checked that the bytes are what they should be."""

    reason = "EVIDENCE_UNCONFIRMED"


def offered(
    connection: Connection, object_key: str, media_type: str, to: str, at: datetime
) -> None:
    """Note that an upload was offered."""
    connection.execute(
        insert(evidence).values(
            object_key=object_key, media_type=media_type, offered_to=to, offered_at=at
        )
    )


def media_type_of(connection: Connection, object_key: str) -> str:
    """Return the media type an upload was offered for. Raises Unknown (OBJECT_UNKNOWN), also when
    that was more than a day ago."""
    columns = evidence.c
    found = connection.execute(
        select(columns.media_type).where(
            columns.object_key == object_key,
            or_(columns.offered_at > func.now() - _CONFIRMABLE, columns.confirmed_at.is_not(None)),
        )
    ).scalar()
    if found is None:
        raise Unknown("no upload was offered under this key", reason="OBJECT_UNKNOWN")
    return str(found)


def confirmed(connection: Connection, shown: Evidence, at: datetime) -> None:
    """Note that the bytes are there and hash as announced."""
    connection.execute(
        update(evidence)
        .where(evidence.c.object_key == shown.object_key)
        .values(sha256=shown.sha256, size_bytes=shown.size_bytes, note=shown.note, confirmed_at=at)
    )


def kept(connection: Connection, shown: Evidence, by: str, at: datetime) -> None:
    """Note an object that this service put there itself; the same bytes again change nothing."""
    connection.execute(
        upsert(evidence)
        .values(
            object_key=shown.object_key,
            media_type=shown.media_type,
            offered_to=by,
            offered_at=at,
            sha256=shown.sha256,
            size_bytes=shown.size_bytes,
            note=shown.note,
            confirmed_at=at,
        )
        .on_conflict_do_nothing()
    )


def named(connection: Connection, object_keys: Sequence[str]) -> tuple[Evidence, ...]:
    """Return confirmed evidence in the order named. Raises EvidenceUnconfirmed."""
    if not object_keys:
        return ()
    columns = evidence.c
    rows = connection.execute(
        select(evidence).where(
            columns.object_key.in_(object_keys), columns.confirmed_at.is_not(None)
        )
    ).mappings()
    found = {
        row["object_key"]: Evidence(
            object_key=row["object_key"],
            sha256=row["sha256"],
            media_type=row["media_type"],
            size_bytes=row["size_bytes"],
            note=row["note"],
        )
        for row in rows
    }
    missing = [key for key in object_keys if key not in found]
    if missing:
        raise EvidenceUnconfirmed(
            "evidence is named that was not confirmed",
            missing=[f"confirmed object: {key}" for key in missing],
        )
    return tuple(found[key] for key in object_keys)


@dataclass(frozen=True)
class Due:
    """Uploads to be removed, and whether there are more than these."""

    keys: tuple[str, ...]
    more: bool


def due(connection: Connection, at: datetime) -> Due:
    """Return some uploads that were offered long ago and never confirmed."""
    columns = evidence.c
    rows = connection.execute(
        select(columns.object_key)
        .where(
            columns.confirmed_at.is_(None),
            columns.offered_at < at - _CONFIRMABLE - _CONFIRMING,
        )
        .order_by(columns.offered_at)
        .limit(_SWEPT_AT_ONCE)
    )
    keys = tuple(row.object_key for row in rows)
    return Due(keys, more=len(keys) == _SWEPT_AT_ONCE)


def forget(connection: Connection, object_keys: Sequence[str]) -> None:
    """Forget uploads whose objects have been removed."""
    columns = evidence.c
    connection.execute(
        delete(evidence).where(columns.object_key.in_(object_keys), columns.confirmed_at.is_(None))
    )
