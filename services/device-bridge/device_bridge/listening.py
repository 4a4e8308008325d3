"""All lines of a bridge: which are read follows the table of instruments, without a restart."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import cast

import structlog

from chassis.actor import system
from chassis.errors import Unavailable
from chassis.records.envelope import Record
from chassis.rpc.server import Steps
from device_bridge import store
from device_bridge.delivery import SERVICE, Delivery
from device_bridge.instrument import Instrument
from device_bridge.line import Line
from device_bridge.profiles import load_profiles
from device_bridge.settings import Settings
from device_bridge.spool import Spool
from device_bridge.store import LineState

log = structlog.get_logger()

_JOIN_SECONDS = 15.0
_DISK_REFUSES = "DISK_REFUSES"


class _Desk:
    """What belongs to one instrument: its spool, the delivery from it, and its line while read."""

    def __init__(self, steps: Steps, root: Path, instrument_id: str) -> None:
        self.spool = Spool(root, instrument_id)
        self.delivery = Delivery(steps, self.spool)
        self.line: Line | None = None
        self.written: LineState | None = None
        self.delivery.start()

    def follow(self, instrument: Record[Instrument] | None) -> None:
        """Read the line the instrument stands on now; none when it is out of service."""
        if self.line is not None:
            if instrument is not None and instrument.revision == self.line.instrument.revision:
                return
            self.line.close()
            self.line = None
        if instrument is not None:
            self.line = Line(instrument, self.spool, self.delivery.wake)
            self.line.open()

    def state(self) -> LineState:
        """How the line stands now."""
        waiting = len(self.spool)
        line = self.line
        reason = self.delivery.waiting_reason if waiting else ""
        if line is None:
            return LineState(prints_waiting=waiting, waiting_reason=reason)
        return LineState(
            link=str(line.link or ""),
            link_changed_at=line.link_changed_at,
            prints_waiting=waiting,
            waiting_reason=_DISK_REFUSES if line.is_disk_refusing else reason,
            last_print_at=line.last_print_at,
        )


class Listening:
    """Reads the line of every instrument in service (of some branches, if the settings name them)
    and carries what they print. `reread_seconds`: how often it looks at the table."""

    def __init__(self, steps: Steps, *, reread_seconds: float = 1.0) -> None:
        settings = cast(Settings, steps.settings)
        self._steps = steps
        self._reread_seconds = reread_seconds
        self._root = settings.spool_folder
        self._branches = settings.branches
        self._desks: dict[str, _Desk] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)

    def start(self) -> None:
        """Deliver what waits on the disk, and begin to read. Raises OSError when the spool folder
        cannot be made."""
        self._root.mkdir(parents=True, exist_ok=True)
        for folder in sorted(self._root.iterdir()):
            if folder.is_dir():
                self._desk(folder.name)
        self._thread.start()

    def stop(self) -> None:
        """Close every line, and end after the prints under way."""
        self._stopping.set()
        self._thread.join(_JOIN_SECONDS)
        for desk in self._desks.values():
            desk.follow(None)
        for desk in self._desks.values():
            desk.delivery.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except Unavailable:
                log.warning("instruments unknown", reason="UNAVAILABLE")
            except Exception as error:  # a fault of one look must not end all listening
                log.error("instruments unknown", error=type(error).__name__)
            self._stopping.wait(self._reread_seconds)

    def _look(self) -> None:
        with self._steps.database.snapshot() as connection:
            wanted = {one.id: one for one in store.in_service(connection, self._branches)}
        for instrument_id in sorted(wanted.keys() | self._desks.keys()):
            self._desk(instrument_id).follow(_readable(wanted.get(instrument_id)))
        self._write_down()

    def _desk(self, instrument_id: str) -> _Desk:
        if instrument_id not in self._desks:
            self._desks[instrument_id] = _Desk(self._steps, self._root, instrument_id)
        return self._desks[instrument_id]

    def _write_down(self) -> None:
        """Note in the table how lines stand, where that has changed."""
        states = {one: desk.state() for one, desk in self._desks.items()}
        changed = {one: s for one, s in states.items() if s != self._desks[one].written}
        if not changed:
            return
        with self._steps.database.work(system(SERVICE)) as work:
            for instrument_id, state in changed.items():
                store.keep_line_state(work.connection, instrument_id, state)
        for instrument_id, state in changed.items():
            self._desks[instrument_id].written = state


def _readable(instrument: Record[Instrument] | None) -> Record[Instrument] | None:
    """An instrument whose model lost its profile cannot be read, and keeps its line shut."""
    if instrument is not None and instrument.content.model not in load_profiles():
        return None
    return instrument
