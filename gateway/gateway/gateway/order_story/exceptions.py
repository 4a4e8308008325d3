"""What did not go as planned: issues, reviews, refused gates, breakages, failed inspections and
checks, rework and remakes, questions of the lab, and what arrived damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gateway.into_json import json_of
from gateway.order_story import words
from gateway.order_story.asked import DRAWN, Told
from gateway.story import reviews_in

Row = dict[str, Any]


def section(told: Told) -> list[Row]:
    """Return them in the order they happened."""
    found = [
        *_issues(told),
        *_reviews(told),
        *_refusals(told),
        *_breakages(told),
        *_in_the_lab(told),
    ]
    return sorted(found, key=lambda row: (row["at"], row["record_id"]))


def _issues(told: Told) -> Iterable[Row]:
    for service, issue in told.parts("issues"):
        one = json_of(issue)
        waits_for = one["envelope"]["closure"]["condition"]
        yield _row(
            service,
            one["envelope"],
            what="issue",
            text=words.joined([words.of(one["type"]), one["summary"], waits_for]),
            is_open=one["envelope"]["state"] != "closed",
        )


def _reviews(told: Told) -> Iterable[Row]:
    for service, review in reviews_in(told.gathered):
        one = json_of(review)
        about = words.joined([_changed(one), words.joined(one["fields"])])
        yield _row(
            service,
            one["envelope"],
            what="review",
            text=words.joined([about, words.of(one.get("decision", ""))]),
            is_open=one["envelope"]["state"] != "closed",
        )


def _changed(review: Row) -> str:
    what = words.of(review.get("what", ""))
    return f"{words.of_kind(review['record_kind'])} {what} (version {review['version']})"


def _refusals(told: Told) -> Iterable[Row]:
    for service, refusal in told.parts("refusals"):
        one = json_of(refusal)
        stale = [
            f"{pin['record_id']} {words.of(pin.get('what', ''))}, relied on version "
            f"{pin['relied_version']}, live {pin['live_version']}"
            for pin in one["stale"]
        ]
        yield {
            "at": one["refused_at"],
            "service": service,
            "what": "refused gate",
            "record_id": one["holder_id"],
            "kind": one["holder_kind"],
            "by": one["refused_to"],
            "role": one.get("role", ""),
            "text": f"{words.of(one['gate'])}: {'; '.join(stale)}",
            "reason_code": "",
            "fault_side": "",
            "is_open": False,
        }


def _breakages(told: Told) -> Iterable[Row]:
    for breakage in told.rows(DRAWN, "breakages"):
        one = json_of(breakage)
        text = words.joined([f"lot {one['lot_id']}" if one["lot_id"] else "", one["note"]])
        yield _row("inventory", one["envelope"], what="breakage", text=text, of=one)


def _in_the_lab(told: Told) -> Iterable[Row]:
    for steps in told.steps():
        for field, (what, is_one, say, is_open) in _STEPS.items():
            for step in getattr(steps, field):
                one = json_of(step)
                if is_one(one):
                    yield _row(
                        "labjob",
                        one["envelope"],
                        what=what,
                        text=say(one),
                        of=one,
                        is_open=is_open(one),
                    )


def _row(
    service: str,
    envelope: Row,
    *,
    what: str,
    text: str,
    of: Row | None = None,
    is_open: bool = False,
) -> Row:
    step = of or {}
    return {
        "at": envelope["recorded_at"],
        "service": service,
        "what": what,
        "record_id": envelope["id"],
        "kind": envelope["kind"],
        "by": envelope["recorded_by"],
        "role": envelope.get("responsible_role", ""),
        "text": text,
        "reason_code": step.get("reason_code", ""),
        "fault_side": step.get("fault_side", ""),
        "is_open": is_open,
    }


_Test = Callable[[Row], bool]
_Say = Callable[[Row], str]


def _always(_one: Row) -> bool:
    return True


def _never(_one: Row) -> bool:
    return False


def _has_failed(one: Row) -> bool:
    return not one["passed"] and not one.get("is_waived", False)


def _is_not_as_sent(one: Row) -> bool:
    return bool(one.get("condition", "as_sent") != "as_sent")


def _is_unanswered(one: Row) -> bool:
    return not one["answer"]


def _of_repair(one: Row) -> str:
    station = words.of(one.get("station", ""))
    return words.joined([words.of(one.get("decision", "")), station, one["reason"]])


def _of_query(one: Row) -> str:
    return words.joined([one["question"], f"answered: {one['answer']}" if one["answer"] else ""])


def _of_broken(one: Row) -> str:
    return words.joined(
        [words.of(one.get("part", "")), words.of(one.get("station", "")), one["note"]]
    )


def _of_arrival(one: Row) -> str:
    return words.joined([words.of(one.get("condition", "")), one["note"]])


def _of_check(one: Row) -> str:
    return str(one.get("note") or one.get("reason") or "")


_STEPS: dict[str, tuple[str, _Test, _Say, _Test]] = {
    "lab_receipts": ("damaged arrival", _is_not_as_sent, _of_arrival, _never),
    "job_queries": ("query", _always, _of_query, _is_unanswered),
    "breakage_reports": ("breakage in work", _always, _of_broken, _never),
    "qc_results": ("failed inspection", _has_failed, _of_check, _never),
    "repairs": ("rework or remake", _always, _of_repair, _never),
    "branch_receipts": ("damaged arrival", _is_not_as_sent, _of_arrival, _never),
    "branch_checks": ("failed branch check", _has_failed, _of_check, _never),
    "fitting_checks": ("failed fitting check", _has_failed, _of_check, _never),
}
"""Which steps of a job are exceptions: what it is called, which of them, in words, until when."""
