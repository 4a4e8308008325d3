"""What a review of an order may come to besides its new version: the order is given up."""

from __future__ import annotations

from collections.abc import Sequence

from billing.commands_paying import void_order
from billing.order.order import ORDER, Order
from chassis.db import UnitOfWork
from chassis.records.deciding import Consequences
from chassis.records.envelope import Record
from chassis.records.reviews import Decision, Review


def cancel(work: UnitOfWork, order: Record[Order], review: Record[Review]) -> Sequence[str]:
    """Void the order. Raises MoveForbidden, JobIsReleased, ManagerNeeded."""
    void_order(
        work,
        order_id=order.id,
        revision=order.revision,
        reason_code="REVIEWED",
        reason=f"decided in {review.id}",
    )
    return ()


CONSEQUENCES: Consequences = {(ORDER.name, Decision.CANCEL): cancel}
