"""Answers that no single service can give, and how several services are asked at once: bounded in
time, and saying which of them did not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response

from chassis import contract
from chassis.errors import DomainError, Invalid, Unauthenticated
from chassis.rpc.peers import rpc_of
from gateway.clients import Clients
from gateway.edge import TEMPLATE
from gateway.endpoint import bearer, json_response, mark, read_message
from gateway.errors import ServiceFailed
from gateway.problems import HIDDEN
from gateway.route import Route
from gateway.schemas import Schema, Schemas
from gateway.settings import Settings

Asked = tuple[str, Message]
"""The service to be asked, and the request."""


@dataclass(frozen=True)
class Asking:
    """What a composed answer is made with: the services, the caller's token, the seconds that one
    service may take."""

    clients: Clients
    token: str
    seconds: float

    async def one(self, request: Message, *, of: str = "") -> Any:
        """Ask one service; its refusal is the answer's."""
        response = rpc_of(type(request)).response
        return await self.clients.ask(
            request, response, token=self.token, of=of, seconds=self.seconds
        )

    async def all(self, asked: Mapping[str, Asked]) -> Gathered:
        """Ask several services at the same time; who fails is named in the answer. Raises
        Unauthenticated and Invalid, which are the caller's to mend."""
        gathered = Gathered()

        async def ask(name: str, service: str, request: Message) -> None:
            try:
                gathered.answers[name] = await self.one(request, of=service)
            except (DomainError, ServiceFailed) as error:
                gathered.failed.setdefault(service, error)

        async with asyncio.TaskGroup() as group:
            for name, (service, request) in asked.items():
                group.create_task(ask(name, service, request))
        for error in gathered.failed.values():
            if isinstance(error, (Unauthenticated, Invalid)):
                raise error
        return gathered


@dataclass
class Gathered:
    """The answers by name, and the services that gave none."""

    answers: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)

    def unavailable(self) -> list[dict[str, str]]:
        """Return the services whose part is missing, and why, as JSON."""
        return [_away(service, self.failed[service]) for service in sorted(self.failed)]


def _away(service: str, error: Exception) -> dict[str, str]:
    if isinstance(error, DomainError):
        return {"service": service, "reason": error.code, "detail": error.text}
    return {"service": service, "reason": "INTERNAL", "detail": HIDDEN}


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
            return json_response(await self.compose(asking, message))

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
    """Return the schema of a composed answer: its parts, and who did not answer."""
    away = {
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
            "items": away,
            "description": "The services whose part is missing, and why",
        },
    }
    given = {**properties, **told}
    return {"type": "object", "properties": given, "required": list(given)}


def answer(gathered: Gathered, **parts: Any) -> dict[str, Any]:
    """Return a composed answer: its parts, and who did not answer."""
    away = gathered.unavailable()
    return {**parts, "is_partial": bool(away), "unavailable": away}
