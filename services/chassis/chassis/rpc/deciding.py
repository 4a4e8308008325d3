"""Serves the decision of a review, the same in every service that has records under review: the
record that changed is asked for live before anything is decided."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from chassis.records import deciding, gates, queries
from chassis.records.envelope import Record
from chassis.records.kinds import owner_of
from chassis.records.reviews import Review
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
    return call.run(deciding.decide, live=live, consequences=consequences)
