"""The fields that each change heard of has touched, so that a change nobody relied on stops nobody.

Revision ID: chassis_0002
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "chassis_0002"
down_revision = "chassis_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table beside `known_version`."""
    run(
        """
        CREATE TABLE known_change (
            record_id text NOT NULL,
            version integer NOT NULL,
            fields text[] NOT NULL,
            PRIMARY KEY (record_id, version)
        )
        """
    )
    grant("SELECT, INSERT", "known_change")
