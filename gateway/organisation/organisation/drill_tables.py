"""What a drill leaves in the tables of this service; see `chassis.drill_tables`."""

from __future__ import annotations

PURGED = {
    "login": "staff_id = ANY(:uuids)",
    "session": "staff_id = ANY(:uuids)",
}
KEPT: dict[str, str] = {
    "stranger": "attempts on logins that do not exist, forgotten by age",
    "token_key": "the platform's own",
}
