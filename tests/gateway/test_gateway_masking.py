"""An answer over HTTP says which of its fields were covered for the caller."""

from __future__ import annotations

import pytest

from chain import Chain
from chassis.ids import new_id
from chassis.roles import Role
from gateway_door import Door, problem

PERSON = {
    "name": "欧阳静",
    "sex": "female",
    "birthday": "1990-03-14",
    "phone": "139 1600 0199",
    "address": "愚园路20号",
}


BRANCH = new_id("br")


@pytest.fixture
def place(chain: Chain, door: Door) -> str:
    chain.serve("customer")
    token = token_of(chain, Role.RECEPTION)
    answer = door.call("POST", "/customers", token=token, json=PERSON)
    assert answer.status_code == 200, answer.text
    assert "x-masked" not in answer.headers
    return f"/customers/{answer.json()['person']['envelope']['id']}"


def token_of(chain: Chain, role: Role) -> str:
    """Somebody of the branch that registered the person."""
    return chain.person(role, branch_id=BRANCH).token


def test_what_is_covered_is_named_in_a_header_and_never_said(
    chain: Chain, door: Door, place: str
) -> None:
    answer = door.call("GET", place, token=token_of(chain, Role.CASHIER))

    person = answer.json()["person"]
    assert (person["name"], person["phone_e164"]) == (PERSON["name"], "***0199")
    assert "sex" not in person
    assert "age_years" not in answer.json()
    assert answer.headers["x-masked"].split(", ") == [
        "age_years",
        "person.address",
        "person.birthday",
        "person.phone_e164",
        "person.sex",
    ]
    for hidden in ("13916000199", PERSON["address"], PERSON["birthday"]):
        assert hidden not in answer.text


def test_who_reads_everything_hears_of_nothing_covered(
    chain: Chain, door: Door, place: str
) -> None:
    answer = door.call("GET", place, token=token_of(chain, Role.OPTICIAN))
    assert answer.json()["person"]["address"] == PERSON["address"]
    assert "x-masked" not in answer.headers


def test_stars_are_not_taken_for_a_telephone(chain: Chain, door: Door, place: str) -> None:
    sent = {"phone": "***0199", "reason": "as shown", "revision": 1}
    token = token_of(chain, Role.CASHIER)
    refused = problem(door.call("POST", f"{place}/amend", token=token, json=sent), 422, "INVALID")
    assert [(one["field"], one["rule"]) for one in refused["fields"]] == [("phone", "covered")]
