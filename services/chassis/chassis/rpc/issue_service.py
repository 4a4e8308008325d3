"""The one IssueService, the same in every service: issues opened, and closed when their condition
holds in the live records of whatever service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from google.protobuf.message import Message

from chassis import clock
from chassis.records import conditions, gates, issuing
from chassis.records.conditions import Asked, Condition, Finding, malformed
from chassis.records.issues import Link, issue_kind
from chassis.records.kinds import owner_of
from chassis.records.pins import Pin, StalePin, fixed, flat
from chassis.rpc.api import Api
from chassis.rpc.call import Call
from chassis.wire import instant, to_message, value_of
from optichain.record.v1 import condition_pb2, issue_service_pb2
from optichain.record.v1 import record_service_pb2 as records_pb2

api = Api(issue_service_pb2, "IssueService")


@api.asks("OpenIssue")
def _open_issue(call: Call, request: Any) -> Message:
    condition = value_of(request.condition, Condition)
    links = _linked(call, request.links)
    _findings(call, condition, request.case_id, clock.now())
    return call.run(issuing.open_issue, service=call.settings.service, links=links)


@api.asks("AddToIssue")
def _add_to_issue(call: Call, request: Any) -> Message:
    return call.run(issuing.add_to_issue, links=_linked(call, request.links))


api.commands(AssignIssue=issuing.assign_issue)


@api.asks("AmendIssueCondition")
def _amend_issue_condition(call: Call, request: Any) -> Message:
    issue = call.own(issue_kind(call.settings.service), request.issue_id)
    condition = value_of(request.condition, Condition)
    _findings(call, condition, issue.case_id, issue.recorded_at)
    return call.run(issuing.amend_issue_condition)


@api.asks("CloseIssue")
def _close_issue(call: Call, request: Any) -> Message:
    issue = call.own(issue_kind(call.settings.service), request.issue_id)
    found = _findings(call, issue.content.condition, issue.case_id, issue.recorded_at)
    return call.run(issuing.close_issue, findings=_against_live(call, found))


def _linked(call: Call, links: Iterable[Any]) -> tuple[Link, ...]:
    """Return the links at the versions where their records stand. Raises Unknown, Unavailable."""
    named = [value_of(one, Link) for one in links]
    _require_owners(call, (one.record_kind for one in named), "links")
    live = _live(call, [fixed(one.record_id, one.record_kind, 1) for one in named]).live
    return tuple(replace(one, version=live[one.record_id]) for one in named)


def _findings(
    call: Call, condition: Condition, case_id: str, opened_at: datetime
) -> tuple[Finding, ...]:
    """Ask for every single condition where its record is kept, each service once; in the order they
    stand in. Raises Unknown, Unavailable, Invalid (CONDITION_MALFORMED)."""
    conditions.check_shape(condition)
    leaves = [one for one in condition.leaves() if one.record_id]
    _require_owners(call, (one.record_kind for one in leaves), "condition")
    found: dict[int, Finding] = {}
    for owner in dict.fromkeys(one.owner for one in leaves):
        asked = {
            id(one): Asked(condition=one, case_id=case_id, opened_at=opened_at)
            for one in leaves
            if one.owner == owner
        }
        found.update(zip(asked, _answered(call, owner, list(asked.values())), strict=True))
    return tuple(found[id(one)] for one in leaves)


def _answered(call: Call, owner: str, asked: Sequence[Asked]) -> list[Finding]:
    if owner == call.settings.service:
        with call.database.snapshot() as connection:
            return [conditions.look(connection, one) for one in asked]
    request = records_pb2.CheckConditionsRequest(
        conditions=[to_message(one.condition, condition_pb2.Condition) for one in asked],
        case_id=asked[0].case_id,
        opened_at=instant(asked[0].opened_at),
    )
    answer = call.ask(request, records_pb2.CheckConditionsResponse, of=owner)
    return [value_of(one, Finding) for one in answer.findings]


def _against_live(call: Call, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Let nothing hold that stands on something stale. Raises Unavailable."""
    pins = (pin for one in found if one.holds for pin in one.pins)
    stands_on = flat(one for one in pins if not one.fixed)
    stale = {one.pin.record_id: one for one in _live(call, stands_on).stale}
    return tuple(_unless_stale(one, stale) for one in found)


def _unless_stale(finding: Finding, stale: dict[str, StalePin]) -> Finding:
    behind = [stale[pin.record_id] for pin in finding.pins if pin.record_id in stale]
    if not finding.holds or not behind:
        return finding
    told = ", ".join(f"{one.pin.record_id} ({one.change.what})" for one in behind)
    return replace(
        finding, holds=False, missing=f"{finding.record_id} stands on what changed: {told}"
    )


def _live(call: Call, pins: Sequence[Pin]) -> gates.Comparison:
    """Compare pins, each at its owner, fixed ones for where they stand."""
    owners: dict[str, list[Pin]] = {}
    for one in pins:
        owners.setdefault(owner_of(one.kind), []).append(one)
    own = owners.pop(call.settings.service, [])
    answered = call.peers.check_versions(owners, call.actor)
    if own:
        with call.database.snapshot() as connection:
            answered.append(gates.compare(connection, own))
    return gates.Comparison(
        stale=tuple(stale for one in answered for stale in one.stale),
        live={record_id: at for one in answered for record_id, at in one.live.items()},
    )


def _require_owners(call: Call, kinds: Iterable[str], field: str) -> None:
    """Refuse a kind that no service keeps. Raises Invalid (CONDITION_MALFORMED)."""
    for kind in kinds:
        if not call.settings.knows(owner_of(kind)):
            raise malformed("record_kind", f"{kind!r} in {field} is kept by no service")
