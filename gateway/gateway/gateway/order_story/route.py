"""Where the story of an order stands in the API."""

from __future__ import annotations

from gateway.composed import Composed
from gateway.order_story.schema import schema
from gateway.order_story.sections import story_of
from gateway.route import get
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.record.v1 import record_service_pb2 as records

COMPOSED = (
    Composed(
        route=get("/orders/{order_id}/story", billing.GetOrderRequest),
        name="GetStory",
        subject="retail",
        text=(
            "Returns everything about an order across services in one call. Its promises, who held "
            "it and how long, the versions it stands on, changes, reviews and refused gates, "
            "money, stock, messages, exceptions, one timeline and the traces of its steps. Bounded "
            "in time: a section that lacks a part is named in `missing` with the service and the "
            "reason."
        ),
        asks=(
            billing.GetOrderRequest,
            records.ListCaseChangesRequest,
            records.ListCaseRefusalsRequest,
        ),
        schema=schema,
        compose=story_of,
    ),
)
