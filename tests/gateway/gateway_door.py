"""A gateway for tests: the real process on a free port, asked over real HTTP."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx


def free_address() -> str:
    """Return an address of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class Door:
    """A running gateway. `log` holds what it wrote, `telemetry` the folder of its spans."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.address = free_address()
        self.url = f"http://{self.address}"
        self.telemetry = folder / "telemetry"
        self.log = folder / "gateway.log"
        own = {
            "GATEWAY_LISTEN": self.address,
            "GATEWAY_URL": self.url,
            "OPTICHAIN_TELEMETRY_DIR": str(self.telemetry),
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gateway"],
                env={**os.environ, **own, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_ready()
        except BaseException:
            self._process.kill()
            raise
        self.client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + 60
        while not any(line.get("event") == "ready" for line in self.lines()):
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def lines(self) -> list[dict[str, Any]]:
        """Return the log lines that are JSON."""
        found = []
        for line in self.log.read_text().splitlines():
            if line.startswith("{"):
                found.append(json.loads(line))
        return found

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """Return the gateway's spans of a trace, once they are written."""
        file = self.telemetry / "gateway.spans.jsonl"
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            rows = [json.loads(line) for line in file.read_text().splitlines()]
            found = [row for row in rows if row["trace_id"] == trace_id]
            if any(row["kind"] == "SERVER" for row in found):
                return found
            time.sleep(0.1)
        raise AssertionError(f"no span of trace {trace_id} was written")

    def call(self, method: str, path: str, *, token: str = "", **sent: Any) -> httpx.Response:
        """Call the API as whoever the token names."""
        headers = dict(sent.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self.client.request(method, f"/api/v1{path}", headers=headers, **sent)

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        self.client.close()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=20)


class Browser:
    """A browser at the pages: keeps cookies, says where its forms come from."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.client = httpx.Client(base_url=door.url, trust_env=False, timeout=30)

    def close(self) -> None:
        """Close its connections."""
        self.client.close()

    def send(self, path: str, **form: str) -> httpx.Response:
        """Send a form of our own page."""
        return self.client.post(path, data=form, headers={"Origin": self.door.url})


def problem(response: httpx.Response, status: int, reason: str) -> dict[str, Any]:
    """Return the problem of a refusal, once it is known to be the expected one."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["reason"]) == (status, reason), response.text
    assert body["status"] == status
    assert body["trace_id"] == response.headers["trace-id"]
    assert "Traceback" not in response.text
    return body
