"""An order as a whole: composed from every service, partial when one is away, and as a page."""

from __future__ import annotations

import base64
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from chain import Chain
from chassis.ids import new_id
from chassis.roles import Role
from gateway.owners import SERVICES
from gateway_door import Browser, Door, free_address, problem
from gateway_shop import LOGIN, PASSWORD, Shop, appoint, open_shop, quoted


@pytest.fixture
def shop(chain: Chain, door: Door) -> Shop:
    """A shop with an approved order, with every service served."""
    chain.serve(*SERVICES[1:])
    return open_shop(chain, door)


def state_of(door: Door, shop: Shop) -> dict[str, Any]:
    response = door.call("GET", f"/orders/{shop.order_id}/state", token=shop.optician.token)
    assert response.status_code == 200, response.text
    state: dict[str, Any] = response.json()
    return state


def test_an_orders_whole_state_comes_in_one_call(door: Door, shop: Shop) -> None:
    state = state_of(door, shop)

    assert (state["is_partial"], state["unavailable"]) == (False, [])
    assert state["case_id"] == shop.case_id
    assert state["order"]["order"]["envelope"]["id"] == shop.order_id
    assert state["order"]["balance"]["total"]["amount_minor"] == 150_000
    assert state["jobs"] == []
    kinds = {one["envelope"]["kind"]: one for one in state["records"]}
    assert {"billing.order", "billing.quotation", "billing.customer_approval"} <= set(kinds)
    assert {pin["kind"] for pin in kinds["billing.order"]["pins"]} >= {"billing.quotation"}
    given = [(one["from_role"], one["to_role"]) for one in state["handovers"]]
    assert given[-1] == ("optician", "cashier")
    assert all(one["service"] == "billing" for one in state["records"])


def test_the_state_is_partial_and_says_so_when_services_are_away_or_silent(
    folder: Path, shop: Shop
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        door = Door(
            folder,
            LABJOB_ADDRESS=free_address(),
            CLINICAL_ADDRESS=f"127.0.0.1:{silent.getsockname()[1]}",
            GATEWAY_COMPOSED_CALL_SECONDS="1",
        )
        try:
            state = state_of(door, shop)
            page = door.client.get("/sign-in")
        finally:
            assert door.stop() == 0

    assert page.status_code == 200
    assert state["is_partial"]
    assert {one["service"]: one["reason"] for one in state["unavailable"]} == {
        "clinical": "DEADLINE_EXCEEDED",
        "labjob": "UNAVAILABLE",
    }
    assert {one["service"] for one in state["records"]} == {"billing"}


def test_without_the_service_of_orders_there_is_no_state(folder: Path, shop: Shop) -> None:
    door = Door(folder, BILLING_ADDRESS=free_address())
    try:
        path = f"/orders/{shop.order_id}/state"
        away = problem(door.call("GET", path, token=shop.optician.token), 503, "UNAVAILABLE")
        assert away["details"] == {"service": "billing"}
        case = door.call("GET", f"/cases/{shop.case_id}/records", token=shop.optician.token).json()
        assert case["records"] == []
        assert [one["service"] for one in case["unavailable"]] == ["billing"]
    finally:
        assert door.stop() == 0


def test_a_state_is_refused_like_any_other_answer(chain: Chain, door: Door, shop: Shop) -> None:
    token = shop.optician.token
    problem(door.call("GET", f"/orders/{shop.order_id}/state"), 401, "TOKEN_MISSING")
    problem(door.call("GET", f"/orders/{shop.order_id}/state", token="x.y.z"), 401, "TOKEN_REFUSED")
    problem(door.call("GET", f"/orders/{new_id('ord')}/state", token=token), 404, "RECORD_UNKNOWN")
    problem(
        door.call("GET", f"/orders/{new_id('job')}/state", token=token), 422, "ID_OF_WRONG_KIND"
    )
    problem(door.call("GET", "/cases/nothing/records", token=token), 422, "INVALID")
    problem(door.call("GET", f"/cases/{shop.case_id}/records", token="x.y.z"), 401, "TOKEN_REFUSED")
    courier = chain.person(Role.COURIER)
    problem(
        door.call("GET", f"/orders/{shop.order_id}/state", token=courier.token),
        403,
        "ROLE_NOT_PERMITTED",
    )


def test_a_part_that_the_reader_may_not_read_is_no_outage(
    chain: Chain, door: Door, shop: Shop
) -> None:
    accounts = chain.person(Role.ACCOUNTS, branch_id=shop.branch_id)
    state = door.call("GET", f"/orders/{shop.order_id}/state", token=accounts.token).json()

    (refused,) = state["not_permitted"]
    assert (refused["service"], refused["reason"]) == ("labjob", "ROLE_NOT_PERMITTED")
    assert (state["is_partial"], state["unavailable"]) == (False, [])
    assert {one["service"] for one in state["records"]} == {"billing"}


def test_the_same_service_may_be_away_for_one_part_and_closed_to_the_reader_for_another(
    chain: Chain, folder: Path, shop: Shop
) -> None:
    accounts = chain.person(Role.ACCOUNTS, branch_id=shop.branch_id)
    door = Door(folder, LABJOB_ADDRESS=free_address())
    try:
        path = f"/orders/{shop.order_id}/state"
        state = door.call("GET", path, token=accounts.token).json()
    finally:
        assert door.stop() == 0

    assert [one["service"] for one in state["unavailable"]] == ["labjob"]
    assert state["not_permitted"] == []
    assert state["is_partial"]


def test_a_case_lists_its_records_and_handovers_of_every_service(door: Door, shop: Shop) -> None:
    path = f"/cases/{shop.case_id}"
    records = door.call("GET", f"{path}/records", token=shop.optician.token).json()
    handovers = door.call("GET", f"{path}/handovers", token=shop.optician.token).json()

    state = state_of(door, shop)
    assert records["records"] == state["records"]
    assert handovers["handovers"] == state["handovers"]


def wait_for_the_optician(chain: Chain, door: Door, shop: Shop, count: int) -> list[str]:
    """Have things wait for the optician in two services by turns; return the ids in order."""
    manager = chain.person(Role.BRANCH_MANAGER, branch_id=shop.branch_id)
    token = chain.person(Role.RECEPTION, Role.OPTICIAN, branch_id=shop.branch_id).token
    person = {"name": "欧阳静", "phone": "13916000199", "birthday": "1990-05-01"}
    customer = door.call("POST", "/customers", token=token, json=person)
    customer_id = customer.json()["person"]["envelope"]["id"]
    allowed = {"purpose": "order_service", "answer": "yes", "channels": ["phone_call"]}
    path = f"/customers/{customer_id}/contact-permissions"
    answer = door.call("POST", path, token=token, json={**allowed, "follow_up_wanted": True})
    assert answer.status_code == 200, answer.text
    waiting = []
    for number in range(count):
        if number % 2:
            waiting.append(quoted(chain, manager, new_id("case")))
            continue
        plan = {"due_on": "2027-01-01", "subject": f"adaptation {number}"}
        path = f"/customers/{customer_id}/follow-ups"
        answer = door.call("POST", path, token=token, json=plan)
        assert answer.status_code == 200, answer.text
        waiting.append(answer.json()["follow_up"]["envelope"]["id"])
    return waiting


def test_what_waits_is_one_list_of_all_services_page_by_page(
    chain: Chain, door: Door, shop: Shop
) -> None:
    expected = wait_for_the_optician(chain, door, shop, 7)

    seen: list[str] = []
    token, pages = "", 0
    while pages < 10:
        query = {"page_size": "2", "page_token": token}
        page = door.call("GET", "/waiting", token=shop.optician.token, params=query).json()
        assert not page["is_partial"]
        assert len(page["handovers"]) <= 2
        seen += [one["record_id"] for one in page["handovers"]]
        token, pages = page["next_page_token"], pages + 1
        if not token:
            break

    assert seen == expected
    whole = door.call("GET", "/waiting", token=shop.optician.token).json()
    assert [one["record_id"] for one in whole["handovers"]] == expected
    assert {one["service"] for one in whole["handovers"]} == {"billing", "customer"}
    refused = door.call("GET", "/waiting?page_token=x", token=shop.optician.token)
    problem(refused, 422, "PAGE_TOKEN_REFUSED")


def sign_in(
    browser: Browser, password: str = PASSWORD, login: str = LOGIN, **more: str
) -> httpx.Response:
    return browser.send("/sign-in", login=login, password=password, **more)


def own_page(door: Door, shop: Shop, login: str) -> str:
    """Return the page of the order as its reader sees it."""
    with closing(Browser(door)) as browser:
        assert sign_in(browser, login=login).status_code == 303
        return browser.client.get(f"/orders/{shop.order_id}/page").text


@pytest.fixture
def browser(door: Door, shop: Shop) -> Iterator[Browser]:
    """A browser that nobody has signed in with yet."""
    with closing(Browser(door)) as browser:
        yield browser


def test_a_browser_signs_in_and_sees_the_order_with_its_photos(
    browser: Browser, door: Door, shop: Shop
) -> None:
    path = f"/orders/{shop.order_id}/page"
    sent_away = browser.client.get(path)
    assert (sent_away.status_code, sent_away.headers["location"]) == (
        303,
        f"/sign-in?next=/orders/{shop.order_id}/page",
    )
    signed_in = sign_in(browser, next=path)
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, path)
    cookie = signed_in.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie

    page = browser.client.get(path)

    assert page.status_code == 200
    for words in ("customer approval", "quotation", "optician", "cashier", "has waited", "JA1"):
        assert words in page.text
    assert "1500.00 CNY" in page.text
    assert "<script" not in page.text
    source = re.search(r'<img src="([^"]+)"', page.text)
    assert source is not None
    url = source[1].replace("&amp;", "&")
    assert httpx.get(url, trust_env=False).content.startswith(b"\x89PNG")
    origin = "/".join(url.split("/")[:3])
    assert f"img-src 'self' {origin}" in page.headers["content-security-policy"]

    front = browser.client.get("/")
    assert "What waits for you here" in front.text
    found = browser.client.get("/orders", params={"order_id": shop.order_id})
    assert found.headers["location"] == path


def test_the_page_tells_an_outage_from_what_a_role_may_not_read(
    chain: Chain, folder: Path, door: Door, shop: Shop
) -> None:
    office = chain.person(Role.HEAD_OFFICE)
    appoint(door, office, shop.branch_id, "qian.min", "accounts")
    shown = own_page(door, shop, "qian.min")
    assert "labjob: your role may not read this part" in shown
    assert "does not answer" not in shown

    away = Door(folder, CLINICAL_ADDRESS=free_address())
    try:
        shown = own_page(away, shop, "qian.min")
    finally:
        assert away.stop() == 0
    assert "clinical does not answer" in shown
    assert "labjob: your role may not read this part" in shown


def test_the_api_does_not_look_at_the_cookie_of_the_pages(
    browser: Browser, door: Door, shop: Shop
) -> None:
    sign_in(browser)

    refused = browser.client.get(f"/api/v1/orders/{shop.order_id}")

    problem(refused, 401, "TOKEN_MISSING")


def test_a_form_from_elsewhere_and_a_wrong_password_do_not_sign_in(
    browser: Browser, door: Door, shop: Shop
) -> None:
    form = {"login": LOGIN, "password": PASSWORD}
    for origin in ({}, {"Origin": "https://elsewhere.example"}, {"Origin": "null"}):
        refused = browser.client.post("/sign-in", data=form, headers=origin)
        assert refused.status_code == 403
        assert "set-cookie" not in refused.headers
    wrong = sign_in(browser, password="not the password")
    assert wrong.status_code == 401
    assert "login or password is wrong" in wrong.text
    assert "not the password" not in wrong.text
    assert browser.client.get("/").headers["location"] == "/sign-in"
    away = sign_in(browser, next="https://elsewhere.example")
    assert away.headers["location"] == "/"


def test_signing_out_ends_the_session_and_the_cookie(
    browser: Browser, door: Door, shop: Shop
) -> None:
    sign_in(browser)
    elsewhere = browser.client.post("/sign-out", headers={"Origin": "https://elsewhere.example"})
    assert elsewhere.status_code == 403
    assert browser.client.get("/").status_code == 200

    gone = browser.client.post("/sign-out", headers={"Origin": door.url})

    assert gone.headers["location"] == "/sign-in"
    assert browser.client.get("/").headers["location"] == "/sign-in"


def test_a_page_renews_a_session_whose_token_has_ended_and_forgets_one_that_cannot_be(
    browser: Browser, door: Door, shop: Shop
) -> None:
    sign_in(browser)
    kept = json.loads(base64.urlsafe_b64decode(browser.client.cookies["optichain_session"]))
    kept[1] = int(time.time()) - 1
    cookie = base64.urlsafe_b64encode(json.dumps(kept).encode()).decode()
    browser.client.cookies.clear()

    renewed = browser.client.get("/", headers={"Cookie": f"optichain_session={cookie}"})
    assert renewed.status_code == 200
    assert browser.client.cookies["optichain_session"] != cookie
    assert browser.client.get("/").status_code == 200

    browser.client.cookies.clear()
    used_up = browser.client.get("/", headers={"Cookie": f"optichain_session={cookie}"})
    assert used_up.headers["location"] == "/sign-in"
    garbage = browser.client.get("/", headers={"Cookie": "optichain_session=%%%"})
    assert garbage.headers["location"] == "/sign-in"


def test_a_page_that_cannot_be_shown_says_why_in_words(
    browser: Browser, door: Door, shop: Shop
) -> None:
    sign_in(browser)

    unknown = browser.client.get(f"/orders/{new_id('ord')}/page")
    assert unknown.status_code == 404
    assert "There is no such record" in unknown.text
    assert browser.client.get("/orders", params={"order_id": "x"}).status_code == 422
