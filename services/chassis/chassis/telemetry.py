"""Traces and metrics of every process, and their names, declared once.

A step is one trace, from the click to its last effect. The edge starts it; nobody outside can. With
OTEL_EXPORTER_OTLP_ENDPOINT set spans and metrics go there over HTTP, else into files under
OPTICHAIN_TELEMETRY_DIR.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import msgspec
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ConsoleMetricExporter,
    MetricExporter,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

CASE = "optichain.case_id"
ORDER = "optichain.order_id"
JOB = "optichain.job_id"
SLIP = "optichain.slip_number"
RECORD = "optichain.record_id"
BRANCH = "optichain.branch_id"
ROLE = "optichain.role"
GATE = "optichain.gate"
HANDOVER_FROM = "optichain.handover.from_role"
HANDOVER_TO = "optichain.handover.to_role"
HANDOVER_ID = "optichain.handover_id"
STATEMENTS = "db.client.statements"
EVENT_TYPE = "messaging.event.type"
EVENT_ID = "messaging.message.id"
QUEUE = "messaging.destination.name"
SERVICE = "optichain.service"
RPC_METHOD = "rpc.method"
RPC_STATUS = "rpc.response.status_code"
HTTP_METHOD = "http.request.method"
HTTP_ROUTE = "http.route"
HTTP_STATUS = "http.response.status_code"

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("optichain")
_meter = metrics.get_meter("optichain")

calls = _meter.create_histogram("optichain.rpc.duration", "ms", "Calls by method and status")
requests = _meter.create_histogram("optichain.http.duration", "ms", "Requests by route and status")
handovers = _meter.create_counter("optichain.handovers", "1", "Handovers given, by role")
gate_refusals = _meter.create_counter(
    "optichain.gate.refusals", "1", "Gates that refused a stale pin"
)
outbox_age = _meter.create_gauge("optichain.outbox.age", "ms", "Age of the oldest event waiting")
outbox_waiting = _meter.create_gauge(
    "optichain.outbox.waiting", "1", "Events that wait for the broker"
)
queue_lag = _meter.create_histogram("optichain.queue.lag", "ms", "From commit to effect")
dead_letters = _meter.create_counter("optichain.dead_letters", "1", "Messages given up")
dead_letters_waiting = _meter.create_gauge(
    "optichain.dead_letters.waiting", "1", "Dead letters that wait for a person"
)
evidence_flaws = _meter.create_gauge(
    "optichain.evidence.flaws", "1", "Objects that are missing or hash otherwise than confirmed"
)
evidence_unchecked = _meter.create_gauge(
    "optichain.evidence.unchecked", "h", "Hours since the longest unchecked object was looked at"
)


_lines = msgspec.json.Encoder()


class SpanFile(SpanExporter):
    """Appends each span as one JSON line, for `make trace` on a machine without a trace store."""

    def __init__(self, path: Path, process: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("a", buffering=1)
        self._process = process

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write the batch in one call."""
        rows = _lines.encode_lines([self._row(span) for span in spans])
        self._file.write(rows.decode())
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file."""
        self._file.close()

    def _row(self, span: ReadableSpan) -> dict[str, object]:
        context = span.get_span_context()
        return {
            "process": self._process,
            "name": span.name,
            "kind": span.kind.name,
            "trace_id": f"{context.trace_id:032x}" if context else "",
            "span_id": f"{context.span_id:016x}" if context else "",
            "parent_id": f"{span.parent.span_id:016x}" if span.parent else "",
            "start_ns": span.start_time,
            "end_ns": span.end_time,
            "error": span.status.description or ""
            if not span.status.is_ok and span.status.description
            else "",
            "attributes": dict(span.attributes or {}),
            "links": [f"{link.context.trace_id:032x}" for link in span.links],
        }


def set_up(process: str, *, directory: str, otlp_endpoint: str) -> None:
    """Start telemetry for this process; without endpoint and directory nothing is kept."""
    resource = Resource.create({"service.name": process})
    spans = TracerProvider(resource=resource)
    readers = []
    if otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        readers.append(_every_minute(OTLPMetricExporter()))
    elif directory:
        folder = Path(directory)
        file = SpanFile(folder / f"{process}.spans.jsonl", process)
        spans.add_span_processor(BatchSpanProcessor(file, schedule_delay_millis=500))
        out = (folder / f"{process}.metrics.jsonl").open("a", buffering=1)
        readers.append(
            _every_minute(
                ConsoleMetricExporter(
                    out=out, formatter=lambda data: data.to_json(indent=None) + "\n"
                )
            )
        )
    trace.set_tracer_provider(spans)
    metrics.set_meter_provider(MeterProvider(resource=resource, metric_readers=readers))


def _every_minute(exporter: MetricExporter) -> PeriodicExportingMetricReader:
    return PeriodicExportingMetricReader(exporter, export_interval_millis=60_000)


def shut_down() -> None:
    """Send what is still held back."""
    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
        stop = getattr(provider, "shutdown", None)
        if stop is not None:
            stop()


@contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    *,
    traceparent: str | None = None,
    new_trace: bool = False,
    attributes: dict[str, str | int] | None = None,
) -> Iterator[Span]:
    """Open a span under the current one, under a carried `traceparent`, or as the root of a new
    trace."""
    context = None
    if new_trace:
        context = trace.set_span_in_context(trace.INVALID_SPAN)
    elif traceparent is not None:
        context = _propagator.extract({"traceparent": traceparent})
    started = _tracer.start_span(name, context=context, kind=kind, attributes=attributes)
    with trace.use_span(started, end_on_exit=True, record_exception=False) as opened:
        yield opened


def traceparent() -> str:
    """Return the current span's place in its trace, to be carried to the next process."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent", "")


def trace_id() -> str:
    """Return the current trace's id, or empty text outside of one."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


def trace_id_of(carried: str) -> str:
    """Return the trace id inside a traceparent."""
    parts = carried.split("-")
    return parts[1] if len(parts) == 4 else ""


def link_to(carried: str) -> None:
    """Link the current span to the step that gave the handover it takes up."""
    context = trace.get_current_span(
        _propagator.extract({"traceparent": carried})
    ).get_span_context()
    if context.is_valid:
        trace.get_current_span().add_link(context)


def handed_over(handover_id: str, from_role: str, to_role: str, *, is_counted: bool) -> None:
    """Show a handover as a span of its own, and count it unless it is a drill's."""
    told: dict[str, str | int] = {HANDOVER_FROM: from_role, HANDOVER_TO: to_role}
    if is_counted:
        handovers.add(1, told)
    with span(f"handover {from_role} to {to_role}", attributes={**told, HANDOVER_ID: handover_id}):
        return


_MARKS = {
    "case": CASE,
    "order": ORDER,
    "job": JOB,
    "slip": SLIP,
    "record": RECORD,
    "branch": BRANCH,
    "role": ROLE,
}


def count_statements(number: int) -> None:
    """Add SQL statements to those that the current span has counted."""
    current = trace.get_current_span()
    if isinstance(current, ReadableSpan) and current.is_recording():
        before = (current.attributes or {}).get(STATEMENTS)
        current.set_attribute(STATEMENTS, number + (before if isinstance(before, int) else 0))


def mark(**attributes: str) -> None:
    """Put ids on the current span: `mark(case=…, record=…)`; empty values are left out."""
    trace.get_current_span().set_attributes({_MARKS[k]: v for k, v in attributes.items() if v})


__all__ = ["Link", "Span", "SpanKind"]
