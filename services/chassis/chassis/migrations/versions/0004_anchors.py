"""The anchors that a service has made of its history.

Revision ID: chassis_0004
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "chassis_0004"
down_revision = "chassis_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the list of anchors, and let new rows of history be found by their time."""
    run(
        """
        CREATE TABLE anchor (
            number integer PRIMARY KEY,
            until timestamptz NOT NULL,
            rows bigint NOT NULL,
            object_key text NOT NULL,
            sha256 text NOT NULL
        )
        """,
        "CREATE INDEX history_recorded ON history USING brin (recorded_at)",
    )
    grant("SELECT, INSERT", "anchor")
