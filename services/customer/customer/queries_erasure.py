"""Erasures as those see them who decide about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chassis import clock
from chassis.db import Reading
from chassis.ids import as_uuid
from chassis.pages import Page, position, size_of
from chassis.records.envelope import Record
from chassis.records.queries import record_at
from customer import store, store_erasure
from customer.erasure import Erasure, ErasureState


def get_erasure(reading: Reading, *, erasure_id: str) -> Record[Any]:
    """Return an erasure. Raises Unknown."""
    return record_at(reading.connection, erasure_id)


def list_erasures(
    reading: Reading, *, state: ErasureState | None, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of the erasures in a state, or of those that are due: to be decided, or
    restricted by a rule that holds no more."""
    size = size_of(page_size)
    today = store.country(reading.connection, clock.now()).today()
    after = position(page_token, datetime.fromisoformat, as_uuid)
    found: list[Record[Erasure]] = store_erasure.erasures(
        reading.connection, state, today, after, size + 1
    )
    page = Page.of(found, size, key=lambda one: (one.recorded_at.isoformat(), one.id))
    return {"erasures": page.rows, "next_page_token": page.next_page_token}
