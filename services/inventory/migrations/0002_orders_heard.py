"""How far each order was heard of, so that nothing is taken up for what came later.

Revision ID: inventory_0002
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "inventory_0002"
down_revision = "inventory_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    run(
        """
        CREATE TABLE order_heard (
            order_id text PRIMARY KEY,
            revision integer NOT NULL
        )
        """
    )
    grant("SELECT, INSERT, UPDATE", "order_heard")
