"""What the bench makes of its measurements: percentiles, runs that fail, one order's cost; and, on
a platform with two orders, how soon reviews stand and what a gate costs."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local_platform.bench import command, comparing, gate_cost, orders, reviews, spans
from local_platform.bench.load import percentiles, run_many, spread
from local_platform.bench.planting import Planted
from local_platform.demo.command import load_chain
from local_platform.demo.desk import operations_of
from local_platform.demo.shop import DemoFailed, Glasses, Shop
from local_platform.platform import Platform
from local_platform.ports import Ports
from local_platform.traces import Span


def span(name: str, process: str, kind: str, statements: int = 0) -> Span:
    return Span(
        process=process,
        name=name,
        kind=kind,
        trace_id="a" * 32,
        span_id=name,
        parent_id="",
        start_ns=0,
        end_ns=1_000_000,
        error="",
        attributes={"db.client.statements": statements} if statements else {},
        links=(),
    )


def failing(*numbers: int) -> Callable[[int], None]:
    def work(number: int) -> None:
        if number in numbers:
            raise DemoFailed(f"order {number} was refused")

    return work


def test_percentiles_are_values_that_were_measured() -> None:
    measured = [float(n) for n in range(100, 0, -1)]

    assert percentiles(measured) == {"p50_ms": 51.0, "p95_ms": 96.0, "p99_ms": 100.0}
    assert percentiles([7.0]) == {"p50_ms": 7.0, "p95_ms": 7.0, "p99_ms": 7.0}
    assert percentiles([]) == {"p50_ms": 0.0, "p95_ms": 0.0, "p99_ms": 0.0}
    assert spread(measured) == {**percentiles(measured), "max_ms": 100.0}
    assert spread([])["max_ms"] == 0.0


def test_as_many_run_at_once_as_were_asked_for() -> None:
    together = threading.Barrier(4, timeout=10)

    timed = run_many(lambda _number: together.wait(), 8, 4)

    assert timed.figures()["count"] == 8
    assert timed.failures == []


def test_a_run_that_fails_leaves_the_others_measured() -> None:
    timed = run_many(failing(1, 3), 5, 2)

    assert timed.figures()["count"] == 3
    assert timed.figures()["failed"] == 2
    assert sorted(map(str, timed.failures)) == ["order 1 was refused", "order 3 was refused"]


def test_nothing_is_measured_where_every_run_fails() -> None:
    with pytest.raises(DemoFailed, match="order"):
        run_many(failing(0, 1), 2, 1)


def test_what_one_order_costs_is_told_by_what_served_it() -> None:
    seen = [
        span("POST /api/v1/orders", "gateway", "SERVER"),
        span("QuoteOrder", "billing.api", "SERVER", statements=5),
        span("GetFrameSelection", "clinical.api", "SERVER", statements=1),
        span("sql.transaction", "billing.api", "CLIENT", statements=4),
        span("publish OrderQuoted", "billing.worker", "PRODUCER"),
    ]

    assert spans.per_order(seen, 2) == {
        "http_requests": 0.5,
        "rpcs": 1.0,
        "sql_statements": 5.0,
        "transactions": 0.5,
        "events": 0.5,
    }


def test_what_was_measured_stays_when_the_next_measurement_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refused() -> dict[str, float]:
        raise DemoFailed("the customer was refused")

    told: dict[str, object] = {}
    command.measure(told, {"place_order": lambda: {"1": 2.0}, "create_customer": refused})

    assert told == {"place_order": {"1": 2.0}}
    assert capsys.readouterr().err == "create_customer: the customer was refused\n"


def test_a_bench_that_measured_nothing_says_why() -> None:
    def refused() -> dict[str, float]:
        raise DemoFailed("nobody may sign in")

    with pytest.raises(DemoFailed, match="nobody may sign in"):
        command.measure({}, {"place_order": refused})


def test_an_effect_is_timed_from_the_commit_that_told_it() -> None:
    def at(kind: str, name: str, process: str, parent: str, start_ms: int, end_ms: int) -> Span:
        told = replace(span(name, process, kind), span_id=f"{name} {process}", parent_id=parent)
        return replace(told, start_ns=start_ms * 1_000_000, end_ns=end_ms * 1_000_000)

    commit, published = "sql.transaction clinical.api", "publish RecordChanged clinical.worker"
    seen = [
        at("CLIENT", "sql.transaction", "clinical.api", "", 0, 10),
        at("PRODUCER", "publish RecordChanged", "clinical.worker", commit, 12, 13),
        at("CONSUMER", "handle RecordChanged", "billing.worker", published, 15, 40),
        at("CONSUMER", "handle RecordChanged", "labjob.worker", published, 16, 60),
        at("CONSUMER", "handle OrderQuoted", "labjob.worker", published, 16, 99),
    ]

    at_billing, at_labjob = spans.effects(seen, spans.RECORD_CHANGED)
    assert at_billing == spans.Effect(
        process="billing.worker", published_ms=2.0, delivered_ms=3.0, done_ms=25.0
    )
    assert (at_labjob.process, at_labjob.ms) == ("labjob.worker", 50.0)
    assert spans.handover_ms(seen) == [30.0, 50.0, 89.0]


def test_a_gate_costs_what_went_on_beneath_its_span() -> None:
    gate = span("gate accept job", "labjob.api", "INTERNAL", statements=1)
    asked = replace(span("CheckVersions", "billing.api", "SERVER", 1), parent_id=gate.span_id)
    written = replace(span("sql.transaction", "labjob.api", "CLIENT", 7), parent_id=gate.span_id)
    before_it = span("GetOrder", "billing.api", "SERVER", 3)

    found = spans.gates([before_it, gate, asked, written], "accept job")

    assert found == [spans.Gate(ms=1.0, rpcs=1, statements=9)]


def test_pins_are_spread_over_as_many_owners_as_asked() -> None:
    owned = [[Planted(f"{owner}_{n}", owner, 1) for n in range(3)] for owner in ("ord", "set")]

    assert gate_cost.spread_over(owned, 0, 0) == []
    assert [one.id for one in gate_cost.spread_over(owned, 3, 1)] == ["ord_0", "ord_1", "ord_2"]
    assert [one.id for one in gate_cost.spread_over(owned, 3, 2)] == ["ord_0", "set_0", "ord_1"]


def test_an_order_is_set_beside_what_it_cost_before() -> None:
    def report(cpu: float, rpcs: float, decoded: int) -> dict[str, Any]:
        one = {"cpu_ms_per_order": {"own": cpu, "apis": 1.0}, "per_order": {"rpcs": rpcs}}
        return {"place_order": {"1": one}, "decode_per_s": decoded}

    told = comparing.ratios(report(300.0, 60.0, 500), report(330.0, 60.0, 400))

    assert told["place_order"]["1"] == {
        "cpu_ms_per_order.own": {"before": 300.0, "after": 330.0, "ratio": 1.1},
        "per_order.rpcs": {"before": 60.0, "after": 60.0, "ratio": 1.0},
    }
    assert told["machine"] == {"decode_per_s": {"before": 500, "after": 400, "ratio": 0.8}}


def test_a_file_that_is_no_report_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"runs": 2}')

    assert command.bench(tmp_path / "var", customers=1, before=other) == 1
    assert "other.json is not what the bench printed" in capsys.readouterr().err
    assert not (tmp_path / "var").exists()


@pytest.fixture(scope="module")
def at_work(as_given: None) -> Iterator[tuple[Platform, Shop, list[Glasses]]]:
    """A platform of its own with two orders whose jobs are released."""
    with (
        tempfile.TemporaryDirectory(prefix="optichain-bench-") as folder,
        Platform(var=Path(folder), ports=Ports.free(), fast=True, passing=True) as run,
    ):
        operations = operations_of(run.gateway_url)
        shop = Shop(run.gateway_url, operations, load_chain(run), lambda line: None)
        orders.stock_frames(shop, 1)
        yield run, shop, [orders.place(shop, number) for number in (1, 2)]
        shop.close()


def test_every_change_is_timed_until_its_reviews_stand(
    at_work: tuple[Platform, Shop, list[Glasses]],
) -> None:
    run, shop, placed = at_work

    told = reviews.measure(run, shop, placed, 3)

    assert (told["changes"], told["reviews"], told["missing"]) == (3, 6, 0)
    for holder in ("billing", "labjob", "all"):
        assert 0 < told["recorded"][holder]["p50_ms"] <= told["recorded"][holder]["max_ms"]
        assert 0 < told["commit_to_commit"][holder]["p50_ms"] < 10_000
    assert 0 < told["stages"]["done"]["p50_ms"] <= told["commit_to_commit"]["all"]["max_ms"]
    assert told["seen"]["max_ms"] > 0


def test_a_gate_asks_each_owner_once_however_many_pins_it_reads_again(
    at_work: tuple[Platform, Shop, list[Glasses]],
) -> None:
    run, shop, placed = at_work

    told = gate_cost.measure(run, shop, placed[0], 2, ((0, 0), (4, 1), (6, 3), (60, 3)))

    none, one, few, many = told["by_pins"]
    assert [at["rpcs"] for at in (none, one, few, many)] == [0.0, 1.0, 3.0, 3.0]
    assert one["sql_statements"] == none["sql_statements"] + 1
    assert few["sql_statements"] == many["sql_statements"] == none["sql_statements"] + 3
    assert [at["count"] for at in (none, one, few, many)] == [2, 2, 2, 2]
    assert 0 < none["gate"]["p50_ms"] < none["request"]["max_ms"]
    assert (told["each_further_pin"]["from_pins"], told["each_further_pin"]["to_pins"]) == (6, 60)
