"""What organisation is asked: branches, staff, and whether somebody may sign today."""

from __future__ import annotations

from typing import Any

from chassis import clock
from chassis.db import Reading
from chassis.pages import Page, after, size_of
from chassis.records.envelope import Record
from chassis.records.queries import record_at
from organisation import store
from organisation.staff import QualificationMissing


def get_branch(reading: Reading, *, branch_id: str) -> Record[Any]:
    """Return a branch. Raises Unknown."""
    return record_at(reading.connection, branch_id)


def list_branches(reading: Reading) -> dict[str, Any]:
    """Return the branches by code."""
    return {"branches": store.branches(reading.connection)}


def get_staff(reading: Reading, *, staff_id: str) -> Record[Any]:
    """Return a member of staff. Raises Unknown."""
    return record_at(reading.connection, staff_id)


def list_staff(
    reading: Reading, *, branch_id: str, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of staff by login."""
    size = size_of(page_size)
    key = after(page_token, 1)
    found = store.staff_page(reading.connection, branch_id, key[0] if key else "", size + 1)
    page = Page.of(found, size, key=lambda one: [one.content.login])
    return {"staff": page.rows, "next_page_token": page.next_page_token}


def list_qualifications(reading: Reading, *, staff_id: str) -> dict[str, Any]:
    """Return a person's qualifications, newest first."""
    return {"qualifications": store.qualifications(reading.connection, staff_id)}


def require_qualification(reading: Reading, *, staff_id: str, course: str) -> Record[Any]:
    """Return the qualification that lets somebody sign today. Raises QualificationMissing naming
    the course."""
    if not store.has_left(reading.connection, staff_id):
        for one in store.qualifications(reading.connection, staff_id, course):
            today = store.day_at(reading.connection, one.branch_id, clock.now())
            if not one.void and one.content.is_in_force(today):
                return one
    raise QualificationMissing(
        f"no qualification in force for {course}",
        missing=[f"qualification in force: {course}"],
        course=course,
    )
