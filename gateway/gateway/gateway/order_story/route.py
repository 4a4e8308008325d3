"""Where the story of an order stands in the API."""

from __future__ import annotations

from typing import Any

from gateway.composed import Asking, Composed
from gateway.order_story.schema import schema
from gateway.order_story.sections import story_of
from gateway.route import get
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.labjob.v1 import labjob_service_pb2 as labjob
from optichain.record.v1 import record_service_pb2 as records

_TEXT = (
    "Its promises, who held it and how long, the versions it stands on, changes, reviews and "
    "refused gates, money, stock, messages, exceptions, one timeline and the traces of its steps. "
    "Bounded in time: a section that lacks a part is named in `missing` with the service and the "
    "reason."
)


async def _of_job(asking: Asking, request: labjob.GetJobRequest) -> dict[str, Any]:
    """Return the story of a job's order. Raises what labjob or billing refuses with."""
    within = asking.all_within(asking.seconds)
    job = (await within.one(request)).job
    return await story_of(within, billing.GetOrderRequest(order_id=job.order_id))


async def _of_slip(asking: Asking, request: labjob.GetTicketRequest) -> dict[str, Any]:
    """Return the story of the order that a slip number belongs to. Raises what labjob or billing
    refuses with."""
    within = asking.all_within(asking.seconds)
    ticket = (await within.one(request)).ticket
    return await _of_job(within, labjob.GetJobRequest(job_id=ticket.job_id))


COMPOSED = (
    Composed(
        route=get("/orders/{order_id}/story", billing.GetOrderRequest),
        name="GetStory",
        subject="retail",
        text=f"Returns everything about an order across services in one call. {_TEXT}",
        asks=(
            billing.GetOrderRequest,
            records.ListCaseChangesRequest,
            records.ListCaseRefusalsRequest,
        ),
        schema=schema,
        compose=story_of,
    ),
    Composed(
        route=get("/jobs/{job_id}/story", labjob.GetJobRequest),
        name="GetStoryOfJob",
        subject="lab",
        text=f"Returns everything about the order of a job in one call. {_TEXT}",
        asks=(labjob.GetJobRequest,),
        schema=schema,
        compose=_of_job,
    ),
    Composed(
        route=get("/tickets/{slip_number}/story", labjob.GetTicketRequest),
        name="GetStoryOfSlip",
        subject="lab",
        text=f"Returns everything about the order that a slip number belongs to. {_TEXT}",
        asks=(labjob.GetTicketRequest,),
        schema=schema,
        compose=_of_slip,
    ),
)
