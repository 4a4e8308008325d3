"""Answers that no single service can give, and how several services are asked at once: bounded in
time, and saying which of them did not answer and which may not be read by the caller."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response

from chassis import contract
from chassis.errors import DomainError, Invalid, NotPermitted, Unauthenticated
from chassis.rpc.peers import rpc_of
from gateway.clients import Clients
from gateway.edge import TEMPLATE
from gateway.endpoint import bearer, json_response, mark, masked_header, read_message
from gateway.errors import ServiceFailed
from gateway.problems import HIDDEN
from gateway.route import Route
from gateway.schemas import Schema, Schemas
from gateway.settings import Settings

CHANGE_DUE = "PASSWORD_CHANGE_DUE"
"""The reason of every service until a password that somebody else gave is changed."""

_LEAST_SECONDS = 0.001
"""What is asked when the time is over is refused as too late, by name; 0 would mean no limit."""

Asked = tuple[str, Message]
"""The service to be asked, and the request."""


@dataclass(frozen=True)
class Asking:
    """What a composed answer is made with: the services, the caller's token, the seconds that one
    service may take, when all of them must have answered (by the monotonic clock), and the fields
    that were covered for the caller."""

    clients: Clients
    token: str
    seconds: float
    ends_at: float | None = None
    masked: set[str] = field(default_factory=set)

    def all_within(self, seconds: float) -> Asking:
        """Return the same with one deadline for everything that is asked, one thing after another
        or at once; an earlier one stands."""
        ends_at = time.monotonic() + seconds
        return replace(
            self, ends_at=ends_at if self.ends_at is None else min(self.ends_at, ends_at)
        )

    async def one(self, request: Message, *, of: str = "") -> Any:
        """Ask one service; its refusal is the answer's."""
        response = rpc_of(type(request)).response
        return await self.clients.ask(
            request,
            response,
            token=self.token,
            of=of,
            seconds=self._seconds_left(),
            masked=self.masked,
        )

    def _seconds_left(self) -> float:
        if self.ends_at is None:
            return self.seconds
        return max(min(self.seconds, self.ends_at - time.monotonic()), _LEAST_SECONDS)

    async def all(self, asked: Mapping[str, Asked]) -> Gathered:
        """Ask several services at the same time; who fails or refuses is named in the answer.
        Raises what is the caller's to mend: Unauthenticated, Invalid, PASSWORD_CHANGE_DUE."""
        gathered = Gathered()

        async def ask(name: str, service: str, request: Message) -> None:
            try:
                gathered.answers[name] = await self.one(request, of=service)
            except (DomainError, ServiceFailed) as error:
                gathered.failed.append(Failed(name, service, error))

        async with asyncio.TaskGroup() as group:
            for name, (service, request) in asked.items():
                group.create_task(ask(name, service, request))
        for failed in gathered.failed:
            if _is_callers(failed.error):
                raise failed.error
        return gathered


@dataclass(frozen=True)
class Failed:
    """What was asked of a service by which name, and why there is no answer."""

    name: str
    service: str
    error: Exception

    @property
    def is_forbidden(self) -> bool:
        """Tell whether the caller's role may not read it."""
        return isinstance(self.error, NotPermitted)

    def said(self) -> dict[str, str]:
        """Return it as JSON."""
        if isinstance(self.error, DomainError):
            reason, detail = self.error.code, self.error.text
        else:
            reason, detail = "INTERNAL", HIDDEN
        return {"service": self.service, "reason": reason, "detail": detail}


@dataclass
class Gathered:
    """The answers by name, and the services that gave none."""

    answers: dict[str, Any] = field(default_factory=dict)
    failed: list[Failed] = field(default_factory=list)

    def add(self, other: Gathered) -> None:
        """Take in what was gathered elsewhere."""
        self.answers |= other.answers
        self.failed += other.failed

    def unavailable(self) -> list[dict[str, str]]:
        """Return the services whose part is missing, and why, as JSON."""
        return self._without_part(is_forbidden=False)

    def not_permitted(self) -> list[dict[str, str]]:
        """Return the services of which the caller's role may not read a part, as JSON."""
        return self._without_part(is_forbidden=True)

    def _without_part(self, *, is_forbidden: bool) -> list[dict[str, str]]:
        found: dict[str, Failed] = {}
        for failed in self.failed:
            if failed.is_forbidden is is_forbidden:
                found.setdefault(failed.service, failed)
        return [found[service].said() for service in sorted(found)]


def _is_callers(error: Exception) -> bool:
    """Tell whether the caller must do something before any service can answer."""
    is_due = isinstance(error, NotPermitted) and error.code == CHANGE_DUE
    return is_due or isinstance(error, (Unauthenticated, Invalid))


Compose = Callable[[Asking, Any], Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class Composed:
    """A composed answer at an address. The request type of `route` says what the address takes;
    `asks` are the RPCs it stands for; `schema` is what it answers."""

    route: Route
    name: str
    subject: str
    text: str
    asks: tuple[type[Message], ...]
    schema: Callable[[Schemas], Schema]
    compose: Compose

    def endpoint(
        self, clients: Clients, settings: Settings, prefix: str
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return what serves it."""

        async def serve(request: Request) -> Response:
            request.scope[TEMPLATE] = prefix + self.route.path
            asking = Asking(clients, bearer(request), settings.composed_call_seconds)
            message = await read_message(request, self.route, settings)
            contract.check(message)
            mark(request.path_params)
            composed = await self.compose(asking, message)
            return json_response(composed, masked_header(asking.masked))

        return serve


def with_service(service: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return a part of an answer with the service that gave it in front."""
    return {"service": service, **found}


def part_of(reference: Schema) -> Schema:
    """Return the schema of such a part."""
    own = {
        "type": "object",
        "properties": {"service": {"type": "string", "description": "Who keeps it"}},
        "required": ["service"],
    }
    return {"allOf": [own, reference]}


def whole(**properties: Schema) -> Schema:
    """Return the schema of a composed answer: its parts, and whose are missing."""
    said = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("service", "reason", "detail")},
        "required": ["service", "reason", "detail"],
    }
    told: dict[str, Schema] = {
        "is_partial": {
            "type": "boolean",
            "description": "Whether a service did not answer, so that parts are missing",
        },
        "unavailable": {
            "type": "array",
            "items": said,
            "description": "The services whose part is missing, and why",
        },
        "not_permitted": {
            "type": "array",
            "items": said,
            "description": "The services of which the caller's role may not read a part",
        },
    }
    given = {**properties, **told}
    return {"type": "object", "properties": given, "required": list(given)}


def answer(gathered: Gathered, **parts: Any) -> dict[str, Any]:
    """Return a composed answer: its parts, and whose are missing."""
    away, closed = gathered.unavailable(), gathered.not_permitted()
    return {**parts, "is_partial": bool(away), "unavailable": away, "not_permitted": closed}
