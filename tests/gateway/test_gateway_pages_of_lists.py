"""Lists by page through the door: a token that a list did not give is refused by every list."""

from __future__ import annotations

import base64
import json
from typing import Any

from chain import Chain
from chassis.ids import new_id
from chassis.roles import Role
from gateway.owners import SERVICES
from gateway.route import Route
from gateway.routes import TABLES
from gateway_door import Door
from optichain.field.v1 import rule_pb2

LISTS = [
    row
    for table in TABLES.values()
    for row in table
    if "page_token" in row.request.DESCRIPTOR.fields_by_name
]
STRANGE: tuple[Any, ...] = (
    ["x"],
    ["x", "y"],
    ["x", "y", "z"],
    ["2026-11-22T09:30:00+00:00", "x"],
    [],
    7,
)


def token_of(key: Any) -> str:
    """Return what a token of that sort key looks like."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def usual(row: Route) -> dict[str, Any]:
    """Return a request with all that the contract requires."""
    given: dict[str, Any] = {}
    for field in row.request.DESCRIPTOR.fields:
        rule = field.GetOptions().Extensions[rule_pb2.rule]
        if rule.id and rule.required:
            given[field.name] = new_id(rule.id)
        elif rule.date and rule.required:
            given[field.name] = "2026-11-22"
        elif rule.required:
            given[field.name] = "13916000188"
    return given


def test_a_token_that_a_list_did_not_give_makes_no_list_fail(chain: Chain, door: Door) -> None:
    chain.serve(*SERVICES[1:])
    everybody = chain.person(*(role for role in Role if role not in ("system", "instrument")))
    answers: dict[str, set[int]] = {}
    for row in LISTS:
        given = usual(row)
        path = row.path.format(**{name: given.pop(name) for name in row.in_path})
        for key in STRANGE:
            sent = {**given, "page_token": token_of(key)}
            how = {"json": sent} if row.has_body else {"params": sent}
            response = door.call(row.method, path, token=everybody.token, **how)
            answers.setdefault(row.descriptor.name, set()).add(response.status_code)

    assert len(answers) > 15
    failed = {name: statuses for name, statuses in answers.items() if max(statuses) >= 500}
    assert failed == {}
    assert sum(422 in statuses for statuses in answers.values()) > 15
