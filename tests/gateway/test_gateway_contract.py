"""The tables against the contract: every RPC that people may call has an address, every kind of
record an owner, and the API's description is a true OpenAPI 3.1 document."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31
from starlette.routing import Match
from starlette.routing import Route as HttpRoute

import optichain
from chain import Person
from chassis.contract import rule_of
from gateway.app import COMPOSED, description, make_app
from gateway.comments import comments
from gateway.owners import OWNERS, SERVICES
from gateway.problems import STATUS
from gateway.route import get
from gateway.routes import TABLES
from gateway.settings import Settings
from gateway_door import Door

GENERATED = Path(next(iter(optichain.__path__)))
ROWS = [row for table in TABLES.values() for row in table]


def rpcs() -> Iterator[Any]:
    """Yield the descriptor of every RPC of the contract."""
    for file in sorted(GENERATED.glob("*/v1/*_service_pb2.py")):
        module = importlib.import_module(f"optichain.{file.parts[-3]}.v1.{file.stem}")
        for service in module.DESCRIPTOR.services_by_name.values():
            yield from service.methods


def is_for_people(rpc: Any) -> bool:
    rule = rule_of(rpc)
    is_of_tokens = rpc.containing_service.name == "TokenService"
    return bool(rule.roles or rule.signed_in or rule.open) and not is_of_tokens


def test_every_rpc_that_people_may_call_has_an_address_and_no_other_has() -> None:
    named = {row.descriptor.full_name for row in ROWS}
    named |= {get("/", request).descriptor.full_name for one in COMPOSED for request in one.asks}
    public = {rpc.full_name for rpc in rpcs() if is_for_people(rpc)}

    assert len(public) > 100
    assert named == public


@pytest.mark.parametrize("service", SERVICES)
def test_every_kind_of_record_is_looked_for_at_the_service_that_keeps_it(service: str) -> None:
    from chassis import boot
    from chassis.records import kinds

    importlib.import_module(f"{service}.api")
    boot.declare_shared_kinds(service)
    declared = {
        kind.prefix: kind.owner for kind in kinds._BY_PREFIX.values() if kind.owner == service
    }

    assert declared
    assert {kind: OWNERS.get(kind) for kind in declared} == declared
    undeclared = {kind for kind, owner in OWNERS.items() if owner == service} - set(declared)
    assert undeclared == set()


def test_the_description_is_openapi_3_1_with_a_schema_and_words_for_everything() -> None:
    document = description()

    jsonschema_rs.Draft202012Validator(OPENAPI_31).validate(document)
    assert document["openapi"].startswith("3.1")
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    ids = [one["operationId"] for one in operations]
    assert len(ids) == len(set(ids)) == len(ROWS) + len(COMPOSED)
    assert all(one["summary"] for one in operations)
    for name, schema in document["components"]["schemas"].items():
        jsonschema_rs.meta.validate(schema)
        assert schema.get("description"), name


def test_every_reference_of_the_description_leads_somewhere() -> None:
    document = description()

    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if "$ref" in node:
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    for reference in references(document):
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node


def test_the_comments_of_the_contract_are_those_of_the_protos() -> None:
    text = (GENERATED.parents[1] / "optichain/money/v1/money.proto").read_text()

    assert comments()["optichain.money.v1.Money.currency"] in text
    assert comments()["optichain.auth.v1.ROLE_CASHIER"].endswith("takes payments.")


def test_every_refusal_of_the_chassis_has_a_status_of_its_own_class() -> None:
    from chassis import errors

    named = {kind for kind, _, _ in STATUS}
    for kind in errors.DomainError.__subclasses__():
        if kind.__module__ == "chassis.errors":
            assert kind in named


def test_the_description_and_its_page_are_served_to_anybody_and_fetch_nothing(door: Door) -> None:
    served = door.client.get("/api/openapi.json")
    assert served.json() == description()

    page = door.client.get("/api/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "/api/v1/orders/{order_id}/approve" in page.text
    assert "<script" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text


def test_the_examples_of_problems_look_like_the_problems_that_are_sent(
    door: Door, office: Person
) -> None:
    sent = door.call("GET", "/spaceships", token=office.token).json()
    schema = description()["components"]["schemas"]["Problem"]
    validator = jsonschema_rs.validator_for(schema)

    assert list(sent) == schema["required"]
    validator.validate(sent)
    for response in description()["components"]["responses"].values():
        examples = response["content"]["application/problem+json"]["examples"]
        for example in examples.values():
            validator.validate(example["value"])


def test_no_address_is_hidden_behind_one_with_a_place_in_it() -> None:
    """`/drills/cases` is not the drill called `cases`."""
    app: Any = make_app(Settings(OPTICHAIN_AMQP_URL="amqp://nobody@127.0.0.1:1/"))
    routes = [one for one in app._app.router.routes if isinstance(one, HttpRoute)]
    for route in routes:
        scope = {"type": "http", "method": next(iter(route.methods or ())), "path": route.path}
        first = next(one for one in routes if one.matches(scope)[0] is Match.FULL)
        assert first.path == route.path
