"""The door with organisation behind it: signing in, what is refused and how, what is never said."""

from __future__ import annotations

import hashlib
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from chain import Chain, Person
from chassis.ids import new_id
from chassis.roles import Role
from gateway_door import Door, free_address, problem

PASSWORD = "correct horse battery"
SHOP = {"name": "Jing'an", "code": "JA1", "branch_kind": "shop", "time_zone": "Asia/Shanghai"}


def open_branch(door: Door, office: Person, **other: str) -> dict[str, Any]:
    response = door.call("POST", "/branches", token=office.token, json={**SHOP, **other})
    assert response.status_code == 200, response.text
    branch: dict[str, Any] = response.json()["branch"]
    return branch


def names_of_branches(door: Door, office: Person) -> list[str]:
    response = door.call("GET", "/branches", token=office.token)
    return [branch["name"] for branch in response.json()["branches"]]


@pytest.fixture
def branch(door: Door, office: Person) -> dict[str, Any]:
    return open_branch(door, office)


@pytest.fixture
def staff(door: Door, office: Person, branch: dict[str, Any]) -> dict[str, Any]:
    given = {
        "name": "Lin Wei",
        "roles": ["optician", "branch_manager"],
        "branch_ids": [branch["envelope"]["id"]],
        "login": "lin.wei",
        "first_password": PASSWORD,
    }
    response = door.call("POST", "/staff", token=office.token, json=given)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()["staff"]
    return found


def sign_in(door: Door, password: str = PASSWORD) -> httpx.Response:
    return door.call("POST", "/sessions", json={"login": "lin.wei", "password": password})


def test_a_person_signs_in_acts_renews_and_signs_out(
    door: Door, staff: dict[str, Any], branch: dict[str, Any]
) -> None:
    session = sign_in(door).json()["session"]
    assert session["roles"] == ["optician", "branch_manager"]
    assert session["branch_id"] == branch["envelope"]["id"]
    due = door.call("GET", "/branches", token=session["token"])
    problem(due, 403, "PASSWORD_CHANGE_DUE")
    own = {"present_password": PASSWORD, "new_password": "a password of my own"}
    assert door.call("POST", "/password", token=session["token"], json=own).status_code == 200

    path = f"/sessions/{session['id']}"
    secret = {"renewal_secret": session["renewal_secret"]}
    renewed = door.call("POST", f"{path}/renew", json=secret)
    assert renewed.status_code == 200
    token = renewed.json()["session"]["token"]
    assert door.call("GET", "/branches", token=token).status_code == 200
    problem(door.call("POST", f"{path}/renew", json=secret), 401, "SESSION_ENDED")

    assert door.call("DELETE", path, token=session["token"]).json() == {}
    secret = {"renewal_secret": renewed.json()["session"]["renewal_secret"]}
    problem(door.call("POST", f"{path}/renew", json=secret), 401, "SESSION_ENDED")


def test_a_record_comes_as_json_with_its_revision_as_etag(
    door: Door, office: Person, branch: dict[str, Any]
) -> None:
    response = door.call("GET", f"/branches/{branch['envelope']['id']}", token=office.token)

    assert response.json() == {"branch": branch}
    assert response.headers["etag"] == '"1"'
    assert branch["branch_kind"] == "shop"
    assert branch["envelope"]["version"] == 1
    assert branch["envelope"]["recorded_at"].endswith("Z")
    assert "responsible_role" not in branch["envelope"]


def test_bad_input_names_every_field_with_its_rule_and_nothing_is_written(
    door: Door, office: Person
) -> None:
    given = {"name": "X", "code": "TOO LONG A CODE", "branch_kind": "kiosk", "colour": "red"}
    refused = problem(
        door.call("POST", "/branches", token=office.token, json=given), 422, "INVALID"
    )

    named = {one["field"]: one["rule"] for one in refused["fields"]}
    assert named == {
        "branch_kind": "enum",
        "colour": "unknown",
        "code": "max_length",
        "time_zone": "required",
    }
    assert "shop" in next(o["text"] for o in refused["fields"] if o["field"] == "branch_kind")
    assert "X" not in names_of_branches(door, office)


def test_the_rules_of_a_service_leave_with_its_own_reason_and_field(
    door: Door, office: Person, branch: dict[str, Any]
) -> None:
    wrong_zone = door.call(
        "POST", "/branches", token=office.token, json={**SHOP, "code": "X", "time_zone": "Mars"}
    )
    assert problem(wrong_zone, 422, "INVALID")["fields"][0]["field"] == "time_zone"

    wrong_kind = door.call("GET", f"/branches/{new_id('stf')}", token=office.token)
    problem(wrong_kind, 422, "ID_OF_WRONG_KIND")
    problem(door.call("GET", "/branches/br_1", token=office.token), 422, "INVALID")
    problem(
        door.call("GET", f"/branches/{new_id('br')}", token=office.token), 404, "RECORD_UNKNOWN"
    )
    problem(door.call("POST", "/branches", token=office.token, json=SHOP), 409, "CODE_TAKEN")


def test_nobody_a_stranger_and_a_wrong_role_are_told_apart(
    door: Door, chain: Chain, office: Person
) -> None:
    nobody = door.call("POST", "/branches", json=SHOP)
    problem(nobody, 401, "TOKEN_MISSING")
    assert nobody.headers["www-authenticate"] == "Bearer"
    problem(door.call("POST", "/branches", token="x.y.z", json=SHOP), 401, "TOKEN_REFUSED")
    problem(door.call("GET", "/branches", token="two words"), 401, "TOKEN_REFUSED")
    optician = chain.person(Role.OPTICIAN)
    problem(
        door.call("POST", "/branches", token=optician.token, json=SHOP), 403, "ROLE_NOT_PERMITTED"
    )


def test_a_locked_login_says_when_to_come_back(door: Door, staff: dict[str, Any]) -> None:
    for _ in range(5):
        problem(sign_in(door, "not the password"), 401, "SIGN_IN_REFUSED")

    locked = sign_in(door)

    problem(locked, 429, "LOGIN_LOCKED")
    assert 0 < int(locked.headers["retry-after"]) <= 15 * 60


def test_an_edit_names_the_revision_it_saw_in_the_body_or_as_if_match(
    door: Door, office: Person, staff: dict[str, Any]
) -> None:
    staff_id = staff["envelope"]["id"]
    change = {"roles": ["optician"], "branch_ids": staff["branch_ids"], "reason": "moved on"}
    path = f"/staff/{staff_id}/amend"

    by_header = door.call(
        "POST", path, token=office.token, json=change, headers={"If-Match": '"1"'}
    )
    assert by_header.status_code == 200, by_header.text
    assert by_header.headers["etag"] == '"2"'
    late = door.call("POST", path, token=office.token, json={**change, "revision": 1})
    problem(late, 409, "REVISION_OUTDATED")
    both = door.call(
        "POST", path, token=office.token, json={**change, "revision": 2}, headers={"If-Match": "1"}
    )
    assert problem(both, 422, "INVALID")["fields"][0]["rule"] == "if_match"
    weak = door.call("POST", path, token=office.token, json=change, headers={"If-Match": "*"})
    problem(weak, 422, "INVALID")


def test_an_if_match_that_cannot_be_honoured_and_an_empty_key_are_refused(
    door: Door, office: Person
) -> None:
    wanted = {"purpose": "photo", "media_type": "image/png"}
    for header, rule in (
        ({"If-Match": '"1"'}, "if_match"),
        ({"Idempotency-Key": ""}, "idempotency_key"),
    ):
        refused = door.call(
            "POST", "/organisation/uploads", token=office.token, json=wanted, headers=header
        )
        assert problem(refused, 422, "INVALID")["fields"][0]["rule"] == rule


def test_a_repeat_under_one_idempotency_key_answers_the_same_and_writes_once(
    door: Door, office: Person
) -> None:
    key = {"Idempotency-Key": "open-ja1"}
    first = door.call("POST", "/branches", token=office.token, json=SHOP, headers=key)
    again = door.call("POST", "/branches", token=office.token, json=SHOP, headers=key)
    other = door.call(
        "POST", "/branches", token=office.token, json={**SHOP, "name": "Y"}, headers=key
    )

    assert first.status_code == 200
    assert first.json() == again.json()
    problem(other, 409, "REQUEST_ID_REUSED")
    assert names_of_branches(door, office).count(SHOP["name"]) == 1
    assert "Y" not in names_of_branches(door, office)

    differing = {**SHOP, "request_id": "another"}
    two = door.call("POST", "/branches", token=office.token, json=differing, headers=key)
    assert problem(two, 422, "INVALID")["fields"][0]["rule"] == "idempotency_key"


def test_a_list_is_read_page_by_page_with_the_token_of_the_last(
    door: Door, office: Person, branch: dict[str, Any]
) -> None:
    for number in range(5):
        given = {
            "name": "Somebody",
            "roles": ["cashier"],
            "branch_ids": [branch["envelope"]["id"]],
            "login": f"cashier{number}",
            "first_password": PASSWORD,
        }
        assert door.call("POST", "/staff", token=office.token, json=given).status_code == 200

    seen: list[str] = []
    token = ""
    for _ in range(3):
        query = {"page_size": "2", "page_token": token, "branch_id": branch["envelope"]["id"]}
        page = door.call("GET", "/staff", token=office.token, params=query).json()
        seen += [one["login"] for one in page["staff"]]
        token = page["next_page_token"]

    assert seen == [f"cashier{number}" for number in range(5)]
    assert token == ""
    query = {"page_token": "garbage"}
    refused = door.call("GET", "/staff", token=office.token, params=query)
    problem(refused, 422, "PAGE_TOKEN_REFUSED")


def test_a_query_is_read_as_strictly_as_a_body(door: Door, office: Person) -> None:
    query = "page_size=many&page_token=&branch_id=br_1&colour=red&page_size=2"
    refused = problem(door.call("GET", f"/staff?{query}", token=office.token), 422, "INVALID")
    named = {one["field"]: one["rule"] for one in refused["fields"]}
    assert named["colour"] == "unknown"
    assert named["branch_id"] == "id"
    assert "page_size" in named

    in_query = door.call("POST", "/branches?code=X", token=office.token, json=SHOP)
    assert problem(in_query, 422, "INVALID")["fields"][0]["rule"] == "unknown"
    twice = door.call(
        "POST", f"/staff/{new_id('stf')}/amend", token=office.token, json={"staff_id": "x"}
    )
    assert problem(twice, 422, "INVALID")["fields"][0]["rule"] == "path"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"name": NaN}',
        b'{"name": 1, "name": 2}',
        b'{"a":' * 100_000,
        b'{"name": ' + b"9" * 5_000 + b"}",
    ],
)
def test_a_body_that_is_no_json_is_refused_before_any_service_hears_of_it(
    door: Door, office: Person, body: bytes
) -> None:
    response = door.call(
        "POST",
        "/branches",
        token=office.token,
        content=body,
        headers={"Content-Type": "application/json"},
    )

    problem(response, 400, "BODY_MALFORMED")


def test_a_body_of_another_shape_or_media_type_is_refused(door: Door, office: Person) -> None:
    a_list = door.call("POST", "/branches", token=office.token, json=[SHOP])
    assert problem(a_list, 422, "INVALID")["fields"][0]["rule"] == "type"
    a_form = door.call("POST", "/branches", token=office.token, data=SHOP)
    problem(a_form, 415, "MEDIA_TYPE_REFUSED")
    empty = door.call("POST", "/branches", token=office.token)
    assert {one["rule"] for one in problem(empty, 422, "INVALID")["fields"]} == {"required"}


def test_a_body_over_the_limit_is_refused_announced_or_not(door: Door, office: Person) -> None:
    large = b'{"name": "' + b"x" * 1_100_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    announced = door.call("POST", "/branches", token=office.token, content=large, headers=headers)
    problem(announced, 413, "BODY_TOO_LARGE")

    pieces = iter([large[:600_000], large[600_000:]])
    piecewise = door.call("POST", "/branches", token=office.token, content=pieces, headers=headers)
    problem(piecewise, 413, "BODY_TOO_LARGE")


def test_what_is_not_served_is_a_problem_too(door: Door, office: Person) -> None:
    problem(door.call("GET", "/spaceships", token=office.token), 404, "ROUTE_UNKNOWN")
    wrong = door.call("PUT", "/branches", token=office.token, json=SHOP)
    problem(wrong, 405, "METHOD_NOT_ALLOWED")
    assert wrong.headers["allow"] == "GET, HEAD, POST"


def test_a_service_that_is_away_is_503_and_says_which(folder: Path, office: Person) -> None:
    away = Door(folder, ORGANISATION_ADDRESS=free_address())
    try:
        refused = away.call("GET", "/branches", token=office.token)
        assert problem(refused, 503, "UNAVAILABLE")["details"] == {"service": "organisation"}
        assert refused.headers["retry-after"] == "1"
        assert away.call("GET", "/health").json() == {"status": "serving"}
        problem(away.call("GET", "/health/ready"), 503, "UNAVAILABLE")
    finally:
        assert away.stop() == 0


def test_a_service_that_does_not_answer_in_time_is_504(folder: Path, office: Person) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        slow = Door(folder, ORGANISATION_ADDRESS=address, GATEWAY_CALL_SECONDS="0.5")
        try:
            refused = slow.call("GET", "/branches", token=office.token)
            problem(refused, 504, "DEADLINE_EXCEEDED")
        finally:
            assert slow.stop() == 0


def test_the_gateway_says_it_is_ready_when_somebody_can_sign_in(door: Door) -> None:
    assert door.call("GET", "/health").json() == {"status": "serving"}
    assert door.call("GET", "/health/ready").json() == {"status": "ready"}


def test_a_step_begins_its_own_trace_whatever_the_client_sends(door: Door, office: Person) -> None:
    planted = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{planted}-00f067aa0ba902b7-01", "tracestate": "x=y"}
    response = door.call("GET", "/branches", token=office.token, headers=headers)

    trace_id = response.headers["trace-id"]
    assert trace_id != planted
    spans = door.spans(trace_id)
    server = next(span for span in spans if span["kind"] == "SERVER")
    client = next(span for span in spans if span["kind"] == "CLIENT")
    assert server["name"] == "GET /api/v1/branches"
    assert server["parent_id"] == ""
    assert server["attributes"]["http.response.status_code"] == 200
    assert client["parent_id"] == server["span_id"]
    assert planted not in (door.telemetry / "gateway.spans.jsonl").read_text()


def test_a_request_is_one_log_line_without_what_it_carried(
    door: Door, office: Person, branch: dict[str, Any]
) -> None:
    branch_id = branch["envelope"]["id"]
    response = door.call(
        "GET", "/staff", token=office.token, params={"branch_id": branch_id, "page_size": "7"}
    )
    door.call("GET", f"/branches/{branch_id}", token=office.token)
    door.call("POST", "/staff", token=office.token, json={"name": "Planted Name"})
    time.sleep(0.2)

    lines = [line for line in door.lines() if line.get("trace_id") == response.headers["trace-id"]]
    assert len(lines) == 1
    assert {name: lines[0][name] for name in ("event", "method", "route", "status")} == {
        "event": "request",
        "method": "GET",
        "route": "/api/v1/staff",
        "status": 200,
    }
    log = door.log.read_text()
    assert "/api/v1/branches/{branch_id}" in log
    for secret in (branch_id, "page_size", "Planted Name", office.token, PASSWORD):
        assert secret not in log


def test_every_answer_carries_the_headers_that_keep_a_browser_safe(
    door: Door, office: Person
) -> None:
    for path in ("/branches", "/spaceships", "/health"):
        headers = door.call("GET", path, token=office.token).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers


def test_an_upload_is_offered_and_confirmed_at_the_service_that_will_keep_it(
    door: Door, office: Person
) -> None:
    offered = door.call(
        "POST",
        "/organisation/uploads",
        token=office.token,
        json={"purpose": "photo", "media_type": "image/png"},
    ).json()
    assert offered["object_key"].startswith("organisation/photo/")
    put = httpx.put(
        offered["url"], content=b"png", headers={"Content-Type": "image/png"}, trust_env=False
    )
    assert put.status_code == 200

    wrong = {"object_key": offered["object_key"], "sha256": "0" * 64}
    refused = door.call("POST", "/organisation/uploads/confirm", token=office.token, json=wrong)
    problem(refused, 409, "OBJECT_DIFFERS")
    right = hashlib.sha256(b"png").hexdigest()
    given = {"object_key": offered["object_key"], "sha256": right}
    confirmed = door.call("POST", "/organisation/uploads/confirm", token=office.token, json=given)
    assert confirmed.json()["evidence"]["size_bytes"] == 3
    read = door.call(
        "GET",
        "/organisation/objects",
        token=office.token,
        params={"object_key": offered["object_key"]},
    )
    assert httpx.get(read.json()["url"], trust_env=False).content == b"png"


def test_a_record_and_its_changes_are_found_by_the_id_alone(
    door: Door, office: Person, branch: dict[str, Any]
) -> None:
    branch_id = branch["envelope"]["id"]
    found = door.call("GET", f"/records/{branch_id}", token=office.token).json()
    assert found["envelope"] == branch["envelope"]
    changes = door.call("GET", f"/records/{branch_id}/changes", token=office.token).json()
    assert [one["what"] for one in changes["changes"]] == ["recorded"]

    strange = door.call("GET", f"/records/{new_id('cat')}", token=office.token)
    problem(strange, 404, "RECORD_UNKNOWN")
    problem(door.call("GET", "/records/nothing", token=office.token), 422, "ID_MALFORMED")
