"""Refusals as problem JSON (RFC 9457): one table from kind of refusal to HTTP status, and every
detail that the service gave: fields, what is missing, what has gone stale and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from chassis import errors, telemetry
from chassis.errors import DomainError, Invalid, Refused
from chassis.records.changes import FieldChange
from chassis.records.pins import StalePin, StalePins
from gateway import errors as own

MEDIA_TYPE = "application/problem+json"
HIDDEN = "something went wrong here; it has been recorded"

STATUS: tuple[tuple[type[DomainError], HTTPStatus, str], ...] = (
    (own.RouteUnknown, HTTPStatus.NOT_FOUND, "Nothing is served here"),
    (own.MethodRefused, HTTPStatus.METHOD_NOT_ALLOWED, "Not by this method"),
    (own.BodyMalformed, HTTPStatus.BAD_REQUEST, "The body cannot be read"),
    (own.BodyTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large"),
    (own.BodyTooSlow, HTTPStatus.REQUEST_TIMEOUT, "The body came too slowly"),
    (own.MediaTypeRefused, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Not this media type"),
    (own.TooLate, HTTPStatus.GATEWAY_TIMEOUT, "A service did not answer in time"),
    (errors.Invalid, HTTPStatus.UNPROCESSABLE_ENTITY, "The request breaks a rule"),
    (errors.Unknown, HTTPStatus.NOT_FOUND, "There is no such record"),
    (errors.Refused, HTTPStatus.CONFLICT, "Not as things stand"),
    (errors.Outdated, HTTPStatus.CONFLICT, "Somebody wrote in between"),
    (errors.AlreadyThere, HTTPStatus.CONFLICT, "It exists already"),
    (errors.Unauthenticated, HTTPStatus.UNAUTHORIZED, "Sign in first"),
    (errors.NotPermitted, HTTPStatus.FORBIDDEN, "Not for you"),
    (errors.TooManyAttempts, HTTPStatus.TOO_MANY_REQUESTS, "Wait before trying again"),
    (errors.Unavailable, HTTPStatus.SERVICE_UNAVAILABLE, "A service cannot be asked now"),
)
"""Which HTTP status a refusal leaves with, and its title. Whatever is none of these is a 500."""

REAUTHENTICATION_NEEDED = "REAUTHENTICATION_NEEDED"
"""What every service refuses a signature with when the password was confirmed too long ago; the
challenge is RFC 9470's, so that a screen asks for the password and not for a new session."""


@dataclass(frozen=True)
class Problem:
    """A problem ready to be sent."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]

    def response(self) -> Response:
        """Return it as an HTTP response."""
        content = msgspec.json.encode(self.body)
        return Response(
            content, status_code=self.status, media_type=MEDIA_TYPE, headers=dict(self.headers)
        )


def problem_of(error: Exception) -> Problem:
    """Return the problem that says as much of an error as its caller may know."""
    if not isinstance(error, DomainError):
        return failure()
    status, title = _status_of(error)
    return Problem(status, _body(error, status, title), _headers(error, status))


def failure() -> Problem:
    """Return the problem of an error that is nobody's to know."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    error = DomainError(HIDDEN, reason="INTERNAL")
    return Problem(status, _body(error, status, "It failed here"), {})


def _status_of(error: DomainError) -> tuple[HTTPStatus, str]:
    if error.code == REAUTHENTICATION_NEEDED:
        return HTTPStatus.UNAUTHORIZED, "Confirm your password first"
    for kind, status, title in STATUS:
        if isinstance(error, kind):
            return status, title
    return HTTPStatus.INTERNAL_SERVER_ERROR, "It failed here"


def _body(error: DomainError, status: HTTPStatus, title: str) -> dict[str, Any]:
    fields = error.problems if isinstance(error, Invalid) else ()
    missing = error.missing if isinstance(error, Refused) else ()
    stale = error.stale if isinstance(error, StalePins) else ()
    return {
        "type": type_of(error.code),
        "title": title,
        "status": int(status),
        "detail": error.text,
        "reason": error.code,
        "fields": [{"field": p.field, "rule": p.rule, "text": p.text} for p in fields],
        "missing": list(missing),
        "stale": [_stale(one) for one in stale],
        "details": dict(error.details),
        "trace_id": telemetry.trace_id(),
    }


def type_of(reason: str) -> str:
    """Return the URI of a reason; it names the kind of problem and need not be fetched."""
    return f"urn:optichain:problem:{reason.lower().replace('_', '-')}"


def _stale(stale: StalePin) -> dict[str, Any]:
    change = stale.change
    return {
        "record_id": stale.pin.record_id,
        "kind": stale.pin.kind,
        "relied_version": stale.pin.relied_version,
        "settled_version": stale.pin.settled_version,
        "live_version": stale.live_version,
        "what": str(change.what),
        "fields": [_difference(one) for one in change.fields],
        "reason_code": change.reason_code,
        "reason": change.reason,
        "person": change.changed_by,
        "role": str(change.role) if change.role else "",
        "time": change.changed_at.isoformat().replace("+00:00", "Z"),
        "successor_id": change.successor_id,
        "successor_version": stale.successor_version,
    }


def _difference(one: FieldChange) -> dict[str, Any]:
    return {"field": one.field, "old": _value(one.old_value), "new": _value(one.new_value)}


def _value(text: str) -> Any:
    """Return the value whose JSON text history keeps; None where the reader may not see it."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def _headers(error: DomainError, status: HTTPStatus) -> dict[str, str]:
    if error.code == REAUTHENTICATION_NEEDED:
        seconds = 60 * int(error.details.get("minutes", "0"))
        challenge = f'Bearer error="insufficient_user_authentication", max_age={seconds}'
        return {"WWW-Authenticate": challenge}
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return {"Retry-After": error.details.get("retry_seconds", "60")}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": "1"}
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return {"Allow": error.details.get("allow", "")}
    return {}
