"""Reviews: one for each holder and change, found by holder and by who must decide; and pins that
were settled although their record was voided.

Revision ID: chassis_0003
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "chassis_0003"
down_revision = "chassis_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what keeps reviews unique and their worklists short."""
    run(
        """
        CREATE TABLE review (
            id uuid PRIMARY KEY,
            holder_id uuid NOT NULL,
            record_id text NOT NULL,
            version integer NOT NULL,
            is_void boolean NOT NULL,
            responsible_role text NOT NULL CHECK (responsible_role <> ''),
            held_at_id uuid,
            owner text NOT NULL,
            due_at timestamptz NOT NULL,
            closed_at timestamptz,
            UNIQUE (holder_id, record_id, version, is_void)
        )
        """,
        "CREATE INDEX review_open_of_holder ON review (holder_id) WHERE closed_at IS NULL",
        """
        CREATE INDEX review_open_of_role ON review (held_at_id, responsible_role, due_at, id)
        WHERE closed_at IS NULL
        """,
        "CREATE INDEX review_open_of_owner ON review (owner, due_at, id) WHERE closed_at IS NULL",
        "CREATE INDEX review_due ON review (due_at, id) WHERE closed_at IS NULL",
        "ALTER TABLE pin ADD COLUMN settled_void boolean NOT NULL DEFAULT false",
    )
    grant("SELECT, INSERT", "review")
    grant("UPDATE (responsible_role, held_at_id, owner, due_at, closed_at)", "review")
