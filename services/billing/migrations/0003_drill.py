"""Of which drill a branch is, so that a purge finds its zone.

Revision ID: billing_0003
"""

from __future__ import annotations

from chassis.migrate import run

revision = "billing_0003"
down_revision = "billing_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; every branch that was heard of so far is real."""
    run("ALTER TABLE branch_zone ADD COLUMN drill text NOT NULL DEFAULT ''")
