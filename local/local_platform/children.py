"""One running program: its log, its death, and the line by which it says it is ready for the next
customer."""

import json
import os
import pwd
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

from local_platform.processes import Process

_GUARD = str(Path(__file__).with_name("guard.py"))
_WINDOW_SECONDS = 60.0


class Child:
    """A process of the plan over all its lives. Everything but `is_ready` and the plain reads is
    for the supervisor's own thread."""

    def __init__(self, process: Process, log: Path) -> None:
        """Prepare `process`, whose output goes to `log`; the log of an earlier run is kept beside
        it as `<name>.previous.log`."""
        self.process = process
        self.log = log
        self.is_wanted = True
        self.was_ready = False
        self.exit_code: int | None = None
        self.restart_at = 0.0
        self._popen: subprocess.Popen[bytes] | None = None
        self._deaths: deque[float] = deque()
        self._read_to = 0
        self._has_said_ready = False
        if log.exists():
            log.rename(log.with_suffix(".previous.log"))

    @property
    def pid(self) -> int | None:
        """The process id, or None while it does not run."""
        return self._popen.pid if self._popen is not None else None

    def spawn(self) -> None:
        """Start the program in a session of its own, so that a Ctrl-C at the terminal does not
        reach it and its whole group can be ended."""
        user, group = "-", "-"
        if self.process.run_as is not None:
            entry = pwd.getpwnam(self.process.run_as)
            user, group = str(entry.pw_uid), str(entry.pw_gid)
        orphan_signal = str(int(self.process.orphan_signal))
        guard = (sys.executable, "-I", "-S", _GUARD, str(os.getpid()), orphan_signal, user, group)
        with self.log.open("ab") as log:
            self._read_to = log.tell()
            self._has_said_ready = False
            self._popen = subprocess.Popen(
                (*guard, *self.process.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.process.environment),
                cwd=self.process.folder,
                start_new_session=True,
            )
        self.exit_code = None

    def signal(self, number: int) -> None:
        """Send signal `number` to the process itself, if it runs."""
        if self._popen is not None:
            os.kill(self._popen.pid, number)  # Popen's own method would reap it behind our back

    def kill_group(self) -> None:
        """End the process and all it started, at once."""
        if self._popen is not None:
            _kill_group(self._popen.pid)

    def has_died(self) -> bool:
        """Say whether the process ended since the last question; what it started is ended too."""
        if self._popen is None or not _is_dead(self._popen.pid):
            return False
        # Before the dead leader is waited for: as long as it is not, its number cannot be reused.
        _kill_group(self._popen.pid)
        self.exit_code = self._popen.wait()
        self._popen = None
        self._deaths.append(time.monotonic())
        return True

    def deaths_in_a_minute(self) -> int:
        """Count the deaths of the last 60 seconds."""
        while self._deaths and self._deaths[0] < time.monotonic() - _WINDOW_SECONDS:
            self._deaths.popleft()
        return len(self._deaths)

    def forget_deaths(self) -> None:
        """Begin counting anew, when a person or a test stopped it on purpose."""
        self._deaths.clear()

    def is_ready(self) -> bool:
        """Say whether the present life of the process is ready for use."""
        if self._popen is None:
            return False
        if self.process.says_ready and not self._says_ready():
            return False
        if self.process.answers is not None and not self.process.answers():
            return False
        self.was_ready = True
        return True

    def last_line(self) -> str:
        """Return the last line of the log that is not blank, cut to 300 characters."""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 8192))
            lines = log.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip()[:300] if lines else "it printed nothing"

    def _says_ready(self) -> bool:
        if not self._has_said_ready:
            with self.log.open("rb") as log:
                log.seek(self._read_to)
                self._has_said_ready = any(_is_ready_line(line) for line in log)
        return self._has_said_ready


def _is_ready_line(line: bytes) -> bool:
    if b"ready" not in line or not line.endswith(b"\n"):
        return False
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return isinstance(entry, dict) and entry.get("event") == "ready"


def _is_dead(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # nobody of the group is left (macOS says so by refusing)
