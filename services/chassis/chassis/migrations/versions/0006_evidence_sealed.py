"""What an upload was confirmed as, and the way from an object back to the records it shows.

Revision ID: chassis_0006
"""

from __future__ import annotations

from chassis.migrate import run

revision = "chassis_0006"
down_revision = "chassis_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and an index of the few records that carry evidence."""
    run(
        "ALTER TABLE evidence ADD COLUMN confirmed_as text NOT NULL DEFAULT ''",
        """
        CREATE INDEX record_evidence ON record USING gin (evidence jsonb_path_ops)
        WHERE evidence <> '[]'
        """,
    )
