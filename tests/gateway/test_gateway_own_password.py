"""The page on which people change their own password, the first one above all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from chain import Person
from gateway_door import Browser, Door

FIRST, OWN = "given by head office", "a password of my own"


@pytest.fixture
def browser(door: Door, office: Person) -> Iterator[Browser]:
    """The browser of a cashier who was appointed just now."""
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
        yield browser


def sign_in(browser: Browser, password: str) -> httpx.Response:
    return browser.send("/sign-in", login="qian.min", password=password)


def change(browser: Browser, present: str, new: str, repeated: str = "") -> httpx.Response:
    return browser.send(
        "/password", present_password=present, new_password=new, repeated=repeated or new
    )


def test_who_was_given_a_password_is_led_to_change_it_and_then_goes_on(browser: Browser) -> None:
    assert sign_in(browser, FIRST).status_code == 303
    led = browser.client.get("/")
    assert (led.status_code, led.headers["location"]) == (303, "/password")
    form = browser.client.get("/password")
    assert form.status_code == 200
    assert 'name="new_password" type="password"' in form.text

    gone_on = change(browser, FIRST, OWN)

    assert (gone_on.status_code, gone_on.headers["location"]) == (303, "/")
    assert "What waits for you here" in browser.client.get("/").text
    with closing(Browser(browser.door)) as other:
        assert sign_in(other, FIRST).status_code == 401
        assert sign_in(other, OWN).status_code == 303


def test_what_is_wrong_with_the_form_is_said_on_it_and_nothing_is_changed(
    browser: Browser,
) -> None:
    sign_in(browser, FIRST)
    wrong = change(browser, "not the password", OWN)
    assert (wrong.status_code, "the present password is wrong" in wrong.text) == (401, True)
    weak = change(browser, FIRST, "short")
    assert (weak.status_code, "must have 10 characters" in weak.text) == (422, True)
    differing = change(browser, FIRST, OWN, repeated="another password")
    assert (differing.status_code, "differs from the new password" in differing.text) == (422, True)
    empty = change(browser, "", "")
    assert empty.status_code == 422
    for page in (wrong, weak, differing):
        assert 'action="/password"' in page.text
        assert OWN not in page.text

    assert browser.client.get("/").headers["location"] == "/password"


def test_a_password_is_changed_by_our_own_form_of_who_is_signed_in_alone(browser: Browser) -> None:
    form = {"present_password": FIRST, "new_password": OWN, "repeated": OWN}
    nobody = change(browser, FIRST, OWN)
    assert (nobody.status_code, nobody.headers["location"]) == (303, "/sign-in")
    sign_in(browser, FIRST)
    for origin in ({}, {"Origin": "https://elsewhere.example"}, {"Origin": "null"}):
        refused = browser.client.post("/password", data=form, headers=origin)
        assert refused.status_code == 403

    assert sign_in(browser, FIRST).status_code == 303


def test_guessing_the_present_password_locks_the_login(browser: Browser) -> None:
    sign_in(browser, FIRST)
    for _ in range(5):
        assert change(browser, "not the password", OWN).status_code == 401

    locked = change(browser, FIRST, OWN)

    assert (locked.status_code, "too many failures" in locked.text) == (429, True)
