"""The application: every table at its address, refusals as problems, the whole behind the edge."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.routing import Route as HttpRoute

from chassis.errors import DomainError, Unavailable
from gateway import access, api_page, live, story, waiting
from gateway.attempts import Attempts, Serve
from gateway.bell import Bell
from gateway.clients import Clients
from gateway.drill import running
from gateway.edge import TEMPLATE, Edge, log
from gateway.endpoint import Endpoint, json_response
from gateway.errors import MethodRefused, RouteUnknown, ServiceFailed
from gateway.openapi import Document, document
from gateway.order_story import route as order_story
from gateway.pages import Pages
from gateway.problems import failure, problem_of
from gateway.route import Route, in_order
from gateway.routes import SUBJECTS, TABLES
from gateway.settings import Settings
from optichain.organisation.v1 import organisation_service_pb2 as organisation

PREFIX = "/api/v1"
COMPOSED = (
    *story.COMPOSED,
    *order_story.COMPOSED,
    *waiting.COMPOSED,
    *access.COMPOSED,
    *running.COMPOSED,
)


def make_app(settings: Settings) -> Edge:
    """Return the application. Raises RouteUnfit when a table does not fit the contract."""
    clients, attempts = Clients(settings), Attempts(settings)
    bell = Bell(settings.amqp_url.get_secret_value())
    streams = live.Live(clients, bell)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        bell.start()
        yield
        await bell.close()
        await clients.close()

    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # Its own spans would go on with a trace that the client sent; the edge begins ours.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=life,
        exception_handlers={
            DomainError: _refused,
            ServiceFailed: _failed,
            HTTPException: _not_served,
            Exception: _failed,
        },
    )
    serving = _serving(clients, settings, attempts)
    for route in in_order(list(serving)):
        app.router.add_route(PREFIX + route.path, serving[route], methods=[route.method])
    app.router.add_route(PREFIX + live.PATH, streams.serve, methods=["GET"])
    _add_own(app, clients, settings)
    Pages(clients, settings, attempts, streams).add_to(app)
    return Edge(app, settings, before_stop=streams.end)


def _serving(clients: Clients, settings: Settings, attempts: Attempts) -> dict[Route, Serve]:
    """Return what serves each address: the tables' rows, and what is composed."""
    found: dict[Route, Serve] = {}
    for row in (row for table in TABLES.values() for row in table):
        serve: Serve = Endpoint(row, clients, settings, PREFIX).serve
        if row.request in (organisation.SignInRequest, organisation.ConfirmIdentityRequest):
            serve = attempts.guarding(serve, PREFIX + row.path)
        found[row] = serve
    return found | {one.route: one.endpoint(clients, settings, PREFIX) for one in COMPOSED}


@lru_cache
def description() -> Document:
    """Return the OpenAPI document."""
    return document(TABLES, COMPOSED, prefix=PREFIX, subjects=SUBJECTS)


def _add_own(app: FastAPI, clients: Clients, settings: Settings) -> None:
    openapi = msgspec.json.encode(description())
    page = api_page.render(description())

    async def health(request: Request) -> Response:
        request.scope[TEMPLATE] = f"{PREFIX}/health"
        return json_response({"status": "serving"})

    async def readiness(request: Request) -> Response:
        request.scope[TEMPLATE] = f"{PREFIX}/health/ready"
        if not await clients.reaches_organisation(settings.composed_call_seconds):
            raise Unavailable("organisation cannot be asked now", service="organisation")
        return json_response({"status": "ready"})

    async def describe(request: Request) -> Response:
        request.scope[TEMPLATE] = "/api/openapi.json"
        return Response(openapi, media_type="application/json")

    async def docs(request: Request) -> Response:
        request.scope[TEMPLATE] = "/api/docs"
        return api_page.response(page)

    app.router.add_route(f"{PREFIX}/health", health, methods=["GET"])
    app.router.add_route(f"{PREFIX}/health/ready", readiness, methods=["GET"])
    app.router.add_route("/api/openapi.json", describe, methods=["GET"])
    app.router.add_route("/api/docs", docs, methods=["GET"])


async def _refused(_request: Request, error: Exception) -> Response:
    return problem_of(error).response()


async def _failed(_request: Request, error: Exception) -> Response:
    log.error("request failed", error=type(error).__name__, exc_info=error)
    return failure().response()


async def _not_served(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    allowed = sorted(_methods_at(request))
    if error.status_code == 405 and allowed:
        text = f"this path takes {', '.join(allowed)}"
        return problem_of(MethodRefused(text, allow=", ".join(allowed))).response()
    return problem_of(RouteUnknown("nothing is served at this path")).response()


def _methods_at(request: Request) -> Iterable[str]:
    routes: Any = request.app.router.routes
    return {
        method
        for route in routes
        if isinstance(route, HttpRoute) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
