"""The one RecordService, the same in every service: it answers about the service's own records and
never calls out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from chassis import evidence_sweep, looks
from chassis.db import Reading
from chassis.pages import Page, position, size_of, token_of
from chassis.records import anchors, conditions, gates, of_case, proof, queries, worklists
from chassis.records.conditions import Asked, Condition
from chassis.records.pins import Pin
from chassis.records.worklists import Worklist
from chassis.rpc.api import Api
from chassis.rpc.call import Call
from chassis.sealing import SigningKey
from chassis.wire import value_of
from optichain.record.v1 import record_service_pb2

api = Api(record_service_pb2, "RecordService")


def _get_record(reading: Reading, *, record_id: str) -> Any:
    return queries.standing(reading.connection, record_id)


def _list_case_records(reading: Reading, *, case_id: str) -> Any:
    return {"records": queries.of_case(reading.connection, case_id)}


def _list_handovers(reading: Reading, *, case_id: str) -> Any:
    return {"handovers": queries.handovers_of_case(reading.connection, case_id)}


def _list_case_refusals(reading: Reading, *, case_id: str, holder_ids: tuple[str, ...]) -> Any:
    return {"refusals": of_case.refusals(reading.connection, case_id, holder_ids)}


def _get_review(reading: Reading, *, review_id: str) -> Any:
    return {"review": worklists.review(reading.connection, review_id)}


def _waiting(
    field: str,
    listed: Callable[..., Page[Any]],
    reading: Reading,
    worklist: Worklist | None,
    page_size: int,
    page_token: str,
) -> Any:
    page = listed(
        reading.connection,
        reading.actor,
        worklist,
        page_size=size_of(page_size),
        page_token=page_token,
    )
    return {field: page.rows, "next_page_token": page.next_page_token}


def _list_reviews(
    reading: Reading, *, worklist: Worklist | None, page_size: int, page_token: str
) -> Any:
    return _waiting("reviews", worklists.reviews, reading, worklist, page_size, page_token)


def _list_case_reviews(reading: Reading, *, case_id: str) -> Any:
    return {"reviews": worklists.reviews_of_case(reading.connection, case_id)}


def _get_issue(reading: Reading, *, issue_id: str) -> Any:
    return {"issue": worklists.issue(reading.connection, issue_id)}


def _list_issues(
    reading: Reading, *, worklist: Worklist | None, page_size: int, page_token: str
) -> Any:
    return _waiting("issues", worklists.issues, reading, worklist, page_size, page_token)


def _list_case_issues(reading: Reading, *, case_id: str) -> Any:
    return {"issues": worklists.issues_of_case(reading.connection, case_id)}


def _list_waiting(reading: Reading, *, page_size: int, page_token: str) -> Any:
    page = queries.waiting(
        reading.connection, reading.actor, page_size=size_of(page_size), page_token=page_token
    )
    return {"handovers": page.rows, "next_page_token": page.next_page_token}


def _list_access(
    reading: Reading,
    *,
    customer_id: str,
    actor_id: str,
    since: datetime | None,
    unusual_only: bool,
    page_size: int,
    page_token: str,
) -> Any:
    wanted = looks.Wanted(
        customer_id=customer_id, actor_id=actor_id, since=since, unusual_only=unusual_only
    )
    page = looks.page(
        reading.connection, wanted, page_size=size_of(page_size), page_token=page_token
    )
    return {"looks": page.rows, "next_page_token": page.next_page_token}


api.queries(
    GetRecord=_get_record,
    ListCaseRecords=_list_case_records,
    ListHandovers=_list_handovers,
    ListCaseRefusals=_list_case_refusals,
    ListWaiting=_list_waiting,
    GetReview=_get_review,
    ListReviews=_list_reviews,
    ListCaseReviews=_list_case_reviews,
    GetIssue=_get_issue,
    ListIssues=_list_issues,
    ListCaseIssues=_list_case_issues,
    ListAccess=_list_access,
)


@api.asks("CheckVersions")
def _check_versions(call: Call, request: Any) -> Message:
    pins = [value_of(one, Pin) for one in request.pins]
    with call.database.snapshot() as connection:
        found = gates.compare(connection, pins, seal=call.database.seal_in(connection))
    live = [
        {"record_id": record_id, "version": version, "is_void": record_id in found.void}
        for record_id, version in found.live.items()
    ]
    return call.reply({"stale": found.stale, "live": live})


@api.asks("CheckConditions")
def _check_conditions(call: Call, request: Any) -> Message:
    opened_at = request.opened_at.ToDatetime(tzinfo=UTC)
    asked = [
        Asked(condition=value_of(one, Condition), case_id=request.case_id, opened_at=opened_at)
        for one in request.conditions
    ]
    with call.database.snapshot() as connection:
        return call.reply({"findings": [conditions.look(connection, one) for one in asked]})


@api.asks("ListHistoryFlaws")
def _list_history_flaws(call: Call, request: Any) -> Message:
    key = position(request.page_token, UUID)
    with call.database.snapshot() as connection:
        found = proof.verify(
            connection,
            call.database.seal_in(connection),
            after=key[0] if key else proof.NOWHERE,
            most=size_of(request.page_size),
        )
    return call.reply(
        {
            "flaws": found.findings,
            "records": found.records,
            "rows": found.rows,
            "next_page_token": token_of([str(found.last)]) if found.last else "",
        }
    )


@api.asks("ListAnchorFlaws")
def _list_anchor_flaws(call: Call, request: Any) -> Message:
    service = call.settings.service
    key = SigningKey(call.settings.data_key.get_secret_value(), f"anchor {service}")
    anchored = list(anchors.read_back(service, call.objects, key))
    with call.database.snapshot() as connection:
        flaws = proof.verify_anchors(connection, anchored)
    until = anchored[-1].anchor.until if anchored else None
    return call.reply({"flaws": flaws, "anchors": len(anchored), "anchored_until": until})


def _list_evidence_flaws(reading: Reading, *, page_size: int, page_token: str) -> Any:
    key, size = position(page_token, str), size_of(page_size)
    found = evidence_sweep.flaws(reading.connection, after=key[0] if key else "", most=size + 1)
    page = Page.of(found, size, key=lambda one: [one.object_key])
    return {
        "flaws": page.rows,
        "longest_unchecked_since": evidence_sweep.longest_unchecked(reading.connection),
        "next_page_token": page.next_page_token,
    }


api.queries(ListEvidenceFlaws=_list_evidence_flaws)


@api.asks("ListChanges")
def _list_changes(call: Call, request: Any) -> Message:
    with call.database.snapshot() as connection:
        seal = call.database.seal_in(connection)
        found = queries.changes(connection, request.record_id, call.actor, seal)
        if queries.sees_values(request.record_id, call.actor) and not call.actor.service:
            record = queries.record_at(connection, request.record_id)
            call.shown.add(record.customer_id, record.branch_id, record.held_at_id)
    return call.reply({"changes": found})


@api.asks("ListCaseChanges")
def _list_case_changes(call: Call, request: Any) -> Message:
    with call.database.snapshot() as connection:
        page = of_case.changes(
            connection,
            request.case_id,
            call.actor,
            call.database.seal_in(connection),
            page_size=size_of(request.page_size),
            page_token=request.page_token,
        )
    for one in page.rows if not call.actor.service else ():
        if queries.sees_values(one.record_id, call.actor):
            call.shown.add(one.customer_id, one.branch_id, one.held_at_id)
    return call.reply({"changes": page.rows, "next_page_token": page.next_page_token})
