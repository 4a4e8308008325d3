"""Who signed a record, and when that person had last confirmed who that is.

Revision ID: chassis_0012
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "chassis_0012"
down_revision = "chassis_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what was signed before carries no such word."""
    run("ALTER TABLE record ADD COLUMN signature jsonb")
    grant("UPDATE (signature)", "record")
