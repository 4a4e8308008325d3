"""Signing in: a password that is never stored, attempts that run out, sessions that end."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from chassis.errors import TooManyAttempts, Unauthenticated, invalid

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's second recommended setting for argon2id: 19 MiB, two passes, one lane."""

NOBODY = _hasher.hash(secrets.token_urlsafe())
"""What a login that does not exist is verified against, so that it answers no faster."""


class SessionEnded(Unauthenticated):
    """The session has ended, or its renewal secret was used already."""

    reason = "SESSION_ENDED"


class LoginLocked(TooManyAttempts):
    """Too many failures; wait, or have it released."""

    reason = "LOGIN_LOCKED"


class SignInRefused(Unauthenticated):
    """Login or password is wrong; which of them is not said."""

    reason = "SIGN_IN_REFUSED"


@dataclass(frozen=True)
class SignInPolicy:
    """How passwords and sessions are limited: data, from rules/sign_in.yaml."""

    shortest_password: int
    attempts: int
    lock_minutes: int
    session_hours: int


@dataclass(frozen=True, kw_only=True)
class Login:
    """How one person signs in; without `staff_id` it is nobody's."""

    staff_id: str
    name: str
    password_hash: str
    failures: int = 0
    locked_until: datetime | None = None
    change_due: bool = False

    def require_unlocked(self, at: datetime) -> None:
        """Refuse while locked. Raises LoginLocked."""
        if self.locked_until is not None and at < self.locked_until:
            seconds = int((self.locked_until - at).total_seconds()) + 1
            raise LoginLocked("too many failures; try again later", retry_seconds=seconds)

    def opens_with(self, password: str) -> bool:
        """Tell whether the password is right; takes the same time either way."""
        try:
            return _hasher.verify(self.password_hash, password)
        except VerificationError:
            return False

    def failed(self, at: datetime, policy: SignInPolicy) -> Login:
        """Return the login after a failure: locked when the attempts have run out."""
        failures = self.failures + 1
        if failures < policy.attempts:
            return replace(self, failures=failures)
        return replace(self, failures=0, locked_until=at + timedelta(minutes=policy.lock_minutes))

    def succeeded(self) -> Login:
        """Return the login after a success."""
        return replace(self, failures=0, locked_until=None)

    def with_password(self, password: str, policy: SignInPolicy, *, change_due: bool) -> Login:
        """Return the login with another password. Raises Invalid (PASSWORD_WEAK)."""
        return replace(
            self,
            password_hash=hash_password(password, self.name, policy),
            failures=0,
            locked_until=None,
            change_due=change_due,
        )


def hash_password(password: str, login: str, policy: SignInPolicy) -> str:
    """Return the argon2id hash of an acceptable password. Raises Invalid (PASSWORD_WEAK)."""
    if len(password) < policy.shortest_password or login.lower() in password.lower():
        text = f"must have {policy.shortest_password} characters or more and not contain the login"
        raise invalid("password", "password", text, reason="PASSWORD_WEAK")
    return _hasher.hash(password)
