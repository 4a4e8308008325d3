"""Dates and instants at the ends of the calendar: refused by name, never a failure inside."""

from __future__ import annotations

import pytest

from chain import Chain, Person
from chassis.ids import new_id
from chassis.roles import Role
from gateway_door import Door, problem

BOOKING = {"customer_id": new_id("cus"), "purpose": "spectacles"}
OUT_OF_TIME = (
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00",
    "9999-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "2201-01-01T00:00:00Z",
    "1899-12-31T23:59:59Z",
    "2016-12-31T23:59:60Z",  # a leap second that was one
    "2027-02-29T09:00:00Z",
    "2027-01-01T24:00:01Z",
    "2027-01-01T00:00:00+24:00",
)
OUT_OF_CALENDAR = ("0001-01-01", "9999-12-31", "1899-12-31", "2201-01-01", "2027-02-29")


@pytest.fixture
def reception(chain: Chain, door: Door) -> Person:
    """Somebody at reception, with the services that take dates from a client."""
    chain.serve("clinical", "customer", "billing")
    return chain.person(
        Role.RECEPTION, Role.OPTICIAN, branch_id=chain.head_office().actor.branch_id
    )


def test_an_appointment_out_of_time_is_refused_by_its_field(door: Door, reception: Person) -> None:
    for instant in OUT_OF_TIME:
        given = {**BOOKING, "starts_at": instant}
        answer = door.call("POST", "/appointments", token=reception.token, json=given)
        fields = problem(answer, 422, "INVALID")["fields"]
        assert [one["field"] for one in fields] == ["starts_at"], instant


def test_an_appointment_in_another_zone_is_the_same_instant(door: Door, reception: Person) -> None:
    for instant, kept in (
        ("2027-01-01T00:30:00+14:00", "2026-12-31T10:30:00Z"),
        ("2026-12-31T23:30:00-12:00", "2027-01-01T11:30:00Z"),
        ("2200-12-31T23:59:59Z", "2200-12-31T23:59:59Z"),
        ("1900-01-01T00:00:00Z", "1900-01-01T00:00:00Z"),
    ):
        given = {**BOOKING, "starts_at": instant}
        answer = door.call("POST", "/appointments", token=reception.token, json=given)
        assert answer.status_code < 500, answer.text
        if answer.status_code == 200:
            assert answer.json()["appointment"]["starts_at"] == kept


@pytest.mark.parametrize("day", OUT_OF_CALENDAR)
def test_a_date_out_of_the_calendar_is_refused_by_its_field(
    chain: Chain, door: Door, reception: Person, day: str
) -> None:
    office = chain.person(Role.HEAD_OFFICE, Role.ACCOUNTS)
    person = {"name": "欧阳静", "phone": "13916000199", "birthday": "1990-05-01"}
    customer = door.call("POST", "/customers", token=reception.token, json=person).json()["person"]
    follow_ups = f"/customers/{customer['envelope']['id']}/follow-ups"
    price = {"product_id": new_id("prd"), "amount_minor": 1}
    prices = {"edition": "x", "valid_from": day, "currency": "CNY", "prices": [price]}
    course = {"course": "refraction", "valid_from": "2026-01-01", "valid_to": day, "assessor": "x"}
    for path, token, given, field in (
        (follow_ups, reception.token, {"due_on": day, "subject": "adaptation"}, "due_on"),
        ("/customers", reception.token, {**person, "birthday": day}, "birthday"),
        ("/price-lists", office.token, prices, "valid_from"),
        (f"/staff/{new_id('stf')}/qualifications", office.token, course, "valid_to"),
    ):
        fields = problem(door.call("POST", path, token=token, json=given), 422, "INVALID")["fields"]
        assert field in [one["field"] for one in fields], path
