"""Ends prescriptions whose days are over, so that whoever relies on one hears of it."""

from __future__ import annotations

from chassis.db import UnitOfWork
from chassis.records.changes import ChangeKind
from clinical import store, store_records


def expire_prescriptions(work: UnitOfWork, *, most: int) -> bool:
    """Expire some prescriptions whose last day is over at their branch; true when more may be."""
    usual_zone = store.rule(work.connection, "branch_day", work.at.date())["time_zone"]
    due = store_records.claim_expired(work.connection, work.at, usual_zone, most)
    for prescription in due:
        work.records.void(
            prescription,
            ChangeKind.EXPIRED,
            reason_code="EXPIRED",
            reason="its last day is over",
        )
    return len(due) == most
