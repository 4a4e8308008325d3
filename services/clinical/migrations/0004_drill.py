"""Of which drill a branch is, so that a purge finds its zone.

Revision ID: clinical_0004
"""

from __future__ import annotations

from chassis.migrate import run

revision = "clinical_0004"
down_revision = "clinical_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; every branch that was heard of so far is real."""
    run("ALTER TABLE branch_zone ADD COLUMN drill text NOT NULL DEFAULT ''")
