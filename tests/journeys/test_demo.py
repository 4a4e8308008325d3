"""The demo as a stranger sees it: what `make demo` prints, what it leaves, how it fails."""

from __future__ import annotations

import errno
import json
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from local_platform.bench.command import bench
from local_platform.demo import journey
from local_platform.demo.command import demo
from local_platform.demo.desk import ApiRefused
from local_platform.demo.shop import DemoFailed
from local_platform.folder import DataFolder
from local_platform.traces import load
from planted import PLANTED, Left, Watched, require_nothing_planted
from staging import eventually, running_for

SIX_SERVICES = {"customer", "clinical", "inventory", "billing", "labjob", "device_bridge"}
KEYS = {
    "ok",
    "order_id",
    "job_id",
    "steps",
    "handovers",
    "traces",
    "stale_attempts",
    "entries",
    "seconds",
}
"""What summary.json holds, whatever became of the demo."""


METRICS = (
    "optichain.rpc.duration",
    "optichain.http.duration",
    "optichain.handovers",
    "optichain.gate.refusals",
    "optichain.outbox.age",
    "optichain.queue.lag",
    "optichain.dead_letters.waiting",
)
"""What the people on call watch."""


@dataclass
class Demo:
    """A demo that was run."""

    var: Path
    code: int
    printed: str
    summary: dict[str, Any]
    left: Left


@pytest.fixture(scope="module")
def demoed(as_given: None) -> Iterator[Demo]:
    """Run the demo once."""
    started: list[Watched] = []

    def watched(**how: Any) -> Watched:
        started.append(Watched(**how))
        return started[-1]

    with (
        tempfile.TemporaryDirectory(prefix="optichain-demo-") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        var, printed = Path(folder) / "demo", StringIO()
        patch.setattr("local_platform.demo.command.Platform", watched)
        with redirect_stdout(printed):
            code = demo(var)
        (platform,) = started
        yield Demo(var, code, printed.getvalue(), summary_in(var), platform.left)


def summary_in(var: Path) -> dict[str, Any]:
    """Return what a demo wrote down."""
    told: dict[str, Any] = json.loads((var / "summary.json").read_text())
    return told


def test_the_demo_ends_well_and_leaves_nothing_running(demoed: Demo) -> None:
    assert demoed.code == 0, demoed.printed
    assert demoed.summary["ok"] is True
    # A server that was told to stop may still be writing its last checkpoint.
    assert eventually(lambda: running_for(demoed.var) == [], 10), running_for(demoed.var)


def test_the_summary_tells_every_step_with_its_role_trace_and_time(demoed: Demo) -> None:
    told = demoed.summary

    assert set(told) == KEYS
    assert told["order_id"].startswith("ord_")
    assert told["job_id"].startswith("job_")
    assert [step["n"] for step in told["steps"]] == [step.n for step in journey.STEPS]
    for step in told["steps"]:
        assert set(step) == {"n", "role", "what", "trace_id", "ms"}
        assert len(step["trace_id"]) == 32
        assert step["ms"] > 0
    assert told["entries"] > len(told["steps"])
    assert told["seconds"] > 0


def test_the_summary_counts_handovers_and_what_the_traces_went_through(demoed: Demo) -> None:
    traces = demoed.summary["traces"]

    assert demoed.summary["handovers"] >= 11
    assert set(traces["services"]) >= SIX_SERVICES
    assert traces["spans"] > 0
    assert traces["amqp_hops"] > 0
    assert traces["links"] > 0


def test_the_summary_says_that_both_stale_gates_held_and_why(demoed: Demo) -> None:
    attempts = demoed.summary["stale_attempts"]

    assert [(one["gate"], one["refused"], one["reason"]) for one in attempts] == [
        ("labjob.ReleaseJob", True, "PIN_STALE"),
        ("labjob.StartStation edging", True, "PIN_STALE"),
    ]


def test_the_demo_prints_the_journey_its_handovers_and_one_trace_as_a_tree(demoed: Demo) -> None:
    lines = demoed.printed.splitlines()

    for step in journey.STEPS:
        assert any(line.startswith(f"{step.n:>3}  {step.role}") for line in lines)
    assert any("imported: 6 of 7 rows, 1 duplicate, refused line 7" in line for line in lines)
    (header,) = [line for line in lines if "versions pinned" in line]
    for column in ("from", "to", "record", "waited"):
        assert column in header
    assert any("prescription v2" in line for line in lines)
    accepted = next(step["trace_id"] for step in demoed.summary["steps"] if step["n"] == 11)
    root = next(n for n, line in enumerate(lines) if line.startswith(f"trace {accepted}"))
    branches = {line.split()[0] for line in lines[root + 1 :] if line.startswith("  ")}
    assert branches >= {"labjob.api", "billing.api", "labjob.worker"}


@pytest.mark.parametrize("metric", METRICS)
def test_what_the_people_on_call_watch_was_measured(demoed: Demo, metric: str) -> None:
    files = [path.read_text() for path in (demoed.var / "telemetry").glob("*.metrics.jsonl")]
    assert any(f'"{metric}"' in text for text in files)


def test_the_demo_leaves_nothing_personal_or_clinical_where_nobody_guards_it(
    demoed: Demo,
) -> None:
    require_nothing_planted(demoed.left)
    # Its summary shows the powers that the gates told those who may read them, and no person.
    told = (demoed.var / "summary.json").read_text()
    assert [planted for planted in PLANTED if planted in told] == []


def test_the_instruments_are_taken_out_of_service_before_their_lines_end(demoed: Demo) -> None:
    spans = [span for trace in load(demoed.var / "telemetry") for span in trace.spans]
    taken = [span for span in spans if span.name.endswith("/TakeOutOfService")]

    assert len([span for span in taken if span.process == "device_bridge.api"]) == 3


def test_a_demo_on_a_folder_in_use_ends_at_once_and_touches_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held = DataFolder(tmp_path / "demo")
    held.take()
    (held.path / "orders").write_text("of another run")
    before = sorted(held.path.iterdir())

    for run in (demo, lambda var: bench(var, customers=1)):
        assert run(held.path) == 1
        told = capsys.readouterr()
        (line,) = (told.out + told.err).splitlines()
        assert line.startswith(f"stopped: {held.path} is in use by another run")

    assert sorted(held.path.iterdir()) == before
    held.leave()


def test_a_demo_that_cannot_start_says_so_in_one_line_and_in_its_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPTICHAIN_ADMIN_DATABASE_URL", "postgresql://")

    assert demo(tmp_path / "demo") == 1

    assert capsys.readouterr().out == (
        "stopped: OPTICHAIN_ADMIN_DATABASE_URL: must be a URL with a host\n"
    )
    told = summary_in(tmp_path / "demo")
    assert set(told) == KEYS
    assert told["ok"] is False


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        (KeyError("prescription"), "an answer or an address is missing: 'prescription'"),
        (IndexError("list index out of range"), "an answer or an address is missing: list index"),
        (DemoFailed("the gate went on"), "the gate went on"),
        (ApiRefused("labjob.AcceptJob", {"reason": "ETA_PAST"}), "labjob.AcceptJob: ETA_PAST"),
        (httpx.ConnectError("refused"), "refused"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_whatever_ends_a_demo_or_a_bench_is_one_line_and_no_stack(
    failure: Exception,
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_given: object, **_named: object) -> None:
        raise failure

    for module in ("local_platform.demo.command", "local_platform.bench.command"):
        monkeypatch.setattr(f"{module}.Platform", fail)
    (tmp_path / "run.lock").touch()

    assert demo(tmp_path) == 1
    printed = capsys.readouterr().out
    assert line in printed
    assert printed.count("\n") == 1
    assert summary_in(tmp_path)["ok"] is False

    assert bench(tmp_path, customers=1) == 1
    told = capsys.readouterr()
    assert line in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""
