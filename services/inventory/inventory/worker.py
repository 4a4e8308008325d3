"""Inventory's worker: it follows orders and jobs, and gives back what nobody ordered in time."""

from __future__ import annotations

from chassis.amqp import Worker, every, hears
from chassis.db import UnitOfWork
from chassis.ids import prefix_of
from inventory import commands_order as order
from inventory import store
from inventory.commands_reservation import expire_reservation
from inventory.commands_set_aside import expire_set_aside
from inventory.set_aside import SET_ASIDE
from optichain.billing.v1 import events_pb2 as billing
from optichain.labjob.v1 import events_pb2 as labjob

_CLAIMED_AT_ONCE = 20


class InventoryWorker(Worker):
    """Hears of orders and jobs; keeps the time of what is held."""

    name = "inventory"

    @hears(billing.OrderConfirmed)
    def take_up(self, work: UnitOfWork, event: billing.OrderConfirmed) -> None:
        """Commit what is held to the order: set-asides become reservations, and a frame that is
        still to come is awaited."""
        order.commit_to_order(
            work,
            order_id=event.order_id,
            revision=event.revision,
            set_aside_ids=event.set_aside_ids,
            reservation_ids=event.reservation_ids,
            awaited_frame_product_id=event.awaited_frame_product_id,
            case_id=event.case_id,
            customer_id=event.customer_id,
            branch_id=event.branch_id,
        )

    @hears(billing.OrderRequoted)
    def drop(self, work: UnitOfWork, event: billing.OrderRequoted) -> None:
        """Give back what the new quotation needs no longer."""
        store.hear_of_order(work.connection, event.order_id, event.revision)
        order.drop_from_order(
            work,
            order_id=event.order_id,
            set_aside_ids=event.dropped_set_aside_ids,
            reservation_ids=event.dropped_reservation_ids,
            reason="the order was quoted anew without it",
            awaited_frame_product_id=event.dropped_frame_product_id,
            case_id=event.case_id,
        )

    @hears(billing.OrderCancelled)
    def release(self, work: UnitOfWork, event: billing.OrderCancelled) -> None:
        """Give back everything held for the order."""
        store.hear_of_order(work.connection, event.order_id, event.revision)
        order.release_order(
            work,
            order_id=event.order_id,
            case_id=event.case_id,
            set_aside_ids=event.set_aside_ids,
            reservation_ids=event.reservation_ids,
        )

    @hears(labjob.JobCancelled)
    def take_back(self, work: UnitOfWork, event: labjob.JobCancelled) -> None:
        """Give back the lenses that the job stood on and did not draw."""
        order.take_back(work, order_id=event.order_id, reservation_ids=event.reservation_ids)

    @hears(labjob.JobCollected)
    def use_up(self, work: UnitOfWork, event: labjob.JobCollected) -> None:
        """Use up what went into the glasses."""
        order.use_up(work, job_id=event.job_id, order_id=event.order_id, case_id=event.case_id)

    @every(30)
    def give_up_what_is_due(self, work: UnitOfWork) -> bool:
        """Give back what was held for longer than the rule lets; true when more may be due."""
        due = store.claim_due(work.connection, work.at, _CLAIMED_AT_ONCE)
        for record_id in due:
            if prefix_of(record_id) == SET_ASIDE.prefix:
                expire_set_aside(work, record_id)
            else:
                expire_reservation(work, record_id)
        return len(due) == _CLAIMED_AT_ONCE


WORKER = InventoryWorker
