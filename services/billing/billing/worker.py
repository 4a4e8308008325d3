"""Billing's worker: it hears how the glasses come along and whether the customer was told, and
watches the days promised."""

from __future__ import annotations

from datetime import UTC, date

from billing import commands_making as making
from billing import store
from billing.order.order import OrderJobState
from chassis.amqp import Worker, every, hears
from chassis.db import UnitOfWork
from optichain.customer.v1 import contact_pb2
from optichain.customer.v1 import events_pb2 as customer
from optichain.labjob.v1 import events_pb2 as labjob
from optichain.organisation.v1 import events_pb2 as organisation

_PROMISES_WATCHED_SECONDS = 60.0


class BillingWorker(Worker):
    """Publishes billing's facts; keeps orders as far as labjob and customer have told."""

    name = "billing"
    relies_on = ("clinical", "inventory")

    @hears(organisation.BranchOpened)
    def keep_zone(self, work: UnitOfWork, event: organisation.BranchOpened) -> None:
        """Keep the zone that a branch's dates are in."""
        store.keep_zone(work.connection, event.branch_id, event.time_zone, work.actor.drill)

    @hears(labjob.JobReleased)
    def note_released(self, work: UnitOfWork, event: labjob.JobReleased) -> None:
        """Put the order in work."""
        making.note_job_released(
            work, order_id=event.order_id, job_id=event.job_id, lab_id=event.lab_id
        )

    @hears(labjob.JobRevised)
    def note_revised(self, work: UnitOfWork, event: labjob.JobRevised) -> None:
        """Put the order in work again."""
        making.note_job_revised(
            work, order_id=event.order_id, job_id=event.job_id, lab_id=event.lab_id
        )

    @hears(labjob.JobAccepted)
    def note_accepted(self, work: UnitOfWork, event: labjob.JobAccepted) -> None:
        """Hold the lab's estimate against the promise."""
        making.note_job_accepted(
            work,
            order_id=event.order_id,
            job_id=event.job_id,
            eta_date=date.fromisoformat(event.eta_date),
        )

    @hears(labjob.JobReady)
    def note_ready(self, work: UnitOfWork, event: labjob.JobReady) -> None:
        """Note that a job waits at the branch."""
        making.note_job_ready(
            work, order_id=event.order_id, job_id=event.job_id, ready_at=work.told_at
        )

    @hears(labjob.JobCollected)
    def note_collected(self, work: UnitOfWork, event: labjob.JobCollected) -> None:
        """Collect the order and judge its promise."""
        making.note_job_collected(
            work,
            order_id=event.order_id,
            job_id=event.job_id,
            collected_at=event.collected_at.ToDatetime(tzinfo=UTC),
        )

    @hears(labjob.JobRemade)
    def note_remade(self, work: UnitOfWork, event: labjob.JobRemade) -> None:
        """Wait for the new job instead."""
        making.note_job_ended(
            work, order_id=event.order_id, job_id=event.job_id, state=OrderJobState.REMADE
        )

    @hears(labjob.JobCancelled)
    def note_cancelled(self, work: UnitOfWork, event: labjob.JobCancelled) -> None:
        """Wait for the job no more."""
        making.note_job_ended(
            work, order_id=event.order_id, job_id=event.job_id, state=OrderJobState.CANCELLED
        )

    @hears(customer.CustomerInformed)
    def note_informed(self, work: UnitOfWork, event: customer.CustomerInformed) -> None:
        """Note that the customer knows, when it was about an order."""
        if event.order_id and event.purpose == contact_pb2.PURPOSE_ORDER_SERVICE:
            making.note_informed(work, order_id=event.order_id, informed_at=work.told_at)

    @every(_PROMISES_WATCHED_SECONDS)
    def watch_promises(self, work: UnitOfWork) -> bool:
        """Flag the promises whose day has come."""
        return making.flag_due_promises(work)


WORKER = BillingWorker
