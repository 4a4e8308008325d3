"""What organisation does with its branches, its staff and what they are qualified for."""

from __future__ import annotations

from datetime import date

from chassis.db import UnitOfWork
from chassis.ids import new_id
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Record
from chassis.roles import Role
from organisation import login as passwords
from organisation import store
from organisation.branch import (
    BRANCH,
    Branch,
    BranchClosed,
    BranchKind,
    BranchOpened,
    CodeTaken,
    StaffThere,
    require_open,
)
from organisation.commands_sign_in import policy
from organisation.login import Login
from organisation.staff import (
    QUALIFICATION,
    STAFF,
    OwnEmployment,
    Qualification,
    Staff,
    StaffAppointed,
    StaffLeft,
    require_employed,
)


def open_branch(
    work: UnitOfWork,
    *,
    name: str,
    code: str,
    branch_kind: BranchKind,
    time_zone: str,
    address: str = "",
    telephone: str = "",
) -> Record[Branch]:
    """Open a branch. Raises CodeTaken, Invalid (time_zone)."""
    store.hold_codes(work.connection)
    if any(branch.content.code == code for branch in store.branches(work.connection)):
        raise CodeTaken(f"the code {code} is taken", code=code)
    content = Branch(
        name=name,
        code=code,
        branch_kind=branch_kind,
        time_zone=time_zone,
        address=address,
        telephone=telephone,
    )
    identifier = new_id("br")
    branch = work.records.add(BRANCH, content, id=identifier, branch_id=identifier)
    work.tell(
        branch,
        BranchOpened(
            branch_id=branch.id, code=code, branch_kind=branch_kind, time_zone=time_zone, name=name
        ),
    )
    return branch


def close_branch(work: UnitOfWork, *, branch_id: str, revision: int, reason: str) -> Record[Branch]:
    """Close a branch where nobody works any more. Raises Unknown, Outdated, MoveForbidden,
    StaffThere."""
    store.hold_branches(work.connection, (branch_id,), alone=True)
    branch = work.records.get(BRANCH, branch_id, revision=revision)
    closed = work.records.move(
        branch, "close", nobody_next=True, closed=True, reason_code="BRANCH_CLOSED", reason=reason
    )
    there = store.staff_ids_of(work.connection, branch_id)
    if there:
        missing = [f"{one} has left or moved" for one in there]
        raise StaffThere("people still belong to this branch", missing=missing, id=branch_id)
    work.tell(closed, BranchClosed(branch_id=branch_id))
    return closed


def appoint_staff(
    work: UnitOfWork,
    *,
    name: str,
    roles: tuple[Role, ...],
    branch_ids: tuple[str, ...],
    login: str,
    first_password: str,
    change_due: bool = True,
) -> Record[Staff]:
    """Appoint somebody and make the login. Raises Unknown (branch), NotOpen, AlreadyThere
    (LOGIN_TAKEN), Invalid (PASSWORD_WEAK)."""
    _require_open(work, branch_ids)
    content = Staff(name=name, roles=roles, branch_ids=branch_ids, login=login)
    staff = work.records.add(STAFF, content, branch_id=branch_ids[0])
    password_hash = passwords.hash_password(first_password, login, policy(work))
    store.add_login(
        work.connection,
        Login(staff_id=staff.id, name=login, password_hash=password_hash, change_due=change_due),
    )
    work.tell(staff, StaffAppointed(staff_id=staff.id, roles=roles, branch_ids=branch_ids))
    return staff


def amend_staff(
    work: UnitOfWork,
    *,
    staff_id: str,
    revision: int,
    roles: tuple[Role, ...],
    branch_ids: tuple[str, ...],
    reason: str,
) -> Record[Staff]:
    """Correct roles or branches, and end the person's sessions. Raises Unknown, Outdated, HasLeft,
    NotOpen, NothingChanged."""
    staff = require_employed(work.records.get(STAFF, staff_id, revision=revision))
    _require_open(work, branch_ids)
    amended = work.records.amend(
        staff, reason_code="STAFF_CHANGE", reason=reason, roles=roles, branch_ids=branch_ids
    )
    store.end_sessions(work.connection, staff_id, work.at)
    work.tell(amended, StaffAppointed(staff_id=staff_id, roles=roles, branch_ids=branch_ids))
    return amended


def end_employment(work: UnitOfWork, *, staff_id: str, revision: int, reason: str) -> Record[Staff]:
    """End somebody's employment, and with it sessions and login at once. Raises Unknown, Outdated,
    MoveForbidden, OwnEmployment."""
    if staff_id == work.actor.id:
        raise OwnEmployment("nobody ends the own employment; a colleague must")
    staff = work.records.get(STAFF, staff_id, revision=revision)
    left = work.records.move(
        staff, "leave", nobody_next=True, closed=True, reason_code="STAFF_LEFT", reason=reason
    )
    store.end_sessions(work.connection, staff_id, work.at)
    work.tell(left, StaffLeft(staff_id=staff_id))
    return left


def _require_open(work: UnitOfWork, branch_ids: tuple[str, ...]) -> None:
    """Hold branches open until the commit: who closes one waits, and sees who came."""
    store.hold_branches(work.connection, branch_ids)
    for branch_id in branch_ids:
        require_open(work.records.find(BRANCH, branch_id))


def record_qualification(
    work: UnitOfWork,
    *,
    staff_id: str,
    course: str,
    valid_from: date,
    valid_to: date,
    assessor: str,
    evidence_keys: tuple[str, ...] = (),
) -> Record[Qualification]:
    """Record that somebody passed a course, with what shows it. Raises Unknown, HasLeft, Invalid
    (order), EvidenceUnconfirmed."""
    staff = require_employed(work.records.find(STAFF, staff_id))
    content = Qualification(
        staff_id=staff_id,
        course=course,
        valid_from=valid_from,
        valid_to=valid_to,
        assessor=assessor,
    )
    return work.records.add(
        QUALIFICATION,
        content,
        branch_id=staff.branch_id,
        evidence=work.records.evidence(evidence_keys),
    )


def revoke_qualification(
    work: UnitOfWork, *, qualification_id: str, reason: str
) -> Record[Qualification]:
    """End a qualification before its time. Raises Unknown, RecordVoid."""
    qualification = work.records.get(QUALIFICATION, qualification_id)
    return work.records.void(
        qualification, ChangeKind.REVOKED, reason_code="QUALIFICATION_REVOKED", reason=reason
    )
