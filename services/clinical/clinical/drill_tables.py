"""What a drill leaves in the tables of this service; see `chassis.drill_tables`."""

from __future__ import annotations

PURGED = {
    "day_entry": "visit_id = ANY(:uuids) OR appointment_id = ANY(:uuids)",
    "armed_station": "visit_id = ANY(:uuids)",
    "reading_key": "reading_id = ANY(:uuids)",
    "branch_zone": "drill = :drill",
    "protected_person": """
        customer_id IN (SELECT r.customer_id FROM record r WHERE r.id = ANY(:uuids))
    """,
}
KEPT: dict[str, str] = {}
