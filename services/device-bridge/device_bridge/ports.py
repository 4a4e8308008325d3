"""The serial line to an instrument: opened by URL, read by one thread, reopened when it is lost.

The only module that knows pyserial. What it delivers goes into a framer; it understands nothing.
"""

import os
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import serial

from device_bridge.profiles import LineSettings

PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}
READ_TIMEOUT_SECONDS = 0.1
JOIN_SECONDS = 5.0
PSEUDO_TERMINALS = "/dev/pts/"


class Link(StrEnum):
    """Whether the line is there."""

    CONNECTED = "connected"
    LOST = "lost"


@dataclass(frozen=True)
class Backoff:
    """How long to wait before the next attempt: doubling from `first` up to `longest`."""

    first_seconds: float = 0.5
    longest_seconds: float = 30.0

    def pause(self, failures: int) -> float:
        """Seconds to wait after that many failures in a row (1 or more)."""
        doublings = min(failures - 1, 16)
        return min(self.first_seconds * 2.0**doublings, self.longest_seconds)


class Port:
    """One serial line.

    `url` is a device path or any URL pyserial knows (`socket://`, `loop://`, `rfc2217://`).
    `deliver(data, at)` is called in the reader's thread with each piece as it comes and the
    monotonic second it came at; empty data says that the line was quiet. `report(link, detail)`
    tells when the line is gained or lost. Neither may raise. Reading goes on until `close`.
    """

    def __init__(
        self,
        url: str,
        line: LineSettings,
        deliver: Callable[[bytes, float], None],
        *,
        report: Callable[[Link, str], None] | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.url = url
        self.has_modem_lines = False
        self._line = line
        self._deliver = deliver
        self._report = report or (lambda link, detail: None)
        self._backoff = backoff or Backoff()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"port {url}", daemon=True)

    def open(self) -> None:
        """Start reading; a line that is not there yet is waited for.

        Raises ValueError when the URL names a kind of line pyserial does not know.
        """
        serial.serial_for_url(self.url, do_not_open=True)
        self._thread.start()

    def close(self) -> None:
        """Stop reading and let the line go."""
        self._closing.set()
        self._thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        failures = 0
        while not self._closing.is_set():
            try:
                with self._connected() as line:
                    failures = 0
                    self._read(line)
            except (OSError, termios.error, ValueError) as error:
                failures += 1
                self._report(Link.LOST, f"{self.url}: {error}")
                self._closing.wait(self._backoff.pause(failures))

    def _connected(self) -> serial.Serial:
        line = self._opened()
        self.has_modem_lines = _raise_modem_lines(line)
        return line

    def _opened(self) -> serial.Serial:
        # Two readers would each get some of the bytes: the second one waits until it is alone.
        open_line = partial(
            serial.serial_for_url, self.url, timeout=READ_TIMEOUT_SECONDS, exclusive=True
        )
        try:
            return open_line(
                baudrate=self._line.baud,
                bytesize=self._line.data_bits,
                parity=PARITIES[self._line.parity],
                stopbits=self._line.stop_bits,
            )
        except termios.error:
            # A pseudo terminal has no parity; glibc says so when nothing else changes with it,
            # which is when it is opened again.
            if not os.path.realpath(self.url).startswith(PSEUDO_TERMINALS):
                raise
            return open_line()

    def _read(self, line: serial.Serial) -> None:
        self._report(Link.CONNECTED, self.url)
        while not self._closing.is_set():
            data = line.read(max(1, line.in_waiting))
            self._deliver(bytes(data), time.monotonic())


def _raise_modem_lines(line: serial.Serial) -> bool:
    """Phoropters send nothing unless DTR is raised; a pseudo terminal has no such lines."""
    with suppress(OSError):
        line.dtr = True
        line.rts = True
        return True
    return False
