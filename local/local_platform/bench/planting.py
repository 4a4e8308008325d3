"""Records and pins put into the databases as their owner, so that a gate has as many to re-read as
is wanted. The bench's platform goes when it ends, and they with it."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from chassis.ids import as_uuid, new_id

_COPIES = """
    INSERT INTO record
    SELECT (jsonb_populate_record(record, jsonb_build_object('id', copy))).*
    FROM record, unnest(%(copies)s::uuid[]) AS copy WHERE record.id = %(original)s
"""
_ORIGINAL = "SELECT kind, version FROM record WHERE id = %s"
_CLEAR = "DELETE FROM pin WHERE holder_id = ANY(%(holders)s::uuid[])"
_PINS = """
    INSERT INTO pin (holder_id, record_id, kind, relied_version, settled_version, settled_by,
        fields, fixed, settled_void, may_expire)
    SELECT holder, pinned.id, pinned.kind, pinned.version, pinned.version, '',
        '{}', false, false, false
    FROM unnest(%(holders)s::uuid[]) AS holder,
        unnest(%(ids)s::text[], %(kinds)s::text[], %(versions)s::integer[])
            AS pinned (id, kind, version)
"""


@dataclass(frozen=True)
class Planted:
    """A record to be pinned, as its owner keeps it."""

    id: str
    kind: str
    version: int


def copies(owner_url: str, original_id: str, wanted: int) -> list[Planted]:
    """Copy a record that stands under new ids, without a history. Raises LookupError when it does
    not stand."""
    ids = [new_id(original_id.rpartition("_")[0]) for _ in range(wanted)]
    with psycopg.connect(owner_url.replace("+psycopg", "")) as connection:
        row = connection.execute(_ORIGINAL, (as_uuid(original_id),)).fetchone()
        if row is None:
            raise LookupError(original_id)
        given = {"copies": [as_uuid(one) for one in ids], "original": as_uuid(original_id)}
        connection.execute(_COPIES, given)
    return [Planted(one, row[0], row[1]) for one in ids]


def pins(owner_url: str, holder_ids: list[str], pinned: list[Planted]) -> None:
    """Let holders stand live on these records, on all of their fields, and on nothing else."""
    given = {
        "holders": [as_uuid(one) for one in holder_ids],
        "ids": [one.id for one in pinned],
        "kinds": [one.kind for one in pinned],
        "versions": [one.version for one in pinned],
    }
    with psycopg.connect(owner_url.replace("+psycopg", "")) as connection:
        connection.execute(_CLEAR, given)
        connection.execute(_PINS, given)
