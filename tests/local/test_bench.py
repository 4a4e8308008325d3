"""What the bench makes of its measurements: percentiles, runs that fail, one order's cost."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from local_platform.bench import command, spans
from local_platform.bench.load import percentiles, run_many
from local_platform.demo.shop import DemoFailed
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
