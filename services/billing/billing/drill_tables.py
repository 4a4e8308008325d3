"""What a drill leaves in the tables of this service; see `chassis.drill_tables`."""

from __future__ import annotations

PURGED = {
    "ledger_entry": "posting_id IN (SELECT id FROM posting WHERE order_id = ANY(:uuids))",
    "posting": "order_id = ANY(:uuids)",
    "branch_zone": "drill = :drill",
}
KEPT: dict[str, str] = {
    "price": "the whole chain's: a drill publishes no price list",
}
