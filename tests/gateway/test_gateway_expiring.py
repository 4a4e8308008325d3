"""The page of what expires, for whoever books the courses."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from chain import Chain, Person
from chassis.roles import Role
from gateway_door import Browser, Door, problem

PASSWORD = "a password of my own"


def appoint(door: Door, office: Person, branch_id: str, name: str, role: str) -> str:
    staff = {
        "name": name,
        "roles": [role],
        "branch_ids": [branch_id],
        "login": role,
        "first_password": "given by head office",
    }
    answer = door.call("POST", "/staff", token=office.token, json=staff)
    staff_id: str = answer.json()["staff"]["envelope"]["id"]
    return staff_id


def signed_in(browser: Browser, login: str) -> Browser:
    browser.send("/sign-in", login=login, password="given by head office")
    browser.send(
        "/password",
        present_password="given by head office",
        new_password=PASSWORD,
        repeated=PASSWORD,
    )
    return browser


def qualify(door: Door, office: Person, staff_id: str, course: str, days: int) -> dict[str, Any]:
    today = datetime.now(UTC).date()
    told = {
        "course": course,
        "valid_from": "2026-01-01",
        "valid_to": (today + timedelta(days=days)).isoformat(),
        "assessor": "<b>Wang</b>",
    }
    path = f"/staff/{staff_id}/qualifications"
    answer = door.call("POST", path, token=office.token, json=told)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["qualification"]
    return found


def open_branch(door: Door, office: Person) -> str:
    branch = {"name": "静安店", "code": "JA1", "branch_kind": "shop", "time_zone": "Asia/Shanghai"}
    opened = door.call("POST", "/branches", token=office.token, json=branch).json()["branch"]
    return str(opened["envelope"]["id"])


def test_a_manager_reads_and_prints_who_needs_which_course_and_who_else_is_refused(
    door: Door, office: Person
) -> None:
    branch_id = open_branch(door, office)
    appoint(door, office, branch_id, "店长", "branch_manager")
    staff_id = appoint(door, office, branch_id, "钱敏", "optician")
    ends = qualify(door, office, staff_id, "lens_making", 20)["valid_to"]
    qualify(door, office, staff_id, "late_course", 80)

    with closing(Browser(door)) as browser:
        away = browser.client.get("/qualifications/expiring/page")
        assert away.headers["location"] == "/sign-in?next=/qualifications/expiring/page"
        signed_in(browser, "branch_manager")
        shown = browser.client.get("/qualifications/expiring/page")
        assert shown.status_code == 200
        for words in ("钱敏", "静安店", "lens making", ends, "&lt;b&gt;Wang&lt;/b&gt;"):
            assert words in shown.text
        assert "late course" not in shown.text
        assert "late course" in browser.client.get("/qualifications/expiring/page?days=90").text
        assert browser.client.get("/qualifications/expiring/page?days=soon").status_code == 422
    with closing(Browser(door)) as browser:
        signed_in(browser, "optician")
        assert browser.client.get("/qualifications/expiring/page").status_code == 403


def test_the_api_lists_what_expires_for_who_may_know(
    door: Door, chain: Chain, office: Person
) -> None:
    branch_id = open_branch(door, office)
    staff_id = appoint(door, office, branch_id, "钱敏", "optician")
    qualify(door, office, staff_id, "dispensing", 20)
    listed = door.call("GET", "/qualifications/expiring", token=office.token).json()
    assert [one["staff_name"] for one in listed["qualifications"]] == ["钱敏"]
    optician = chain.person(Role.OPTICIAN, branch_id=branch_id)
    refused = door.call("GET", "/qualifications/expiring", token=optician.token)
    problem(refused, 403, "ROLE_NOT_PERMITTED")
