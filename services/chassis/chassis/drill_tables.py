"""What every table of a service has of a drill: the condition its rows are found by, or why it
has none. A table in neither list stops the purge, so that none is forgotten.

In a condition `:drill` is the drill's id, `:uuids` are its records' ids here, and `:ids` the same
as TypeIDs.
"""

from __future__ import annotations

PURGED = {
    "history": "record_id = ANY(:uuids)",
    "review": "id = ANY(:uuids)",
    "issue": "id = ANY(:uuids)",
    "handover": "record_id = ANY(:uuids)",
    "refusal": "holder_id = ANY(:uuids)",
    "known_change": "drill = :drill OR record_id = ANY(:ids)",
    # A row that was made for a pin alone: nobody else relies on what it names.
    "known_version": """
        drill = :drill OR record_id = ANY(:ids) OR (
            record_id IN (SELECT record_id FROM pin WHERE holder_id = ANY(:uuids))
            AND record_id NOT IN (SELECT record_id FROM pin WHERE holder_id <> ALL(:uuids))
        )
    """,
    "pin": "holder_id = ANY(:uuids)",
    "outbox": "drill = :drill",
    "reply": "drill = :drill",
    "evidence": "drill = :drill",
}
"""Tables every service has, in the order in which their rows go; `record` itself goes last."""

KEPT = {
    "alembic_version": "the migrations",
    "rule_edition": "data of the trade",
    "anchor": "drills are left out of anchors",
    "inbox": "ids of events, pruned by age",
    "access": "who looked at whom is never forgotten, in a drill neither",
}
"""Tables every service has in which a drill leaves nothing."""
