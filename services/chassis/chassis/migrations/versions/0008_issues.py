"""Issues: found by who must act and by time, as reviews are.

Revision ID: chassis_0008
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "chassis_0008"
down_revision = "chassis_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what keeps the worklists of issues short."""
    run(
        """
        CREATE TABLE issue (
            id uuid PRIMARY KEY,
            responsible_role text NOT NULL CHECK (responsible_role <> ''),
            held_at_id uuid,
            owner text NOT NULL,
            due_at timestamptz NOT NULL,
            closed_at timestamptz
        )
        """,
        """
        CREATE INDEX issue_open_of_role ON issue (held_at_id, responsible_role, due_at, id)
        WHERE closed_at IS NULL
        """,
        "CREATE INDEX issue_open_of_owner ON issue (owner, due_at, id) WHERE closed_at IS NULL",
        "CREATE INDEX issue_due ON issue (due_at, id) WHERE closed_at IS NULL",
    )
    grant("SELECT, INSERT", "issue")
    grant("UPDATE (responsible_role, held_at_id, owner, due_at, closed_at)", "issue")
