"""To whom a person's file is open, and which breakings of the glass wait for a judgement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from chassis import clock
from chassis.access import AccessPolicy, Standing
from chassis.actor import Actor
from chassis.db import Reading
from chassis.ids import as_uuid
from chassis.pages import Page, position, size_of
from customer import store, store_protection
from customer.protection import tier_now


def standing(connection: Connection, person_id: str, actor: Actor) -> Standing:
    """Return how a living person's file stands towards somebody. Raises Unknown."""
    at = clock.now()
    since = AccessPolicy.in_force(connection, at).known_since(at)
    found = store_protection.standing(connection, person_id, actor, at=at, known_since=since)
    country = store.country(connection, at)
    return Standing(
        tier=tier_now(found.tier, is_minor=country.is_minor(found.birthday)),
        is_known_here=found.is_known_here,
        break_glass_id=found.break_glass_id,
    )


def get_protection(reading: Reading, *, customer_id: str) -> dict[str, Any]:
    """Return how a file stands towards whom a service asks for. Raises Unknown."""
    person_id = store.living(reading.connection, customer_id)
    found = standing(reading.connection, person_id, reading.actor)
    return {
        "protection_tier": found.tier,
        "is_known_here": found.is_known_here,
        "break_glass_id": found.break_glass_id,
    }


def list_break_glasses(reading: Reading, *, page_size: int, page_token: str) -> dict[str, Any]:
    """Return a page of what waits for a judgement, due first."""
    size = size_of(page_size)
    key = position(page_token, str, as_uuid)
    found = store_protection.waiting(reading.connection, reading.actor, key, size + 1)
    page = Page.of(found, size, key=lambda one: (store_protection.due_at(one), one.id))
    return {"break_glasses": page.rows, "next_page_token": page.next_page_token}
