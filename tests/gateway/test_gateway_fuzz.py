"""Random requests at every address of the API, half of them about records that are there: whatever
is sent, nothing fails inside."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import select

from chain import Chain
from chassis.ids import as_id
from chassis.records.kinds import kind_named
from chassis.records.tables import record
from chassis.roles import Role
from gateway.app import description
from gateway.owners import SERVICES
from gateway_door import Door
from labjob_bench import Bench

_SECONDS, _EXAMPLES = 60.0, 6
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
_ID_OF = re.compile(r"\^\((\w+)_\[0-7\]")
_MACHINES = (Role.SYSTEM, Role.INSTRUMENT, Role.PARTNER_LAB)


Ids = dict[str, list[str]]
"""Ids of records that are there, by their prefix."""


@pytest.fixture
def known(chain: Chain, door: Door) -> Ids:
    """Return the ids of a pair of glasses that is being made, and of all that it took."""
    chain.serve(*SERVICES)
    bench = Bench(chain)
    bench.open_places()
    bench.stock_up()
    bench.order_glasses(deposit_only=True)
    bench.release()
    bench.tray_to_lab()
    bench.accept()
    given = {"name": "欧阳静", "phone": "13916000199", "birthday": "1990-05-01"}
    door.call("POST", "/customers", token=chain.person(Role.RECEPTION).token, json=given)
    ids: Ids = defaultdict(list)
    for service in SERVICES:
        with chain.work(service, bench.person(Role.OPTICIAN).actor) as work:
            rows = work.connection.execute(select(record.c.kind, record.c.id, record.c.case_id))
            for kind, number, case_id in rows:
                prefix = kind_named(kind).prefix
                ids[prefix].append(as_id(prefix, number))
                if case_id:
                    ids["case"].append(case_id)
    return ids


@pytest.fixture
def token(chain: Chain, known: Ids) -> str:
    """Return the token of somebody in every role of a person at the branch of the order."""
    (branch_id, *_) = known["br"]
    everything = (role for role in Role if role not in _MACHINES)
    return chain.person(*everything, branch_id=branch_id).token


def test_no_request_makes_a_service_or_the_gateway_fail(door: Door, token: str, known: Ids) -> None:
    schema = schemathesis.openapi.from_dict(description())
    found: list[Any] = list(schema.get_all_operations())
    operations = [one.ok() for one in found]
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    turns = [(operation, mode) for mode in modes for operation in operations]
    began = time.monotonic()
    failures: list[str] = []
    answers: Counter[int] = Counter()
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {token}"
        for number, (operation, mode) in enumerate(turns):
            # Every address is tried in either way; when the time is short, once.
            is_late = time.monotonic() - began > _SECONDS * number / len(turns)
            try:
                _try(operation, mode, 1 if is_late else _EXAMPLES, door, session, known, answers)
            except Exception as failure:
                failures.append(f"{operation.label}: {failure}")

    assert failures == []
    assert answers.total() >= len(turns)
    assert {200, 404, 409, 422} <= set(answers)


def _try(
    operation: Any,
    mode: GenerationMode,
    examples: int,
    door: Door,
    session: Any,
    known: Ids,
    answers: Counter[int],
) -> None:
    tried = 0

    @seeded(1)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Case[Any]) -> None:
        nonlocal tried
        if tried % 2 == 0:
            _point_at_what_is_there(case, operation, known, tried // 2)
        tried += 1
        response = case.call(base_url=door.url, session=session)
        answers[response.status_code] += 1
        case.validate_response(response, checks=_CHECKS)

    run()


def _point_at_what_is_there(case: Case[Any], operation: Any, known: Ids, turn: int) -> None:
    """Put the ids of records that are there into the path."""
    for parameter in operation.path_parameters:
        ids = _ids_for(parameter.definition, known)
        if ids:
            case.path_parameters[parameter.name] = ids[turn % len(ids)]


def _ids_for(definition: Any, known: Ids) -> list[str]:
    named = _ID_OF.match(definition["schema"].get("pattern", ""))
    if named:
        return known.get(named[1], [])
    if definition["name"] == "case_id":
        return known["case"]
    if definition["name"] == "record_id":
        return [ids[0] for ids in known.values()]
    return []
