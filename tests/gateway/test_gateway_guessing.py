"""Guessing logins: each login has its limit at organisation, each address has one at the door."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from chain import Chain
from gateway_door import Browser, Door, problem
from gateway_shop import LOGIN, PASSWORD, appoint

FAILURES = 4


@pytest.fixture
def behind_proxy(door: Door, folder: Path) -> Iterator[Door]:
    """A door behind one proxy of our own; what an address uses up hardly comes back."""
    own = Door(
        folder,
        GATEWAY_SIGN_IN_FAILURES=str(FAILURES),
        GATEWAY_SIGN_IN_FAILURES_SECONDS="3600",
        GATEWAY_PROXIES="1",
    )
    yield own
    assert own.stop() == 0


def guess(door: Door, login: str, address: str, password: str = "a guess") -> httpx.Response:
    given = {"login": login, "password": password}
    return door.call("POST", "/sessions", json=given, headers={"X-Forwarded-For": address})


def test_guessing_many_logins_from_one_address_ends_and_another_address_goes_on(
    behind_proxy: Door,
) -> None:
    for number in range(FAILURES):
        refused = guess(behind_proxy, f"stranger{number}", "203.0.113.7")
        problem(refused, 401, "SIGN_IN_REFUSED")

    throttled = guess(behind_proxy, "one.more", "203.0.113.7")

    problem(throttled, 429, "ADDRESS_THROTTLED")
    assert 0 < int(throttled.headers["retry-after"]) <= 3600 / FAILURES
    problem(guess(behind_proxy, "one.more", "203.0.113.8"), 401, "SIGN_IN_REFUSED")
    # What stands left of the proxy's own word is the client's claim.
    forged = guess(behind_proxy, "one.more", "198.51.100.1, 203.0.113.7")
    problem(forged, 429, "ADDRESS_THROTTLED")
    on_page = Browser(behind_proxy)
    on_page.client.headers["X-Forwarded-For"] = "203.0.113.7"
    shown = on_page.send("/sign-in", login="one.more", password="a guess")
    assert (shown.status_code, "too many failures from this address" in shown.text) == (429, True)
    on_page.close()


def test_guesses_that_come_all_at_once_or_from_one_network_of_ipv6_are_counted_too(
    behind_proxy: Door,
) -> None:
    addresses = [f"2001:db8:1:2::{number:x}" for number in range(1, 11)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda one: guess(behind_proxy, f"at.once{one[-1]}", one), addresses)
        )

    assert sorted(answer.status_code for answer in answers) == [401] * FAILURES + [429] * 6
    problem(guess(behind_proxy, "at.last", "2001:db8:1:3::1"), 401, "SIGN_IN_REFUSED")


def test_a_branch_behind_one_address_signs_in_as_often_as_it_likes(
    chain: Chain, behind_proxy: Door
) -> None:
    office = chain.head_office()
    appoint(behind_proxy, office, office.actor.branch_id, LOGIN, "optician")
    address = "203.0.113.9"
    for _ in range(FAILURES - 1):
        problem(guess(behind_proxy, LOGIN, address), 401, "SIGN_IN_REFUSED")

    for _ in range(FAILURES + 1):
        assert guess(behind_proxy, LOGIN, address, PASSWORD).status_code == 200
    problem(behind_proxy.call("POST", "/sessions", json={}), 422, "INVALID")


def test_an_address_is_slowed_and_not_shut_out_and_no_client_names_its_own(
    door: Door, folder: Path
) -> None:
    quick = Door(folder, GATEWAY_SIGN_IN_FAILURES="2", GATEWAY_SIGN_IN_FAILURES_SECONDS="4")
    try:
        answers = [guess(quick, f"stranger{one}", f"203.0.113.{one}") for one in range(3)]
        assert [one.status_code for one in answers] == [401, 401, 429]
        time.sleep(float(answers[-1].headers["retry-after"]))
        problem(guess(quick, "stranger9", "203.0.113.9"), 401, "SIGN_IN_REFUSED")
    finally:
        assert quick.stop() == 0
