"""Where a collector listens, a process sends its spans and metrics there over HTTP."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from chain import Chain
from chassis.roles import Role
from listener_api import DESCRIPTOR, ListenerApi, database_of
from local_platform.platform import Platform
from small_contract import Caller

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NAME = "王强 1988-04-01"


class Collector:
    """An OTLP collector: what was sent to it, by path."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[bytes]] = {}
        bodies = self.bodies

        class Receives(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                bodies.setdefault(self.path, []).append(body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_said: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Receives)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever)
        self._thread.start()

    def spans(self) -> list[tuple[str, Any]]:
        """Return every span with the name of the process it is of."""
        return [
            (_named(resource.resource), span)
            for body in self.bodies.get("/v1/traces", [])
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def metrics(self) -> set[str]:
        """Return the names of the metrics."""
        return {
            metric.name
            for body in self.bodies.get("/v1/metrics", [])
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _named(resource: Any) -> str:
    (name,) = [one.value.string_value for one in resource.attributes if one.key == "service.name"]
    return str(name)


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    yield found
    found.close()


def test_a_call_arrives_at_the_collector_as_a_span_of_its_trace_and_in_the_metrics(
    parts: Platform, chain: Chain, collector: Collector
) -> None:
    chain.serve()
    optician = chain.person(Role.OPTICIAN)
    with (
        tempfile.TemporaryDirectory(prefix="optichain-listener-") as folder,
        database_of("listener", parts.part_url("postgres"), Path(folder)) as environment,
    ):
        told = {**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        listener = ListenerApi(told, Path(folder))
        with Caller(listener.address, DESCRIPTOR, optician.token) as caller:
            caller.call(
                "NoteName", name=NAME, sent=(("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"),)
            )
        listener.tell_to_stop()
        assert listener.process.wait(30) == 0
        listener.close()

    served = [
        (process, span)
        for process, span in collector.spans()
        if span.name == "/optichain.small.v1.SmallService/NoteName"
    ]
    ((process, span),) = served
    assert span.trace_id.hex() == TRACE
    assert "optichain.rpc.duration" in collector.metrics()
    assert all(NAME.encode() not in body for sent in collector.bodies.values() for body in sent)
    assert process == "listener.api"
