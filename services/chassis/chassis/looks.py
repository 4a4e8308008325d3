"""The book of looks at people: one row each, written before anything is shown, never changed.

What was searched for and what was seen never stand here; ids do. Which looks are unusual is told by
rule data (`unusual_access`) when the row is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Text,
    Uuid,
    bindparam,
    func,
    select,
    text,
)
from sqlalchemy import tuple_ as tuples
from sqlalchemy.exc import SQLAlchemyError

from chassis import clock, telemetry
from chassis.access import OWN_FILE, AccessKind, AccessPurpose, Clearance
from chassis.actor import Actor
from chassis.db import Database
from chassis.errors import DomainError, Unavailable
from chassis.ids import as_uuid, new_id
from chassis.pages import Page, position
from chassis.records.tables import access as access_table
from chassis.roles import Role
from chassis.rules import in_force

MOST_NAMED = 200
"""People named in one row: as many as the longest page has."""


class UnusualAccess(StrEnum):
    """Why a look is unusual."""

    OUTSIDE_HOURS = "outside_hours"
    MANY_PEOPLE = "many_people"
    OTHER_BRANCH = "other_branch"
    PROTECTED_TIER = "protected_tier"
    COLLEAGUE = "colleague"
    BREAK_GLASS = "break_glass"
    REFUSED = "refused"


class AccessNotRecorded(Unavailable):
    """A look that cannot be recorded shows nothing."""

    reason = "ACCESS_NOT_RECORDED"


@dataclass(frozen=True, kw_only=True)
class Look:
    """One row of the book. Exactly one of `clearance` and `refused_with` is the look's end."""

    id: str
    looked_at: datetime
    actor_id: str
    role: Role
    branch_id: str
    kind: AccessKind
    rpc: str
    purpose: AccessPurpose
    customer_ids: tuple[str, ...]
    record_id: str
    found: int
    unusual: tuple[UnusualAccess, ...]
    break_glass_id: str
    refused_with: str
    trace_id: str


@dataclass(frozen=True, kw_only=True)
class Looking:
    """What somebody is about to be shown."""

    actor: Actor
    kind: AccessKind
    rpc: str
    purpose: AccessPurpose
    customer_ids: Sequence[str]
    record_id: str
    clearance: Clearance
    refused_with: str = ""


_WRITE = text(
    """
    INSERT INTO access (id, looked_at, actor, role, branch_id, kind, rpc, purpose, customer_ids,
        record_id, found, unusual, break_glass_id, refused_with, trace_id)
    SELECT :id, :looked_at, :actor, :role, :branch_id, :kind, :rpc, :purpose, :customer_ids,
        :record_id, :found,
        CAST(:unusual AS text[]) || CASE WHEN CAST(:is_own_file AS boolean) AND (
            SELECT count(DISTINCT one.id) FROM access, unnest(customer_ids) AS one (id)
            WHERE actor = :actor AND looked_at > :an_hour_ago AND kind = ANY (:own_file)
        ) >= :most THEN ARRAY['many_people'] ELSE '{}'::text[] END,
        :break_glass_id, :refused_with, :trace_id
    """.replace("::", "\\:\\:")
).bindparams(
    bindparam("customer_ids", type_=ARRAY(Uuid)),
    bindparam("unusual", type_=ARRAY(Text)),
    bindparam("own_file", type_=ARRAY(Text)),
    bindparam("branch_id", type_=Uuid),
    bindparam("id", type_=Uuid),
)
"""One statement, which also counts at how many people the caller has looked within the hour."""


def write(database: Database, looking: Looking) -> None:
    """Write a look into the book, in a transaction of its own. Raises AccessNotRecorded."""
    try:
        with database.snapshot() as connection:
            at = clock.now()
            connection.execute(_WRITE, _row(looking, at, _rule(connection, at)))
    except (DomainError, SQLAlchemyError) as error:
        raise AccessNotRecorded(
            "nothing is shown, because the look cannot be recorded now: try again later"
        ) from error


def _rule(connection: Connection, at: datetime) -> Any:
    return in_force(connection, "unusual_access", at.date()).body


def _row(looking: Looking, at: datetime, rule: Any) -> dict[str, Any]:
    actor = looking.actor
    return {
        "id": as_uuid(new_id("acs")),
        "looked_at": at,
        "an_hour_ago": at - timedelta(hours=1),
        "actor": actor.id,
        "role": str(actor.role),
        "branch_id": as_uuid(actor.branch_id) if actor.branch_id else None,
        "kind": str(looking.kind),
        "rpc": looking.rpc,
        "purpose": str(looking.purpose),
        "customer_ids": [as_uuid(one) for one in looking.customer_ids[:MOST_NAMED]],
        "record_id": looking.record_id,
        "found": len(looking.customer_ids),
        "unusual": [str(one) for one in _unusual(looking, at, rule)],
        "is_own_file": looking.kind in OWN_FILE,
        "own_file": [str(one) for one in OWN_FILE],
        "most": rule["most_people_an_hour"],
        "break_glass_id": looking.clearance.break_glass_id,
        "refused_with": looking.refused_with,
        "trace_id": telemetry.trace_id(),
    }


def _unusual(looking: Looking, at: datetime, rule: Any) -> list[UnusualAccess]:
    clearance = looking.clearance
    hour = at.astimezone(ZoneInfo(rule["time_zone"])).hour
    found = {
        UnusualAccess.OUTSIDE_HOURS: not rule["opens_at_hour"] <= hour < rule["closes_at_hour"],
        UnusualAccess.OTHER_BRANCH: clearance.is_elsewhere,
        UnusualAccess.PROTECTED_TIER: clearance.tier in rule["protected_tiers"],
        UnusualAccess.COLLEAGUE: clearance.tier == rule["colleague_tier"],
        UnusualAccess.BREAK_GLASS: bool(clearance.break_glass_id),
        UnusualAccess.REFUSED: bool(looking.refused_with),
    }
    return [one for one, holds in found.items() if holds]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which looks an auditor wants to see; what is empty is not asked for."""

    customer_id: str = ""
    actor_id: str = ""
    since: datetime | None = None
    unusual_only: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what a row must be like."""
        table = access_table.c
        found: list[ColumnElement[bool]] = []
        if self.customer_id:
            found.append(table.customer_ids.contains([self.customer_id]))
        if self.actor_id:
            found.append(table.actor == self.actor_id)
        if self.since is not None:
            found.append(table.looked_at >= self.since)
        if self.unusual_only:
            found.append(func.cardinality(table.unusual) > 0)
        return found


def page(connection: Connection, wanted: Wanted, *, page_size: int, page_token: str) -> Page[Look]:
    """Return a page of the book, oldest first. Raises Invalid (PAGE_TOKEN_REFUSED)."""
    table = access_table.c
    statement = (
        select(access_table)
        .where(*wanted.conditions())
        .order_by(table.looked_at, table.id)
        .limit(page_size + 1)
    )
    key = position(page_token, datetime.fromisoformat, _look_id)
    if key:
        statement = statement.where(tuples(table.looked_at, table.id) > tuple(key))
    found = [_look(row) for row in connection.execute(statement).mappings()]
    return Page.of(found, page_size, key=lambda one: (one.looked_at.isoformat(), one.id))


def _look_id(text: str) -> str:
    as_uuid(text)
    return text


def _look(row: Any) -> Look:
    return Look(
        id=row["id"],
        looked_at=row["looked_at"],
        actor_id=row["actor"],
        role=Role(row["role"]),
        branch_id=row["branch_id"] or "",
        kind=AccessKind(row["kind"]),
        rpc=row["rpc"],
        purpose=AccessPurpose(row["purpose"]),
        customer_ids=tuple(row["customer_ids"]),
        record_id=row["record_id"],
        found=row["found"],
        unusual=tuple(map(UnusualAccess, row["unusual"])),
        break_glass_id=row["break_glass_id"],
        refused_with=row["refused_with"],
        trace_id=row["trace_id"],
    )
