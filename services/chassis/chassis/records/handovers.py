"""Handovers: responsibility for a record passes to a named role, with the versions it stood on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ARRAY, Boolean, Connection, Text, Uuid, any_, bindparam, insert, or_, update

from chassis import telemetry
from chassis.actor import Actor
from chassis.ids import as_uuid, new_id
from chassis.records.envelope import Record
from chassis.records.pins import Pin
from chassis.records.tables import handover
from chassis.roles import Role

_GIVE = insert(handover)
_TAKE_UP = (
    update(handover)
    .where(
        handover.c.record_id == any_(bindparam("record_ids", type_=ARRAY(Uuid))),
        handover.c.accepted_at.is_(None),
        or_(
            bindparam("is_system", type_=Boolean),
            handover.c.to_role == any_(bindparam("roles", type_=ARRAY(Text))),
        ),
    )
    .values(accepted_by=bindparam("by"), accepted_at=bindparam("at"))
    .returning(handover.c.traceparent)
)


def is_due(before: Record[Any] | None, after: Record[Any], actor: Actor) -> bool:
    """Tell whether somebody else, or somewhere else, has to act next."""
    to_role = after.responsible_role
    moved = before is not None and before.held_at_id != after.held_at_id
    return to_role is not None and (to_role != giver(before, actor) or moved)


def giver(before: Record[Any] | None, actor: Actor) -> Role:
    """Return the role that gives: the one responsible until now, or the one that recorded it."""
    return (before.responsible_role if before else None) or actor.role


def give(
    connection: Connection,
    before: Record[Any] | None,
    after: Record[Any],
    pins: Sequence[Pin],
    actor: Actor,
    at: datetime,
) -> str:
    """Give a record to its responsible role; returns the handover's id."""
    handover_id = new_id("hnd")
    from_role = giver(before, actor)
    given = {
        "id": handover_id,
        "record_id": as_uuid(after.id),
        "kind": after.kind.name,
        "version": after.version,
        "case_id": after.case_id,
        "from_role": from_role,
        "to_role": after.responsible_role,
        "from_branch_id": before.held_at_id if before else after.branch_id,
        "to_branch_id": after.held_at_id,
        "given_by": actor.id,
        "given_at": at,
        "pins": msgspec.to_builtins(pins),
        "traceparent": telemetry.traceparent(),
    }
    connection.execute(_GIVE, given)
    to_role = str(after.responsible_role)
    telemetry.handed_over(handover_id, str(from_role), to_role, is_counted=not after.drill)
    return handover_id


def take_up(connection: Connection, record_ids: Sequence[str], actor: Actor, at: datetime) -> None:
    """Accept what waits for one of the actor's roles, and link this step to the ones that gave
    it."""
    if not record_ids:
        return
    taken = {
        "record_ids": [as_uuid(one) for one in record_ids],
        "is_system": actor.role is Role.SYSTEM,
        "roles": sorted(actor.roles | {actor.role}),
        "by": actor.id,
        "at": at,
    }
    for row in connection.execute(_TAKE_UP, taken):
        telemetry.link_to(row.traceparent)
