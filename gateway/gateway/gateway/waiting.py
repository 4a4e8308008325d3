"""What waits for the caller, from every service as one list by page, longest waiting first.

Each service lists in the order handovers were given, so their pages merge. The token remembers the
last handover shown and, for each service, the token of the page that it came from.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import msgspec

from chassis.errors import invalid
from gateway.composed import Asking, Composed, answer, part_of, whole, with_service
from gateway.into_json import json_of
from gateway.owners import SERVICES
from gateway.route import get
from gateway.schemas import Schema, Schemas
from optichain.record.v1 import record_service_pb2 as records

_USUAL_SIZE = 50

Place = tuple[int, str]
"""When a handover was given, in nanoseconds, and its id: how the list is sorted."""


class Token(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a page of the merged list ended."""

    last_ns: int
    last_id: str
    pages: dict[str, str]
    """Token of the page to go on from, by service; a service that is not named has no more."""


@dataclass(frozen=True)
class _Waiting:
    """A handover of a service, in its place."""

    service: str
    handover: Any

    @property
    def place(self) -> Place:
        """Its place in the list."""
        return self.handover.given_at.ToNanoseconds(), self.handover.id


async def waiting_of(asking: Asking, request: Any) -> dict[str, Any]:
    """Return a page of what waits for the caller. Raises Invalid (PAGE_TOKEN_REFUSED)."""
    size = request.page_size or _USUAL_SIZE
    token = _opened(request.page_token)
    asked = {
        service: (service, records.ListWaitingRequest(page_size=size, page_token=page))
        for service, page in token.pages.items()
    }
    gathered = await asking.all(asked)
    last = (token.last_ns, token.last_id)
    found = [
        one
        for service, given in gathered.answers.items()
        for one in (_Waiting(service, handover) for handover in given.handovers)
        if one.place > last
    ]
    shown = _shown(found, gathered.answers, size)
    if shown:
        last = shown[-1].place
    pages = {}
    for service, page in token.pages.items():
        given = gathered.answers.get(service)
        if given is None or any(one.service == service and one.place > last for one in found):
            pages[service] = page
        elif given.next_page_token:
            pages[service] = given.next_page_token
    more = any(service in gathered.answers for service in pages)
    return answer(
        gathered,
        handovers=[with_service(one.service, json_of(one.handover)) for one in shown],
        next_page_token=_closed(Token(*last, pages)) if more else "",
    )


def _shown(found: list[_Waiting], answers: dict[str, Any], size: int) -> list[_Waiting]:
    """Return the page: nothing beyond the end of a service's own page that goes on, because what
    follows there may have to stand in between."""
    ends = [
        _Waiting(service, given.handovers[-1]).place
        for service, given in answers.items()
        if given.next_page_token and given.handovers
    ]
    known = [one for one in found if not ends or one.place <= min(ends)]
    return sorted(known, key=lambda one: one.place)[:size]


def _opened(text: str) -> Token:
    if not text:
        return Token(0, "", dict.fromkeys(SERVICES, ""))
    try:
        token = msgspec.json.decode(base64.urlsafe_b64decode(text.encode()), type=Token)
    except (ValueError, msgspec.DecodeError):
        raise _refused() from None
    if not set(token.pages) <= set(SERVICES):
        raise _refused()
    return token


def _closed(token: Token) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode()


def _refused() -> Exception:
    return invalid(
        "page_token", "page_token", "is not a token of this list", reason="PAGE_TOKEN_REFUSED"
    )


def _schema(schemas: Schemas) -> Schema:
    handover = records.ListWaitingResponse.DESCRIPTOR.fields_by_name["handovers"].message_type
    reference = part_of(schemas.given(handover))
    return whole(
        handovers={"type": "array", "items": reference, "description": "Longest waiting first"},
        next_page_token={"type": "string", "description": "Empty when this is the last page"},
    )


COMPOSED = (
    Composed(
        route=get("/waiting", records.ListWaitingRequest),
        name="ListWaiting",
        subject="records",
        text=(
            "Returns what waits for one of the caller's roles at the caller's branch, from every "
            "service, longest waiting first."
        ),
        asks=(records.ListWaitingRequest,),
        schema=_schema,
        compose=waiting_of,
    ),
)
