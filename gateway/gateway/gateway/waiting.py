"""What waits for the caller, from every service: handovers that nobody took up, reviews that nobody
decided, and issues that nobody closed."""

from __future__ import annotations

from gateway.composed import Composed
from gateway.merged import Merged
from gateway.route import get
from optichain.record.v1 import record_service_pb2 as records

HANDOVERS = Merged(
    request=records.ListWaitingRequest,
    response=records.ListWaitingResponse,
    field="handovers",
    place=lambda one: (one.given_at.ToNanoseconds(), one.id),
    order="Longest waiting first",
)
REVIEWS = Merged(
    request=records.ListReviewsRequest,
    response=records.ListReviewsResponse,
    field="reviews",
    place=lambda one: (one.due_at.ToNanoseconds(), one.envelope.id),
    order="Due first",
)
ISSUES = Merged(
    request=records.ListIssuesRequest,
    response=records.ListIssuesResponse,
    field="issues",
    place=lambda one: (one.due_at.ToNanoseconds(), one.envelope.id),
    order="Due first",
)

COMPOSED = (
    Composed(
        route=get("/waiting", records.ListWaitingRequest),
        name="ListWaiting",
        subject="records",
        text=(
            "Returns what waits for one of the caller's roles at the caller's branch, from every "
            "service, longest waiting first."
        ),
        asks=(records.ListWaitingRequest,),
        schema=HANDOVERS.schema,
        compose=HANDOVERS.page,
    ),
    Composed(
        route=get("/reviews", records.ListReviewsRequest),
        name="ListReviews",
        subject="records",
        text=(
            "Returns the reviews that wait for one of the caller's roles at the caller's branch, "
            "for the caller in person, or those of them that are overdue, from every service, due "
            "first."
        ),
        asks=(records.ListReviewsRequest,),
        schema=REVIEWS.schema,
        compose=REVIEWS.page,
    ),
    Composed(
        route=get("/issues", records.ListIssuesRequest),
        name="ListIssues",
        subject="records",
        text=(
            "Returns the issues that wait for one of the caller's roles at the caller's branch, "
            "for the caller in person, or those of them that are overdue, from every service, due "
            "first."
        ),
        asks=(records.ListIssuesRequest,),
        schema=ISSUES.schema,
        compose=ISSUES.page,
    ),
)
