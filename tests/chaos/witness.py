"""An independent witness in every database: what was written, when it was committed, which pins a
record stood on at which moment, and what was ever put into the outbox. The product knows nothing of
it; it is taken away at the end.

Its triggers are deferred, so that their clock is read at the commit and not when a transaction
begins.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from chassis.ids import as_uuid

SERVICES = ("organisation", "customer", "inventory", "clinical", "billing", "labjob")
"""Those whose databases are watched."""

_INSTALL = """
CREATE TABLE IF NOT EXISTS witness_history (
    record_id uuid, revision integer, at timestamptz, xid text);
CREATE INDEX IF NOT EXISTS witness_history_of ON witness_history (record_id);
CREATE TABLE IF NOT EXISTS witness_sent (
    seq bigint GENERATED ALWAYS AS IDENTITY, event_id uuid, type text);
CREATE TABLE IF NOT EXISTS witness_pin (
    seq bigint GENERATED ALWAYS AS IDENTITY, holder_id uuid, record_id text, kind text,
    settled_version integer, settled_void boolean, settled_by text, fields text[], fixed boolean,
    may_expire boolean, gone boolean, at timestamptz, xid text);
CREATE INDEX IF NOT EXISTS witness_pin_of ON witness_pin (holder_id);
CREATE OR REPLACE FUNCTION witness_saw_history() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$ BEGIN
    INSERT INTO witness_history
    VALUES (NEW.record_id, NEW.revision, clock_timestamp(), pg_current_xact_id()::text);
    RETURN NULL; END $$;
CREATE OR REPLACE FUNCTION witness_saw_outbox() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$ BEGIN
    INSERT INTO witness_sent (event_id, type) VALUES (NEW.event_id, NEW.type);
    RETURN NULL; END $$;
CREATE OR REPLACE FUNCTION witness_saw_pin() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS $$ DECLARE p pin; BEGIN
    IF TG_OP = 'DELETE' THEN p := OLD; ELSE p := NEW; END IF;
    INSERT INTO witness_pin (holder_id, record_id, kind, settled_version, settled_void, settled_by,
        fields, fixed, may_expire, gone, at, xid)
    VALUES (p.holder_id, p.record_id, p.kind, p.settled_version, p.settled_void, p.settled_by,
        p.fields, p.fixed, p.may_expire, TG_OP = 'DELETE', clock_timestamp(),
        pg_current_xact_id()::text);
    RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER witness_history AFTER INSERT ON history
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION witness_saw_history();
CREATE CONSTRAINT TRIGGER witness_outbox AFTER INSERT ON outbox
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION witness_saw_outbox();
CREATE CONSTRAINT TRIGGER witness_pin AFTER INSERT OR UPDATE OR DELETE ON pin
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION witness_saw_pin();
"""
_REMOVE = """
DROP TRIGGER IF EXISTS witness_history ON history;
DROP TRIGGER IF EXISTS witness_outbox ON outbox;
DROP TRIGGER IF EXISTS witness_pin ON pin;
DROP FUNCTION IF EXISTS witness_saw_history, witness_saw_outbox, witness_saw_pin;
DROP TABLE IF EXISTS witness_history, witness_sent, witness_pin;
"""
_ROWS = """
SELECT h.record_id, h.revision, h.version, h.body, r.kind, r.case_id, w.at, w.xid
FROM record r JOIN history h ON h.record_id = r.id
JOIN witness_history w ON w.record_id = h.record_id AND w.revision = h.revision
WHERE r.case_id = ANY(%(cases)s) ORDER BY h.record_id, h.revision
"""
_PINS = """
SELECT p.*, r.case_id FROM witness_pin p JOIN record r ON r.id = p.holder_id
WHERE r.case_id = ANY(%(cases)s) ORDER BY p.seq
"""
_STANDING = """
SELECT r.id, r.case_id, r.kind, r.void, r.state, r.responsible_role, p.record_id, p.settled_version,
    p.settled_void, p.fields, p.fixed, p.may_expire
FROM record r JOIN pin p ON p.holder_id = r.id WHERE r.case_id = ANY(%(cases)s)
"""
_REVIEWS = """
SELECT v.id, r.case_id, v.holder_id, v.record_id, v.version, v.is_void, v.held_at_id,
    v.closed_at, r.state, r.content, r.responsible_role AS asked, r.owner
FROM review v JOIN record r ON r.id = v.id WHERE r.case_id = ANY(%(cases)s)
"""

_ISSUES = """
SELECT v.id, r.case_id, v.held_at_id, v.closed_at, r.content, r.responsible_role AS asked, r.owner
FROM issue v JOIN record r ON r.id = v.id WHERE r.case_id = ANY(%(cases)s)
"""


@dataclass(frozen=True)
class Row:
    """One row of history with the moment of its commit (seconds since the epoch)."""

    service: str
    record_id: str
    kind: str
    case_id: str
    revision: int
    version: int
    at: float
    commit: str
    what: str
    state: str
    fields: tuple[str, ...]
    by: str
    content: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class PinSeen:
    """A pin as it stood from a moment on."""

    holder_id: str
    record_id: str
    kind: str
    settled_version: int
    settled_void: bool
    settled_by: str
    fields: tuple[str, ...]
    fixed: bool
    may_expire: bool
    gone: bool
    at: float
    commit: str
    case_id: str = ""


@dataclass
class Facts:
    """What stands in the databases about some cases. Ids are uuids as text: the databases have no
    other."""

    rows: list[Row] = field(default_factory=list)
    pins: list[PinSeen] = field(default_factory=list)
    standing: list[dict[str, Any]] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)

    def share_among(self, others: Mapping[str, Facts]) -> None:
        """Give each of other facts what is about its case."""
        for row in self.rows:
            others[row.case_id].rows.append(row)
        for seen in self.pins:
            others[seen.case_id].pins.append(seen)
        for one in self.standing:
            others[str(one["case_id"])].standing.append(one)
        for one in self.reviews:
            others[str(one["case_id"])].reviews.append(one)
        for one in self.issues:
            others[str(one["case_id"])].issues.append(one)


def plain(identifier: str) -> str:
    """Return the uuid inside an id as text; the name of an edition stays as it is."""
    try:
        return str(as_uuid(identifier))
    except ValueError:
        return identifier


class Witness:
    """Watches the databases of a platform."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._urls = {
            name: environment[f"{name.upper()}_MIGRATE_URL"].replace("+psycopg", "")
            for name in SERVICES
            if f"{name.upper()}_MIGRATE_URL" in environment
        }

    def install(self) -> None:
        """Begin to watch."""
        for name in self._urls:
            self.execute(name, _REMOVE + _INSTALL)

    def remove(self) -> None:
        """Stop watching and leave nothing behind."""
        for name in self._urls:
            self.execute(name, _REMOVE)

    def execute(self, service: str, statement: str, **values: Any) -> None:
        """Run a statement as the owner of a database."""
        with psycopg.connect(self._urls[service]) as connection:
            connection.execute(statement, values or None)

    def ask(self, service: str, query: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query, as the owner of a database."""
        with psycopg.connect(self._urls[service], row_factory=dict_row) as connection:
            return connection.execute(query, values or None).fetchall()

    def services(self) -> Iterable[str]:
        """Those whose databases are watched."""
        return self._urls

    def facts(self, case_ids: Iterable[str]) -> Facts:
        """Return what stands about cases."""
        cases = [as_uuid(one) for one in case_ids if one]
        found = Facts()
        for service in self._urls:
            asked = {"cases": cases}
            found.rows += [_row(service, one) for one in self.ask(service, _ROWS, **asked)]
            found.pins += [_pin(service, one) for one in self.ask(service, _PINS, **asked)]
            found.standing += [
                one | {"id": str(one["id"])} for one in self.ask(service, _STANDING, **asked)
            ]
            found.reviews += [
                one | {"id": str(one["id"]), "holder_id": str(one["holder_id"])}
                for one in self.ask(service, _REVIEWS, **asked)
            ]
            found.issues += self.ask(service, _ISSUES, **asked)
        found.rows.sort(key=lambda row: row.at)
        return found


def _row(service: str, one: Mapping[str, Any]) -> Row:
    body = json.loads(one["body"])
    change = body["change"]
    return Row(
        service=service,
        record_id=str(one["record_id"]),
        kind=one["kind"],
        case_id=str(one["case_id"]),
        revision=one["revision"],
        version=one["version"],
        at=one["at"].timestamp(),
        commit=f"{service} {one['xid']}",
        what=change["what"],
        state=change["state"],
        fields=tuple(change["fields"]),
        by=change["changed_by"],
        content=body.get("open", {}).get("content") or {},
    )


def _pin(service: str, one: Mapping[str, Any]) -> PinSeen:
    return PinSeen(
        holder_id=str(one["holder_id"]),
        record_id=plain(one["record_id"]),
        kind=one["kind"],
        settled_version=one["settled_version"],
        settled_void=one["settled_void"],
        settled_by=one["settled_by"] or "",
        fields=tuple(one["fields"] or ()),
        fixed=one["fixed"],
        may_expire=one["may_expire"],
        gone=one["gone"],
        at=one["at"].timestamp(),
        commit=f"{service} {one['xid']}",
        case_id=str(one["case_id"]),
    )
