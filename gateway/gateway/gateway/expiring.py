"""What of people's qualifications expires, as one page for whoever books the courses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis import contract
from chassis.errors import invalid
from gateway.composed import Asking
from optichain.organisation.v1 import organisation_service_pb2 as pb


@dataclass(frozen=True)
class Row:
    """A qualification as the page shows it."""

    name: str
    branch: str
    course: str
    valid_from: str
    valid_to: str
    assessor: str
    has_ended: bool


@dataclass(frozen=True)
class Expiring:
    """The list, and the last day it looks at."""

    rows: tuple[Row, ...]
    until: str


async def of_caller(asking: Asking, query: Mapping[str, str]) -> Expiring:
    """Return everything that expires within the caller's reach, by the query's days and branch.
    Raises Invalid, NotPermitted."""
    asked = pb.ListExpiringQualificationsRequest(
        branch_id=query.get("branch_id", ""), days=_days(query.get("days", ""))
    )
    contract.check(asked)
    branches = await asking.one(pb.ListBranchesRequest())
    names = {one.envelope.id: one.name for one in branches.branches}
    rows: list[Row] = []
    while True:
        answer = await asking.one(asked)
        rows += [_row(one, names) for one in answer.qualifications]
        if not answer.next_page_token:
            return Expiring(tuple(rows), answer.until)
        asked.page_token = answer.next_page_token


def _days(given: str) -> int:
    if given and not (given.isascii() and given.isdigit() and len(given) <= 4):
        raise invalid("days", "days", "is no number of days")
    return int(given or 0)


def _row(one: Any, names: Mapping[str, str]) -> Row:
    held = one.qualification
    return Row(
        name=one.staff_name,
        branch=names.get(one.branch_id, one.branch_id),
        course=held.course,
        valid_from=held.valid_from,
        valid_to=held.valid_to,
        assessor=held.assessor,
        has_ended=one.has_ended,
    )
