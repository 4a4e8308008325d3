"""What orders await at a branch, found when something arrives there; and the transfer of a piece
that is under way.

Revision ID: inventory_0003
"""

from __future__ import annotations

from chassis.migrate import run

revision = "inventory_0003"
down_revision = "inventory_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    run(
        """
        CREATE INDEX reservation_awaited
        ON record ((content->>'product_id'), (content->>'stock_branch_id'), recorded_at)
        WHERE kind = 'inventory.reservation' AND state = 'awaited'
        """,
        """
        CREATE INDEX transfer_under_way ON record USING gin ((content->'piece_ids'))
        WHERE kind = 'inventory.transfer' AND state IN ('requested', 'sent')
        """,
    )
