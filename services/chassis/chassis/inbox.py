"""What has been handled already: an event takes effect once, however often it is delivered."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from chassis.db import UnitOfWork
from chassis.records.tables import inbox


def is_new(work: UnitOfWork, subscription: str, event_id: str) -> bool:
    """Note the event for this subscription; False when its effect stands already."""
    row = work.connection.execute(
        insert(inbox)
        .values(subscription=subscription, event_id=UUID(event_id), handled_at=work.at)
        .on_conflict_do_nothing()
        .returning(inbox.c.event_id)
    ).first()
    return row is not None
