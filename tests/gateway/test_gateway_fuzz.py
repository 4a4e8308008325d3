"""Random requests at every address of the API: whatever is sent, nothing fails inside."""

from __future__ import annotations

import time
from collections import Counter
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

from chain import Chain
from chassis.roles import Role
from gateway.app import description
from gateway.owners import SERVICES
from gateway_door import Door

_SECONDS, _EXAMPLES = 60.0, 6
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
_MACHINES = (Role.SYSTEM, Role.INSTRUMENT, Role.PARTNER_LAB)


@pytest.fixture
def token(chain: Chain, door: Door) -> str:
    """Return the token of somebody in every role of a person, with every service served."""
    chain.serve(*(service for service in SERVICES if service != "organisation"))
    return chain.person(*(role for role in Role if role not in _MACHINES)).token


def test_no_request_makes_a_service_or_the_gateway_fail(door: Door, token: str) -> None:
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
        for number, (operation, mode) in enumerate(turns):
            # Every address is tried in either way; when the time is short, once.
            is_late = time.monotonic() - began > _SECONDS * number / len(turns)
            try:
                _try(operation, mode, 1 if is_late else _EXAMPLES, door, session, token, answers)
            except Exception as failure:
                failures.append(f"{operation.label}: {failure}")

    assert failures == []
    assert answers.total() >= len(turns)
    assert {200, 404, 422} <= set(answers)


def _try(
    operation: Any,
    mode: GenerationMode,
    examples: int,
    door: Door,
    session: Any,
    token: str,
    answers: Counter[int],
) -> None:
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
        headers = {"Authorization": f"Bearer {token}"}
        response = case.call(base_url=door.url, headers=headers, session=session)
        answers[response.status_code] += 1
        case.validate_response(response, checks=_CHECKS)

    run()
