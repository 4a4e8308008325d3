"""The story of an order: everything about it across services, in one call and on one page; partial
when a service is away, and saying what is missing."""

from __future__ import annotations

import io
import itertools
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from pypdf import PdfReader
from weasyprint import HTML

from chain import Chain
from chassis.ids import new_id
from chassis.roles import Role
from gateway.app import description
from gateway.owners import SERVICES
from gateway_door import Browser, Door, free_address, problem
from gateway_shop import PASSWORD
from gateway_tale import DEPOSIT, NAME, PHONE, SAID, TOTAL, WHY_AMENDED, WHY_LATER, Tale, tale_of
from optichain.record.v1 import record_service_pb2 as records

STORY = "/orders/{order_id}/story"


@pytest.fixture(scope="module")
def tale(whole_chain: Chain, running_door: Door) -> Iterator[Tale]:
    """An order with which things went wrong, with every service served; only looked at."""
    whole_chain.empty()
    whole_chain.serve(*SERVICES[1:])
    yield tale_of(whole_chain, running_door)
    whole_chain.empty()


def story_of(door: Door, tale: Tale, token: str = "") -> dict[str, Any]:
    path = STORY.format(order_id=tale.bench.order_id)
    response = door.call("GET", path, token=token or tale.manager.token)
    assert response.status_code == 200, response.text
    story: dict[str, Any] = response.json()
    return story


@pytest.fixture(scope="module")
def story(running_door: Door, tale: Tale) -> dict[str, Any]:
    return story_of(running_door, tale)


def test_with_everything_up_the_story_is_whole_and_as_described(story: dict[str, Any]) -> None:
    assert (story["is_partial"], story["unavailable"]) == (False, [])
    assert (story["not_permitted"], story["missing"]) == ([], [])
    document = description()
    path = f"/api/v1{STORY}"
    answer = document["paths"][path]["get"]["responses"]["200"]
    schema = answer["content"]["application/json"]["schema"]
    whole = {"$defs": {}, "components": document["components"], **schema}
    assert set(story) == set(schema["properties"])
    jsonschema_rs.validator_for(whole).validate(story)


def test_the_first_promise_is_kept_beside_the_one_that_took_its_place(
    story: dict[str, Any], tale: Tale
) -> None:
    first, second = story["promises"]["promises"]
    assert (first["number"], first["reason"], first["envelope"]["state"]) == (1, "", "replaced")
    assert (second["number"], second["promised_on"]) == (2, tale.later_on)
    assert (second["reason"], second["informed_how"]) == (WHY_LATER, "telephone")


def test_it_tells_who_held_the_job_where_and_how_long(story: dict[str, Any], tale: Tale) -> None:
    bench = tale.bench
    job = [one for one in story["holdings"] if one["record_id"] == bench.job_id]
    for before, after in itertools.pairwise(job):
        assert before["until"] == after["from"]
    clerk = next(one for one in job if one["role"] == "lab_clerk")
    assert clerk["held_at_id"] == bench.lab_id
    assert clerk["accepted_by"] == bench.person(Role.LAB_CLERK, bench.lab_id).id
    assert clerk["from"] <= clerk["accepted_at"] <= clerk["until"]
    assert not clerk["is_open"]
    assert [one["is_open"] for one in job] == [False] * (len(job) - 1) + [True]
    assert "until" not in job[-1]
    cashier = next(one for one in story["holdings"] if one["role"] == "cashier")
    assert (cashier["record_id"], cashier["held_at_id"]) == (bench.order_id, bench.shop_id)
    assert cashier["accepted_by"] == bench.person(Role.CASHIER).id


def test_each_pin_is_held_against_what_stands_now(story: dict[str, Any], tale: Tale) -> None:
    held = {one["envelope"]["id"]: one["pins"] for one in story["records"]}
    pins = {pin["kind"]: pin for pin in held[tale.bench.job_id]}
    rx = pins["clinical.prescription"]
    assert (rx["relied_version"], rx["settled_version"], rx["live_version"]) == (1, 1, 2)
    assert rx["is_stale"]
    measured = pins["clinical.fitting_measurement"]
    assert (measured["live_version"], measured["is_stale"]) == (1, False)
    everything = [pin for pins in held.values() for pin in pins if not pin["fixed"]]
    assert {"inventory.lot", "inventory.product"} & {pin["kind"] for pin in everything}
    assert all("live_version" in pin for pin in everything)


def test_changes_are_told_with_their_values_to_roles_that_may_read_them_only(
    door_of_all: Door, tale: Tale, whole_chain: Chain
) -> None:
    optometrist = whole_chain.person(Role.OPTOMETRIST, branch_id=tale.bench.shop_id)
    reception = whole_chain.person(Role.RECEPTION, branch_id=tale.bench.shop_id)
    cashier = whole_chain.person(Role.CASHIER)

    def amended(token: str) -> dict[str, Any]:
        changes = story_of(door_of_all, tale, token)["changes"]
        (one,) = [row for row in changes if row["change"]["what"] == "amended"]
        assert (one["kind"], one["change"]["version"]) == ("clinical.prescription", 2)
        assert one["change"]["reason"] == WHY_AMENDED
        assert one["change"]["changed_by"] == tale.bench.person(Role.OPTOMETRIST).id
        assert one["held_at_id"] == tale.bench.shop_id
        (field,) = one["change"]["fields"]
        assert field["field"] == "od"
        found: dict[str, Any] = field
        return found

    seen = amended(optometrist.token)
    assert json.loads(seen["old_value"])["axis_degrees"] == 180
    assert json.loads(seen["new_value"])["axis_degrees"] == 90
    for token in (cashier.token, reception.token):
        hidden = amended(token)
        assert (hidden["old_value"], hidden["new_value"]) == ("", "")


def test_a_service_tells_the_changes_of_a_case_page_by_page_each_once(
    tale: Tale, whole_chain: Chain
) -> None:
    def page(size: int, token: str = "") -> records.ListCaseChangesResponse:
        request = records.ListCaseChangesRequest(
            case_id=tale.bench.case_id, page_size=size, page_token=token
        )
        response = records.ListCaseChangesResponse
        return whole_chain.ask(request, response, as_=tale.manager, of="billing")

    whole = page(1000)
    assert whole.next_page_token == ""
    found, token = list(page(3).changes), page(3).next_page_token
    while token:
        given = page(3, token)
        assert 0 < len(given.changes) <= 3
        found, token = found + list(given.changes), given.next_page_token
    assert found == list(whole.changes)
    assert len(found) > 6
    refused = tale.bench.refusal(lambda: page(3, "x"))
    assert refused.code == "PAGE_TOKEN_REFUSED"


def test_the_review_and_the_refused_gate_stand_among_the_exceptions(
    story: dict[str, Any], tale: Tale
) -> None:
    bench = tale.bench
    (review,) = story["reviews"]
    assert review["envelope"]["id"] == tale.review.envelope.id
    (refusal,) = [one for one in story["refusals"] if one["holder_id"] == bench.job_id]
    assert refusal["service"] == "labjob"
    assert refusal["refused_to"] == bench.person(Role.LAB_TECHNICIAN, bench.lab_id).id
    (stale,) = refusal["stale"]
    assert bench.rx is not None
    assert (stale["record_id"], stale["relied_version"], stale["live_version"]) == (
        bench.rx.id,
        1,
        2,
    )
    found = {one["what"]: one for one in story["exceptions"]}
    assert set(found) == {"review", "refused gate", "breakage", "breakage in work"}
    assert (found["review"]["is_open"], found["breakage"]["is_open"]) == (True, False)
    assert found["breakage in work"]["fault_side"] == "lab"
    assert {found[one]["reason_code"] for one in ("breakage", "breakage in work")} == {"L08"}
    assert "chipped" in found["breakage"]["text"]


def test_a_gate_that_the_order_did_not_pass_at_the_lab_is_told_of_the_order(
    door_of_all: Door, tale: Tale
) -> None:
    """A release that is refused leaves no job behind: what was refused is the order's."""
    refused = tale.bench.refusal(tale.bench.release)
    assert refused.code == "PIN_STALE"

    refusals = story_of(door_of_all, tale)["refusals"]
    last = [one for one in refusals if one["holder_id"] == tale.bench.order_id]
    assert {one["service"] for one in last} == {"labjob"}


def test_money_and_stock_are_told_with_lot_and_serial(story: dict[str, Any], tale: Tale) -> None:
    balance = story["money"]["balance"]
    assert balance["total"]["amount_minor"] == TOTAL
    assert balance["paid"]["amount_minor"] == DEPOSIT
    assert balance["due"]["amount_minor"] == TOTAL - DEPOSIT
    kinds = [one["posting_kind"] for one in story["money"]["postings"]]
    assert kinds == ["charge", "payment"]
    stock = story["stock"]
    assert [one["envelope"]["state"] for one in stock["set_asides"]] == ["reserved"]
    assert {one["serial"] for one in stock["pieces"]} <= {"S1", "S2", "S3"}
    drawn = {one["envelope"]["id"]: one for one in stock["draws"]}
    assert drawn
    assert all(one["lot_id"] and one["job_id"] == tale.bench.job_id for one in drawn.values())
    (broken,) = stock["breakages"]
    assert broken["lot_id"] in {one["lot_id"] for one in drawn.values()}
    assert broken["cost"]["amount_minor"] == 9_000


def test_what_a_breakage_cost_is_for_who_may_see_costs(door_of_all: Door, tale: Tale) -> None:
    optician = tale.bench.person(Role.OPTICIAN)
    story = story_of(door_of_all, tale, optician.token)
    (broken,) = story["stock"]["breakages"]
    assert "cost" not in broken


def test_the_customer_is_named_by_id_alone_and_messages_are_for_who_may_read_them(
    door_of_all: Door, tale: Tale, story: dict[str, Any], whole_chain: Chain
) -> None:
    (message,) = story["messages"]
    assert (message["said"], message["channel"]) == (SAID, "sms")
    text = json.dumps(story, ensure_ascii=False)
    assert tale.bench.customer_id in text
    assert NAME not in text
    assert PHONE not in text
    clerk = whole_chain.person(Role.LAB_CLERK, branch_id=tale.bench.lab_id)
    told = story_of(door_of_all, tale, clerk.token)
    assert SAID not in json.dumps(told)
    missing = {(one["section"], one["service"]): one for one in told["missing"]}
    assert set(missing) == {
        ("messages", "customer"),
        ("follow_ups", "customer"),
        ("money", "billing"),
    }
    assert all(one["is_forbidden"] for one in missing.values())
    assert {one["reason"] for one in missing.values()} == {"ROLE_NOT_PERMITTED"}
    assert not told["is_partial"]
    assert {one["service"] for one in told["not_permitted"]} == {"billing", "customer"}


def test_the_timeline_has_everything_in_order_and_each_step_its_trace(
    story: dict[str, Any], tale: Tale
) -> None:
    timeline = story["timeline"]
    assert len(timeline) > 40
    instants = [one["at"] for one in timeline]
    assert instants == sorted(instants, key=lambda at: (at[:19], float(f"0{at[19:-1]}")))
    words = [one["what"] for one in timeline]
    for expected in (
        "order recorded",
        f"prescription amended: od (RX_AXIS, {WHY_AMENDED})",
        "payment posted: 600.00 CNY",
        "job given to lab clerk",
        "job taken up by lab clerk",
        "message recorded",
        "breakage recorded",
    ):
        assert expected in words, words
    refused = [one for one in timeline if one["what"].startswith("gate refused")]
    (gate,) = [one for one in refused if one["record_id"] == tale.bench.job_id]
    traces = {one["trace_id"]: one for one in story["traces"]}
    assert gate["what"] in traces[gate["trace_id"]]["what"]
    assert gate["trace_id"] == tale.trace_of_refusal
    assert "message recorded" in traces[tale.trace_of_message]["what"]
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in traces)
    changes = [row["change"]["trace_id"] for row in story["changes"] if row["change"]["trace_id"]]
    assert set(changes) <= set(traces)


def test_the_story_reaches_every_branch_as_the_records_of_a_case_do(
    door_of_all: Door, tale: Tale, whole_chain: Chain, story: dict[str, Any]
) -> None:
    elsewhere = whole_chain.person(Role.BRANCH_MANAGER)
    told = story_of(door_of_all, tale, elsewhere.token)
    assert len(told["records"]) == len(story["records"])
    path = STORY.format(order_id=tale.bench.order_id)
    problem(door_of_all.call("GET", path), 401, "TOKEN_MISSING")
    courier = whole_chain.person(Role.COURIER)
    problem(door_of_all.call("GET", path, token=courier.token), 403, "ROLE_NOT_PERMITTED")
    nothing = STORY.format(order_id=new_id("ord"))
    problem(door_of_all.call("GET", nothing, token=elsewhere.token), 404, "RECORD_UNKNOWN")


def test_a_job_and_a_slip_number_lead_to_the_same_story(
    door_of_all: Door, tale: Tale, story: dict[str, Any]
) -> None:
    for path in (
        f"/jobs/{tale.bench.job_id}/story",
        f"/tickets/{tale.bench.job().slip_number}/story",
    ):
        answer = door_of_all.call("GET", path, token=tale.manager.token)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["order"] == story["order"]
        assert told["records"] == story["records"]
    unknown = door_of_all.call("GET", f"/jobs/{new_id('job')}/story", token=tale.manager.token)
    problem(unknown, 404, "RECORD_UNKNOWN")


@pytest.fixture
def door_of_all(running_door: Door) -> Door:
    """The gateway before every service."""
    return running_door


def test_who_is_away_or_silent_is_named_by_section_and_the_rest_is_told_in_time(
    folder: Path, tale: Tale
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        door = Door(
            folder,
            LABJOB_ADDRESS=free_address(),
            CUSTOMER_ADDRESS=f"127.0.0.1:{silent.getsockname()[1]}",
            GATEWAY_COMPOSED_CALL_SECONDS="4",
        )
        try:
            started = time.monotonic()
            story = story_of(door, tale)
            took = time.monotonic() - started
        finally:
            assert door.stop() == 0

    assert took < 4, "one deadline covers all rounds"
    assert story["is_partial"]
    missing = {(one["section"], one["service"]): one["reason"] for one in story["missing"]}
    of_all = ("records", "handovers", "reviews", "changes", "refusals", "issues")
    customers = (*of_all, "messages", "follow_ups")
    assert missing == {
        **{(section, "labjob"): "UNAVAILABLE" for section in (*of_all, "jobs")},
        **{(section, "customer"): "DEADLINE_EXCEEDED" for section in customers},
    }
    assert {one["service"] for one in story["records"]} == {"billing", "clinical", "inventory"}
    assert story["money"]["postings"]
    assert any(pin.get("live_version") for one in story["records"] for pin in one["pins"])


def page_of(door: Door, tale: Tale) -> str:
    with closing(Browser(door)) as browser:
        path = STORY.format(order_id=tale.bench.order_id)
        sent_away = browser.client.get(path)
        assert sent_away.headers["location"] == f"/sign-in?next={path}"
        signed_in = browser.send("/sign-in", login=tale.login, password=PASSWORD, next=path)
        assert signed_in.headers["location"] == path
        page = browser.client.get(path)
        assert page.status_code == 200
        return page.text


def test_the_page_shows_every_section_escaped_and_prints(door_of_all: Door, tale: Tale) -> None:
    page = page_of(door_of_all, tale)

    for heading in (
        "Promises",
        "Who held it",
        "Exceptions",
        "Reviews",
        "Changes",
        "Versions relied on",
        "Money",
        "Stock",
        "Messages and follow-ups",
        "Timeline",
    ):
        assert f"<h2>{heading}</h2>" in page
    for words in (WHY_LATER, WHY_AMENDED, "600.00 CNY", "stale", "refused gate", "lab clerk"):
        assert words in page
    assert "a few days more &amp; &lt;b&gt;sorry&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "<script" not in page
    assert "part is missing" not in page
    assert NAME not in page
    style = door_of_all.client.get("/static/style.css").text
    whole = page.replace('<link rel="stylesheet" href="/static/style.css">', "")
    printed = HTML(string=whole.replace("</head>", f"<style>{style}</style></head>")).write_pdf()
    paper = PdfReader(io.BytesIO(printed))
    text = " ".join(sheet.extract_text() for sheet in paper.pages)
    assert "Who held it" in text
    assert "Sign out" not in text


def test_the_page_says_what_is_missing(folder: Path, tale: Tale) -> None:
    door = Door(folder, LABJOB_ADDRESS=free_address())
    try:
        page = page_of(door, tale)
    finally:
        assert door.stop() == 0

    assert "This story is not whole:" in page
    assert "labjob: this part is missing" in page
