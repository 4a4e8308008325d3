"""The keys that tokens are signed with, and the signing itself. Private parts rest sealed in the
database."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from chassis import clock
from chassis.roles import Role
from chassis.sealing import DataKey
from chassis.tokens import (
    ALGORITHM,
    AUDIENCE,
    AUTHENTICATED,
    DRILL,
    LIFETIME_SECONDS,
    PASSWORD_DUE,
)


@dataclass(frozen=True)
class TokenKey:
    """A signing key with its id."""

    key_id: str
    key: ECKey

    def sign(self, claims: dict[str, Any], *, seconds: int = LIFETIME_SECONDS) -> tuple[str, int]:
        """Return a token with these claims and the second it ends at."""
        ends = int(time.time()) + seconds
        header = {"alg": ALGORITHM, "kid": self.key_id}
        return jwt.encode(header, {**claims, "aud": AUDIENCE, "exp": ends}, self.key), ends


def make(data_key: DataKey) -> tuple[TokenKey, str, str]:
    """Return a fresh key with its sealed private part and its public part as JSON."""
    key = ECKey.generate_key("P-256")
    key_id = str(key.thumbprint())
    private = json.dumps({**key.as_dict(private=True), "kid": key_id})
    public = json.dumps({**key.as_dict(private=False), "kid": key_id})
    return TokenKey(key_id, key), data_key.close(private.encode(), context=key_id), public


def opened(key_id: str, sealed_private: str, data_key: DataKey) -> TokenKey:
    """Return a kept key."""
    private = data_key.open(sealed_private, context=key_id)
    return TokenKey(key_id, ECKey.import_key(json.loads(private)))


def person_claims(
    staff_id: str,
    roles: tuple[Role, ...],
    branch_id: str,
    session_id: str,
    *,
    is_password_due: bool = False,
    authenticated_at: datetime | None = None,
) -> dict[str, Any]:
    """Return what a person's token says."""
    return {
        "sub": staff_id,
        "typ": "person",
        "roles": [str(r) for r in roles],
        "branch": branch_id,
        "sid": session_id,
        PASSWORD_DUE: is_password_due,
        AUTHENTICATED: int(authenticated_at.timestamp()) if authenticated_at else 0,
    }


def drill_claims(
    staff_id: str, role: Role, branch_id: str, session_id: str, drill_id: str
) -> dict[str, Any]:
    """Return what the token of a drill's staff says, which counts as a fresh word of theirs."""
    said = person_claims(staff_id, (role,), branch_id, session_id, authenticated_at=clock.now())
    return {**said, DRILL: drill_id}


def service_claims(service: str) -> dict[str, Any]:
    """Return what a service's token says."""
    return {"sub": service, "typ": "service"}
