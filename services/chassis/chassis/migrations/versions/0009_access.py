"""The book of looks at people: who looked at whom, what for, where; rows are added and read, never
changed.

Revision ID: chassis_0009
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "chassis_0009"
down_revision = "chassis_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the book, and what an auditor finds its rows by."""
    run(
        """
        CREATE TABLE access (
            id uuid PRIMARY KEY,
            looked_at timestamptz NOT NULL,
            actor text NOT NULL CHECK (actor <> ''),
            role text NOT NULL,
            branch_id uuid,
            kind text NOT NULL,
            rpc text NOT NULL,
            purpose text NOT NULL CHECK (purpose <> ''),
            customer_ids uuid[] NOT NULL,
            record_id text NOT NULL,
            found integer NOT NULL,
            unusual text[] NOT NULL,
            break_glass_id text NOT NULL,
            refused_with text NOT NULL,
            trace_id text NOT NULL
        )
        """,
        "CREATE INDEX access_by_time ON access (looked_at, id)",
        "CREATE INDEX access_of_actor ON access (actor, looked_at, id)",
        "CREATE INDEX access_to_customer ON access USING gin (customer_ids)",
        "CREATE INDEX access_unusual ON access (looked_at, id) WHERE cardinality(unusual) > 0",
    )
    grant("SELECT, INSERT", "access")
