"""Random requests at every address of the API: whatever is sent, nothing fails inside."""

from __future__ import annotations

import time
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

_SECONDS = 60.0
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
    operations = [found.ok() for found in schema.get_all_operations()]
    ends = time.monotonic() + _SECONDS
    examples: dict[str, int] = {}
    failures: list[str] = []
    with requests.Session() as session:
        session.trust_env = False
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            for number, operation in enumerate(operations):
                left = (ends - time.monotonic()) / (len(operations) - number)
                try:
                    count = _try(operation, mode, door, session, token, left)
                except Exception as failure:
                    failures.append(f"{operation.label}: {failure}")
                    count = 1
                examples[operation.label] = examples.get(operation.label, 0) + count
            ends += _SECONDS / 2

    assert failures == []
    assert min(examples.values()) >= 1
    assert len(examples) == len(operations)


def _try(
    operation: Any, mode: GenerationMode, door: Door, session: Any, token: str, seconds: float
) -> int:
    ends = time.monotonic() + seconds
    count = 0

    @seeded(1)
    @settings(
        max_examples=6,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Case) -> None:
        nonlocal count
        if count and time.monotonic() > ends:
            return
        count += 1
        headers = {"Authorization": f"Bearer {token}"}
        response = case.call(base_url=door.url, headers=headers, session=session)
        case.validate_response(response, checks=_CHECKS)

    run()
    return count
