"""Which payment stands on a reference of a card terminal or wallet, looked up at every payment.

Not unique: references that paid two orders before this rule stay as they are. Who takes a payment
lets nobody else use its reference until that is committed.

Revision ID: billing_0002
"""

from __future__ import annotations

from chassis.migrate import run

revision = "billing_0002"
down_revision = "billing_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    run(
        """
        CREATE INDEX payment_by_reference
        ON record ((content->>'means'), (content->>'reference'))
        WHERE kind = 'billing.payment' AND state = 'taken' AND content->>'reference' <> ''
        """
    )
