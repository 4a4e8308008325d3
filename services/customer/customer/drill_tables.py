"""What a drill leaves in the tables of this service; see `chassis.drill_tables`."""

from __future__ import annotations

PURGED = {
    "person_search": "drill = :drill",
    "person_key": "customer_id = ANY(:uuids)",
    "known_business": "customer_id = ANY(:uuids)",
    "seen_at": "person_id = ANY(:uuids)",
    "import_row": "import_id = ANY(:uuids)",
}
KEPT: dict[str, str] = {}
