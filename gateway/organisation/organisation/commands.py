"""What organisation does: branches, staff, qualifications, and signing in."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chassis.db import UnitOfWork
from chassis.errors import AlreadyThere, NotPermitted, Unauthenticated
from chassis.ids import new_id
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Record
from chassis.roles import Role
from chassis.rules import in_force
from organisation import login as passwords
from organisation import store
from organisation.branch import BRANCH, Branch, BranchKind, BranchOpened
from organisation.login import Login, SignInPolicy, SignInRefused
from organisation.staff import QUALIFICATION, STAFF, Qualification, Staff, StaffAppointed

_SECRET_BYTES = 32


class CodeTaken(AlreadyThere):
    """Another branch has this short code."""

    reason = "CODE_TAKEN"


class SessionEnded(Unauthenticated):
    """The session has ended, or its renewal secret was used already."""

    reason = "SESSION_ENDED"


@dataclass(frozen=True, kw_only=True)
class Started:
    """A session as the person gets it; the api, which holds the key, adds the token."""

    id: str
    renewal_secret: str
    expires_at: datetime
    staff_id: str
    branch_id: str
    roles: tuple[Role, ...]
    password_change_due: bool


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
    """Appoint somebody and make the login. Raises Unknown (branch), AlreadyThere (LOGIN_TAKEN),
    Invalid (PASSWORD_WEAK)."""
    for branch_id in branch_ids:
        work.records.find(BRANCH, branch_id)
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
    """Correct roles or branches, and end the person's sessions. Raises Unknown, Outdated,
    NothingChanged."""
    staff = work.records.get(STAFF, staff_id, revision=revision)
    for branch_id in branch_ids:
        work.records.find(BRANCH, branch_id)
    amended = work.records.amend(
        staff, reason_code="STAFF_CHANGE", reason=reason, roles=roles, branch_ids=branch_ids
    )
    store.end_sessions(work.connection, staff_id, work.at)
    work.tell(amended, StaffAppointed(staff_id=staff_id, roles=roles, branch_ids=branch_ids))
    return amended


def record_qualification(
    work: UnitOfWork, *, staff_id: str, course: str, valid_from: date, valid_to: date, assessor: str
) -> Record[Qualification]:
    """Record that somebody passed a course. Raises Unknown, Invalid (order)."""
    staff = work.records.find(STAFF, staff_id)
    content = Qualification(
        staff_id=staff_id,
        course=course,
        valid_from=valid_from,
        valid_to=valid_to,
        assessor=assessor,
    )
    return work.records.add(QUALIFICATION, content, branch_id=staff.branch_id)


def revoke_qualification(
    work: UnitOfWork, *, qualification_id: str, reason: str
) -> Record[Qualification]:
    """End a qualification before its time. Raises Unknown, RecordVoid."""
    qualification = work.records.get(QUALIFICATION, qualification_id)
    return work.records.void(
        qualification, ChangeKind.REVOKED, reason_code="QUALIFICATION_REVOKED", reason=reason
    )


def sign_in(work: UnitOfWork, *, login: str, password: str, branch_id: str) -> Started | None:
    """Start a session; None when login or password is wrong, with the failure counted. Raises
    LoginLocked."""
    found = store.login_named(work.connection, login)
    if found is None:
        passwords.spend_the_same_time(password)
        return None
    found.require_unlocked(work.at)
    if not found.opens_with(password):
        store.keep_login(work.connection, found.failed(work.at, policy(work)))
        return None
    if found.failures:
        store.keep_login(work.connection, found.succeeded())
    return _start(work, found, branch_id)


def _start(work: UnitOfWork, login: Login, branch_id: str) -> Started:
    staff = work.records.find(STAFF, login.staff_id)
    if staff.state != "appointed":
        raise SignInRefused("login or password is wrong")
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    started = Started(
        id=new_id("ses"),
        renewal_secret=secret,
        expires_at=work.at + timedelta(hours=policy(work).session_hours),
        staff_id=staff.id,
        branch_id=staff.content.place(branch_id),
        roles=staff.content.roles,
        password_change_due=login.change_due,
    )
    store.add_session(
        work.connection,
        id=started.id,
        staff_id=started.staff_id,
        branch_id=started.branch_id,
        roles=[str(role) for role in started.roles],
        renewal_hash=_hash(secret),
        expires_at=started.expires_at,
    )
    return started


def renew_session(work: UnitOfWork, *, session_id: str, renewal_secret: str) -> Started:
    """Swap the renewal secret of a running session. Raises SessionEnded."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    row = store.renew_session(
        work.connection, session_id, _hash(renewal_secret), _hash(secret), work.at
    )
    if row is None:
        raise SessionEnded("the session has ended; sign in again")
    return Started(
        id=session_id,
        renewal_secret=secret,
        expires_at=row.expires_at,
        staff_id=row.staff_id,
        branch_id=row.branch_id,
        roles=tuple(Role(role) for role in row.roles),
        password_change_due=False,
    )


def sign_out(work: UnitOfWork, *, session_id: str) -> None:
    """End one of the caller's sessions; another's is left alone."""
    store.end_sessions(work.connection, work.actor.id, work.at, session_id=session_id)


def change_password(work: UnitOfWork, *, present_password: str, new_password: str) -> bool:
    """Change the caller's password and end the caller's sessions; False when the present one is
    wrong.

    Raises LoginLocked, NotPermitted, Invalid (PASSWORD_WEAK).
    """
    found = store.login_of(work.connection, work.actor.id)
    if found is None:
        raise NotPermitted("only people have passwords")
    found.require_unlocked(work.at)
    if not found.opens_with(present_password):
        store.keep_login(work.connection, found.failed(work.at, policy(work)))
        return False
    changed = found.with_password(new_password, policy(work), change_due=False)
    store.keep_login(work.connection, changed)
    store.end_sessions(work.connection, work.actor.id, work.at)
    return True


def release_login(work: UnitOfWork, *, staff_id: str, first_password: str) -> None:
    """Release a locked login with a new first password. Raises Unknown, Invalid (PASSWORD_WEAK)."""
    work.records.find(STAFF, staff_id)
    found = store.login_of(work.connection, staff_id)
    if found is not None:
        store.keep_login(
            work.connection, found.with_password(first_password, policy(work), change_due=True)
        )
        store.end_sessions(work.connection, staff_id, work.at)


def policy(work: UnitOfWork) -> SignInPolicy:
    """Return the sign-in policy in force today."""
    return SignInPolicy(**in_force(work.connection, "sign_in", work.at.date()).body)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
