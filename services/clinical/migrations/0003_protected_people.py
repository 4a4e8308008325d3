"""People whose files are kept more closely than the ordinary.

Revision ID: clinical_0003
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "clinical_0003"
down_revision = "clinical_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of the tiers that were heard of."""
    run(
        """
        CREATE TABLE protected_person (
            customer_id uuid PRIMARY KEY,
            tier text NOT NULL,
            set_at timestamptz NOT NULL
        )
        """
    )
    grant("SELECT, INSERT, UPDATE", "protected_person")
