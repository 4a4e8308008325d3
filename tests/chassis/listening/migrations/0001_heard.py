"""What was heard, and how the handler is to behave.

Revision ID: listener_0001
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "listener_0001"
down_revision = None
branch_labels = ("listener",)
depends_on = "chassis_0001"


def upgrade() -> None:
    """Make both tables."""
    run(
        """
        CREATE TABLE heard (
            n bigserial PRIMARY KEY,
            branch_id text NOT NULL,
            name text NOT NULL,
            heard_at timestamptz NOT NULL DEFAULT clock_timestamp()
        )
        """,
        "CREATE TABLE behaviour (fails text NOT NULL)",
        "INSERT INTO behaviour VALUES ('')",
        "GRANT USAGE ON SEQUENCE heard_n_seq TO :app",
    )
    grant("SELECT, INSERT, DELETE", "heard")
    grant("SELECT, UPDATE", "behaviour")
