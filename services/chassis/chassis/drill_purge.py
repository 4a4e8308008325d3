"""The purge of drills: every row that one left in a service, and its objects, as the owner of the
tables. The run-time role could not: history is append-only for it.

A drill is over some hours after its last record here, by rule; then its people's tokens have long
ended. One that is named goes at once.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

import structlog
from sqlalchemy import ARRAY, Connection, Text, Uuid, bindparam, create_engine, func, select, text

from chassis import boot, clock, locks, logs
from chassis.drill_tables import KEPT, PURGED
from chassis.ids import as_id
from chassis.objects import ObjectStore
from chassis.records.kinds import kind_named
from chassis.records.tables import evidence, record
from chassis.rules import in_force
from chassis.settings import load

log = structlog.get_logger()

_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")


class TableUndeclared(Exception):
    """A table is there of which nobody said what a drill leaves in it."""


@dataclass(frozen=True)
class Found:
    """The records of a drill in a service."""

    drill: str
    uuids: list[Any]
    ids: list[str]


def all_of(services: list[str], drill: str = "") -> None:
    """Purge the services one after the other: the drills that are over, or the one that is named.
    Raises SettingMissing, TableUndeclared."""
    logs.set_up("purge-drill")
    for service in services:
        settings = load(service)
        importlib.import_module(f"{service}.api")  # so that its kinds are known
        boot.declare_shared_kinds(service)
        objects = ObjectStore(settings.s3_url.get_secret_value())
        engine = create_engine(settings.migrate_url.get_secret_value())
        for one in [drill] if drill else over(engine, service):
            with engine.begin() as connection:
                removed = purge(connection, service, one, objects)
            log.info("purged", service=service, drill=one, **removed)
        engine.dispose()


def over(engine: Any, service: str) -> list[str]:
    """Return the drills that left records in a service and are over."""
    with engine.begin() as connection:
        now = clock.now()
        hours = in_force(connection, "drill_purge", now.date()).body["purge_after_hours"]
        last = func.max(record.c.recorded_at)
        ended = (
            select(record.c.drill)
            .where(record.c.drill != "")
            .group_by(record.c.drill)
            .having(last < now - timedelta(hours=hours))
        )
        return sorted(connection.execute(ended).scalars())


def purge(connection: Connection, service: str, drill: str, objects: ObjectStore) -> dict[str, int]:
    """Remove every row of a drill and its objects; returns how many went, by table. Raises
    TableUndeclared."""
    tables = purged_in(service)
    require_declared(connection, service)
    locks.take(connection, f"purge {drill}")
    found = _found(connection, drill)
    # The objects first: removing one again does no harm, one whose row is gone is never found.
    _remove_objects(connection, drill, objects)
    removed = {name: delete_from(connection, name, tables[name], found) for name in tables}
    removed["record"] = delete_from(connection, "record", "drill = :drill", found)
    return {name: count for name, count in removed.items() if count}


def purged_in(service: str) -> Mapping[str, str]:
    """Return the tables of a service that a drill leaves rows in, with their conditions: its own
    first, since they may name the chassis's."""
    return {**_declared(service, "PURGED"), **PURGED}


def require_declared(connection: Connection, service: str) -> None:
    """Refuse to go on while somebody has not said of a table what a drill leaves in it. Raises
    TableUndeclared."""
    known = {"record", *purged_in(service), *KEPT, *_declared(service, "KEPT")}
    unknown = set(connection.execute(_TABLES).scalars()) - known
    if unknown:
        raise TableUndeclared(f"{service}: {', '.join(sorted(unknown))}: see drill_tables.py")


def _declared(service: str, name: str) -> Mapping[str, str]:
    module = f"{service}.drill_tables"
    if find_spec(service) is None or find_spec(module) is None:
        return {}
    declared: Mapping[str, str] = getattr(importlib.import_module(module), name)
    return declared


def _found(connection: Connection, drill: str) -> Found:
    rows = connection.execute(
        select(record.c.id, record.c.kind).where(record.c.drill == drill)
    ).all()
    ids = [as_id(kind_named(row.kind).prefix, row.id) for row in rows]
    return Found(drill, [row.id for row in rows], ids)


def _remove_objects(connection: Connection, drill: str, objects: ObjectStore) -> None:
    keys = select(evidence.c.object_key).where(evidence.c.drill == drill)
    for key in connection.execute(keys).scalars():
        objects.remove(key)


def delete_from(connection: Connection, table: str, condition: str, found: Found) -> int:
    """Delete a drill's rows from one table, and return how many they were."""
    statement = text(f'DELETE FROM "{table}" WHERE {condition}')  # declared in code
    given: list[Any] = [
        bindparam("drill", type_=Text),
        bindparam("uuids", type_=ARRAY(Uuid)),
        bindparam("ids", type_=ARRAY(Text)),
    ]
    used = [one for one in given if f":{one.key}" in condition]
    values = {one.key: getattr(found, str(one.key)) for one in used}
    return connection.execute(statement.bindparams(*used), values).rowcount
