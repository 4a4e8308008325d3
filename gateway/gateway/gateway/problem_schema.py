"""Problems as the API's description shows them: their schema, and an example for every status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.problems import MEDIA_TYPE, STATUS, type_of

Document = dict[str, Any]

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_STALE_EXAMPLE = {
    "record_id": "rx_01jd7q3v8kfa5r2m4n6p8s0t2v",
    "kind": "clinical.prescription",
    "relied_version": 1,
    "settled_version": 1,
    "live_version": 2,
    "what": "amended",
    "fields": [
        {"field": "od", "old": {"axis_degrees": 170}, "new": {"axis_degrees": 10}},
    ],
    "reason_code": "TRANSCRIPTION",
    "reason": "axis read from the wrong line",
    "person": "stf_01jd7q3v8kfa5r2m4n6p8s0t2v",
    "role": "optometrist",
    "time": "2026-11-22T09:30:00Z",
    "successor_id": "",
    "successor_version": 0,
}
EXAMPLES: Mapping[int, tuple[str, str, dict[str, Any]]] = {
    400: ("BODY_MALFORMED", "the body is no JSON: Expecting value at line 1, column 8", {}),
    401: ("TOKEN_MISSING", "sign in first", {}),
    403: ("ROLE_NOT_PERMITTED", "this is for optician", {}),
    404: ("RECORD_UNKNOWN", "ord_01jd7q3v8kfa5r2m4n6p8s0t2v is not kept here", {}),
    408: ("BODY_TOO_SLOW", "the body did not arrive in time", {}),
    409: ("PIN_STALE", "relied on records that have changed", {"stale": [_STALE_EXAMPLE]}),
    413: ("BODY_TOO_LARGE", "the body is larger than 1048576 bytes", {}),
    415: ("MEDIA_TYPE_REFUSED", "the body must be application/json in UTF-8", {}),
    422: (
        "INVALID",
        "od.axis_degrees: 181 is above 180",
        {"fields": [{"field": "od.axis_degrees", "rule": "max", "text": "181 is above 180"}]},
    ),
    429: ("LOGIN_LOCKED", "too many failures; try again later", {}),
    500: ("INTERNAL", "something went wrong here; it has been recorded", {}),
    503: ("UNAVAILABLE", "billing cannot be asked now", {"details": {"service": "billing"}}),
    504: ("DEADLINE_EXCEEDED", "billing did not answer in time", {}),
}
"""An example by status: reason, detail, and what else it carries."""


def refusal(status: int) -> Document:
    """Return the description of a refusal with this status, with an example."""
    reason, detail, more = EXAMPLES[status]
    title = next((t for _, code, t in STATUS if code == status), "It failed here")
    example = {
        "type": type_of(reason),
        "title": title,
        "status": status,
        "detail": detail,
        "reason": reason,
        "fields": [],
        "missing": [],
        "stale": [],
        "details": {},
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        **more,
    }
    content = {MEDIA_TYPE: {"schema": _PROBLEM, "examples": {reason: {"value": example}}}}
    return {"description": title, "content": content}


def problem_schema() -> Document:
    """Return the schema of a problem."""
    text = {"type": "string"}
    number = {"type": "integer"}
    properties = {
        "type": {**text, "format": "uri", "description": "Names the kind of problem"},
        "title": {**text, "description": "The kind of refusal in words"},
        "status": {**number, "description": "The HTTP status"},
        "detail": {**text, "description": "What is wrong this time"},
        "reason": {**text, "description": "Stable code; the same as the service gave"},
        "fields": _list("What is wrong with which field", field=text, rule=text, text=text),
        "missing": {
            "type": "array",
            "items": text,
            "description": "What would have to be true first",
        },
        "stale": _list(
            "What the step relied on and has changed since",
            record_id=text,
            kind=text,
            relied_version=number,
            settled_version=number,
            live_version=number,
            what=text,
            fields=_list(
                "The fields that differ; values where the reader may see them",
                field=text,
                old={},
                new={},
            ),
            reason_code=text,
            reason=text,
            person=text,
            role=text,
            time={**text, "format": "date-time"},
            successor_id=text,
            successor_version=number,
        ),
        "details": {"type": "object", "additionalProperties": text},
        "trace_id": {**text, "description": "The step's trace, for whoever is asked for help"},
    }
    return {
        "type": "object",
        "description": "A refusal (RFC 9457)",
        "properties": properties,
        "required": list(properties),
    }


def _list(about: str, /, **properties: Document) -> Document:
    item = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "array", "description": about, "items": item}
