"""Everything that happened, in one list, oldest first; and the trace of each step of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from gateway.into_json import json_of
from gateway.order_story import words
from gateway.order_story.asked import MONEY, Told
from gateway.story import handovers_in

Row = dict[str, Any]
_MOVED = "moved"


def section(told: Told) -> list[Row]:
    """Return what happened: each change, handover, refused gate and posting, by whom, in which
    role, where, on which version, in which trace."""
    found = [*_changes(told), *_handovers(told), *_refusals(told), *_postings(told)]
    return sorted(found, key=lambda row: (datetime.fromisoformat(row["at"]), row["record_id"]))


def traces(timeline: list[Row]) -> list[Row]:
    """Return the steps as the trace backend knows them, each with what it did, oldest first."""
    steps: dict[str, Row] = {}
    for row in timeline:
        if not row["trace_id"]:
            continue
        empty: Row = {"at": row["at"], "trace_id": row["trace_id"], "by": row["by"], "what": []}
        step = steps.setdefault(row["trace_id"], empty)
        if row["what"] not in step["what"]:
            step["what"].append(row["what"])
    return list(steps.values())


def _changes(told: Told) -> Iterable[Row]:
    for service, one in told.parts("changes"):
        change = json_of(one.change)
        yield _row(
            service,
            at=change["changed_at"],
            what=_changed(words.of_kind(one.kind), change),
            record_id=one.record_id,
            kind=one.kind,
            version=change["version"],
            by=change["changed_by"],
            role=change.get("role", ""),
            held_at_id=one.held_at_id,
            trace_id=change["trace_id"],
        )


def _changed(kind: str, change: Row) -> str:
    what = change.get("what", "")
    happened = words.of(change["state"] if what == _MOVED else what)
    fields = words.joined(words.of(field["field"]) for field in change["fields"])
    said = words.joined([change["reason_code"], change["reason"]])
    return "".join(
        [f"{kind} {happened}", f": {fields}" if fields else "", f" ({said})" if said else ""]
    )


def _handovers(told: Told) -> Iterable[Row]:
    for service, one in handovers_in(told.gathered):
        found = json_of(one)
        kind, to_role = words.of_kind(one.kind), found.get("to_role", "")
        given = {"record_id": one.record_id, "kind": one.kind, "version": one.version}
        yield _row(
            service,
            at=found["given_at"],
            what=f"{kind} given to {words.of(to_role)}",
            by=one.given_by,
            role=found.get("from_role", ""),
            held_at_id=one.from_branch_id,
            trace_id=one.trace_id,
            **given,
        )
        if one.HasField("accepted_at"):
            yield _row(
                service,
                at=found["accepted_at"],
                what=f"{kind} taken up by {words.of(to_role)}",
                by=one.accepted_by,
                role=to_role,
                held_at_id=one.to_branch_id,
                **given,
            )


def _refusals(told: Told) -> Iterable[Row]:
    for service, one in told.parts("refusals"):
        found = json_of(one)
        yield _row(
            service,
            at=found["refused_at"],
            what=f"gate refused: {words.of(one.gate)}",
            record_id=one.holder_id,
            kind=one.holder_kind,
            by=one.refused_to,
            role=found.get("role", ""),
            trace_id=one.trace_id,
        )


def _postings(told: Told) -> Iterable[Row]:
    for one in told.rows(MONEY, "postings"):
        found = json_of(one)
        debit = sum(entry.amount_minor for entry in one.entries if entry.amount_minor > 0)
        yield _row(
            "billing",
            at=found["posted_at"],
            what=f"{words.of(found['posting_kind'])} posted: {words.amount(debit, one.currency)}",
            record_id=one.record_id,
            by=one.posted_by,
            held_at_id=one.branch_id,
        )


def _row(
    service: str,
    *,
    at: str,
    what: str,
    record_id: str,
    by: str,
    kind: str = "",
    version: int = 0,
    role: str = "",
    held_at_id: str = "",
    trace_id: str = "",
) -> Row:
    return {
        "at": at,
        "service": service,
        "what": what,
        "record_id": record_id,
        "kind": kind,
        "version": version,
        "by": by,
        "role": role,
        "held_at_id": held_at_id,
        "trace_id": trace_id,
    }
