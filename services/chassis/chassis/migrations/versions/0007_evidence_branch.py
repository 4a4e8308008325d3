"""At which branch an upload was offered: whoever works there may name it.

Revision ID: chassis_0007
"""

from __future__ import annotations

from chassis.migrate import run

revision = "chassis_0007"
down_revision = "chassis_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what was offered before is its uploader's alone."""
    run("ALTER TABLE evidence ADD COLUMN branch_id uuid")
