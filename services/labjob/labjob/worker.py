"""Labjob's worker: it stops the job of an order that was cancelled, hears of every change of what
its jobs stand on, and tells the chain of its own."""

from __future__ import annotations

from chassis.amqp import Worker, hears
from chassis.db import UnitOfWork
from labjob import commands_release
from optichain.billing.v1 import events_pb2 as billing


class LabjobWorker(Worker):
    """Hears billing; publishes labjob's facts."""

    name = "labjob"
    relies_on = ("billing", "clinical", "inventory")

    @hears(billing.OrderCancelled)
    def stop_job(self, work: UnitOfWork, event: billing.OrderCancelled) -> None:
        """Stop the open job of a cancelled order, should one have been released meanwhile."""
        commands_release.cancel_job_of(work, order_id=event.order_id)


WORKER = LabjobWorker
