"""What the page of an order shows: its steps with owners and versions, who handed what to whom and
how long it waited, the photos; names of staff and branches instead of ids where they can be had."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from chassis import clock
from gateway.composed import Asked, Asking
from gateway.into_json import json_of
from gateway.names import Names, asked_for
from gateway.story import Story
from optichain.object.v1 import object_service_pb2 as objects

_MOST_PHOTOS = 24


@dataclass(frozen=True)
class Photo:
    """A picture, where it can be read for some minutes, and what it belongs to."""

    url: str
    kind: str
    note: str


@dataclass(frozen=True)
class OrderPage:
    """Everything the template shows."""

    order: dict[str, Any]
    jobs: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    handovers: list[dict[str, Any]]
    photos: list[Photo]
    unavailable: list[dict[str, str]]
    not_permitted: list[dict[str, str]]

    @property
    def photo_origins(self) -> tuple[str, ...]:
        """Where the browser may fetch pictures from."""
        parts = {urlsplit(photo.url) for photo in self.photos}
        return tuple(sorted({f"{part.scheme}://{part.netloc}" for part in parts}))


async def page_of(asking: Asking, story: Story) -> OrderPage:
    """Return what the page shows."""
    asked = asked_for(_people(story)) | _pictures(story)
    gathered = await asking.all(asked)
    names = Names(gathered.answers)
    return OrderPage(
        order=json_of(story.order),
        jobs=[json_of(job) for job in story.jobs],
        steps=[_step(service, record, names) for service, record in story.records],
        handovers=[_handover(service, one, names) for service, one in story.handovers],
        photos=list(_photos(story, gathered.answers)),
        unavailable=story.gathered.unavailable(),
        not_permitted=story.gathered.not_permitted(),
    )


def _people(story: Story) -> set[str]:
    return {
        *(record.envelope.recorded_by for _, record in story.records),
        *(one.given_by for _, one in story.handovers),
        *(one.accepted_by for _, one in story.handovers),
    }


def _pictures(story: Story) -> dict[str, Asked]:
    return {
        f"photo {shown.object_key}": (
            service,
            objects.OfferReadRequest(object_key=shown.object_key),
        )
        for service, _, shown in list(_shown(story))[:_MOST_PHOTOS]
    }


def _shown(story: Story) -> Iterable[tuple[str, Any, Any]]:
    """Return every picture among the evidence, once, with its service and record."""
    seen = set()
    for service, record in story.records:
        for one in record.envelope.evidence:
            if one.media_type.startswith("image/") and one.object_key not in seen:
                seen.add(one.object_key)
                yield service, record, one


def _photos(story: Story, answers: dict[str, Any]) -> Iterable[Photo]:
    for _, record, shown in _shown(story):
        offered = answers.get(f"photo {shown.object_key}")
        if offered is not None:
            yield Photo(url=offered.url, kind=record.envelope.kind, note=shown.note)


def _step(service: str, record: Any, names: Names) -> dict[str, Any]:
    envelope = json_of(record.envelope)
    return {
        **envelope,
        "service": service,
        "at": _at(record.envelope.recorded_at),
        "by": names[envelope["recorded_by"]],
        "place": names[envelope["held_at_id"] or envelope["branch_id"]],
        "waits_for": envelope.get("responsible_role", ""),
        "pins": [json_of(pin) for pin in record.pins],
    }


def _handover(service: str, handover: Any, names: Names) -> dict[str, Any]:
    found = json_of(handover)
    given = _at(handover.given_at)
    is_taken = handover.HasField("accepted_at")
    waited = handover.waited_ms if is_taken else (clock.now() - given).total_seconds() * 1000
    return {
        **found,
        "service": service,
        "at": given,
        "from": found.get("from_role", ""),
        "to": found.get("to_role", ""),
        "giver": names[handover.given_by],
        "taker": names[handover.accepted_by] if is_taken else "",
        "from_place": names[handover.from_branch_id],
        "to_place": names[handover.to_branch_id],
        "waited": max(0, int(waited)),
        "is_taken": is_taken,
    }


def _at(stamp: Any) -> datetime:
    found: datetime = stamp.ToDatetime(tzinfo=UTC)
    return found
