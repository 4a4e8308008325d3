"""The API's own description, OpenAPI 3.1, generated from the tables and the contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from chassis.access import AccessPurpose, access_of
from gateway.comments import comment_on
from gateway.composed import Composed
from gateway.endpoint import MASKED, REQUEST_ID, REVISION
from gateway.into_message import is_nested
from gateway.problem_schema import EXAMPLES, problem_schema, refusal
from gateway.route import Route
from gateway.schemas import Schemas, is_required

Document = dict[str, Any]

_ABOUT = (
    "One API for the branch, the lab and head office. Whole numbers carry their unit in their "
    "name, enums are lower-case words, instants are RFC 3339 in UTC, dates are ISO dates. Writes "
    "take an `Idempotency-Key`: a repeat under the same key gets the first answer again. Lists "
    "page by `page_token`. A read needs no key and passes one over; an `If-Match` where no "
    "revision is taken is refused. A refusal is a problem (RFC 9457) whose `reason` is stable. "
    "Every answer names its trace in `Trace-Id`."
)
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
        paths.setdefault(prefix + one.route.path, {})[one.route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Optichain", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": name, "description": text} for name, text in subjects.items()],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted({**schemas.components, "Problem": problem_schema()}.items())),
            "responses": {str(status): refusal(status) for status in EXAMPLES},
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
    return operation | _body(route, schemas)


def _body(route: Route, schemas: Schemas) -> Document:
    """Return what an operation says of its JSON body; nothing when it takes none."""
    if not route.has_body:
        return {}
    schema = schemas.sent(route.request.DESCRIPTOR, without=frozenset(route.in_path))
    fields = route.request.DESCRIPTOR.fields_by_name
    needed = [name for name in schema.pop("required", ()) if name != REVISION]
    if needed:
        schema["required"] = needed
    if not set(fields) - set(route.in_path):
        return {}
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": bool(needed), "content": content}}


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
    if access_of(route.descriptor):
        text = "What these people are looked at for; the usual when absent"
        found.append(_header("X-Purpose", {"type": "string", "enum": [*AccessPurpose]}, text))
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
    operation = {
        "operationId": f"gateway.{one.name}",
        "tags": [one.subject],
        "summary": one.text.partition(". ")[0].rstrip("."),
        "description": one.text,
        "parameters": _parameters(one.route, schemas),
        "responses": _responses(one.schema(schemas), body=one.route.has_body),
    }
    return operation | _body(one.route, schemas)


def _responses(schema: Document, *, body: bool) -> Document:
    answer = {
        "description": "Done",
        "headers": {
            "Trace-Id": {"schema": {"type": "string"}, "description": "The step's trace"},
            MASKED: {
                "schema": {"type": "string"},
                "description": "The fields that are not for the caller's role and were covered,"
                " such as people.phone_e164; absent when there are none",
            },
        },
        "content": {"application/json": {"schema": schema}},
    }
    refusals = [status for status in EXAMPLES if body or status not in _WITH_BODY]
    return {
        "200": answer,
        **{str(status): {"$ref": f"#/components/responses/{status}"} for status in refusals},
    }
