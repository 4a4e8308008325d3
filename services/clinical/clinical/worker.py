"""Clinical's worker: it plans rechecks when pairs are collected, ends prescriptions whose days are
over, and keeps branches' zones."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from chassis.amqp import Worker, every, hears
from chassis.db import UnitOfWork
from clinical import commands_expiry, commands_protection, commands_recheck, commands_visit, wire
from optichain.customer.v1 import events_pb2 as customer_events
from optichain.labjob.v1 import events_pb2 as labjob_events
from optichain.organisation.v1 import events_pb2 as organisation_events

_EXPIRED_AT_ONCE = 100


class ClinicalWorker(Worker):
    """Publishes clinical's facts; relies on inventory's frames and lenses."""

    name = "clinical"
    relies_on = ("inventory",)

    @hears(labjob_events.JobCollected)
    def plan_recheck(self, work: UnitOfWork, event: Any) -> None:
        """Plan the recheck behind a collected pair."""
        commands_recheck.plan_recheck(
            work,
            job_id=event.job_id,
            case_id=event.case_id,
            customer_id=event.customer_id,
            branch_id=event.branch_id,
            collected_at=event.collected_at.ToDatetime(tzinfo=UTC),
        )

    @hears(organisation_events.BranchOpened)
    def keep_branch_zone(self, work: UnitOfWork, event: Any) -> None:
        """Keep the zone that a branch's dates follow."""
        commands_visit.keep_branch_zone(work, branch_id=event.branch_id, time_zone=event.time_zone)

    @hears(customer_events.ProtectionTierSet)
    def keep_tier(self, work: UnitOfWork, event: Any) -> None:
        """Keep how closely a person's file is kept."""
        commands_protection.keep_tier(
            work,
            customer_id=event.customer_id,
            tier=wire.tier_of(event.protection_tier),
            set_at=event.set_at.ToDatetime(tzinfo=UTC),
        )

    @every(60)
    def expire_prescriptions(self, work: UnitOfWork) -> bool:
        """End prescriptions whose last day is over."""
        return commands_expiry.expire_prescriptions(work, most=_EXPIRED_AT_ONCE)


WORKER = ClinicalWorker
