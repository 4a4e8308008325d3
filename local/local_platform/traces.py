"""The traces that the processes of a run left in files: which steps of an order there were, what
each did and for how long, and how the steps hang together."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

_FILES = "*.spans.jsonl"
_OURS = "optichain."
_ABOUT = ("order_id", "job_id", "case_id", "record_id", "handover_id", "slip_number")
_SHOWN = {
    "messaging.destination.name": "queue",
    "rpc.response.status_code": "status",
    "http.response.status_code": "status",
    "db.client.statements": "statements",
}
_AS_EXPECTED = ("status=OK", "status=200")


@dataclass(frozen=True, kw_only=True)
class Span:
    """One piece of work of one process. Times are nanoseconds since 1970; `links` are the ids of
    the traces whose handover this work takes up."""

    process: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    error: str
    attributes: Mapping[str, str | int]
    links: tuple[str, ...]


@dataclass(frozen=True)
class Trace:
    """One step, from the click to its last effect; its spans in the order they began."""

    trace_id: str
    spans: tuple[Span, ...]

    @property
    def start_ns(self) -> int:
        """When the step began, in nanoseconds since 1970."""
        return self.spans[0].start_ns

    @property
    def end_ns(self) -> int:
        """When its last effect was there."""
        return max(span.end_ns for span in self.spans)

    @property
    def links(self) -> tuple[str, ...]:
        """The ids of the traces this step takes up, each once, in order."""
        others = (link for span in self.spans for link in span.links)
        return tuple(dict.fromkeys(link for link in others if link != self.trace_id))


class Counts(TypedDict):
    """What traces amount to: their number, spans, different services, messages taken from the
    broker, and links from one step to another."""

    traces: int
    spans: int
    services: int
    amqp_hops: int
    links: int


Row = dict[str, Any]
"""A line of a file, as JSON has it."""


def load(folder: Path, only: Collection[str] | None = None) -> list[Trace]:
    """Return the traces kept in `folder`, those with the ids in `only` if given, by their
    beginning."""
    by_trace: dict[str, list[Span]] = defaultdict(list)
    for row in _rows(folder):
        if only is None or row["trace_id"] in only:
            by_trace[row["trace_id"]].append(_span(row))
    found = [
        Trace(trace_id, tuple(sorted(spans, key=lambda span: (span.start_ns, -span.end_ns))))
        for trace_id, spans in by_trace.items()
    ]
    return sorted(found, key=lambda trace: trace.start_ns)


def ids_about(folder: Path, wanted: str) -> set[str]:
    """Return the ids of the traces that `wanted` names: a trace id, or the id of an order, job,
    case or record, or a slip number, that one of their spans carries. A slip number leads to the
    case, and so to every step of it."""
    found, cases = set(), set()
    for row in _rows(folder, mentioning=wanted):
        told = {name: row["attributes"].get(f"{_OURS}{name}") for name in _ABOUT}
        if row["trace_id"] == wanted.lower() or wanted in told.values():
            found.add(row["trace_id"])
        if told["slip_number"] == wanted and told["case_id"]:
            cases.add(told["case_id"])
    return found.union(*(ids_about(folder, case_id) for case_id in cases))


def counted(traces: Iterable[Trace]) -> Counts:
    """Count what the traces consist of."""
    traces = list(traces)
    spans = [span for trace in traces for span in trace.spans]
    return Counts(
        traces=len(traces),
        spans=len(spans),
        services=len({span.process.partition(".")[0] for span in spans}),
        amqp_hops=sum(span.kind == "CONSUMER" for span in spans),
        links=sum(len(trace.links) for trace in traces),
    )


def tree(trace: Trace) -> list[str]:
    """Return the trace as lines: a heading, its links, then every span under the one that caused
    it, with its process, its duration in milliseconds and what it was about."""
    began = datetime.fromtimestamp(trace.start_ns / 1e9, tz=UTC)
    took = _ms(trace.end_ns, trace.start_ns)
    return [
        f"trace {trace.trace_id}  {began:%Y-%m-%d %H:%M:%S} UTC  {took}",
        *(f"takes up a handover of trace {link}" for link in trace.links),
        *_branches(trace),
    ]


def _branches(trace: Trace) -> Iterator[str]:
    known = {span.span_id for span in trace.spans}
    children: dict[str, list[Span]] = defaultdict(list)
    for span in trace.spans:
        # What was caused by a span nobody kept stands at the root rather than nowhere.
        children[span.parent_id if span.parent_id in known else ""].append(span)
    waiting = [(span, "") for span in reversed(children[""])]
    while waiting:
        span, indent = waiting.pop()
        yield f"{indent}{_line(span)}"
        waiting += [(child, indent + "  ") for child in reversed(children[span.span_id])]


def _line(span: Span) -> str:
    told = [f"{_name(key)}={value}" for key, value in sorted(span.attributes.items()) if _name(key)]
    words = [span.process, span.name, _ms(span.end_ns, span.start_ns)]
    words += [one for one in told if one not in _AS_EXPECTED]
    if span.error:
        words.append(f"failed: {span.error}")
    return "  ".join(words)


def _name(attribute: str) -> str:
    """Return what an attribute is called in the tree; empty for one that is not shown."""
    if attribute.startswith(_OURS):
        return attribute.removeprefix(_OURS).removesuffix("_id")
    return _SHOWN.get(attribute, "")


def _ms(end_ns: int, start_ns: int) -> str:
    return f"{(end_ns - start_ns) / 1e6:.1f} ms"


def _rows(folder: Path, mentioning: str = "") -> Iterator[Row]:
    wanted = json.dumps(mentioning)[1:-1].lower()
    for path in sorted(folder.glob(_FILES)):
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if wanted in line.lower() and (row := _row(line)) is not None:
                    yield row


def _row(line: str) -> Row | None:
    """Return a span's row; None for the half line of a process that was killed while it wrote."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and row.get("trace_id") else None


def _span(row: Row) -> Span:
    return Span(
        process=row["process"],
        name=row["name"],
        kind=row["kind"],
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        parent_id=row["parent_id"],
        start_ns=row["start_ns"],
        end_ns=row["end_ns"],
        error=row.get("error", ""),
        attributes=row["attributes"],
        links=tuple(row["links"]),
    )
