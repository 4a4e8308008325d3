"""One list by page out of the lists of every service.

Each service lists in the same order, so their pages merge. The token remembers the last row shown
and, for each service, the token of the page that it came from.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from google.protobuf.message import Message

from chassis.errors import invalid
from gateway.composed import Asking, answer, part_of, whole, with_service
from gateway.into_json import json_of
from gateway.owners import SERVICES
from gateway.schemas import Schema, Schemas

_USUAL_SIZE = 50

Place = tuple[int, str]
"""An instant in nanoseconds and an id: how the list is sorted."""


class Token(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a page of the merged list ended."""

    last_ns: int
    last_id: str
    pages: dict[str, str]
    """Token of the page to go on from, by service; a service that is not named has no more."""


@dataclass(frozen=True)
class _Row:
    """A row of a service, in its place."""

    service: str
    message: Any
    place: Place


@dataclass(frozen=True)
class Merged:
    """A list that every service answers to the same request: the response's field of rows, and the
    place of a row."""

    request: type[Message]
    response: type[Message]
    field: str
    place: Callable[[Any], Place]
    order: str

    async def page(self, asking: Asking, request: Any) -> dict[str, Any]:
        """Return a page of the list. Raises Invalid (PAGE_TOKEN_REFUSED)."""
        size = request.page_size or _USUAL_SIZE
        token = _opened(request.page_token)
        gathered = await asking.all(
            {
                service: (service, self._asked(request, size, page))
                for service, page in token.pages.items()
            }
        )
        last = (token.last_ns, token.last_id)
        found = [
            row
            for service, given in gathered.answers.items()
            for row in self._rows(service, given)
            if row.place > last
        ]
        shown = self._shown(found, gathered.answers, size)
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
        rows = [with_service(one.service, json_of(one.message)) for one in shown]
        next_token = _closed(Token(*last, pages)) if more else ""
        return answer(gathered, **{self.field: rows}, next_page_token=next_token)

    def schema(self, schemas: Schemas) -> Schema:
        """Return the schema of the answer."""
        row: Any = self.response.DESCRIPTOR.fields_by_name[self.field].message_type
        rows = {"type": "array", "items": part_of(schemas.given(row)), "description": self.order}
        return whole(
            **{self.field: rows},
            next_page_token={"type": "string", "description": "Empty when this is the last page"},
        )

    def _asked(self, request: Message, size: int, page: str) -> Message:
        asked = self.request()
        asked.CopyFrom(request)
        page_of: Any = asked
        page_of.page_size, page_of.page_token = size, page
        return asked

    def _rows(self, service: str, given: Any) -> list[_Row]:
        return [_Row(service, one, self.place(one)) for one in getattr(given, self.field)]

    def _shown(self, found: list[_Row], answers: dict[str, Any], size: int) -> list[_Row]:
        """Return the page: nothing beyond the end of a service's own page that goes on, because
        what follows there may have to stand in between."""
        ends = [
            self._rows(service, given)[-1].place
            for service, given in answers.items()
            if given.next_page_token and getattr(given, self.field)
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
