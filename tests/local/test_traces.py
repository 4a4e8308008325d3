"""The command that shows those on call what happened to an order, told from the files of a run."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from local_platform import traces
from local_platform.__main__ import app

ORDER = "ord_01h455vb4pex5vsknk084sn02q"
CLICK, LATER, OTHER = "a" * 32, "b" * 32, "c" * 32
_MS = 1_000_000
_BEGAN = 1_700_000_000_000 * _MS


def span(
    process: str,
    name: str,
    *,
    trace: str = CLICK,
    me: str,
    under: str = "",
    at: int = 0,
    ms: int = 1,
    kind: str = "INTERNAL",
    error: str = "",
    links: tuple[str, ...] = (),
    **attributes: Any,
) -> dict[str, Any]:
    """Return a span's row, `at` and `ms` in milliseconds from the beginning."""
    return {
        "process": process,
        "name": name,
        "kind": kind,
        "trace_id": trace,
        "span_id": me,
        "parent_id": under,
        "start_ns": _BEGAN + at * _MS,
        "end_ns": _BEGAN + (at + ms) * _MS,
        "error": error,
        "attributes": {name.replace("__", "."): value for name, value in attributes.items()},
        "links": list(links),
    }


def keep(folder: Path, *rows: dict[str, Any]) -> None:
    """Write rows where their processes would."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows:
        with (folder / f"{row['process']}.spans.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """A run in which an order was confirmed, and labjob later took up the handover."""
    keep(
        tmp_path / "telemetry",
        span("gateway", "POST /orders", me="1", ms=40, kind="SERVER"),
        span("billing.api", "ConfirmOrder", me="2", under="1", ms=30, optichain__role="cashier"),
        span("billing.api", "sql.transaction", me="3", under="2", at=5, optichain__order_id=ORDER),
        span("billing.worker", "publish", me="4", under="3", at=35, kind="PRODUCER"),
        span("inventory.worker", "handle", me="5", under="4", at=41, ms=9, kind="CONSUMER"),
        span("labjob.api", "ReleaseJob", trace=LATER, me="6", at=900, links=(CLICK,),
             optichain__order_id=ORDER, error="StalePin"),
        span("gateway", "GET /branches", trace=OTHER, me="7", optichain__order_id=ORDER + "x"),
    )  # fmt: skip
    return tmp_path


def shown(*words: str) -> tuple[int, str]:
    """Run the command; return its exit code and what it printed."""
    result = CliRunner().invoke(app, ["trace", *words])
    return result.exit_code, result.output


def test_an_order_is_told_step_by_step_across_services(var: Path) -> None:
    code, text = shown(ORDER, "--var", str(var))
    lines = text.splitlines()

    assert code == 0
    assert text.index(CLICK) < text.index(f"trace {LATER}")
    assert OTHER not in text
    assert "gateway  POST /orders  40.0 ms" in lines
    assert "  billing.api  ConfirmOrder  30.0 ms  role=cashier" in lines
    assert f"    billing.api  sql.transaction  1.0 ms  order={ORDER}" in lines
    assert "        inventory.worker  handle  9.0 ms" in lines
    assert f"takes up a handover of trace {CLICK}" in lines
    assert "failed: StalePin" in text
    assert lines[-1] == "2 traces, 6 spans, 4 services, 1 messages, 1 links"


def test_a_trace_is_found_by_its_own_id(var: Path) -> None:
    code, text = shown(OTHER, "--var", str(var))

    assert code == 0
    assert "GET /branches" in text
    assert "ReleaseJob" not in text


JOB, CASE, SLIP = "job_01h455vb4pex5vsknk084sn02q", "case_01h455vb4pex5vsknk084sn02q", "26-000042-7"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A run in which a job was released under a slip number, drawn for and made."""
    keep(
        tmp_path / "telemetry",
        span("labjob.api", "ReleaseJob", me="1", optichain__job_id=JOB, optichain__case_id=CASE,
             optichain__slip_number=SLIP),
        span("inventory.api", "DrawLenses", trace=LATER, me="2", optichain__case_id=CASE),
        span("labjob.api", "GetJob", trace=OTHER, me="3", optichain__job_id=JOB),
    )  # fmt: skip
    return tmp_path


@pytest.mark.parametrize("typed", [SLIP, "26 000042 7", "260000427", " 26-000042-7 "])
def test_a_slip_leads_to_every_step_of_its_case_whatever_spaces_it_was_typed_with(
    made: Path, typed: str
) -> None:
    code, text = shown(typed, "--var", str(made))

    assert code == 0
    assert "ReleaseJob" in text
    assert "DrawLenses" in text
    assert "GetJob" not in text


def test_a_job_is_told_by_its_id(made: Path) -> None:
    code, text = shown(JOB, "--var", str(made))

    assert code == 0
    assert "ReleaseJob" in text
    assert "GetJob" in text
    assert "DrawLenses" not in text


@pytest.mark.parametrize("command", ["trace", "dead"])
def test_make_asks_the_folder_it_is_told(command: str) -> None:
    root = Path(__file__).parents[2]
    words = ("make", "-n", "-o", "setup", command, "ID=26 000042 7", "VAR=var/demo")
    planned = subprocess.run(words, cwd=root, capture_output=True, text=True, check=True)

    assert "--var var/demo" in planned.stdout


def test_an_unknown_id_is_one_clear_line_and_a_failure(var: Path) -> None:
    code, text = shown("ord_nobody", "--var", str(var))

    assert code == 1
    assert text == f"no trace of 'ord_nobody' is kept under {var}\n"


@pytest.mark.parametrize("wanted", ["", " ", "gateway", "1", "cashier"])
def test_what_is_no_id_finds_nothing(var: Path, wanted: str) -> None:
    code, _text = shown(wanted, "--var", str(var))

    assert code == 1


def test_the_run_that_was_written_to_last_is_asked_first(var: Path) -> None:
    keep(var / "demo" / "telemetry", span("gateway", "demo", me="8", optichain__order_id=ORDER))
    files = (var / "telemetry").glob("*.jsonl")
    for file in files:
        os.utime(file, (1, 1))

    code, text = shown(ORDER, "--var", str(var))

    assert code == 0
    assert "gateway  demo" in text
    assert "ConfirmOrder" not in text


def test_the_half_line_of_a_killed_process_is_passed_over(var: Path) -> None:
    with (var / "telemetry" / "billing.worker.spans.jsonl").open("a") as file:
        file.write('{"process": "billing.worker", "trace_id": "' + CLICK)

    assert len(traces.load(var / "telemetry")) == 3


def test_work_whose_cause_nobody_kept_stands_at_the_root(tmp_path: Path) -> None:
    keep(tmp_path, span("labjob.worker", "handle", me="2", under="1"))

    [trace] = traces.load(tmp_path)
    assert traces.tree(trace)[1] == "labjob.worker  handle  1.0 ms"


def test_counts_say_what_a_journey_amounted_to(var: Path) -> None:
    found = traces.load(var / "telemetry", only={CLICK, LATER})

    assert traces.counted(found) == {
        "traces": 2,
        "spans": 6,
        "services": 4,
        "amqp_hops": 1,
        "links": 1,
    }
