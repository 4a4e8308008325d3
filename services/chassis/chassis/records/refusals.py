"""What a gate refused: kept in a transaction of its own, since the refused command leaves nothing
behind."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, insert

from chassis import clock, telemetry
from chassis.actor import Actor
from chassis.ids import as_uuid, new_id
from chassis.records.pins import StalePins
from chassis.records.tables import refusal


def keep(
    connection: Connection,
    *,
    gate: str,
    holder_id: str,
    holder_kind: str,
    actor: Actor,
    refused: StalePins,
) -> None:
    """Record which gate held, for whom, and what was stale (versions and names, no values)."""
    stale = [
        {
            "record_id": one.pin.record_id,
            "relied_version": one.pin.settled_version,
            "live_version": one.live_version,
            "what": one.change.what,
            "fields": [f.field for f in one.change.fields],
        }
        for one in refused.stale
    ]
    connection.execute(
        insert(refusal).values(
            id=new_id("rfs"),
            holder_id=as_uuid(holder_id),
            holder_kind=holder_kind,
            gate=gate,
            refused_at=clock.now(),
            actor=actor.id,
            role=actor.role,
            stale=msgspec.to_builtins(stale),
            trace_id=telemetry.trace_id(),
        )
    )
    if not actor.drill:
        telemetry.gate_refusals.add(1, {telemetry.GATE: gate})
