"""The index of qualifications by their last day, and when the person of a session last confirmed
the password.

Revision ID: organisation_0003
"""

from __future__ import annotations

from chassis.migrate import run

revision = "organisation_0003"
down_revision = "organisation_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index that the list of what expires reads. Nobody knows when the people of sessions
    that run already confirmed theirs: long ago, so that they are asked before they sign."""
    run(
        """
        CREATE INDEX qualification_by_end ON record ((content->>'valid_to'))
        WHERE kind = 'organisation.qualification' AND void = ''
        """,
        "ALTER TABLE session ADD COLUMN authenticated_at timestamptz NOT NULL DEFAULT 'epoch'",
    )
