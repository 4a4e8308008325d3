"""The outermost step of every HTTP request: one trace that starts here whatever the client sends,
one deadline, one log line, and the headers that keep a browser safe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import telemetry
from gateway.errors import TooLate
from gateway.problems import failure, problem_of
from gateway.settings import Settings

log = structlog.get_logger()

TEMPLATE = "optichain.route"
"""Where an endpoint leaves its path template in the scope, for the span and the log."""

_PATIENCE = "optichain.patience"
"""Where the edge leaves what lets an answer take its time."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NOWHERE = "(no route)"
_CLOSED = "default-src 'none'; frame-ancestors 'none'"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_UNLESS_SAID = {"Cache-Control": "no-store", "Content-Security-Policy": _CLOSED}
_HTTPS = {"Strict-Transport-Security": "max-age=31536000"}


class Edge:
    """Wraps the application."""

    def __init__(
        self, app: ASGIApp, settings: Settings, *, before_stop: Callable[[], None]
    ) -> None:
        self.before_stop = before_stop
        self._app = app
        self._settings = settings
        self._always = _HEADERS | (_HTTPS if settings.is_https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        started = time.perf_counter()
        with telemetry.span(method, telemetry.SpanKind.SERVER, new_trace=True) as span:
            answer = _Answer(send, self._always | {"Trace-Id": telemetry.trace_id()})
            try:
                await self._serve(scope, receive, answer)
            finally:
                route = scope.get(TEMPLATE, _NOWHERE)
                span.update_name(f"{method} {route}")
                seen = {
                    telemetry.HTTP_METHOD: method,
                    telemetry.HTTP_ROUTE: route,
                    telemetry.HTTP_STATUS: answer.status,
                }
                span.set_attributes(seen)
                ms = round((time.perf_counter() - started) * 1000, 1)
                telemetry.requests.record(ms, seen)
                log.info("request", method=method, route=route, status=answer.status, ms=ms)

    async def _serve(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            async with asyncio.timeout(self._settings.request_seconds) as patience:
                scope[_PATIENCE] = patience
                await self._app(scope, receive, answer.send)
        except TimeoutError:
            late = TooLate("the answer took too long; repeat a write under its Idempotency-Key")
            if not answer.status:
                await problem_of(late).response()(scope, receive, answer.send)
        except Exception:
            log.exception("request failed", route=scope.get(TEMPLATE, _NOWHERE))
            if not answer.status:
                await failure().response()(scope, receive, answer.send)


def stay(request: Request) -> None:
    """Let the answer to this request take as long as its client listens."""
    request.scope[_PATIENCE].reschedule(None)


class _Answer:
    """Sends an answer on with the door's own headers, and remembers its status."""

    def __init__(self, send: Send, headers: Mapping[str, str]) -> None:
        self._send = send
        self._headers = headers
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = list(message.get("headers", ()))
            said = {name.lower() for name, _ in given}
            given += [_header(name, value) for name, value in self._headers.items()]
            given += [
                _header(name, value)
                for name, value in _UNLESS_SAID.items()
                if name.lower().encode() not in said
            ]
            message = {**message, "headers": given}
        await self._send(message)


def _header(name: str, value: str) -> tuple[bytes, bytes]:
    return name.lower().encode(), value.encode()
