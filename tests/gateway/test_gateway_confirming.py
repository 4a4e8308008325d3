"""Saying once more who one is, by the API and in a browser, before a signature."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from chain import Chain, Person
from chassis import clock
from chassis.ids import new_id
from chassis.roles import Role
from gateway_door import Browser, Door, problem

FIRST, OWN = "given by head office", "a password of my own"


@pytest.fixture
def browser(door: Door, office: Person) -> Iterator[Browser]:
    """The browser of a cashier who signed in with an own password."""
    branch = {"name": "静安店", "code": "JA1", "branch_kind": "shop", "time_zone": "Asia/Shanghai"}
    opened = door.call("POST", "/branches", token=office.token, json=branch).json()["branch"]
    staff = {
        "name": "钱敏",
        "roles": ["cashier"],
        "branch_ids": [opened["envelope"]["id"]],
        "login": "qian.min",
        "first_password": FIRST,
    }
    assert door.call("POST", "/staff", token=office.token, json=staff).status_code == 200
    with closing(Browser(door)) as browser:
        browser.send("/sign-in", login="qian.min", password=FIRST)
        browser.send("/password", present_password=FIRST, new_password=OWN, repeated=OWN)
        yield browser


def signed_in(door: Door) -> dict[str, Any]:
    given = {"login": "qian.min", "password": OWN}
    session: dict[str, Any] = door.call("POST", "/sessions", json=given).json()["session"]
    return session


def test_the_password_once_more_gives_a_token_and_a_wrong_one_none(
    door: Door, browser: Browser
) -> None:
    session = signed_in(door)
    confirmed = door.call(
        "POST", "/identity", token=session["token"], json={"password": OWN}
    ).json()
    assert confirmed["authenticated_at"] > session["authenticated_at"]
    assert door.call("GET", "/branches", token=confirmed["token"]).status_code == 200
    wrong = door.call("POST", "/identity", token=session["token"], json={"password": "a guess"})
    problem(wrong, 401, "SIGN_IN_REFUSED")
    problem(door.call("POST", "/identity", json={"password": OWN}), 401, "TOKEN_MISSING")


def test_a_browser_confirms_the_password_and_goes_back_to_where_it_was(browser: Browser) -> None:
    form = browser.client.get("/confirm?next=/qualifications/expiring/page")
    assert 'value="/qualifications/expiring/page"' in form.text
    wrong = browser.send("/confirm", password="a guess")
    assert (wrong.status_code, "the password is wrong" in wrong.text) == (401, True)
    before = browser.client.cookies["optichain_session"]

    back = browser.send("/confirm", password=OWN, next="/qualifications/expiring/page")
    assert (back.status_code, back.headers["location"]) == (303, "/qualifications/expiring/page")
    assert browser.client.cookies["optichain_session"] != before
    assert browser.client.get("/").status_code == 200
    elsewhere = browser.send("/confirm", password=OWN, next="https://elsewhere.example")
    assert elsewhere.headers["location"] == "/"
    foreign = browser.client.post(
        "/confirm", data={"password": OWN}, headers={"Origin": "https://elsewhere.example"}
    )
    assert foreign.status_code == 403


def test_a_signature_after_too_long_is_a_problem_that_says_what_to_do(
    door: Door, chain: Chain
) -> None:
    chain.serve("clinical")
    stale = chain.person(Role.OPTOMETRIST, authenticated_at=clock.now() - timedelta(hours=1))
    answer = door.call(
        "POST",
        f"/refractions/{new_id('ref')}/sign",
        token=stale.token,
        json={"revision": 1},
    )
    told = problem(answer, 401, "REAUTHENTICATION_NEEDED")
    assert told["title"] == "Confirm your password first"
    challenge = answer.headers["www-authenticate"]
    assert challenge == 'Bearer error="insufficient_user_authentication", max_age=900'
