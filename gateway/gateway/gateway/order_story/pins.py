"""The versions that each record of the case stands on, held against what stands now."""

from __future__ import annotations

from typing import Any

from chassis.records.changes import Change, ChangeKind
from chassis.records.pins import Pin
from chassis.wire import value_of
from gateway.composed import with_service
from gateway.into_json import json_of
from gateway.order_story.asked import Told
from gateway.story import records_in

Past = dict[str, list[Change]]
"""The changes of a record by its id, oldest first."""


def past_of(told: Told) -> Past:
    """Return the changes of every record that was told of."""
    found: Past = {}
    for _, one in told.parts("changes"):
        found.setdefault(one.record_id, []).append(value_of(one.change, Change))
    for name, answer in told.gathered.answers.items():
        section, _, record_id = name.partition(" ")
        if section == "pins":
            found[record_id] = [value_of(one, Change) for one in answer.changes]
    return found


def section(told: Told, past: Past) -> list[dict[str, Any]]:
    """Return the records of the case, oldest first, each pin with the live version and whether it
    is stale; without these where they could not be had."""
    return [
        with_service(service, {**json_of(one), "pins": [_held(pin, past) for pin in one.pins]})
        for service, one in records_in(told.gathered)
    ]


def _held(message: Any, past: Past) -> dict[str, Any]:
    found = json_of(message)
    changes = past.get(message.record_id)
    if not changes:
        return found
    pin = value_of(message, Pin)
    live = changes[-1].version
    is_stale = any(pin.is_touched_by(one) for one in changes if not _has_ended(one, changes))
    return {**found, "live_version": live, "is_stale": is_stale}


def _has_ended(change: Change, changes: list[Change]) -> bool:
    """Tell whether a change stands no more: a lock that was taken off again."""
    return change.what is ChangeKind.LOCKED and changes[-1].state != change.state
