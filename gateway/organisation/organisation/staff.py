"""Staff: who may act, in which roles, at which branches, with which qualifications."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from chassis.errors import NotPermitted, Refused, invalid
from chassis.records.envelope import Record
from chassis.records.kinds import Kind, Transitions, moves
from chassis.roles import Role

_NO_LOGIN = frozenset({Role.SYSTEM, Role.INSTRUMENT})


class NotYours(NotPermitted):
    """The branch is not one of those where this person signs in."""

    reason = "BRANCH_NOT_YOURS"


class HasLeft(Refused):
    """This person's employment has ended."""

    reason = "STAFF_LEFT"


class OwnEmployment(Refused):
    """Nobody ends the own employment: somebody must be left who may appoint."""

    reason = "OWN_EMPLOYMENT"


@dataclass(frozen=True, kw_only=True)
class Staff:
    """Name, roles, branches (home first) and login. Raises Invalid for a role no person has."""

    name: str
    roles: tuple[Role, ...]
    branch_ids: tuple[str, ...]
    login: str

    def __post_init__(self) -> None:
        machine = sorted(_NO_LOGIN & set(self.roles))
        if machine:
            raise invalid("roles", "role", f"{', '.join(machine)} is no role of a person")

    def place(self, branch_id: str) -> str:
        """Return where this person signs in: the branch asked for, or home. Raises NotYours."""
        if branch_id and branch_id not in self.branch_ids:
            raise NotYours("this is not one of your branches", id=branch_id)
        return branch_id or self.branch_ids[0]


STAFF = Kind(
    "organisation.staff",
    "stf",
    Staff,
    Transitions("appointed", moves(leave={"appointed": "left"})),
    readers=frozenset({Role.HEAD_OFFICE, Role.AUDITOR}),
)


def require_employed(staff: Record[Staff]) -> Record[Staff]:
    """Return somebody who has not left. Raises HasLeft."""
    if staff.state != "appointed":
        raise HasLeft(f"{staff.id} has left", id=staff.id)
    return staff


class QualificationNotInForce(Refused):
    """No qualification in force lets this person sign or work there."""

    reason = "QUALIFICATION_NOT_IN_FORCE"


@dataclass(frozen=True, kw_only=True)
class Qualification:
    """A course or licence that somebody passed, in force from one day to another, both included."""

    staff_id: str
    course: str
    valid_from: date
    valid_to: date
    assessor: str

    def __post_init__(self) -> None:
        if self.valid_to < self.valid_from:
            raise invalid("valid_to", "order", "lies before valid_from")

    def is_in_force(self, day: date) -> bool:
        """Tell whether it holds on a day."""
        return self.valid_from <= day <= self.valid_to

    def why_not(self, day: date) -> str:
        """Say why it does not hold on a day outside its time."""
        if day < self.valid_from:
            return f"begins on {self.valid_from}"
        return f"ended on {self.valid_to}"


QUALIFICATION = Kind(
    "organisation.qualification",
    "qlf",
    Qualification,
    Transitions("recorded"),
    readers=frozenset({Role.HEAD_OFFICE, Role.AUDITOR, Role.QUALITY_MANAGER}),
)


@dataclass(frozen=True)
class ExpiringQualification:
    """A qualification about to end, or just ended, whose it is, and the day it is looked at."""

    qualification: Record[Qualification]
    staff: Record[Staff]
    today: date

    @property
    def id(self) -> str:
        """The id of the qualification."""
        return self.qualification.id

    @property
    def ends_on(self) -> date:
        """Its last day."""
        return self.qualification.content.valid_to

    def as_told(self) -> dict[str, Any]:
        """Return what whoever plans the next course must know."""
        return {
            "qualification": self.qualification,
            "staff_name": self.staff.content.name,
            "branch_id": self.staff.content.branch_ids[0],
            "has_ended": self.ends_on < self.today,
        }


@dataclass(frozen=True, kw_only=True)
class StaffAppointed:
    """A person joined, or the roles or branches changed."""

    staff_id: str
    roles: tuple[Role, ...]
    branch_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class StaffLeft:
    """A person's employment ended."""

    staff_id: str
