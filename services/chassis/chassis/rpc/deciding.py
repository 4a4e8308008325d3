"""Serves the decision of a review, the same in every service that has records under review: the
record that changed is asked for live before anything is decided."""

from __future__ import annotations

from functools import partial
from typing import Any

from google.protobuf.message import Message

from chassis.db import UnitOfWork
from chassis.records import deciding, gates, queries
from chassis.records.envelope import Record
from chassis.records.kinds import owner_of
from chassis.records.reviews import Decision, Review
from chassis.rpc.call import Call


def decide_review(call: Call, request: Any, consequences: deciding.Consequences) -> Message:
    """Ask the owner where the record stands now, then decide. Raises as `deciding.decide`, and
    Unknown, Unavailable."""
    with call.database.snapshot() as connection:
        review: Record[Review] = queries.record_at(connection, request.review_id)
        judged = deciding.judged(connection, review)
        owner = owner_of(judged.pin.kind)
        if owner == owner_of(review.kind.name):
            live = gates.compare(connection, [judged.pin])
    if owner != owner_of(review.kind.name):
        (live,) = call.peers.check_versions({owner: [judged.pin]}, call.actor)
    return call.run(partial(_decide, live=live, consequences=consequences))


def _decide(
    work: UnitOfWork,
    *,
    review_id: str,
    revision: int,
    decision: Decision,
    judged_version: int,
    reason: str,
    object_keys: tuple[str, ...],
    live: gates.Comparison,
    consequences: deciding.Consequences,
) -> dict[str, Record[Review]]:
    review = deciding.decide(
        work,
        review_id=review_id,
        revision=revision,
        decision=decision,
        judged_version=judged_version,
        reason=reason,
        object_keys=object_keys,
        live=live,
        consequences=consequences,
    )
    return {"review": review}
