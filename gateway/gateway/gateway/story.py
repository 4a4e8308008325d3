"""An order as a whole, whoever knows a part of it: the order itself, the records of its case in
every service with the versions they stand on, the handovers and how long each waited, the jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from gateway.composed import Asked, Asking, Composed, Gathered, answer, part_of, whole, with_service
from gateway.into_json import json_of
from gateway.owners import CASE_SERVICES
from gateway.route import get
from gateway.schemas import Schema, Schemas
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.labjob.v1 import labjob_service_pb2 as labjob
from optichain.record.v1 import issue_pb2, review_pb2
from optichain.record.v1 import record_service_pb2 as records

_MOST_JOBS = 50
_JOBS = "jobs"

Part = tuple[str, Any]
"""The service that gave a message, and the message."""


@dataclass(frozen=True)
class Story:
    """What all services together know of an order, in the order it came to be."""

    order: Any
    records: list[Part]
    handovers: list[Part]
    reviews: list[Part]
    jobs: list[Any]
    gathered: Gathered

    @property
    def case_id(self) -> str:
        """The case of the order."""
        return str(self.order.order.envelope.case_id)


async def story_of(asking: Asking, request: billing.GetOrderRequest) -> Story:
    """Return the story of an order. Raises what billing refuses with: without it there is none."""
    order = await asking.one(request)
    asked = _of_case(order.order.envelope.case_id)
    asked[_JOBS] = (
        "labjob",
        labjob.ListJobsRequest(order_id=request.order_id, page_size=_MOST_JOBS),
    )
    gathered = await asking.all(asked)
    jobs = gathered.answers.get(_JOBS)
    return Story(
        order=order,
        records=records_in(gathered),
        handovers=handovers_in(gathered),
        reviews=reviews_in(gathered),
        jobs=list(jobs.jobs) if jobs else [],
        gathered=gathered,
    )


def _of_case(case_id: str) -> dict[str, Asked]:
    return records_of(case_id) | handovers_of(case_id) | reviews_of(case_id)


def _of_each(what: str, request: Message) -> dict[str, Asked]:
    return {f"{what} {service}": (service, request) for service in CASE_SERVICES}


def records_of(case_id: str) -> dict[str, Asked]:
    """Return what to ask for the records of a case."""
    return _of_each("records", records.ListCaseRecordsRequest(case_id=case_id))


def handovers_of(case_id: str) -> dict[str, Asked]:
    """Return what to ask for the handovers of a case."""
    return _of_each("handovers", records.ListHandoversRequest(case_id=case_id))


def issues_of(case_id: str) -> dict[str, Asked]:
    """Return what to ask for the issues of a case."""
    return _of_each("issues", records.ListCaseIssuesRequest(case_id=case_id))


def reviews_of(case_id: str) -> dict[str, Asked]:
    """Return what to ask for the reviews of a case."""
    return _of_each("reviews", records.ListCaseReviewsRequest(case_id=case_id))


def records_in(gathered: Gathered) -> list[Part]:
    """Return the records that came, oldest first."""
    return _recorded_in(gathered, "records")


def handovers_in(gathered: Gathered) -> list[Part]:
    """Return the handovers that came, in the order they were given."""
    found = _parts(gathered, "handovers")
    return sorted(found, key=lambda part: part[1].given_at.ToNanoseconds())


def reviews_in(gathered: Gathered) -> list[Part]:
    """Return the reviews that came, in the order they were opened."""
    return _recorded_in(gathered, "reviews")


def issues_in(gathered: Gathered) -> list[Part]:
    """Return the issues that came, in the order they were opened."""
    return _recorded_in(gathered, "issues")


def _recorded_in(gathered: Gathered, what: str) -> list[Part]:
    found = _parts(gathered, what)
    return sorted(found, key=lambda part: part[1].envelope.recorded_at.ToNanoseconds())


def _parts(gathered: Gathered, what: str) -> list[Part]:
    return [
        (service, one)
        for service in CASE_SERVICES
        if f"{what} {service}" in gathered.answers
        for one in getattr(gathered.answers[f"{what} {service}"], what)
    ]


def _json(parts: list[Part]) -> list[dict[str, Any]]:
    return [with_service(service, json_of(one)) for service, one in parts]


async def _state(asking: Asking, request: Any) -> dict[str, Any]:
    story = await story_of(asking, request)
    return answer(
        story.gathered,
        order=json_of(story.order),
        case_id=story.case_id,
        jobs=[json_of(job) for job in story.jobs],
        records=_json(story.records),
        handovers=_json(story.handovers),
        reviews=_json(story.reviews),
    )


async def _records(asking: Asking, request: Any) -> dict[str, Any]:
    gathered = await asking.all(records_of(request.case_id))
    return answer(gathered, records=_json(records_in(gathered)))


async def _handovers(asking: Asking, request: Any) -> dict[str, Any]:
    gathered = await asking.all(handovers_of(request.case_id))
    return answer(gathered, handovers=_json(handovers_in(gathered)))


async def _reviews(asking: Asking, request: Any) -> dict[str, Any]:
    gathered = await asking.all(reviews_of(request.case_id))
    return answer(gathered, reviews=_json(reviews_in(gathered)))


async def _issues(asking: Asking, request: Any) -> dict[str, Any]:
    gathered = await asking.all(issues_of(request.case_id))
    return answer(gathered, issues=_json(issues_in(gathered)))


def _list_of(schemas: Schemas, message: type[Message], text: str) -> Schema:
    reference = part_of(schemas.given(message.DESCRIPTOR))
    return {"type": "array", "items": reference, "description": text}


def _records_schema(schemas: Schemas) -> Schema:
    return _list_of(schemas, records.CaseRecord, "Oldest first, each with the pins it stands on")


def _handovers_schema(schemas: Schemas) -> Schema:
    handover = records.ListHandoversResponse.DESCRIPTOR.fields_by_name["handovers"].message_type
    reference = part_of(schemas.given(handover))
    return {"type": "array", "items": reference, "description": "In the order they were given"}


def _reviews_schema(schemas: Schemas) -> Schema:
    return _list_of(schemas, review_pb2.Review, "In the order they were opened")


def _issues_schema(schemas: Schemas) -> Schema:
    return _list_of(schemas, issue_pb2.Issue, "In the order they were opened")


def _state_schema(schemas: Schemas) -> Schema:
    job = labjob.ListJobsResponse.DESCRIPTOR.fields_by_name["jobs"].message_type
    return whole(
        order=schemas.given(billing.GetOrderResponse.DESCRIPTOR),
        case_id={"type": "string", "description": "The case the order belongs to"},
        jobs={"type": "array", "items": schemas.given(job), "description": "Its jobs"},
        records=_records_schema(schemas),
        handovers=_handovers_schema(schemas),
        reviews=_reviews_schema(schemas),
    )


COMPOSED = (
    Composed(
        route=get("/orders/{order_id}/state", billing.GetOrderRequest),
        name="GetOrderState",
        subject="retail",
        text=(
            "Returns an order's whole state in one call. The order, the records of its case in "
            "every service with their pins, the handovers, the reviews and the jobs. A service "
            "that does not answer in time is named in `unavailable`, one whose part the caller's "
            "role may not read in `not_permitted`."
        ),
        asks=(billing.GetOrderRequest,),
        schema=_state_schema,
        compose=_state,
    ),
    Composed(
        route=get("/cases/{case_id}/records", records.ListCaseRecordsRequest),
        name="ListCaseRecords",
        subject="records",
        text="Returns the records of a case from every service, oldest first, with their pins.",
        asks=(records.ListCaseRecordsRequest,),
        schema=lambda schemas: whole(records=_records_schema(schemas)),
        compose=_records,
    ),
    Composed(
        route=get("/cases/{case_id}/handovers", records.ListHandoversRequest),
        name="ListHandovers",
        subject="records",
        text="Returns the handovers of a case from every service, in the order they were given.",
        asks=(records.ListHandoversRequest,),
        schema=lambda schemas: whole(handovers=_handovers_schema(schemas)),
        compose=_handovers,
    ),
    Composed(
        route=get("/cases/{case_id}/reviews", records.ListCaseReviewsRequest),
        name="ListCaseReviews",
        subject="records",
        text=(
            "Returns the reviews of a case from every service, in the order they were opened: who "
            "was asked about which change, by when, and what was decided."
        ),
        asks=(records.ListCaseReviewsRequest,),
        schema=lambda schemas: whole(reviews=_reviews_schema(schemas)),
        compose=_reviews,
    ),
    Composed(
        route=get("/cases/{case_id}/issues", records.ListCaseIssuesRequest),
        name="ListCaseIssues",
        subject="records",
        text=(
            "Returns the issues of a case from every service, in the order they were opened: what "
            "went off plan, whose it is, and what must be true before it is closed."
        ),
        asks=(records.ListCaseIssuesRequest,),
        schema=lambda schemas: whole(issues=_issues_schema(schemas)),
        compose=_issues,
    ),
)
