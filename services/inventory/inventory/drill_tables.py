"""What a drill leaves in the tables of this service; see `chassis.drill_tables`."""

from __future__ import annotations

PURGED = {
    "shelf": "lot_id = ANY(:uuids)",
    "piece": "lot_id = ANY(:uuids)",
    "movement": "lot_id = ANY(:uuids)",
    "due_hold": "record_id = ANY(:ids)",
    "order_heard": "order_id IN (SELECT content->>'order_id' FROM record WHERE drill = :drill)",
}
KEPT: dict[str, str] = {
    "catalogue": "the whole chain's: a drill adds no product",
    "power_range": "the whole chain's: a drill adds no product",
    "product_cost": "a lot of a drill is no cost",
}
