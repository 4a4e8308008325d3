"""What the page of an order's story shows: the story, with names of staff and branches instead of
ids where they can be had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.composed import Asking
from gateway.names import Names, asked_for
from gateway.order_story.sections import story_of

_PEOPLE = ("by", "accepted_by", "recorded_by")


@dataclass(frozen=True)
class StoryPage:
    """Everything the template shows."""

    story: dict[str, Any]
    names: Names

    def place(self, identifier: str) -> str:
        """Return what a branch or lab is called, or its id."""
        return self.names[identifier]

    def person(self, identifier: str) -> str:
        """Return what a member of staff is called, or the id."""
        return self.names[identifier]

    def serial(self, piece_id: str) -> str:
        """Return the serial number of a piece of a frame; empty when it has none."""
        pieces = self.story["stock"]["pieces"]
        return next((str(one["serial"]) for one in pieces if one["id"] == piece_id), "")

    def pinned(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Yield every pin with the record that stands on it."""
        for record in self.story["records"]:
            for pin in record["pins"]:
                yield record["envelope"], pin

    def amended(self) -> Iterator[dict[str, Any]]:
        """Yield the changes that others may have to hear of."""
        for row in self.story["changes"]:
            if row["change"].get("what") not in ("recorded", "moved"):
                yield row


async def page_of(asking: Asking, request: Any) -> StoryPage:
    """Return what the page shows. Raises what billing refuses with."""
    story = await story_of(asking, request)
    gathered = await asking.all(asked_for(_people(story)))
    return StoryPage(story, Names(gathered.answers))


def _people(story: dict[str, Any]) -> set[str]:
    rows = [*story["timeline"], *story["holdings"], *story["exceptions"]]
    return {row[name] for row in rows for name in _PEOPLE if name in row}
