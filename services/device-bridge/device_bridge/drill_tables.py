"""What a drill leaves in the tables of this service; see `chassis.drill_tables`."""

from __future__ import annotations

PURGED = {
    "line": "instrument_id = ANY(:uuids)",
}
KEPT: dict[str, str] = {}
