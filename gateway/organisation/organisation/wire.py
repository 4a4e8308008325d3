"""What differs between organisation's messages and its own words: a session gets its token."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from organisation.commands_sign_in import Started
from organisation.keys import TokenKey, person_claims


def session(started: Started, key: TokenKey) -> dict[str, Any]:
    """Return the Session message's fields, with a token signed now."""
    token, ends = key.sign(
        person_claims(
            started.staff_id,
            started.roles,
            started.branch_id,
            started.id,
            is_password_due=started.password_change_due,
            authenticated_at=started.authenticated_at,
        )
    )
    return {"session": {**asdict(started), "token": token, "token_expires_at": moment(ends)}}


def moment(seconds: int) -> datetime:
    """Return the instant of a token's whole second."""
    return datetime.fromtimestamp(seconds, UTC)
