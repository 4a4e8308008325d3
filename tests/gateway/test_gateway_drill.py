"""A drill over the real services: what it reports, what it leaves alone, and that a gate which does
not hold is seen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, cast

import pytest
from sqlalchemy import text

from chain import Chain, Person
from chassis import drill_purge
from chassis import settings as all_settings
from chassis.errors import DomainError
from chassis.records import proof
from chassis.records.apart import DrillApart
from chassis.roles import Role
from chassis.wire import to_message
from gateway.clients import Clients
from gateway.drill import cases, running
from gateway.drill.report import Report
from gateway.settings import Settings
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.customer.v1 import customer_service_pb2 as customer
from optichain.inventory.v1 import inventory_service_pb2 as inventory
from optichain.organisation.v1 import organisation_service_pb2 as organisation
from organisation import commands_drill

SERVICES = ("customer", "inventory", "clinical", "billing")
CASE = "qualification_expired"
_FRAME = {
    "a_micrometres": 50_000,
    "b_micrometres": 38_000,
    "dbl_micrometres": 18_000,
    "temple_micrometres": 140_000,
    "material": "titanium",
    "colour": "black",
    "rim": "full",
}
_LENS = {
    "design": "single_vision",
    "index_thousandths": 1600,
    "material": "thiourethane",
    "coatings": ["hard"],
    "supply": "stock",
}
_POWERS = {
    "sphere_min_centidioptres": -800,
    "sphere_max_centidioptres": 600,
    "cylinder_min_centidioptres": -200,
    "cylinder_max_centidioptres": 0,
    "blank_diameter_micrometres": 70_000,
}


@pytest.fixture
def office(chain: Chain) -> Person:
    """Head office of a chain that sells a frame and a lens."""
    chain.serve(*SERVICES)
    person = chain.head_office()
    frame = add(chain, person, sku="FR", name="Round", frame=_FRAME)
    lens = add(chain, person, sku="SV", name="1.60", lens=_LENS, power_ranges=[_POWERS])
    prices = [{"product_id": one, "amount_minor": 10_000} for one in (frame, lens)]
    valid = {"edition": "1", "valid_from": date(2026, 1, 1).isoformat()}
    listed = {**valid, "currency": "CNY", "prices": prices}
    chain.ask(
        to_message(listed, billing.PublishPriceListRequest),
        billing.PublishPriceListResponse,
        as_=person,
    )
    words = {f"{one}_text": "x" for one in ("warranty", "redo", "price", "limits")}
    numbers = {"warranty_days": 365, "redo_days": 60, "redo_attempts": 2}
    chain.ask(
        to_message({**valid, **words, **numbers}, billing.PublishTermsRequest),
        billing.PublishTermsResponse,
        as_=person,
    )
    return person


def add(chain: Chain, office: Person, **product: Any) -> str:
    request = to_message({"brand": "B", "maker": "M", **product}, inventory.AddProductRequest)
    added = chain.ask(request, inventory.AddProductResponse, as_=office)
    return str(added.product.envelope.id)


def begun(chain: Chain, office: Person) -> Any:
    request = organisation.StartDrillRequest(drill_case=CASE)
    return chain.ask(request, organisation.StartDrillResponse, as_=office)


def played(started: Any) -> Report:
    """Play the case as the gateway does."""

    async def play() -> Report:
        clients = Clients(cast(Settings, all_settings.load("gateway")))
        try:
            return await running.played(clients, started, cases.CASES[CASE])
        finally:
            await clients.close()

    return asyncio.run(play())


def test_a_drill_says_which_gate_held_and_who_was_told(chain: Chain, office: Person) -> None:
    report = played(begun(chain, office))

    assert report.problem == ""
    (gate,) = report.gates
    assert (gate.is_held, gate.reason) == (True, "QUALIFICATION_NOT_IN_FORCE")
    (told,) = report.tellings
    assert (told.is_told, told.role) == (True, "optometrist")
    assert report.went_on
    assert report.is_held
    assert json.loads(json.dumps(report.as_json()))["is_held"] is True


def test_a_gate_that_does_not_hold_is_seen(
    chain: Chain, office: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = begun(chain, office)
    with broken(monkeypatch):
        report = played(started)

    (gate,) = report.gates
    assert (gate.is_held, gate.reason) == (False, "")
    assert not report.is_held


@contextmanager
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every signature pass, qualified or not."""
    from clinical import api as clinical_api

    with monkeypatch.context() as patch:
        patch.setattr(clinical_api, "require_qualified", lambda *_: None)
        yield


def stock(chain: Chain, office: Person) -> list[Any]:
    products = chain.ask(
        inventory.SearchProductsRequest(), inventory.SearchProductsResponse, as_=office
    ).products
    return [
        chain.ask(
            inventory.FindStockRequest(product_id=one.envelope.id),
            inventory.FindStockResponse,
            as_=office,
        )
        for one in products
    ]


def test_a_drill_is_in_nobodys_stock_search_list_or_cost(chain: Chain, office: Person) -> None:
    started = begun(chain, office)
    played(started)

    assert [list(one.branches) for one in stock(chain, office)] == [[], []]
    branches = chain.ask(
        organisation.ListBranchesRequest(), organisation.ListBranchesResponse, as_=office
    ).branches
    assert office.branch_id in [one.envelope.id for one in branches]
    assert not [one for one in branches if one.envelope.drill]
    staff = chain.ask(
        organisation.ListStaffRequest(), organisation.ListStaffResponse, as_=office
    ).staff
    assert not [one for one in staff if one.envelope.drill]
    reception = chain.person(Role.RECEPTION)
    found = chain.ask(
        customer.SearchPeopleRequest(text="DRILL"), customer.SearchPeopleResponse, as_=reception
    )
    assert list(found.people) == []
    with chain.owner("inventory").begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM product_cost")).scalar_one() == 0
        assert connection.execute(text("SELECT count(*) FROM piece")).scalar_one() == 2


def test_nobody_of_real_work_sends_anything_to_a_drills_lab(chain: Chain, office: Person) -> None:
    started = begun(chain, office)
    request = organisation.GetBranchRequest(branch_id=started.drill.lab_id)
    with pytest.raises(DomainError) as refused:
        chain.ask(request, organisation.GetBranchResponse, as_=office)
    assert refused.value.code == DrillApart.reason


def test_no_more_drills_run_than_the_rule_lets(chain: Chain, office: Person) -> None:
    with chain.work("organisation", office.actor) as work:
        most = commands_drill.drill_rule(work).at_once
    for _ in range(most):
        begun(chain, office)
    with pytest.raises(DomainError) as refused:
        begun(chain, office)
    assert refused.value.code == "DRILLS_RUNNING"


def test_a_purge_leaves_nothing_of_a_drill_but_its_own_record(chain: Chain, office: Person) -> None:
    started = begun(chain, office)
    played(started)
    drill_id = started.drill.envelope.id

    drill_purge.all_of(["organisation", *SERVICES], drill_id)

    left = {service: rows_naming(chain, service, drill_id) for service in SERVICES}
    assert not any(left.values()), left
    for service in ("organisation", *SERVICES):
        database = chain.database(service)
        with database.snapshot() as connection:
            seal = database.seal_in(connection)
            assert proof.verify(connection, seal, most=10_000).findings == ()
    with chain.owner("customer").begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM person_key")).scalar_one() == 0
    kept = chain.ask(
        organisation.GetDrillRequest(drill_id=drill_id), organisation.GetDrillResponse, as_=office
    ).drill
    assert kept.drill_case == CASE


def rows_naming(chain: Chain, service: str, drill_id: str) -> dict[str, int]:
    """Return how many rows of each table of a service name a drill."""
    with chain.owner(service).begin() as connection:
        tables = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).scalars()
        counted = {
            table: connection.execute(
                text(f'SELECT count(*) FROM "{table}" AS one WHERE one::text LIKE :named'),
                {"named": f"%{drill_id}%"},
            ).scalar_one()
            for table in tables.all()
        }
    return {table: count for table, count in counted.items() if count}
