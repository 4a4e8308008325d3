"""Who held the order, and how long: a holding begins when responsibility is given to a role, waits
until somebody of it takes it up, and ends when it is given on or nobody has to act any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chassis import clock
from gateway.into_json import json_of
from gateway.order_story.asked import Told
from gateway.order_story.pins import Past
from gateway.story import handovers_in, records_in


@dataclass(frozen=True, kw_only=True)
class _Holding:
    service: str
    record_id: str
    kind: str
    version: int
    role: str
    held_at_id: str
    accepted_by: str
    given_at: datetime
    accepted_at: datetime | None
    until: datetime | None
    is_open: bool
    trace_id: str = ""

    def told(self, now: datetime) -> dict[str, Any]:
        """Return it as JSON; `waited_ms` and `held_ms` go on while it is open."""
        end = self.until or now
        taken = self.accepted_at or end
        found = {
            "service": self.service,
            "record_id": self.record_id,
            "kind": self.kind,
            "version": self.version,
            "role": self.role,
            "held_at_id": self.held_at_id,
            "accepted_by": self.accepted_by,
            "from": _text(self.given_at),
            "accepted_at": _text(self.accepted_at),
            "until": _text(self.until),
            "waited_ms": _ms(self.given_at, taken),
            "held_ms": _ms(taken, end),
            "is_open": self.is_open,
            "trace_id": self.trace_id,
        }
        return {name: value for name, value in found.items() if value is not None}


def section(told: Told, past: Past) -> list[dict[str, Any]]:
    """Return the holdings of every record of the case, in the order they began."""
    given: dict[str, list[Any]] = {}
    for _, one in handovers_in(told.gathered):
        given.setdefault(one.record_id, []).append(one)
    holdings = [
        holding
        for service, record in records_in(told.gathered)
        for holding in _of_record(service, record, given.get(record.envelope.id, []), past)
    ]
    now = clock.now()
    return [
        one.told(now) for one in sorted(holdings, key=lambda one: (one.given_at, one.record_id))
    ]


def _of_record(service: str, record: Any, given: list[Any], past: Past) -> list[_Holding]:
    ends = [*(_at(one.given_at) for one in given[1:]), _ended_at(record, past)]
    is_held = bool(record.envelope.responsible_role)
    later = [
        _handed(service, one, until, is_open=is_held and one is given[-1])
        for one, until in zip(given, ends, strict=False)
    ]
    return [*_before(service, record, given), *later]


def _handed(service: str, given: Any, until: datetime | None, *, is_open: bool) -> _Holding:
    return _Holding(
        service=service,
        record_id=given.record_id,
        kind=given.kind,
        version=given.version,
        role=json_of(given).get("to_role", ""),
        held_at_id=given.to_branch_id,
        accepted_by=given.accepted_by,
        given_at=_at(given.given_at),
        accepted_at=_at(given.accepted_at) if given.HasField("accepted_at") else None,
        until=None if is_open else until,
        is_open=is_open,
        trace_id=given.trace_id,
    )


def _before(service: str, record: Any, given: list[Any]) -> list[_Holding]:
    """Return the holding of who recorded it, unless it was given on at once."""
    envelope = json_of(record.envelope)
    recorded_at = _at(record.envelope.recorded_at)
    until = _at(given[0].given_at) if given else None
    role = json_of(given[0]).get("from_role", "") if given else envelope.get("responsible_role", "")
    if not role or until == recorded_at:
        return []
    first = _Holding(
        service=service,
        record_id=envelope["id"],
        kind=envelope["kind"],
        version=1,
        role=role,
        held_at_id=envelope["branch_id"],
        accepted_by=envelope["recorded_by"],
        given_at=recorded_at,
        accepted_at=recorded_at,
        until=until,
        is_open=until is None,
    )
    return [first]


def _ended_at(record: Any, past: Past) -> datetime | None:
    """Return when the record came to the state in which nobody has to act; None while somebody has,
    or when its changes could not be had."""
    changes = past.get(record.envelope.id)
    if record.envelope.responsible_role or not changes:
        return None
    reached = changes[-1]
    for one in reversed(changes):
        if one.state != reached.state:
            break
        reached = one
    return reached.changed_at


def _at(stamp: Any) -> datetime:
    found: datetime = stamp.ToDatetime(tzinfo=UTC)
    return found


def _text(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at is not None else None


def _ms(start: datetime, end: datetime) -> int:
    return max(0, int((end - start).total_seconds() * 1000))
