"""What organisation is asked: branches, staff, and whether somebody may sign today."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from chassis import clock
from chassis.actor import Scope
from chassis.db import Reading
from chassis.ids import as_uuid
from chassis.pages import Page, after, position, size_of
from chassis.records import apart
from chassis.records.book import WrongBranch
from chassis.records.envelope import Record
from chassis.records.queries import record_at
from chassis.rules import in_force
from organisation import store
from organisation.staff import ExpiringQualification, QualificationNotInForce


def get_branch(reading: Reading, *, branch_id: str) -> Record[Any]:
    """Return a branch. Raises Unknown, DrillApart."""
    branch = record_at(reading.connection, branch_id)
    apart.require_together(reading.actor, branch.id, branch.drill)
    return branch


def list_branches(reading: Reading) -> dict[str, Any]:
    """Return the branches by code."""
    return {"branches": store.branches(reading.connection, reading.actor.drill)}


def get_staff(reading: Reading, *, staff_id: str) -> Record[Any]:
    """Return a member of staff. Raises Unknown."""
    return record_at(reading.connection, staff_id)


def list_staff(
    reading: Reading, *, branch_id: str, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of staff by login."""
    size = size_of(page_size)
    key = after(page_token, 1)
    drill, last = reading.actor.drill, key[0] if key else ""
    found = store.staff_page(reading.connection, branch_id, drill, last, size + 1)
    page = Page.of(found, size, key=lambda one: [one.content.login])
    return {"staff": page.rows, "next_page_token": page.next_page_token}


def list_qualifications(reading: Reading, *, staff_id: str) -> dict[str, Any]:
    """Return a person's qualifications, newest first."""
    return {"qualifications": store.qualifications(reading.connection, staff_id)}


def list_expiring_qualifications(
    reading: Reading, *, branch_id: str, days: int, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return what ends within so many days (as the rule says when 0), and what ended within as many
    and was not renewed, soonest first: of the caller's branch, or of the chain for who answers for
    it. Raises WrongBranch."""
    place = branch_id or ("" if reading.actor.scope is Scope.CHAIN else reading.actor.branch_id)
    if place and not reading.actor.reaches(place):
        raise WrongBranch("this is another branch", id=place)
    now = clock.now()
    usual = in_force(reading.connection, "qualifications", now.date()).body["expiring_days"]
    window = timedelta(days=days or usual)
    first, last = now.date() - window, now.date() + window
    ending = store.ending_qualifications(reading.connection, first, last)
    staff = store.employed(reading.connection, [one.content.staff_id for one in ending])
    days_at = store.days_at(reading.connection, [one.branch_id for one in ending], now)
    expiring = [
        ExpiringQualification(one, staff[one.content.staff_id], days_at[one.branch_id])
        for one in ending
        if one.content.staff_id in staff
        and place in ("", staff[one.content.staff_id].content.branch_ids[0])
    ]
    size, read = size_of(page_size), position(page_token, date.fromisoformat, str)
    rest = [one for one in expiring if [one.ends_on, one.id] > read]
    page = Page.of(rest[: size + 1], size, key=lambda one: [one.ends_on.isoformat(), one.id])
    return {
        "qualifications": [one.as_told() for one in page.rows],
        "until": last,
        "next_page_token": page.next_page_token,
    }


def require_qualification(reading: Reading, *, staff_id: str, course: str) -> Record[Any]:
    """Return the qualification that lets somebody sign, or work a station, today. Raises
    QualificationNotInForce naming the course, and since when there is none."""
    why = "none was recorded"
    if store.has_left(reading.connection, staff_id):
        raise _not_in_force(course, "the person has left")
    for one in reversed(store.qualifications(reading.connection, staff_id, course)):
        today = store.day_at(reading.connection, one.branch_id, clock.now())
        if one.void:
            why = "it was revoked"
        elif one.content.is_in_force(today):
            return one
        else:
            why = f"it {one.content.why_not(today)}"
    raise _not_in_force(course, why)


def _not_in_force(course: str, why: str) -> QualificationNotInForce:
    return QualificationNotInForce(
        f"no qualification in force for {course}: {why}",
        missing=[f"qualification in force: {course} ({why})"],
        course=course,
        why=why,
    )


def get_drill(reading: Reading, *, drill_id: str) -> Record[Any]:
    """Return a drill with its report. Raises Unknown."""
    return record_at(reading.connection, drill_id)


def list_drills(reading: Reading, *, page_size: int, page_token: str) -> dict[str, Any]:
    """Return a page of drills, newest first."""
    size = size_of(page_size)
    key = position(page_token, datetime.fromisoformat, as_uuid)
    found = store.drills_page(reading.connection, key, size + 1)
    page = Page.of(found, size, key=lambda one: (one.recorded_at.isoformat(), one.id))
    return {"drills": page.rows, "next_page_token": page.next_page_token}
