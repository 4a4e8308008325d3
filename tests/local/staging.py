"""What the tests of the platform stand on: stand-in processes in the places of the services, and
the list of what runs on behalf of a data folder."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil

from local_platform.ports import Ports
from local_platform.probes import accepts, answers_http
from local_platform.processes import Plan, Process, Role

STAND_IN = str(Path(__file__).with_name("stand_in.py"))


def stand_in_plan(
    diary: Path,
) -> Callable[[Collection[str], Ports, Mapping[str, str]], Plan]:
    """Return a plan of a migration, labjob's api and worker and the gateway, all stand-ins."""

    def plan(names: Collection[str], ports: Ports, environment: Mapping[str, str]) -> Plan:
        def stand_in(
            name: str, role: Role, port: int, answers: Callable[[], bool] | None
        ) -> Process:
            argv = (sys.executable, "-S", STAND_IN, name, str(port), str(diary))
            return Process(name, role, argv, environment, answers=answers)

        api, gateway = ports["labjob"], ports["gateway"]
        health = f"http://127.0.0.1:{gateway}/api/v1/health"
        return Plan(
            python("migrate", f"open({str(diary)!r}, 'a').write('migrate\\n')", role="once"),
            (
                stand_in("labjob-api", "api", api, partial(accepts, "127.0.0.1", api)),
                stand_in("labjob-worker", "worker", 0, None),
                stand_in("gateway", "gateway", gateway, partial(answers_http, health)),
            ),
        )

    return plan


def python(name: str, code: str, role: Role = "worker") -> Process:
    """Return a process that runs `code`."""
    argv = (sys.executable, "-S", "-c", code)
    return Process(name, role, argv, {"PYTHONUNBUFFERED": "1"}, says_ready=role != "once")


def running_for(var: Path) -> list[str]:
    """Return the command lines of all living processes that name `var` or whose environment does
    (the broker's epmd names no folder, but lives in one)."""
    found = []
    for process in psutil.process_iter():
        try:
            told = [*process.cmdline(), *process.environ().values(), process.cwd()]
            if process.status() != psutil.STATUS_ZOMBIE and any(str(var) in word for word in told):
                found.append(" ".join(process.cmdline())[:120])
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def eventually(is_so: Callable[[], bool], seconds: float) -> bool:
    """Wait until `is_so`, at most `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


class Launcher:
    """A launcher in a process of its own, so that it can be killed."""

    def __init__(self, var: Path) -> None:
        """Name the data folder."""
        self.var = var
        self._process: subprocess.Popen[str] | None = None
        self._shown = ""

    def start(self, *words: str, until: str = "Ctrl-C stops everything") -> str:
        """Start it and return what it showed until a line with `until`; unless told otherwise
        that is the last one before it serves."""
        program = str(Path(__file__).with_name("launcher.py"))
        self._process = process = subprocess.Popen(
            (sys.executable, program, str(self.var), *words), stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        shown = ""
        for line in process.stdout:
            shown += line
            if until in line:
                return shown
        raise AssertionError(f"the launcher ended: {shown}")

    def environment(self) -> dict[str, str]:
        """Return the variables the processes were given."""
        told: dict[str, str] = json.loads((self.var / "environment.json").read_text())
        return told

    def signal(self, number: int) -> None:
        """Send signal `number` to the launcher alone."""
        assert self._process is not None
        os.kill(self._process.pid, number)

    def kill(self, name: str) -> None:
        """Kill its stand-in `name`, when that runs."""
        assert eventually(lambda: bool(self._pids(name)), seconds=10)
        (pid,) = self._pids(name)
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: pid not in self._pids(name), seconds=5)

    def _pids(self, name: str) -> list[int]:
        assert self._process is not None
        found = []
        for child in psutil.Process(self._process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # zombies among them
                if child.cmdline()[2:4] == [STAND_IN, name]:
                    found.append(child.pid)
        return found

    def wait(self) -> int:
        """Return its exit code when it has ended."""
        return self._leave()

    def last_line(self) -> str:
        """Return what it showed last."""
        return self._shown.strip().splitlines()[-1]

    def end(self) -> None:
        """End it if a test has not."""
        if self._process is not None:
            self._process.terminate()
            self._leave()

    def _leave(self) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        self._shown += self._process.stdout.read()  # what `start` has read ahead is there only
        return self._process.wait(timeout=30)
