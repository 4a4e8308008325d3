"""Issues in a run: somebody opens one on the job, somebody tries to close it, and none closes
unless its condition held in the records while the request was under way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from chaos.line import Attempt
from local_platform.demo.desk import ApiRefused
from local_platform.demo.shop import DemoFailed
from optichain.record.v1 import condition_pb2
from optichain.record.v1 import issue_service_pb2 as issues
from optichain.record.v1 import record_service_pb2 as records

if TYPE_CHECKING:
    from chaos.commands import Case as Played
    from chaos.invariants import Case as Judged
    from chaos.witness import Row

CLOSING = "labjob.CloseIssue"
_STATES = ("accepted", "qc_passed", "shipped", "branch_checked", "ready", "collected")
_CLOCK_SECONDS = 0.5
_LONGEST_CALL_SECONDS = 12.0


def open_issue(case: Played, pick: int) -> str:
    """Open an issue that ends when the job is in some state, or has passed its inspection."""
    job_id = case.shop.glasses.job_id
    if not job_id:
        raise DemoFailed("no job was released")
    about = {"record_id": job_id, "record_kind": "labjob.job"}
    state = _STATES[pick % len(_STATES)]
    asked = condition_pb2.Condition(
        type=condition_pb2.CONDITION_TYPE_RECORD_IN_STATE, states=[state], **about
    )
    if pick % 3 == 0:
        asked = condition_pb2.Condition(
            type=condition_pb2.CONDITION_TYPE_QC_PASSED_AGAINST_LIVE, **about
        )
    request = issues.OpenIssueRequest(
        type="other", summary="To be watched.", case_id=case.id, condition=asked
    )
    _desk(case).records("labjob", request)
    return "ok"


def close_issue(case: Played, pick: int) -> str:
    """Try to close one of the issues of the case. Raises ApiRefused."""
    desk = _desk(case)
    found = desk.records("labjob", records.ListCaseIssuesRequest(case_id=case.id)).issues
    waiting = [one.envelope for one in found if one.envelope.state == "open"]
    if not waiting:
        return "nothing to close"
    chosen = waiting[pick % len(waiting)]
    attempt = Attempt(CLOSING, frozenset({chosen.id}), time.time())
    try:
        request = issues.CloseIssueRequest(
            issue_id=chosen.id, revision=chosen.revision, outcome="Seen to."
        )
        desk.records("labjob", request)
        attempt.answer = "ok"
    except ApiRefused as refused:
        attempt.answer = refused.reason or "REFUSED"
        raise
    finally:
        attempt.ended_at = time.time()
        case.attempts.append(attempt)
    return "ok"


def _desk(case: Played) -> Any:
    return case.shop.desk("manager.ja1")


def closed_while_false(case: Judged) -> Iterator[str]:
    """An issue that was closed though its condition did not hold at any moment since the request to
    close it was sent."""
    for row in case.facts.rows:
        if not row.kind.endswith(".issue") or row.state != "closed":
            continue
        since = _asked_at(case, row)
        condition = row.content["condition"]
        if condition["type"] == "record_in_state" and not _was_in_state(case, row, since):
            yield f"an issue was closed, and its record was never {condition['states']}"
        if condition["type"] == "qc_passed_against_live":
            yield from _inspected_on_what_changed(case, row, since)


def without_an_owner(case: Judged) -> Iterator[str]:
    """An open issue that waits for nobody."""
    for one in case.facts.issues:
        if one["closed_at"] is None and not (one["asked"] or one["owner"]):
            yield f"an open issue ({one['content']['type']}) has nobody to see to it"
        if one["closed_at"] is None and not one["held_at_id"]:
            yield f"an open issue ({one['content']['type']}) belongs to no branch"


def _asked_at(case: Judged, closing: Row) -> float:
    from chaos.witness import plain

    sent = [
        one.sent_at
        for one in case.attempts
        if one.operation == CLOSING
        and closing.record_id in {plain(issue_id) for issue_id in one.ids}
        and one.sent_at <= closing.at <= one.sent_at + _LONGEST_CALL_SECONDS
    ]
    return min(sent, default=closing.at - _LONGEST_CALL_SECONDS) - _CLOCK_SECONDS


def _was_in_state(case: Judged, closing: Row, since: float) -> bool:
    from chaos.witness import plain

    condition = closing.content["condition"]
    past = [row for row in case.facts.rows if row.record_id == plain(condition["record_id"])]
    ends = [*(row.at for row in past[1:]), closing.at + _CLOCK_SECONDS]
    return any(
        row.state in condition["states"] and row.at <= closing.at + _CLOCK_SECONDS and end >= since
        for row, end in zip(past, ends, strict=True)
    )


def _inspected_on_what_changed(case: Judged, closing: Row, since: float) -> Iterator[str]:
    from chaos.invariants import changed_before
    from chaos.witness import plain

    job_id = plain(closing.content["condition"]["record_id"])
    past = [one for one in case.facts.rows if one.record_id == job_id and one.at <= closing.at]
    if not past or not past[-1].content.get("qc_result_id"):
        yield "an issue was closed, and its job was not inspected"
        return
    for pin, change in changed_before(case, job_id, closing.at, since):
        yield (
            f"an issue was closed on an inspected job that stands on version {pin.settled_version} "
            f"of a {pin.kind} that was {change.what} before"
        )
