"""The body of a request: never larger, slower or stranger than the door takes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import ClientDisconnect, Request

from gateway.errors import BodyMalformed, BodyTooLarge, BodyTooSlow, MediaTypeRefused
from gateway.settings import Settings

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


async def read_body(request: Request, settings: Settings, media_type: str) -> bytes:
    """Return the body. Raises BodyTooLarge, BodyTooSlow, MediaTypeRefused, BodyMalformed."""
    limit = settings.body_limit_bytes
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise _too_large(limit)
    pieces = bytearray()
    try:
        async with asyncio.timeout(settings.body_seconds):
            async for piece in request.stream():
                pieces += piece
                if len(pieces) > limit:
                    raise _too_large(limit)
    except TimeoutError:
        raise BodyTooSlow("the body did not arrive in time") from None
    except ClientDisconnect:
        raise BodyMalformed("the body ended early") from None
    if pieces:
        _require_media_type(request, media_type)
    return bytes(pieces)


async def read_json(request: Request, settings: Settings) -> Any:
    """Return the JSON document of the body; an empty body is an empty object. Raises as read_body
    does."""
    raw = await read_body(request, settings, JSON)
    if not raw:
        return {}
    try:
        return json.loads(
            raw.decode("utf-8-sig"),
            object_pairs_hook=_object,
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError as error:
        raise BodyMalformed(
            f"the body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            line=error.lineno,
            column=error.colno,
        ) from None
    except UnicodeDecodeError as error:
        raise BodyMalformed(f"the body is no UTF-8 text at byte {error.start}") from None
    except RecursionError:
        raise BodyMalformed("the body is nested too deeply") from None
    except ValueError:
        raise BodyMalformed("the body holds a number that is too long") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BodyMalformed(f"the body names {twice[:64]} twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise BodyMalformed(f"the body holds {name}, which is no JSON")


def _require_media_type(request: Request, wanted: str) -> None:
    given, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if given.strip().lower() != wanted or charset not in ("", "utf-8"):
        raise MediaTypeRefused(f"the body must be {wanted} in UTF-8", wanted=wanted)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes", limit_bytes=limit)
