"""Attempts to sign in with a login that does not exist: counted like those with one that does.

Revision ID: organisation_0002
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "organisation_0002"
down_revision = "organisation_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of strangers, named by a hash: a name may be a password in the wrong field."""
    run(
        """
        CREATE TABLE stranger (
            name_hash bytea PRIMARY KEY,
            failures integer NOT NULL,
            locked_until timestamptz,
            failed_at timestamptz NOT NULL
        )
        """,
        "CREATE INDEX stranger_by_time ON stranger (failed_at)",
    )
    grant("SELECT, INSERT, UPDATE, DELETE", "stranger")
