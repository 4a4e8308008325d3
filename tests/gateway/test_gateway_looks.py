"""Looks at people through the door: what for is said in a header, and the auditor reads one list of
all services."""

from __future__ import annotations

from typing import Any

import httpx

from chain import Chain, Person
from chassis.roles import Role
from gateway_door import Door, problem


def call(door: Door, path: str, who: Person, purpose: str = "") -> httpx.Response:
    """Read as somebody, for a purpose if one is said."""
    headers = {"Authorization": f"Bearer {who.token}"} | ({"X-Purpose": purpose} if purpose else {})
    return door.call("GET", path, headers=headers)


def registered(door: Door, reception: Person) -> str:
    person = {"name": "王芳", "birthday": "1988-05-21", "phone": "13800138000"}
    answer = door.call("POST", "/customers", token=reception.token, json=person)
    return str(answer.json()["person"]["envelope"]["id"])


def listed(door: Door, auditor: Person, query: str) -> list[dict[str, Any]]:
    """Read the whole list, two looks a page."""
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        page = call(door, f"/access?page_size=2&page_token={token}&{query}", auditor).json()
        found += page["looks"]
        token = page["next_page_token"]
        if not token:
            return found


def test_the_auditor_reads_who_looked_at_somebody_and_what_for_in_every_service(
    chain: Chain, door: Door
) -> None:
    chain.serve("customer", "clinical")
    reception = chain.person(Role.RECEPTION)
    optician = chain.person(Role.OPTICIAN, branch_id=reception.branch_id)
    auditor = chain.person(Role.AUDITOR)
    customer_id = registered(door, reception)

    for path, who, purpose in (
        (f"/customers/{customer_id}", reception, "contact"),
        (f"/customers/{customer_id}/vision-file", optician, ""),
        (f"/customers/{customer_id}", optician, "complaint"),
    ):
        assert call(door, path, who, purpose).status_code == 200

    looks = listed(door, auditor, f"customer_id={customer_id}")
    told = [(one["service"], one["actor_id"], one["purpose"]) for one in looks]
    assert told == [
        ("customer", reception.id, "contact"),
        ("clinical", optician.id, "care"),
        ("customer", optician.id, "complaint"),
    ]
    assert listed(door, auditor, f"actor_id={optician.id}") == looks[1:]


def test_a_purpose_that_nobody_knows_shows_nothing_and_is_named(chain: Chain, door: Door) -> None:
    chain.serve("customer")
    reception = chain.person(Role.RECEPTION)
    path = f"/customers/{registered(door, reception)}"

    body = problem(call(door, path, reception, "curiosity"), 422, "INVALID")

    assert [one["field"] for one in body["fields"]] == ["x-purpose"]


def test_a_closed_file_is_refused_with_the_way_to_open_it_and_opens(
    chain: Chain, door: Door
) -> None:
    chain.serve("customer")
    path = f"/customers/{registered(door, chain.person(Role.RECEPTION))}"
    elsewhere = chain.person(Role.RECEPTION)

    body = problem(call(door, path, elsewhere), 403, "BREAK_GLASS_NEEDED")
    said = {"purpose": "care", "reason": "fainted at our desk"}
    opened = door.call("POST", f"{path}/break-glass", token=elsewhere.token, json=said)

    assert "BreakGlass" in body["detail"]
    assert opened.json()["break_glass"]["envelope"]["state"] == "open"
    assert call(door, path, elsewhere).json()["person"]["name"] == "王芳"
