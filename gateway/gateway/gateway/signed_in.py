"""A browser's session: the cookie that holds it, and a form's proof that it came from our page.

The cookie serves the pages alone; the API takes a bearer and never looks at a cookie. It is
HttpOnly and SameSite=Strict, so no script reads it and no other site sends it.
"""

from __future__ import annotations

import base64
import time
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from chassis.errors import NotPermitted
from gateway.clients import Clients
from gateway.settings import Settings
from optichain.organisation.v1 import organisation_service_pb2 as pb

COOKIE = "optichain_session"
_RENEWED_BEFORE_SECONDS = 60


class Session(msgspec.Struct, frozen=True, array_like=True):
    """What the cookie holds."""

    token: str
    token_ends: int
    id: str
    renewal_secret: str
    ends: int
    staff_id: str
    branch_id: str


def session_in(request: Request) -> Session | None:
    """Return the session of the cookie, unless there is none or it has ended."""
    try:
        morsel = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
        text = base64.urlsafe_b64decode(morsel.value.encode()) if morsel else b""
        session = msgspec.json.decode(text, type=Session)
    except (CookieError, ValueError, msgspec.DecodeError):
        return None
    return session if session.ends > time.time() else None


async def fresh(session: Session, clients: Clients) -> Session:
    """Return the session with a token that still holds, renewed if need be. Raises Unauthenticated
    when it has ended."""
    if session.token_ends - time.time() > _RENEWED_BEFORE_SECONDS:
        return session
    return await renewed(session, clients)


async def renewed(session: Session, clients: Clients) -> Session:
    """Return the session with its next token. Raises Unauthenticated when it has ended."""
    request = pb.RenewSessionRequest(session_id=session.id, renewal_secret=session.renewal_secret)
    return of(await clients.ask(request, pb.RenewSessionResponse))


def of(answer: Any) -> Session:
    """Return the session that organisation answered with."""
    given = answer.session
    return Session(
        token=given.token,
        token_ends=given.token_expires_at.seconds,
        id=given.id,
        renewal_secret=given.renewal_secret,
        ends=given.expires_at.seconds,
        staff_id=given.staff_id,
        branch_id=given.branch_id,
    )


def keep(response: Response, session: Session, settings: Settings) -> None:
    """Set the cookie."""
    response.set_cookie(
        COOKIE,
        base64.urlsafe_b64encode(msgspec.json.encode(session)).decode(),
        max_age=max(0, session.ends - int(time.time())),
        httponly=True,
        samesite="strict",
        secure=settings.is_https,
    )


def forget(response: Response, settings: Settings) -> None:
    """Remove the cookie."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=settings.is_https)


def require_own_form(request: Request) -> None:
    """Refuse a form that another site sent. Raises NotPermitted (FORM_FROM_ELSEWHERE).

    A browser always says where a form comes from; who does not say is no browser of ours.
    """
    origin = request.headers.get("origin", "")
    site = request.headers.get("sec-fetch-site", "same-origin")
    if urlsplit(origin).netloc != request.headers.get("host", "") or site != "same-origin":
        raise NotPermitted("this form came from elsewhere", reason="FORM_FROM_ELSEWHERE")
