"""The data folder of one run: taken by one run at a time, and only if its disk has room."""

import fcntl
import os
import shutil
import time
from pathlib import Path
from typing import TextIO

from local_platform.errors import DiskFull, FolderInUse, PlatformError

_LOCK = "run.lock"
_DYING_SECONDS = 15.0
LEAST_FREE_MEBIBYTES = 512
"""Room the disk must have before a run starts: fresh databases, broker log and objects."""


def free_mebibytes(path: Path) -> int:
    """Return the room left on the disk of `path`."""
    return shutil.disk_usage(path).free // 2**20


def is_in_use(path: Path) -> bool:
    """Tell whether a run holds the folder now."""
    lock = path / _LOCK
    if not lock.exists():
        return False
    with lock.open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


class DataFolder:
    """A folder held by this run from `take` to `leave`, or until the launcher's death."""

    def __init__(self, path: Path) -> None:
        """Name the folder; nothing is made yet."""
        self.path = path.absolute()
        self.was_left_in_haste = False
        self._lock: TextIO | None = None

    def take(self, least_free_mebibytes: int = LEAST_FREE_MEBIBYTES, *, anew: bool = False) -> None:
        """Make the folder if need be and hold it; `anew` empties it then.

        Raises FolderInUse when another run holds it, PlatformError when a folder to be emptied was
        never a run's, DiskFull when less than `least_free_mebibytes` is free. Afterwards
        `was_left_in_haste` says whether the run before was killed, so that its processes may still
        be on their way out.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        free = free_mebibytes(self.path)
        if free < least_free_mebibytes:
            raise DiskFull(
                f"the disk of {self.path} is full: {free} MiB are free, "
                f"{least_free_mebibytes} MiB are needed"
            )
        if anew and not (self.path / _LOCK).exists() and any(self.path.iterdir()):
            raise PlatformError(
                f"{self.path} holds what no run has left there: name another folder"
            )
        lock = (self.path / _LOCK).open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise FolderInUse(f"{self.path} is in use by another run (pid {holder})") from None
        lock.seek(0)
        self.was_left_in_haste = lock.read() != ""
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock
        if anew:
            self._empty()

    def leave(self) -> None:
        """Give the folder back, when all processes of the run have ended."""
        if self._lock is not None:
            self._lock.truncate(0)
            self._lock.close()
            self._lock = None

    def _empty(self) -> None:
        """Remove everything but the lock. A process of a killed run may still write for a while."""
        deadline = time.monotonic() + _DYING_SECONDS
        while rest := [path for path in self.path.iterdir() if path.name != _LOCK]:
            try:
                for path in rest:
                    _remove(path)
            except OSError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.1)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
