"""What differs between organisation's messages and its own words: a session gets its token."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from chassis.ids import new_id
from organisation.commands_sign_in import Started
from organisation.drill import Begun
from organisation.keys import TokenKey, drill_claims, person_claims


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


def begun(started: Begun, key: TokenKey) -> dict[str, Any]:
    """Return the fields of a drill that begins: its people get tokens for its minutes."""
    seconds, drill_id = started.rule.token_minutes * 60, started.drill.id
    staff = [
        {
            **asdict(one),
            "token": key.sign(
                drill_claims(one.staff_id, one.role, one.branch_id, new_id("ses"), drill_id),
                seconds=seconds,
            )[0],
        }
        for one in started.members
    ]
    return {
        "drill": started.drill,
        "staff": staff,
        "told_within_seconds": started.rule.told_within_seconds,
        "due_within_seconds": started.rule.due_within_seconds,
    }


def moment(seconds: int) -> datetime:
    """Return the instant of a token's whole second."""
    return datetime.fromtimestamp(seconds, UTC)
