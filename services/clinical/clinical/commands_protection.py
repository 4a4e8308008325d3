"""What clinical does when it hears how closely a person's file is kept."""

from __future__ import annotations

from datetime import datetime

from chassis.db import UnitOfWork
from clinical import store_protection


def keep_tier(work: UnitOfWork, *, customer_id: str, tier: str, set_at: datetime) -> None:
    """Keep the tier; of two that are heard, the later one counts."""
    store_protection.keep_tier(work.connection, customer_id, tier, set_at)
