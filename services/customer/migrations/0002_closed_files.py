"""Where people were seen, and the breakings of the glass that wait for a judgement.

Revision ID: customer_0002
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "customer_0002"
down_revision = "customer_0001"
branch_labels = None
depends_on = "chassis_0001"


def upgrade() -> None:
    """Make the table of where people were seen, and the worklist of judgements."""
    run(
        """
        CREATE TABLE seen_at (
            person_id uuid NOT NULL,
            branch_id uuid NOT NULL,
            last_at timestamptz NOT NULL,
            PRIMARY KEY (person_id, branch_id)
        )
        """,
        """
        CREATE INDEX break_glass_due ON record ((content->>'due_at'), id)
        WHERE kind = 'customer.break_glass' AND state = 'open'
        """,
    )
    grant("SELECT, INSERT, UPDATE (last_at)", "seen_at")
