"""Pins of what may be finished after the time of a record ran out, and which records' time has.

Revision ID: chassis_0005
"""

from __future__ import annotations

from chassis.migrate import run

revision = "chassis_0005"
down_revision = "chassis_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column to `pin` and to `known_version`."""
    run(
        "ALTER TABLE pin ADD COLUMN may_expire boolean NOT NULL DEFAULT false",
        "ALTER TABLE known_version ADD COLUMN expired boolean NOT NULL DEFAULT false",
    )
