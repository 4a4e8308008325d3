"""Processes that die, hang or lie are restarted, given up or ended as the chain needs it."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local_platform.errors import NotReady, ProcessFailed
from local_platform.processes import Process
from local_platform.supervisor import Supervisor
from staging import eventually, python

READY = """
import json, signal, sys
print(json.dumps({"event": "ready"}), file=sys.stderr)
"""


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, told: list[str]) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "logs", told.append, grace_seconds=1.0)
    yield supervisor
    supervisor.close()


def test_a_process_is_ready_only_when_it_has_said_so_in_its_log(supervisor: Supervisor) -> None:
    supervisor.start(python("early", "print('not ready yet')\nimport signal; signal.pause()"))
    supervisor.start(python("worker", READY + "signal.pause()"))

    supervisor.wait_ready("worker", timeout_seconds=10)
    with pytest.raises(NotReady, match="early was not ready after 0 s: not ready yet"):
        supervisor.wait_ready("early", timeout_seconds=0.3)


def test_a_killed_process_is_named_and_started_again(
    supervisor: Supervisor, told: list[str]
) -> None:
    supervisor.start(python("labjob-worker", READY + "signal.pause()"))
    supervisor.wait_ready("labjob-worker", timeout_seconds=10)
    first = supervisor.pid("labjob-worker")

    supervisor.kill("labjob-worker")
    supervisor.wait_ready("labjob-worker", timeout_seconds=10)

    assert supervisor.pid("labjob-worker") not in (None, first)
    assert told == ["labjob-worker was ended by SIGKILL; started again in 0.2 s"]


def test_pauses_between_restarts_grow_and_the_fifth_death_in_a_minute_ends_the_run(
    supervisor: Supervisor, told: list[str]
) -> None:
    supervisor.start(python("labjob-worker", READY + "signal.pause()"))
    for _ in range(5):
        supervisor.wait_ready("labjob-worker", timeout_seconds=10)
        supervisor.kill("labjob-worker")

    with pytest.raises(ProcessFailed, match="labjob-worker was ended by SIGKILL, its death number"):
        supervisor.wait_failed()
    assert [line.rpartition(" in ")[2] for line in told] == ["0.2 s", "0.4 s", "0.8 s", "1.6 s"]


def test_a_disk_that_filled_while_it_served_is_named_beside_who_died_of_it(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage("/")._replace(free=7 * 2**20)
    monkeypatch.setattr("local_platform.folder.shutil.disk_usage", lambda _path: full)
    supervisor.start(python("postgres", "raise SystemExit('could not write: no space left')"))

    with pytest.raises(ProcessFailed, match=r"postgres .*; its disk is full: 7 MiB are free"):
        supervisor.wait_failed()


def test_a_process_that_cannot_start_is_given_up_after_three_deaths_with_its_last_words(
    supervisor: Supervisor, told: list[str]
) -> None:
    supervisor.start(python("gateway", "raise SystemExit('GATEWAY_LISTEN: is missing')"))

    with pytest.raises(ProcessFailed, match=r"exit code 1 \(3 times\): GATEWAY_LISTEN"):
        supervisor.wait_ready("gateway", timeout_seconds=10)
    assert len(told) == 2


def test_a_program_that_is_not_there_is_named(supervisor: Supervisor) -> None:
    supervisor.start(Process("weed", "part", ("/nowhere/weed",), {}, says_ready=False))

    with pytest.raises(ProcessFailed, match="cannot start /nowhere/weed: No such file"):
        supervisor.wait_failed()


def test_a_process_that_does_not_stop_when_asked_is_killed_after_the_grace(
    supervisor: Supervisor,
) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    supervisor.start(python("deaf", deaf + READY + "while True: signal.pause()"))
    supervisor.wait_ready("deaf", timeout_seconds=10)
    pid = supervisor.pid("deaf")
    began = time.monotonic()

    supervisor.stop("deaf")

    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert 1.0 <= time.monotonic() - began < 3.0


def test_what_a_process_started_itself_ends_with_it(supervisor: Supervisor) -> None:
    grandchild = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)\n"
    supervisor.start(python("parent", grandchild + READY + "signal.pause()"))
    supervisor.wait_ready("parent", timeout_seconds=10)
    log = supervisor.logs / "parent.log"
    pid = int(log.read_text().splitlines()[0])
    assert psutil.pid_exists(pid)

    supervisor.stop("parent")

    assert eventually(lambda: not psutil.pid_exists(pid), seconds=2)


def test_a_stopped_process_stays_stopped_and_can_be_started_again(
    supervisor: Supervisor, told: list[str]
) -> None:
    process = python("clinical-api", READY + "signal.pause()")
    supervisor.start(process)
    supervisor.wait_ready("clinical-api", timeout_seconds=10)

    supervisor.stop("clinical-api")
    time.sleep(0.5)
    assert supervisor.pid("clinical-api") is None

    supervisor.start(process)
    supervisor.wait_ready("clinical-api", timeout_seconds=10)
    assert told == []


def test_a_command_that_fails_says_its_last_line_and_one_that_takes_too_long_is_killed(
    supervisor: Supervisor,
) -> None:
    with pytest.raises(ProcessFailed, match="migrate failed with exit code 1: relation is locked"):
        supervisor.run(python("migrate", "raise SystemExit('relation is locked')", "once"), 10)
    with pytest.raises(NotReady, match="slow took longer than 0 s"):
        supervisor.run(python("slow", "import time; time.sleep(600)", "once"), 0.4)
    assert supervisor.pid("slow") is None


def test_the_log_of_the_run_before_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    for word in ("yesterday", "today"):
        supervisor = Supervisor(tmp_path, lambda line: None)
        supervisor.run(python("migrate", f"print({word!r})", "once"), 10)
        supervisor.close()

    assert (tmp_path / "migrate.previous.log").read_text() == "yesterday\n"
    assert (tmp_path / "migrate.log").read_text() == "today\n"
