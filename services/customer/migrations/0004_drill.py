"""Whether somebody is found in real work or in a drill: neither is found in the other.

Revision ID: customer_0004
"""

from __future__ import annotations

from chassis.migrate import run

revision = "customer_0004"
down_revision = "customer_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; everybody who is kept so far is real."""
    run("ALTER TABLE person_search ADD COLUMN drill text NOT NULL DEFAULT ''")
