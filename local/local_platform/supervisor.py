"""Keeps every process of the run alive while a branch works, and ends every one of them when the
run ends: restarts with growing pauses, gives up loudly, leaves nothing behind."""

import queue
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from typing import TypeVar

from local_platform.children import Child
from local_platform.errors import NotReady, PlatformError, ProcessFailed
from local_platform.folder import free_mebibytes
from local_platform.processes import Process

_Answer = TypeVar("_Answer")

GRACE_SECONDS = 10.0
"""How long a process may take to stop before it is killed."""

_FULL_MEBIBYTES = 64
"""What RabbitMQ needs to take messages (50), and a little."""

_TICK_SECONDS = 0.05
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 5.0
_DEATHS_BEFORE_READY, _DEATHS_IN_A_MINUTE = 3, 5


class Supervisor:
    """Starts, watches and stops processes.

    One thread of its own does all starting, restarting and reaping: Linux ends a child when the
    *thread* that started it ends, so that thread must live as long as the run.
    """

    def __init__(
        self, logs: Path, report: Callable[[str], None], grace_seconds: float = GRACE_SECONDS
    ) -> None:
        """Keep one log per process in the folder `logs`; tell restarts to `report`, a line each;
        kill what has not stopped `grace_seconds` after it was asked to."""
        self.logs = logs
        self._grace_seconds = grace_seconds
        self.failure: ProcessFailed | None = None
        self._has_failed = threading.Event()
        self._report = report
        self._children: dict[str, Child] = {}
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._is_closing = threading.Event()
        self._is_closed = threading.Event()
        logs.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def start(self, process: Process) -> None:
        """Start `process`, or start it again after `stop`; one that runs is left alone."""
        self._do(lambda: self._start(process))

    def run(self, process: Process, timeout_seconds: float) -> None:
        """Run `process` once to its end.

        Raises ProcessFailed when it exits with another code than 0, NotReady when it takes longer
        than `timeout_seconds` and has been killed.
        """
        self.start(process)
        child = self._children[process.name]
        deadline = time.monotonic() + timeout_seconds
        while child.exit_code is None:
            self._raise_if_over()
            if time.monotonic() >= deadline:
                self.stop(process.name)
                raise NotReady(f"{process.name} took longer than {timeout_seconds:.0f} s")
            time.sleep(_TICK_SECONDS)
        if child.exit_code != 0:
            raise ProcessFailed(
                f"{process.name} failed with exit code {child.exit_code}: {child.last_line()} "
                f"(see {child.log})"
            )

    def wait_ready(self, name: str, timeout_seconds: float) -> None:
        """Wait until process `name` is ready.

        Raises NotReady after `timeout_seconds`, and the run's failure as soon as there is one.
        """
        deadline = time.monotonic() + timeout_seconds
        child = self._child(name)
        while not child.is_ready():
            self._raise_if_over()
            if time.monotonic() >= deadline:
                raise NotReady(
                    f"{name} was not ready after {timeout_seconds:.0f} s: {child.last_line()} "
                    f"(see {child.log})"
                )
            time.sleep(_TICK_SECONDS)

    def wait_failed(self) -> None:
        """Wait until a process cannot go on, then raise ProcessFailed."""
        self._has_failed.wait()
        self._raise_if_over()

    def stop(self, *names: str) -> None:
        """Ask the processes `names` to stop, together, and kill after the grace what still runs."""
        if self._is_closed.is_set():
            return
        children = [self._children[name] for name in names if name in self._children]
        self._do(lambda: _ask_to_stop(children))
        deadline = time.monotonic() + self._grace_seconds
        while any(child.pid for child in children):
            if time.monotonic() >= deadline:
                self._do(lambda: _kill_groups(children))
            time.sleep(_TICK_SECONDS)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send signal `number` to process `name`; after SIGKILL, return when it is dead."""
        child = self._child(name)
        pid = child.pid
        self._do(lambda: child.signal(number))
        while number == signal.SIGKILL and pid is not None and child.pid == pid:
            time.sleep(_TICK_SECONDS / 5)

    def pid(self, name: str) -> int | None:
        """Return the process id of `name`, or None while it does not run."""
        return self._child(name).pid

    def close(self) -> None:
        """Stop whatever still runs and end the watching."""
        self._is_closing.set()
        if not self._is_closed.is_set():
            self.stop(*list(self._children))
            self._is_closed.set()
            self._thread.join()

    def _child(self, name: str) -> Child:
        if name not in self._children:
            raise PlatformError(f"no process of this run is called {name}")
        return self._children[name]

    def _raise_if_over(self) -> None:
        if self.failure is not None:
            raise self.failure
        if self._is_closing.is_set():
            raise NotReady("the run is over")

    def _do(self, order: Callable[[], _Answer]) -> _Answer:
        """Have `order` carried out by the supervisor's own thread and return its answer."""
        answer: Future[_Answer] = Future()

        def carry_out() -> None:
            try:
                answer.set_result(order())
            except Exception as error:  # handed to the thread that gave the order
                answer.set_exception(error)

        self._orders.put(carry_out)
        while not wait([answer], timeout=1).done:
            if not self._thread.is_alive():
                raise NotReady("the run is over")
        return answer.result()

    def _watch(self) -> None:
        while not self._is_closed.is_set():
            try:
                self._orders.get(timeout=_TICK_SECONDS)()
            except queue.Empty:
                for child in list(self._children.values()):
                    self._look_after(child)

    def _look_after(self, child: Child) -> None:
        try:
            if child.has_died() and child.is_wanted and child.process.role != "once":
                self._mourn(child)
            if child.is_wanted and child.restart_at and time.monotonic() >= child.restart_at:
                child.restart_at = 0.0
                child.spawn()
        except OSError as error:  # a full disk, no memory: this thread must outlive it
            self._give_up(f"{child.process.name} cannot be started again: {error.strerror}", child)

    def _start(self, process: Process) -> None:
        self._raise_if_over()
        child = self._children.get(process.name)
        if child is None:
            child = self._children[process.name] = Child(process, self._log_of(process))
        elif child.pid is not None:
            return
        child.process = process
        child.is_wanted = True
        child.restart_at = 0.0
        child.forget_deaths()
        child.spawn()

    def _log_of(self, process: Process) -> Path:
        return self.logs / f"{process.name}.log"

    def _mourn(self, child: Child) -> None:
        name, deaths = child.process.name, child.deaths_in_a_minute()
        how = _how_it_ended(child.exit_code)
        if not child.was_ready and deaths >= _DEATHS_BEFORE_READY:
            said = child.last_line()
            self._give_up(f"{name} cannot start, it {how} ({deaths} times): {said}", child)
        elif deaths >= _DEATHS_IN_A_MINUTE:
            self._give_up(f"{name} {how}, its death number {deaths} within a minute", child)
        else:
            pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** (deaths - 1))
            child.restart_at = time.monotonic() + pause
            self._report(f"{name} {how}; started again in {pause:.1f} s")

    def _give_up(self, why: str, child: Child) -> None:
        child.is_wanted = False
        if self.failure is None:
            free = free_mebibytes(self.logs)
            disk = f"; its disk is full: {free} MiB are free" if free < _FULL_MEBIBYTES else ""
            self.failure = ProcessFailed(f"{why}{disk} (see {child.log})")
            self._has_failed.set()


def _how_it_ended(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"was ended by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"


def _ask_to_stop(children: Sequence[Child]) -> None:
    for child in children:
        child.is_wanted = False
        child.restart_at = 0.0
        child.signal(child.process.stop_signal)


def _kill_groups(children: Sequence[Child]) -> None:
    for child in children:
        child.kill_group()
