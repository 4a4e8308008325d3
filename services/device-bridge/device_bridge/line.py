"""One instrument's line while it is read: what becomes whole on it goes to the disk at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from chassis import clock
from chassis.ids import new_id
from chassis.records.envelope import Record
from device_bridge.framing import Frame
from device_bridge.instrument import Instrument
from device_bridge.ports import Backoff, Link, Port
from device_bridge.profiles import profile_of
from device_bridge.spool import Print, Spool

log = structlog.get_logger()

_BACKOFF = Backoff(first_seconds=0.5, longest_seconds=5.0)


class Line:
    """The line of one registered instrument.

    `heard()` is called, in the reader's thread, after each print that is safe on the disk. `link`
    is None until the line was first tried.
    """

    def __init__(
        self, instrument: Record[Instrument], spool: Spool, heard: Callable[[], None]
    ) -> None:
        profile = profile_of(instrument.content.model)
        settings = instrument.content.line_settings or profile.line
        self.instrument = instrument
        self.link: Link | None = None
        self.link_changed_at: datetime | None = None
        self.last_print_at: datetime | None = None
        self.is_disk_refusing = False
        self._spool = spool
        self._heard = heard
        self._framer = profile.framer(settings)
        self._unkept: list[Print] = []
        self._port = Port(
            instrument.content.port_url,
            settings,
            self._deliver,
            report=self._report,
            backoff=_BACKOFF,
        )

    def open(self) -> None:
        """Start reading."""
        self._port.open()

    def close(self) -> None:
        """Stop reading; a print cut short by it is kept as what it is."""
        self._port.close()
        self._keep(self._framer.tick(math.inf))

    def _deliver(self, data: bytes, at: float) -> None:
        self._keep(self._framer.feed(data, at))

    def _report(self, link: Link, detail: str) -> None:
        if link is self.link:
            return
        self.link, self.link_changed_at = link, clock.now()
        log.info("line", instrument=self.instrument.id, link=str(link), detail=detail)
        if link is Link.LOST:
            self._keep(self._framer.tick(math.inf))

    def _keep(self, frames: Iterable[Frame]) -> None:
        """Put prints on the disk; what a full disk refuses is held and tried again with the next
        bytes, or the next silence."""
        self._unkept += [self._print(frame) for frame in frames]
        while self._unkept:
            try:
                self._spool.keep(self._unkept[0])
            except OSError as error:
                if not self.is_disk_refusing:
                    log.error("spool", instrument=self.instrument.id, error=error.strerror)
                self.is_disk_refusing = True
                return
            self.is_disk_refusing = False
            self.last_print_at = self._unkept.pop(0).received_at
            self._heard()

    def _print(self, frame: Frame) -> Print:
        content = self.instrument.content
        return Print(
            id=new_id("cap"),
            instrument_id=self.instrument.id,
            model=content.model,
            serial_number=content.serial_number,
            branch_id=self.instrument.branch_id,
            station_code=content.station_code,
            time_zone=content.time_zone,
            received_at=clock.now(),
            frame=frame,
        )
