"""Live worklists, as server-sent events: who is signed in hears at once when a review or an issue
comes to them, to their role at their branch, or leaves them.

    event: reload      what was shown may be behind: read the lists again (first, and after a gap)
    event: changed     data: {"record_id", "kind", "state", "due_at", "worklists": ["mine", "role"]}

A stream carries ids and times only; what they are about is read through the lists. It ends with the
caller's token, and the client comes again with the next one.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from chassis.tokens import AUDIENCE
from gateway.bell import Bell
from gateway.clients import Clients
from gateway.edge import TEMPLATE, stay
from gateway.endpoint import bearer
from gateway.into_json import json_of
from gateway.owners import SERVICES
from optichain.auth.v1 import role_pb2
from optichain.record.v1 import record_service_pb2 as records

PATH = "/worklists/live"

_QUIET_SECONDS = 15.0
"""After so long without news a comment is sent, so that no proxy takes the stream for dead."""
_MOST_WAITING = 100
_SHOWN = ("record_id", "kind", "state", "case_id", "due_at")


class _Claims(msgspec.Struct, frozen=True):
    """What a token that a service has just verified says of its bearer."""

    sub: str
    exp: float
    roles: tuple[str, ...] = ()
    branch: str = ""
    aud: str = AUDIENCE


@dataclass
class _Listener:
    """One stream: whose it is, and what waits to be sent."""

    claims: _Claims
    news: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(_MOST_WAITING))

    def hear(self, changed: Any) -> None:
        """Note a change that concerns this person; a client too slow for them reads anew."""
        worklists = [] if changed is None else _worklists(changed, self.claims)
        if changed is not None and not worklists:
            return
        event = _reload() if changed is None else _changed(changed, worklists)
        try:
            self.news.put_nowait(event)
        except asyncio.QueueFull:
            while not self.news.empty():
                self.news.get_nowait()
            self.news.put_nowait(_reload())


class Live:
    """The streams of a gateway."""

    def __init__(self, clients: Clients, bell: Bell) -> None:
        self._clients = clients
        self._bell = bell
        self._ending = asyncio.Event()

    def end(self) -> None:
        """End every stream, so that the gateway can stop."""
        self._ending.set()

    async def serve(self, request: Request) -> Response:
        """Serve a stream to a bearer. Raises what the token is refused with."""
        request.scope[TEMPLATE] = f"/api/v1{PATH}"
        return await self.stream(request, bearer(request))

    async def stream(self, request: Request, token: str) -> Response:
        """Return the stream of whoever holds the token. Raises what it is refused with."""
        asked = records.ListIssuesRequest(page_size=1)
        answer = records.ListIssuesResponse
        await self._clients.ask(asked, answer, token=token, of=SERVICES[0])
        listener = _Listener(_claims(token))
        stay(request)
        return StreamingResponse(
            self._events(listener),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )

    async def _events(self, listener: _Listener) -> AsyncIterator[bytes]:
        self._bell.add(listener.hear)
        try:
            yield _reload()
            while not self._ending.is_set() and time.time() < listener.claims.exp:
                yield await self._next(listener)
        finally:
            self._bell.remove(listener.hear)

    async def _next(self, listener: _Listener) -> bytes:
        news = asyncio.create_task(listener.news.get())
        ending = asyncio.create_task(self._ending.wait())
        left = max(0.0, listener.claims.exp - time.time())
        try:
            await asyncio.wait(
                (news, ending),
                timeout=min(_QUIET_SECONDS, left),
                return_when=asyncio.FIRST_COMPLETED,
            )
            return news.result() if news.done() else b": nothing new\n\n"
        finally:
            for task in (news, ending):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


def _claims(token: str) -> _Claims:
    """Read a token that was verified: by the service that has just answered to it."""
    body = token.split(".")[1]
    padded = body + "=" * (-len(body) % 4)
    return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=_Claims, strict=False)


def _worklists(changed: Any, claims: _Claims) -> list[str]:
    mine = claims.sub in (changed.owner, changed.earlier_owner)
    roles = {_word(changed.responsible_role), _word(changed.earlier_role)}
    ours = changed.held_at_id == claims.branch and not roles.isdisjoint(claims.roles)
    return [name for name, concerned in (("mine", mine), ("role", ours)) if concerned]


def _word(role: int) -> str:
    return role_pb2.Role.Name(role).removeprefix("ROLE_").lower()  # type: ignore[arg-type]  # a number of the enum


def _changed(changed: Any, worklists: list[str]) -> bytes:
    told = json_of(changed)
    shown = {name: told[name] for name in _SHOWN if name in told}
    return _event("changed", {**shown, "worklists": worklists})


def _reload() -> bytes:
    return _event("reload", {})


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {msgspec.json.encode(data).decode()}\n\n".encode()
