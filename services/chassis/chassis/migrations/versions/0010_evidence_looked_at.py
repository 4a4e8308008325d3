"""When an object was last looked at, what was found, and what was let go of by rule.

Revision ID: chassis_0010
"""

from __future__ import annotations

from chassis.migrate import run

revision = "chassis_0010"
down_revision = "chassis_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, and the indexes along which a look finds what is due."""
    run(
        """
        ALTER TABLE evidence
            ADD COLUMN checked_at timestamptz,
            ADD COLUMN claimed_until timestamptz,
            ADD COLUMN found text NOT NULL DEFAULT '',
            ADD COLUMN found_since timestamptz,
            ADD COLUMN found_sha256 text NOT NULL DEFAULT '',
            ADD COLUMN found_size_bytes bigint NOT NULL DEFAULT 0,
            ADD COLUMN let_go_at timestamptz,
            ADD COLUMN removed_at timestamptz
        """,
        """
        CREATE INDEX evidence_unchecked ON evidence (coalesce(checked_at, confirmed_at))
        WHERE confirmed_at IS NOT NULL AND let_go_at IS NULL
        """,
        """
        CREATE INDEX evidence_flawed ON evidence (object_key)
        WHERE found <> '' AND let_go_at IS NULL
        """,
        """
        CREATE INDEX evidence_let_go ON evidence (let_go_at)
        WHERE let_go_at IS NOT NULL AND removed_at IS NULL
        """,
    )
