"""Serves a row of a table: path, query, headers and body become the request; the answer becomes
JSON."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response

from chassis import contract, telemetry
from chassis.access import PURPOSE, check_purpose
from chassis.errors import FieldProblem, Invalid, Unauthenticated
from chassis.ids import check_id
from gateway.body import read_json
from gateway.clients import Clients, said_purpose
from gateway.edge import TEMPLATE
from gateway.from_texts import from_texts
from gateway.into_json import adders_of, json_of
from gateway.into_message import Problems, fill, filler_of
from gateway.route import Route
from gateway.settings import Settings

IDEMPOTENCY_KEY, IF_MATCH = "idempotency-key", "if-match"
REQUEST_ID, REVISION = "request_id", "revision"
MASKED = "X-Masked"
_MARKED = {"case_id": "case", "order_id": "order", "job_id": "job"}
_ETAG = re.compile(r'"?([0-9]{1,9})"?')


class Endpoint:
    """One row, ready to serve. Making it fails when JSON cannot carry its messages (RouteUnfit)."""

    def __init__(self, route: Route, clients: Clients, settings: Settings, prefix: str) -> None:
        self._route = route
        self._clients = clients
        self._settings = settings
        self._template = prefix + route.path
        self._record = _record_field(route.rpc.response)
        filler_of(route.request.DESCRIPTOR)
        adders_of(route.rpc.response.DESCRIPTOR)

    async def serve(self, request: Request) -> Response:
        """Serve one request. Raises DomainError, ServiceFailed."""
        request.scope[TEMPLATE] = self._template
        token = "" if self._route.rule.open else bearer(request)
        message = await read_message(request, self._route, self._settings)
        mark(request.path_params)
        masked: set[str] = set()
        answer = await self._clients.ask(
            message,
            self._route.rpc.response,
            token=token,
            of=self._route.service(message),
            masked=masked,
        )
        return self._write(answer, masked)

    def _write(self, answer: Message, masked: set[str]) -> Response:
        headers = masked_header(masked)
        if self._record and answer.HasField(self._record):
            envelope = getattr(answer, self._record).envelope
            headers["ETag"] = f'"{envelope.revision}"'
            telemetry.mark(case=envelope.case_id, record=envelope.id, branch=envelope.branch_id)
        return json_response(json_of(answer), headers)


async def read_message(request: Request, route: Route, settings: Settings) -> Message:
    """Return the request message of a route. Raises Invalid, BodyMalformed and the like."""
    message = route.request()
    problems: Problems = []
    descriptor = message.DESCRIPTOR
    fill(message, from_texts(descriptor, request.path_params.items(), problems), problems)
    pairs = request.query_params.multi_items()
    if route.has_body:
        problems += [_unknown(name) for name, _ in pairs]
        given = await read_json(request, settings)
    else:
        given = from_texts(descriptor, pairs, problems)
    fill(message, given, problems, outside=route.in_path)
    _read_headers(request, message, problems)
    _read_purpose(request, problems)
    if problems:
        raise Invalid(_complete(message, problems))
    return message


def _read_headers(request: Request, message: Any, problems: Problems) -> None:
    fields = message.DESCRIPTOR.fields_by_name
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key == "":
        problems.append(FieldProblem(REQUEST_ID, "idempotency_key", "is an empty Idempotency-Key"))
    elif key is not None and REQUEST_ID in fields:
        if message.request_id not in ("", key):
            text = "differs from the Idempotency-Key"
            problems.append(FieldProblem(REQUEST_ID, "idempotency_key", text))
        message.request_id = key
    match = request.headers.get(IF_MATCH)
    if match is None:
        return
    if REVISION not in fields:
        text = "If-Match cannot be honoured here: this takes no revision"
        problems.append(FieldProblem(REVISION, "if_match", text))
        return
    found = _ETAG.fullmatch(match)
    if found is None:
        text = 'If-Match must be a revision such as "3"'
        problems.append(FieldProblem(REVISION, "if_match", text))
    elif message.revision not in (0, int(found[1])):
        problems.append(FieldProblem(REVISION, "if_match", "differs from If-Match"))
    else:
        message.revision = int(found[1])


def _read_purpose(request: Request, problems: Problems) -> None:
    """Let every call that this request makes say what it looks at people for."""
    try:
        said_purpose.set(check_purpose(request.headers.get(PURPOSE, "")))
    except Invalid as refused:
        problems.extend(refused.problems)


def json_response(body: Any, headers: dict[str, str] | None = None) -> Response:
    """Return JSON."""
    return Response(msgspec.json.encode(body), media_type="application/json", headers=headers)


def masked_header(masked: set[str]) -> dict[str, str]:
    """Return the header that names the fields of an answer which were covered for the caller, by
    their names from the outside in: `X-Masked: people.phone_e164`."""
    return {MASKED: ", ".join(sorted(masked))} if masked else {}


def bearer(request: Request) -> str:
    """Return the caller's token. Raises Unauthenticated (TOKEN_MISSING)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("sign in first", reason="TOKEN_MISSING")
    return token.strip()


def _complete(message: Message, problems: Problems) -> Problems:
    """Add what the contract's own border rules find, so that a caller hears of everything at
    once."""
    try:
        contract.check(message)
    except Invalid as also:
        heard = {problem.field for problem in problems}
        return [*problems, *(problem for problem in also.problems if problem.field not in heard)]
    return problems


def _unknown(name: str) -> FieldProblem:
    return FieldProblem(name[:64], "unknown", "is no query parameter here; send it in the body")


def _record_field(response: type[Message]) -> str:
    """Return the field that holds the one record of an answer, if it has one."""
    fields = [
        field
        for field in response.DESCRIPTOR.fields
        if not field.is_repeated
        and field.message_type is not None
        and "envelope" in field.message_type.fields_by_name
    ]
    return fields[0].name if len(fields) == 1 else ""


def mark(path_params: dict[str, Any]) -> None:
    """Put the order, job or case of the path on the span; only text that is an id goes there."""
    for field, name in _MARKED.items():
        given = path_params.get(field)
        if given is not None:
            try:
                check_id(field, given, "any")
            except Invalid:
                continue
            telemetry.mark(**{name: given})
