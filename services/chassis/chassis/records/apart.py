"""Drills kept apart: what is made in a drill carries the drill's id, and nobody crosses from real
work into a drill, from a drill into real work, or from one drill into another.

What belongs to no branch (a catalogue, a price list, terms) may be read in a drill and is never
written there. The record of the drill itself is real work's, and its own people may end it. The
clock of a worker runs for drills as for real work: what falls due in one ends by
the same turn.
"""

from __future__ import annotations

from typing import Any

from chassis.actor import Actor
from chassis.errors import NotPermitted
from chassis.records.envelope import Record
from chassis.roles import Role


class DrillApart(NotPermitted):
    """A drill and real work (or two drills) do not touch each other's records."""

    reason = "DRILL_APART"


def require_together(actor: Actor, record_id: str, drill: str, *, chain_wide: bool = False) -> None:
    """Refuse to reach a record of another world than the actor's; reading what belongs to no
    branch is within everybody's. Raises DrillApart."""
    is_own = drill == actor.drill or record_id == actor.drill
    if is_own or _is_clock(actor) or (chain_wide and not drill):
        return
    whose = "of a drill" if drill else "no part of this drill"
    raise DrillApart(f"{record_id} is {whose}", id=record_id)


def require_writable(actor: Actor, record: Record[Any]) -> None:
    """Refuse to write a record of another world, whatever its kind. Raises DrillApart."""
    require_together(actor, record.id, record.drill)


def drill_of_new(actor: Actor, kind_name: str, *, chain_wide: bool, about: str) -> str:
    """Return the drill that a new record belongs to: its maker's, or that of the record it is
    about. Raises DrillApart for what belongs to the whole chain."""
    drill = about or actor.drill
    if drill and chain_wide:
        raise DrillApart(f"a drill adds no {kind_name}: it is the whole chain's")
    return drill


def _is_clock(actor: Actor) -> bool:
    """Tell whether a worker acts by its clock: by rule, for nobody, and not upon a drill's fact."""
    return actor.role is Role.SYSTEM and actor.id == actor.service and not actor.drill
