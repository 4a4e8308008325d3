"""A laboratory delay as an issue: what must be true before the people of a branch put it away."""

from __future__ import annotations

from billing.order.order import ENDED, ORDER
from billing.order.promise import PROMISE
from chassis.records.conditions import Condition, ConditionType

LABORATORY_DELAY = "laboratory_delay"
"""The type, as the rule data of issues names it."""

_PERSON = "customer.person"


def closure(*, customer_id: str, order_id: str, promise_id: str) -> Condition:
    """Return the condition: the customer knows, and another day is promised or the glasses have
    come."""
    came = ("ready", "collected", *sorted(ENDED))
    return Condition(
        type=ConditionType.ALL,
        conditions=(
            Condition(
                type=ConditionType.CUSTOMER_INFORMED, record_id=customer_id, record_kind=_PERSON
            ),
            Condition(
                type=ConditionType.ANY,
                conditions=(
                    _in_state(promise_id, PROMISE.name, "replaced"),
                    _in_state(order_id, ORDER.name, *came),
                ),
            ),
        ),
    )


def _in_state(record_id: str, kind: str, *states: str) -> Condition:
    return Condition(
        type=ConditionType.RECORD_IN_STATE, record_id=record_id, record_kind=kind, states=states
    )
