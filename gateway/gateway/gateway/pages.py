"""The pages for a browser: signing in, changing one's own password, what waits, and one page
per order."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, quote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from chassis import contract
from chassis.errors import DomainError, Unauthenticated
from gateway import expiring, own_password, signed_in, story_page
from gateway.attempts import Attempts
from gateway.body import FORM, read_body
from gateway.clients import Clients
from gateway.composed import CHANGE_DUE, Asking
from gateway.edge import TEMPLATE
from gateway.endpoint import mark
from gateway.live import PATH, Live
from gateway.order_page import page_of
from gateway.problems import REAUTHENTICATION_NEEDED, problem_of
from gateway.rendering import page
from gateway.settings import Settings
from gateway.signed_in import Session
from gateway.story import story_of
from gateway.waiting import HANDOVERS
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.organisation.v1 import organisation_service_pb2 as organisation
from optichain.record.v1 import record_service_pb2 as records

_NEXT = re.compile(r"/orders/[a-z0-9_]+/(page|story)|/qualifications/expiring/page")
_SEE_OTHER = 303
_STYLE_SECONDS = 300

Show = Callable[[Request, Session], Awaitable[Response]]


class Pages:
    """The pages, with what they need."""

    def __init__(
        self, clients: Clients, settings: Settings, attempts: Attempts, streams: Live
    ) -> None:
        self._streams = streams
        self._clients = clients
        self._attempts = attempts
        self._settings = settings
        self._style = files("gateway").joinpath("static/style.css").read_bytes()

    def add_to(self, app: FastAPI) -> None:
        """Serve them."""
        add = app.router.add_route
        add("/", self._page("/", self._waiting), methods=["GET"])
        add("/sign-in", self._sign_in, methods=["GET", "POST"])
        add("/sign-out", self._sign_out, methods=["POST"])
        changing = self._page("/password", self._password)
        add("/password", changing, methods=["GET", "POST"])
        add("/confirm", self._page("/confirm", self._confirm), methods=["GET", "POST"])
        ends = "/qualifications/expiring/page"
        add(ends, self._page(ends, self._expiring), methods=["GET"])
        add("/orders", self._page("/orders", self._find), methods=["GET"])
        place = "/orders/{order_id}/page"
        add(place, self._page(place, self._order), methods=["GET"])
        add(PATH, self._page(PATH, self._live), methods=["GET"])
        place = "/orders/{order_id}/story"
        add(place, self._page(place, self._story), methods=["GET"])
        add("/static/style.css", self._serve_style, methods=["GET"])

    def _page(self, template: str, show: Show) -> Callable[[Request], Awaitable[Response]]:
        """Serve a page to who is signed in; others are shown to the sign-in form first."""

        async def serve(request: Request) -> Response:
            request.scope[TEMPLATE] = template
            session = signed_in.session_in(request)
            try:
                if session is None:
                    raise Unauthenticated("sign in first")
                session = await signed_in.fresh(session, self._clients)
                response = await show(request, session)
            except Unauthenticated as refused:
                if session is None or refused.code != REAUTHENTICATION_NEEDED:
                    return self._to_sign_in(request)
                response = RedirectResponse(f"/confirm{_back_to(request)}", _SEE_OTHER)
            except DomainError as refused:
                if refused.code == CHANGE_DUE:
                    response = RedirectResponse("/password", status_code=_SEE_OTHER)
                else:
                    response = _refused(refused, signed=session is not None)
            if session is not None and "set-cookie" not in response.headers:
                signed_in.keep(response, session, self._settings)
            return response

        return serve

    def _to_sign_in(self, request: Request) -> Response:
        response = RedirectResponse(f"/sign-in{_back_to(request)}", status_code=_SEE_OTHER)
        signed_in.forget(response, self._settings)
        return response

    async def _sign_in(self, request: Request) -> Response:
        request.scope[TEMPLATE] = "/sign-in"
        if request.method != "POST":
            return _html("sign_in.html", next=_next(request.query_params.get("next")), refused="")
        after = ""
        try:
            signed_in.require_own_form(request)
            form = await self._form(request)
            after = _next(form.get("next"))
            asked = organisation.SignInRequest(
                login=form.get("login", ""), password=form.get("password", "")
            )
            contract.check(asked)
            with self._attempts.one(request):
                session = signed_in.of(await self._clients.ask(asked, organisation.SignInResponse))
        except DomainError as refused:
            status = problem_of(refused).status
            return _html("sign_in.html", status=status, next=after, refused=refused.text)
        response = RedirectResponse(after or "/", status_code=_SEE_OTHER)
        signed_in.keep(response, session, self._settings)
        return response

    async def _sign_out(self, request: Request) -> Response:
        request.scope[TEMPLATE] = "/sign-out"
        try:
            signed_in.require_own_form(request)
        except DomainError as refused:
            return _refused(refused, signed=False)
        response = RedirectResponse("/sign-in", status_code=_SEE_OTHER)
        signed_in.forget(response, self._settings)
        session = signed_in.session_in(request)
        if session is not None:
            asked = organisation.SignOutRequest(session_id=session.id)
            try:
                fresh = await signed_in.fresh(session, self._clients)
                await self._clients.ask(asked, organisation.SignOutResponse, token=fresh.token)
            except Unauthenticated:
                return response  # the session has ended by itself
            except DomainError as refused:
                return _refused(refused, signed=True)
        return response

    async def _live(self, request: Request, session: Session) -> Response:
        """Stream what changes on the worklists of whoever is signed in."""
        return await self._streams.stream(request, session.token)

    async def _password(self, request: Request, session: Session) -> Response:
        """Show the form that changes one's own password, or change it and go on with a token that
        is good for everything."""
        if request.method != "POST":
            return _html("password.html", signed=True, refused="")
        signed_in.require_own_form(request)
        form = await self._form(request)
        refused = await own_password.changed(form, session.token, self._clients)
        if refused is not None:
            status = problem_of(refused).status
            return _html("password.html", status=status, signed=True, refused=refused.text)
        response = RedirectResponse("/", status_code=_SEE_OTHER)
        signed_in.keep(response, await signed_in.renewed(session, self._clients), self._settings)
        return response

    async def _confirm(self, request: Request, session: Session) -> Response:
        """Show the form that asks for the own password once more before a signature, or go on with
        a token that signs."""
        after = _next(request.query_params.get("next"))
        if request.method != "POST":
            return _html("confirm.html", signed=True, next=after, refused="")
        signed_in.require_own_form(request)
        form = await self._form(request)
        after = _next(form.get("next"))
        try:
            with self._attempts.one(request):
                session = await own_password.confirmed(form, session, self._clients)
        except DomainError as refused:
            if not own_password.is_mended_in_the_form(refused):
                raise
            status = problem_of(refused).status
            text = refused.text
            return _html("confirm.html", status=status, signed=True, next=after, refused=text)
        response = RedirectResponse(after or "/", status_code=_SEE_OTHER)
        signed_in.keep(response, session, self._settings)
        return response

    async def _waiting(self, _request: Request, session: Session) -> Response:
        found = await HANDOVERS.page(self._asking(session), records.ListWaitingRequest())
        return _html("waiting.html", signed=True, found=found)

    async def _expiring(self, request: Request, session: Session) -> Response:
        """Show whose course must be booked: one list of what expires, to print and hang up."""
        found = await expiring.of_caller(self._asking(session), request.query_params)
        return _html("expiring.html", signed=True, found=found)

    async def _find(self, request: Request, _session: Session) -> Response:
        order_id = request.query_params.get("order_id", "").strip()
        asked = billing.GetOrderRequest(order_id=order_id)
        contract.check(asked)
        return RedirectResponse(f"/orders/{quote(order_id)}/page", status_code=_SEE_OTHER)

    async def _story(self, request: Request, session: Session) -> Response:
        shown = await story_page.page_of(self._asking(session), _asked_order(request))
        return _html("story.html", signed=True, page=shown)

    async def _order(self, request: Request, session: Session) -> Response:
        asked = _asked_order(request)
        asking = self._asking(session)
        shown = await page_of(asking, await story_of(asking, asked))
        return _html("order.html", signed=True, images=shown.photo_origins, page=shown)

    async def _serve_style(self, request: Request) -> Response:
        request.scope[TEMPLATE] = "/static/style.css"
        headers = {"Cache-Control": f"max-age={_STYLE_SECONDS}"}
        return Response(self._style, media_type="text/css", headers=headers)

    def _asking(self, session: Session) -> Asking:
        return Asking(self._clients, session.token, self._settings.composed_call_seconds)

    async def _form(self, request: Request) -> dict[str, str]:
        raw = await read_body(request, self._settings, FORM)
        given = parse_qs(raw.decode(errors="replace"), keep_blank_values=True, max_num_fields=8)
        return {name: values[0] for name, values in given.items()}


def _asked_order(request: Request) -> billing.GetOrderRequest:
    asked = billing.GetOrderRequest(order_id=request.path_params["order_id"])
    contract.check(asked)
    mark(request.path_params)
    return asked


def _back_to(request: Request) -> str:
    """Return the query that leads back to a page of ours."""
    path = request.url.path
    return f"?next={quote(path)}" if _NEXT.fullmatch(path) else ""


def _next(given: Any) -> str:
    """Return where to go after signing in: a page of ours, or nowhere in particular."""
    return given if isinstance(given, str) and _NEXT.fullmatch(given) else ""


def _refused(refused: DomainError, *, signed: bool) -> Response:
    problem = problem_of(refused)
    return _html("refused.html", signed=signed, status=problem.status, problem=problem.body)


def _html(
    template: str,
    *,
    status: int = 200,
    signed: bool = False,
    images: tuple[str, ...] = (),
    **values: Any,
) -> Response:
    sources = " ".join(("'self'", *images))
    policy = (
        f"default-src 'none'; style-src 'self'; img-src {sources}; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return Response(
        page(template, signed=signed, **values),
        status_code=status,
        media_type="text/html",
        headers={"Content-Security-Policy": policy},
    )
