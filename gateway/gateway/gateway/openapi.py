"""The API's own description, OpenAPI 3.1, generated from the tables and the contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gateway.comments import comment_on
from gateway.composed import Composed
from gateway.endpoint import REQUEST_ID, REVISION
from gateway.into_message import is_nested
from gateway.problems import MEDIA_TYPE, STATUS, type_of
from gateway.route import Route
from gateway.schemas import Schemas, is_required

Document = dict[str, Any]

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_ABOUT = (
    "One API for the branch, the lab and head office. Whole numbers carry their unit in their "
    "name, enums are lower-case words, instants are RFC 3339 in UTC, dates are ISO dates. Writes "
    "take an `Idempotency-Key`: a repeat under the same key gets the first answer again. Lists "
    "page by `page_token`. A refusal is a problem (RFC 9457) whose `reason` is stable. Every "
    "answer names its trace in `Trace-Id`."
)
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
}
_EXAMPLES: Mapping[int, tuple[str, str, dict[str, Any]]] = {
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
_WITH_BODY = frozenset({400, 408, 413, 415})


def document(
    tables: Mapping[str, Sequence[Route]],
    composed: Iterable[Composed],
    *,
    prefix: str,
    subjects: Mapping[str, str],
) -> Document:
    """Return the OpenAPI document of all tables, by subject; `subjects` says what each is about."""
    schemas = Schemas()
    paths: Document = {}
    for subject, routes in tables.items():
        for route in routes:
            operation = _operation(route, schemas, subject)
            paths.setdefault(prefix + route.path, {})[route.method.lower()] = operation
    for one in composed:
        operation = _composed(one, schemas)
        paths.setdefault(prefix + one.route.path, {})["get"] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Optichain", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": name, "description": text} for name, text in subjects.items()],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted({**schemas.components, "Problem": _problem()}.items())),
            "responses": {str(status): _refusal(status) for status in _EXAMPLES},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token of `POST /api/v1/sessions`, good for five minutes",
                }
            },
        },
    }


def _operation(route: Route, schemas: Schemas, subject: str) -> Document:
    text = comment_on(route.descriptor)
    operation: Document = {
        "operationId": _operation_id(route),
        "tags": [subject],
        "summary": text.partition(". ")[0].rstrip("."),
        "description": _with_rule(text, route),
        "parameters": _parameters(route, schemas),
        "responses": _responses(schemas.given(route.rpc.response.DESCRIPTOR), body=route.has_body),
    }
    if route.rule.open:
        operation["security"] = []
    if route.has_body:
        schema = schemas.sent(route.request.DESCRIPTOR, without=frozenset(route.in_path))
        fields = route.request.DESCRIPTOR.fields_by_name
        needed = [name for name in schema.pop("required", ()) if name != REVISION]
        if needed:
            schema["required"] = needed
        if set(fields) - set(route.in_path):
            content = {"application/json": {"schema": schema}}
            operation["requestBody"] = {"required": bool(needed), "content": content}
    return operation


def _operation_id(route: Route) -> str:
    """Return RPC by its service's name; an RPC that every service serves is told by the path."""
    name = route.descriptor.name
    if isinstance(route.of, str) and route.of:
        return f"{route.of}.{name}"
    return f"{route.rpc.service}.{name}"


def _with_rule(text: str, route: Route) -> str:
    rule = route.rule
    if rule.open:
        who = "Anybody may call."
    elif rule.signed_in:
        who = "Anybody who is signed in may call."
    else:
        who = f"For: {', '.join(rule.roles)}."
    return f"{text}\n\n{who}".strip()


def _parameters(route: Route, schemas: Schemas) -> list[Document]:
    fields = route.request.DESCRIPTOR.fields_by_name
    found = [_parameter(fields[name], "path", schemas) for name in route.in_path]
    if not route.has_body:
        found += [
            _parameter(field, "query", schemas, name)
            for name, field in _texts(route.request.DESCRIPTOR)
            if name not in (*route.in_path, REQUEST_ID, REVISION)
        ]
    if REQUEST_ID in fields:
        text = "Makes a repeat of this write answer the same"
        found.append(_header("Idempotency-Key", {"type": "string", "maxLength": 64}, text))
    if REVISION in fields:
        text = "The revision that was seen, as the ETag of the record's answer"
        found.append(_header("If-Match", {"type": "string", "pattern": '^"?[0-9]{1,9}"?$'}, text))
    return found


def _texts(descriptor: Any, outer: str = "") -> Iterator[tuple[str, Any]]:
    """Return every field that a query can hold, those of a nested message with a dot."""
    for field in descriptor.fields:
        name = outer + field.name
        if is_nested(field) and not field.is_repeated:
            yield from _texts(field.message_type, f"{name}.")
        else:
            yield name, field


def _parameter(field: Any, where: str, schemas: Schemas, name: str = "") -> Document:
    schema = dict(schemas.parameter(field))
    text = schema.pop("description", "")
    name = name or field.name
    parameter = {
        "name": name,
        "in": where,
        "required": where == "path" or (is_required(field) and "." not in name),
        "schema": schema,
    }
    return {**parameter, "description": text} if text else parameter


def _header(name: str, schema: Document, text: str) -> Document:
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": text}


def _composed(one: Composed, schemas: Schemas) -> Document:
    return {
        "operationId": f"gateway.{one.name}",
        "tags": [one.subject],
        "summary": one.text.partition(". ")[0].rstrip("."),
        "description": one.text,
        "parameters": _parameters(one.route, schemas),
        "responses": _responses(one.schema(schemas), body=False),
    }


def _responses(schema: Document, *, body: bool) -> Document:
    answer = {
        "description": "Done",
        "headers": {"Trace-Id": {"schema": {"type": "string"}, "description": "The step's trace"}},
        "content": {"application/json": {"schema": schema}},
    }
    refusals = [status for status in _EXAMPLES if body or status not in _WITH_BODY]
    return {
        "200": answer,
        **{str(status): {"$ref": f"#/components/responses/{status}"} for status in refusals},
    }


def _refusal(status: int) -> Document:
    reason, detail, more = _EXAMPLES[status]
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


def _problem() -> Document:
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
