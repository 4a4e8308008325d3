"""Signing in, the session that follows, and the password behind both."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chassis.db import UnitOfWork
from chassis.errors import NotPermitted, invalid
from chassis.ids import new_id
from chassis.records.envelope import Record
from chassis.roles import Role
from chassis.rules import in_force
from organisation import store
from organisation.login import Login, SessionEnded, SignInPolicy
from organisation.staff import STAFF, Staff, require_employed

_SECRET_BYTES = 32
_STRANGERS_KEPT = timedelta(days=1)
_FORGOTTEN_AT_ONCE = 500


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
    authenticated_at: datetime


def sign_in(work: UnitOfWork, *, login: str, password: str, branch_id: str) -> Started | None:
    """Start a session; None when login or password is wrong, or the person has left, with the
    failure counted. A login that does not exist is locked like any other. Raises LoginLocked,
    NotYours."""
    found = store.login_named(work.connection, login)
    if found is None:
        found = store.stranger(work.connection, _hash(login.lower()), work.at)
    found.require_unlocked(work.at)
    staff = _employed(work, found) if found.opens_with(password) else None
    if staff is None:
        _keep_failure(work, found, login)
        return None
    if found.failures:
        store.keep_login(work.connection, found.succeeded())
    return _start(work, found, staff, branch_id)


def _employed(work: UnitOfWork, login: Login) -> Record[Staff] | None:
    staff = work.records.find(STAFF, login.staff_id)
    return staff if staff.state == "appointed" else None


def _keep_failure(work: UnitOfWork, found: Login, login: str) -> None:
    failed = found.failed(work.at, policy(work))
    if found.staff_id:
        store.keep_login(work.connection, failed)
    else:
        store.keep_stranger(work.connection, _hash(login.lower()), failed, work.at)


def forget_strangers(work: UnitOfWork) -> bool:
    """Forget the attempts on logins that do not exist after a day; true when more are due."""
    before = work.at - _STRANGERS_KEPT
    forgotten = store.forget_strangers(work.connection, before, _FORGOTTEN_AT_ONCE)
    return forgotten == _FORGOTTEN_AT_ONCE


def _start(work: UnitOfWork, login: Login, staff: Record[Staff], branch_id: str) -> Started:
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    started = Started(
        id=new_id("ses"),
        renewal_secret=secret,
        expires_at=work.at + timedelta(hours=policy(work).session_hours),
        staff_id=staff.id,
        branch_id=staff.content.place(branch_id),
        roles=staff.content.roles,
        password_change_due=login.change_due,
        authenticated_at=work.at,
    )
    store.add_session(
        work.connection,
        id=started.id,
        staff_id=started.staff_id,
        branch_id=started.branch_id,
        roles=[str(role) for role in started.roles],
        renewal_hash=_hash(secret),
        expires_at=started.expires_at,
        authenticated_at=started.authenticated_at,
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
    return _running(work, row, secret)


def _running(work: UnitOfWork, row: Any, renewal_secret: str) -> Started:
    return Started(
        id=row.id,
        renewal_secret=renewal_secret,
        expires_at=row.expires_at,
        staff_id=row.staff_id,
        branch_id=row.branch_id,
        roles=tuple(Role(role) for role in row.roles),
        password_change_due=store.is_change_due(work.connection, row.staff_id),
        authenticated_at=row.authenticated_at,
    )


def confirm_identity(work: UnitOfWork, *, password: str) -> Started | None:
    """Note that the caller confirmed the own password, and return the session, whose renewal secret
    stays as it is; None when the password is wrong, with the failure counted. Raises LoginLocked,
    SessionEnded, NotPermitted."""
    found = _own_login(work)
    if not found.opens_with(password):
        store.keep_login(work.connection, found.failed(work.at, policy(work)))
        return None
    if found.failures:
        store.keep_login(work.connection, found.succeeded())
    actor = work.actor
    row = store.confirm_session(work.connection, actor.session_id, actor.id, work.at)
    if row is None:
        raise SessionEnded("the session has ended; sign in again")
    return _running(work, row, "")


def _own_login(work: UnitOfWork) -> Login:
    """Return the caller's login, which is not locked. Raises LoginLocked, NotPermitted."""
    found = store.login_of(work.connection, work.actor.id)
    if found is None:
        raise NotPermitted("only people have passwords")
    found.require_unlocked(work.at)
    return found


def sign_out(work: UnitOfWork, *, session_id: str) -> None:
    """End one of the caller's sessions; another's is left alone."""
    store.end_sessions(work.connection, work.actor.id, work.at, session_id=session_id)


def change_password(work: UnitOfWork, *, present_password: str, new_password: str) -> bool:
    """Change the caller's password and end the caller's other sessions; False when the present one
    is wrong.

    Raises LoginLocked, NotPermitted, Invalid (PASSWORD_WEAK, PASSWORD_UNCHANGED).
    """
    found = _own_login(work)
    if not found.opens_with(present_password):
        store.keep_login(work.connection, found.failed(work.at, policy(work)))
        return False
    if new_password == present_password:
        text = "must differ from the present one"
        raise invalid("new_password", "password", text, reason="PASSWORD_UNCHANGED")
    changed = found.with_password(new_password, policy(work), change_due=False)
    store.keep_login(work.connection, changed)
    store.end_sessions(work.connection, work.actor.id, work.at, apart_from=work.actor.session_id)
    return True


def release_login(work: UnitOfWork, *, staff_id: str, first_password: str) -> None:
    """Release a locked login with a new first password. Raises Unknown, HasLeft, Invalid
    (PASSWORD_WEAK)."""
    require_employed(work.records.find(STAFF, staff_id))
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
