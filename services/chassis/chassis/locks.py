"""Locks on what has no row of its own to lock: an edition to be, a case, a reference."""

from __future__ import annotations

from sqlalchemy import Connection, text

_TAKE = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))")


def take(connection: Connection, what: str) -> None:
    """Let nobody else take the lock on the same thing, in this database, until the transaction
    ends; who comes second sees what the first has committed."""
    connection.execute(_TAKE, {"what": what})
