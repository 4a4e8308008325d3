"""What the story answers, for the API's description."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from gateway.composed import part_of, whole
from gateway.schemas import Schema, Schemas
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.billing.v1 import order_pb2, payment_pb2
from optichain.customer.v1 import follow_up_pb2, message_pb2
from optichain.inventory.v1 import reservation_pb2, set_aside_pb2, stock_pb2
from optichain.labjob.v1 import job_pb2
from optichain.labjob.v1 import labjob_service_pb2 as labjob
from optichain.record.v1 import handover_pb2, issue_pb2, pin_pb2, refusal_pb2, review_pb2
from optichain.record.v1 import record_service_pb2 as records

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer"}
_YES_NO: Schema = {"type": "boolean"}
_INSTANT: Schema = {"type": "string", "format": "date-time"}


def schema(schemas: Schemas) -> Schema:
    """Return the schema of the whole answer."""

    def rows(message: type[Message], text: str) -> Schema:
        return _list(schemas.given(message.DESCRIPTOR), text)

    def parts(message: type[Message], text: str) -> Schema:
        return _list(part_of(schemas.given(message.DESCRIPTOR)), text)

    return whole(
        order=schemas.given(billing.GetOrderResponse.DESCRIPTOR),
        case_id={**_TEXT, "description": "The case the order belongs to"},
        promises=schemas.given(billing.ListPromisesResponse.DESCRIPTOR),
        holdings=_list(_HOLDING, "Who held it, where and how long, in the order it began"),
        handovers=parts(handover_pb2.Handover, "In the order they were given"),
        records=_list(_record(schemas), "Oldest first, each with what it stands on"),
        changes=parts(records.RecordChange, "Oldest first by service"),
        reviews=parts(review_pb2.Review, "In the order they were opened"),
        refusals=parts(refusal_pb2.Refusal, "What gates refused"),
        issues=parts(issue_pb2.Issue, "What went off plan, and what it waits for"),
        money=_object(
            balance=schemas.given(order_pb2.Balance.DESCRIPTOR),
            postings=rows(payment_pb2.Posting, "Oldest first; for who may read the ledger"),
        ),
        stock=_stock(rows),
        jobs=rows(job_pb2.Job, "The jobs, oldest first"),
        steps=rows(labjob.ListJobStepsResponse, "The steps of each job"),
        messages=rows(message_pb2.Message, "What the customer was told, newest first"),
        follow_ups=rows(follow_up_pb2.FollowUp, "Those at the reader's branch"),
        exceptions=_list(_EXCEPTION, "What did not go as planned, oldest first"),
        timeline=_list(_HAPPENED, "Everything that happened, oldest first"),
        traces=_list(_TRACE, "The steps as the trace backend knows them"),
        missing=_list(_MISSING, "Which section lacks whose part, and why"),
    )


def _stock(rows: Any) -> Schema:
    return _object(
        set_asides=rows(set_aside_pb2.SetAside, "Frames held for the customer"),
        reservations=rows(reservation_pb2.Reservation, "Stock committed"),
        pieces=rows(stock_pb2.Piece, "The pieces of frames, with their serial numbers"),
        locked_lot_ids=_list(_TEXT, "Lots that are locked now"),
        draws=rows(reservation_pb2.Draw, "Drawn to a job, with the lot"),
        breakages=rows(reservation_pb2.Breakage, "What broke; its cost by role"),
    )


def _record(schemas: Schemas) -> Schema:
    held = _object(
        needed=(),
        live_version={**_NUMBER, "description": "Where the record stands now, if it can be had"},
        is_stale={**_YES_NO, "description": "Whether a gate would be refused for it now"},
    )
    pin = {"allOf": [schemas.given(pin_pb2.Pin.DESCRIPTOR), held]}
    own = _object(pins=_list(pin, "What it stands on"))
    return {"allOf": [part_of(schemas.given(records.CaseRecord.DESCRIPTOR)), own]}


def _list(items: Schema, text: str) -> Schema:
    return {"type": "array", "items": items, "description": text}


def _object(*, needed: tuple[str, ...] | None = None, **properties: Schema) -> Schema:
    required = list(properties) if needed is None else list(needed)
    found: Schema = {"type": "object", "properties": properties}
    return {**found, "required": required} if required else found


_HOLDING = _object(
    needed=("service", "record_id", "role", "from", "waited_ms", "held_ms", "is_open"),
    service=_TEXT,
    record_id=_TEXT,
    kind=_TEXT,
    version=_NUMBER,
    role=_TEXT,
    held_at_id={**_TEXT, "description": "The branch or lab"},
    accepted_by={**_TEXT, "description": "Who took it up; empty while it waits"},
    **{"from": _INSTANT},
    accepted_at=_INSTANT,
    until={**_INSTANT, "description": "Absent while it is held"},
    waited_ms=_NUMBER,
    held_ms=_NUMBER,
    is_open=_YES_NO,
    trace_id=_TEXT,
)
_EXCEPTION = _object(
    at=_INSTANT,
    service=_TEXT,
    what=_TEXT,
    record_id=_TEXT,
    kind=_TEXT,
    by=_TEXT,
    role=_TEXT,
    text={**_TEXT, "description": "In words"},
    reason_code=_TEXT,
    fault_side=_TEXT,
    is_open=_YES_NO,
)
_HAPPENED = _object(
    at=_INSTANT,
    service=_TEXT,
    what={**_TEXT, "description": "In words"},
    record_id=_TEXT,
    kind=_TEXT,
    version=_NUMBER,
    by=_TEXT,
    role=_TEXT,
    held_at_id=_TEXT,
    trace_id=_TEXT,
)
_TRACE = _object(at=_INSTANT, trace_id=_TEXT, by=_TEXT, what=_list(_TEXT, "What the step did"))
_MISSING = _object(section=_TEXT, service=_TEXT, reason=_TEXT, detail=_TEXT, is_forbidden=_YES_NO)
