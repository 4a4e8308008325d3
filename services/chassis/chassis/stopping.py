"""How a process hears that it is to stop: the signal writes into a pipe, and who waits reads it.

No lock is taken inside the signal handler. An Event that a handler sets can meet, locked, the very
wait it interrupts, and then the process serves on until it is killed.
"""

from __future__ import annotations

import os
import select
import signal

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignal:
    """SIGTERM and SIGINT of this process, from the moment this is made; made in the main thread."""

    def __init__(self) -> None:
        self._reading, writing = os.pipe()
        os.set_blocking(writing, False)
        for number in _SIGNALS:
            signal.signal(number, _leave_it_to_the_pipe)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def wait(self) -> None:
        """Return when the process has been told to stop; in a patched process other green threads
        go on meanwhile."""
        while True:
            select.select([self._reading], [], [])
            if any(number in _SIGNALS for number in os.read(self._reading, 64)):
                return


def _leave_it_to_the_pipe(*_arguments: object) -> None:
    """Take the signal from its default action; its number is in the pipe already."""
