"""Logins, sessions and token keys, and the indexes of branches and staff.

Revision ID: organisation_0001
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "organisation_0001"
down_revision = None
branch_labels = ("organisation",)
depends_on = "chassis_0001"


def upgrade() -> None:
    """Make the tables of signing in."""
    run(
        """
        CREATE TABLE login (
            staff_id uuid PRIMARY KEY,
            name text NOT NULL,
            password_hash text NOT NULL,
            failures integer NOT NULL,
            locked_until timestamptz,
            change_due boolean NOT NULL
        )
        """,
        "CREATE UNIQUE INDEX login_name ON login (lower(name))",
        """
        CREATE TABLE session (
            id uuid PRIMARY KEY,
            staff_id uuid NOT NULL,
            branch_id uuid NOT NULL,
            roles text[] NOT NULL,
            renewal_hash bytea NOT NULL,
            expires_at timestamptz NOT NULL,
            ended_at timestamptz
        )
        """,
        "CREATE INDEX session_of_staff ON session (staff_id) WHERE ended_at IS NULL",
        """
        CREATE TABLE token_key (
            key_id text PRIMARY KEY,
            sealed_private text NOT NULL,
            public text NOT NULL,
            made_at timestamptz NOT NULL
        )
        """,
        """
        CREATE UNIQUE INDEX branch_code ON record ((content->>'code'))
        WHERE kind = 'organisation.branch'
        """,
        """
        CREATE INDEX staff_by_login ON record ((content->>'login'), id)
        WHERE kind = 'organisation.staff'
        """,
        """
        CREATE INDEX staff_by_branch ON record USING gin ((content->'branch_ids'))
        WHERE kind = 'organisation.staff'
        """,
        """
        CREATE INDEX qualification_of_staff ON record ((content->>'staff_id'), (content->>'course'))
        WHERE kind = 'organisation.qualification'
        """,
    )
    grant("SELECT, INSERT, UPDATE", "login", "session")
    grant("SELECT, INSERT", "token_key")
