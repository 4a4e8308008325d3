"""What the traces of a measured stretch of time say: calls, statements, transactions, events,
handovers."""

from __future__ import annotations

from pathlib import Path

from local_platform.traces import Span, load

Counts = dict[str, float]

_TRANSACTIONS = "sql.transaction"


def between(telemetry: Path, start_ns: int, end_ns: int) -> list[Span]:
    """Return the spans that began in a stretch of time."""
    return [
        span
        for trace in load(telemetry)
        for span in trace.spans
        if start_ns <= span.start_ns <= end_ns
    ]


def per_order(spans: list[Span], orders: int) -> Counts:
    """Return what one order costs in calls and statements."""
    return {
        "http_requests": _each(sum(_is(span, "SERVER", "gateway") for span in spans), orders),
        "rpcs": _each(sum(_is_rpc(span) for span in spans), orders),
        "sql_statements": _each(
            sum(int(span.attributes.get("db.client.statements", 0)) for span in spans), orders
        ),
        "transactions": _each(sum(span.name == _TRANSACTIONS for span in spans), orders),
        "events": _each(sum(span.kind == "PRODUCER" for span in spans), orders),
    }


def handover_ms(spans: list[Span]) -> list[float]:
    """Return, for each event, the milliseconds from the commit that told it to its effect."""
    by_id = {span.span_id: span for span in spans}
    latencies = []
    for span in spans:
        if span.kind != "CONSUMER":
            continue
        producer = by_id.get(span.parent_id)
        commit = by_id.get(producer.parent_id) if producer else None
        if commit is not None and commit.name == _TRANSACTIONS:
            latencies.append((span.end_ns - commit.end_ns) / 1e6)
    return latencies


def _is(span: Span, kind: str, process: str) -> bool:
    return span.kind == kind and span.process.startswith(process)


def _is_rpc(span: Span) -> bool:
    return span.kind == "SERVER" and span.process.endswith(".api")


def _each(total: float, orders: int) -> float:
    return round(total / orders, 1)
