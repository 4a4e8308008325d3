"""What the traces of a measured stretch of time say: calls, statements, transactions, events,
handovers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local_platform.traces import Span, load

Counts = dict[str, float]

ARRIVE_SECONDS = 1.5
"""How long a process may keep spans before it writes them."""

RECORD_CHANGED = "handle RecordChanged"
"""The work of a worker that hears of a change and asks who relied on it."""

_TRANSACTIONS = "sql.transaction"
_STATEMENTS = "db.client.statements"


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What an event brought about in a process: milliseconds from the commit that told it until the
    relay published it, from there until it was taken in hand, and from there to the commit of its
    effect."""

    process: str
    published_ms: float
    delivered_ms: float
    done_ms: float

    @property
    def ms(self) -> float:
        """From commit to commit."""
        return self.published_ms + self.delivered_ms + self.done_ms


@dataclass(frozen=True)
class Gate:
    """One passing of a gate: how long, and what was asked meanwhile, of all services."""

    ms: float
    rpcs: int
    statements: int


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
            sum(int(span.attributes.get(_STATEMENTS, 0)) for span in spans), orders
        ),
        "transactions": _each(sum(span.name == _TRANSACTIONS for span in spans), orders),
        "events": _each(sum(span.kind == "PRODUCER" for span in spans), orders),
    }


def handover_ms(spans: list[Span]) -> list[float]:
    """Return, for each event, the milliseconds from the commit that told it to its effect."""
    return [
        (consumer.end_ns - commit.end_ns) / 1e6
        for commit, _producer, consumer in _brought_about(spans)
    ]


def effects(spans: list[Span], name: str) -> list[Effect]:
    """Return every piece of work of one name that an event brought about, with its stages."""
    return [
        Effect(
            process=consumer.process,
            published_ms=(producer.start_ns - commit.end_ns) / 1e6,
            delivered_ms=(consumer.start_ns - producer.start_ns) / 1e6,
            done_ms=(consumer.end_ns - consumer.start_ns) / 1e6,
        )
        for commit, producer, consumer in _brought_about(spans)
        if consumer.name == name
    ]


def gates(spans: list[Span], gate: str) -> list[Gate]:
    """Return every passing of a gate, with what went on beneath its span."""
    beneath: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        beneath[span.parent_id].append(span)
    found = []
    for span in spans:
        if span.name == f"gate {gate}":
            family = list(_family(span, beneath))
            statements = sum(int(one.attributes.get(_STATEMENTS, 0)) for one in family)
            ms = (span.end_ns - span.start_ns) / 1e6
            found.append(Gate(ms, sum(_is_rpc(one) for one in family), statements))
    return found


def _family(span: Span, beneath: dict[str, list[Span]]) -> Iterator[Span]:
    yield span
    for child in beneath[span.span_id]:
        yield from _family(child, beneath)


def _brought_about(spans: list[Span]) -> Iterator[tuple[Span, Span, Span]]:
    """Yield the commit, the publishing and the handling of each event."""
    by_id = {span.span_id: span for span in spans}
    for span in spans:
        if span.kind != "CONSUMER":
            continue
        producer = by_id.get(span.parent_id)
        commit = by_id.get(producer.parent_id) if producer else None
        if producer is not None and commit is not None and commit.name == _TRANSACTIONS:
            yield commit, producer, span


def _is(span: Span, kind: str, process: str) -> bool:
    return span.kind == kind and span.process.startswith(process)


def _is_rpc(span: Span) -> bool:
    return span.kind == "SERVER" and span.process.endswith(".api")


def _each(total: float, orders: int) -> float:
    return round(total / orders, 1)
