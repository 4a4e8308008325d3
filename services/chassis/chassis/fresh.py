"""A signature needs a fresh word of who signs: the own password, confirmed a few minutes ago."""

from __future__ import annotations

from datetime import timedelta

from chassis.actor import Actor
from chassis.clock import now
from chassis.db import Database
from chassis.errors import Unauthenticated
from chassis.rules import in_force


class ReauthenticationNeeded(Unauthenticated):
    """Who signs confirmed the own password too long ago: confirm it, then sign again."""

    reason = "REAUTHENTICATION_NEEDED"


def require_fresh(database: Database, actor: Actor) -> None:
    """Refuse a signature of somebody who confirmed the own password longer ago than the rule
    allows. Raises ReauthenticationNeeded."""
    at = now()
    with database.snapshot() as connection:
        minutes = int(in_force(connection, "signing_again", at.date()).body["minutes"])
    confirmed = actor.authenticated_at
    if confirmed is None or at - confirmed > timedelta(minutes=minutes):
        raise ReauthenticationNeeded(
            f"confirm your password, then sign: it was last said more than {minutes} minutes ago",
            minutes=minutes,
        )
