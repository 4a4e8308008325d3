"""Tokens: who is calling, signed by organisation, verified offline against its public keys, valid
five minutes.

A person's token carries the staff id, the roles, the branch, when the password was last confirmed,
and whether it must be changed before anything else, and for the staff of a drill its id; a
service's token carries its name. Between services the acting person travels beside the service's
token, never with the person's own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis.errors import Unauthenticated
from chassis.roles import Role

ALGORITHM = "ES256"
AUDIENCE = "optichain"
LIFETIME_SECONDS = 300
PASSWORD_DUE = "pwd_due"
AUTHENTICATED = "auth_time"
"""OpenID Connect's claim: the second in which the person last proved who that is."""
DRILL = "drill"
_REMEMBERED = 2_048


@dataclass(frozen=True)
class Identity:
    """What a verified token says."""

    subject: str
    is_service: bool
    roles: tuple[Role, ...]
    branch_id: str
    session_id: str
    expires_at: float
    is_password_due: bool = False
    authenticated_at: datetime | None = None
    drill: str = ""


class KeyCache:
    """The public keys of organisation's tokens, fetched when an unknown key id appears, at most
    once a second."""

    def __init__(self, fetch: Callable[[], dict[str, Any]]) -> None:
        self._fetch = fetch
        self._keys = KeySet([])
        self._fetched_at = 0.0
        self._lock = threading.Lock()

    def refresh(self) -> KeySet:
        """Fetch the keys anew, unless that was done within the last second."""
        with self._lock:
            if time.monotonic() - self._fetched_at >= 1.0:
                self._keys = KeySet.import_key_set(self._fetch())  # type: ignore[arg-type]  # a plain JWKS mapping
                self._fetched_at = time.monotonic()
            return self._keys

    @property
    def keys(self) -> KeySet:
        """The keys as last fetched."""
        return self._keys


class Verifier:
    """Verifies tokens; remembers those it has verified until they expire."""

    def __init__(self, keys: KeyCache) -> None:
        self._keys = keys
        self._seen: dict[str, Identity] = {}
        self._claims = jwt.JWTClaimsRegistry(
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
            sub={"essential": True},
        )

    def verify(self, token: str) -> Identity:
        """Return who the token names. Raises Unauthenticated."""
        known = self._seen.get(token)
        if known is not None and known.expires_at > time.time():
            return known
        identity = self._decode(token)
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen[token] = identity
        return identity

    def _decode(self, token: str) -> Identity:
        try:
            return self._verified(token, self._keys.keys)
        except (JoseError, ValueError):
            pass
        try:
            return self._verified(token, self._keys.refresh())
        except (JoseError, ValueError) as error:
            raise Unauthenticated(
                "the token does not verify or has expired", reason="TOKEN_REFUSED"
            ) from error

    def _verified(self, token: str, keys: KeySet) -> Identity:
        claims = jwt.decode(token, keys, algorithms=[ALGORITHM]).claims
        self._claims.validate(claims)
        return Identity(
            subject=str(claims["sub"]),
            is_service=claims.get("typ") == "service",
            roles=tuple(Role(role) for role in claims.get("roles", ())),
            branch_id=str(claims.get("branch", "")),
            session_id=str(claims.get("sid", "")),
            expires_at=float(claims["exp"]),
            is_password_due=claims.get(PASSWORD_DUE) is True,
            authenticated_at=_instant(claims.get(AUTHENTICATED)),
            drill=str(claims.get(DRILL, "")),
        )


def _instant(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None


class ServiceToken:
    """This service's own token, renewed a minute before it expires."""

    def __init__(self, issue: Callable[[], tuple[str, float]]) -> None:
        self._issue = issue
        self._token = ""
        self._expires_at = 0.0
        self._lock = threading.Lock()

    def current(self) -> str:
        """Return a token that stays valid for a minute at least."""
        if self._expires_at - time.time() < 60:
            with self._lock:
                if self._expires_at - time.time() < 60:
                    self._token, self._expires_at = self._issue()
        return self._token
