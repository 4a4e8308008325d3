"""The way of a print from the disk to the examiner: bytes to the object store, a capture, then its
readings to clinical. Each step may be done again; none is left out."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from chassis import telemetry
from chassis.actor import Actor, Scope
from chassis.errors import DomainError, Outdated, Unauthenticated, Unavailable, Unknown
from chassis.ids import as_uuid
from chassis.records.envelope import Record
from chassis.roles import Role
from chassis.rpc.server import Steps
from device_bridge import commands_captures as commands
from device_bridge import queries, wire
from device_bridge.capture import BRIDGE_FAILED, FILE_DAMAGED, ArmedStation, Capture, CaptureState
from device_bridge.ports import Backoff
from device_bridge.print_reader import ReadPrint, print_of_damaged, read, unread
from device_bridge.spool import Print, Spool
from optichain.clinical.v1 import clinical_service_pb2 as clinical

log = structlog.get_logger()

SERVICE = "device_bridge"
MEDIA_TYPE = "application/octet-stream"
_BACKOFF = Backoff(first_seconds=0.2, longest_seconds=5.0)
_ATTEMPTS = 5
"""How often the bridge, or clinical without saying why, may fail on a print before a person is
asked: it holds back every later print of its instrument."""
_TRIED_LATER = (Unavailable, Unauthenticated, Outdated)
_ON_ITS_WAY = (CaptureState.DECODED, CaptureState.PARTIAL)
_JOIN_SECONDS = 15.0


@dataclass(frozen=True)
class Carrier:
    """Carries one print at a time, in the name of its instrument."""

    steps: Steps

    def carry(self, one: Print) -> Record[Capture]:
        """Carry a print as far as it goes; done again, it changes nothing that was done.

        Raises Unavailable, Unauthenticated or Outdated when the rest must be tried later.
        """
        actor = _actor(one)
        kept = self.steps.objects.put(SERVICE, "print", one.sent, MEDIA_TYPE)
        with self.steps.database.snapshot() as connection:
            allows = queries.clock_allowance(connection, one.received_at.date())
            reading = read(one, clock_allows=allows)
            is_in_doubt = queries.may_be_repeat(connection, one, reading)
        armed = self._armed_at_station_of(one, actor) if is_in_doubt else None
        with self.steps.database.work(actor) as work:
            capture = commands.record_capture(
                work, one=one, reading=reading, kept=kept, armed=armed
            )
        telemetry.mark(record=capture.id, branch=capture.branch_id)
        if capture.state not in _ON_ITS_WAY:
            return capture
        return self._hand_over(capture, reading, actor)

    def damaged(self, path: Path) -> Print | None:
        """Return the print of a damaged file, or None when its name is no print's or its folder no
        instrument's. Raises Unavailable, OSError."""
        capture_id = path.stem.partition("_")[2]
        try:
            as_uuid(capture_id)
            with self.steps.database.snapshot() as connection:
                instrument = queries.instrument(connection, path.parent.name)
        except (Unknown, ValueError):
            return None
        return print_of_damaged(
            instrument,
            path.read_bytes(),
            capture_id=capture_id,
            kept_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        )

    def give_up(self, one: Print, failure: str) -> Record[Capture]:
        """Tell a person that a print cannot be carried: its capture has failed or, where it was
        read before, is refused. Raises as `carry` does."""
        actor = _actor(one)
        kept = self.steps.objects.put(SERVICE, "print", one.sent, MEDIA_TYPE)
        with self.steps.database.work(actor) as work:
            reading = unread(one, failure)
            capture = commands.record_capture(work, one=one, reading=reading, kept=kept)
        telemetry.mark(record=capture.id, branch=capture.branch_id)
        return self._refused(capture, actor, failure) if capture.state in _ON_ITS_WAY else capture

    def _armed_at_station_of(self, one: Print, actor: Actor) -> ArmedStation | None:
        request = clinical.GetArmedStationRequest(
            branch_id=one.branch_id, station_code=one.station_code
        )
        return wire.armed(
            self.steps.peers.ask(request, clinical.GetArmedStationResponse, actor=actor)
        )

    def _hand_over(
        self, capture: Record[Capture], reading: ReadPrint, actor: Actor
    ) -> Record[Capture]:
        request = wire.reading_request(capture, reading)
        try:
            answer = self.steps.peers.ask(request, clinical.RecordReadingResponse, actor=actor)
        except _TRIED_LATER:
            raise
        except DomainError as refused:
            return self._refused(capture, actor, refused.code)
        with self.steps.database.work(actor) as work:
            return commands.capture_delivered(work, capture_id=capture.id, bound=wire.bound(answer))

    def _refused(self, capture: Record[Capture], actor: Actor, failure: str) -> Record[Capture]:
        with self.steps.database.work(actor) as work:
            return commands.capture_refused(work, capture_id=capture.id, failure=failure)


def _actor(one: Print) -> Actor:
    return Actor(
        id=one.instrument_id,
        role=Role.INSTRUMENT,
        branch_id=one.branch_id,
        scope=Scope.CHAIN,
        service=SERVICE,
    )


class Delivery:
    """One thread that empties one instrument's spool, in order; a print leaves it for clinical or
    for a person."""

    def __init__(self, steps: Steps, spool: Spool) -> None:
        self.waiting_reason = ""
        self._carrier = Carrier(steps)
        self._spool = spool
        self._awake = threading.Event()
        self._stopping = threading.Event()
        self._in_vain = 0
        name = f"delivery {spool.folder.name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin with what waits already."""
        self._thread.start()

    def wake(self) -> None:
        """Say that a print is on the disk."""
        self._awake.set()

    def stop(self) -> None:
        """End after the print under way; the rest waits on the disk."""
        self._stopping.set()
        self._awake.set()
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._awake.clear()
            try:
                has_carried = self._carry_oldest()
            except Exception as error:  # nothing may end this thread: the print stays on the disk
                failures += 1
                self._says_why(error, failures)
                self._stopping.wait(_BACKOFF.pause(failures))
                continue
            failures, self.waiting_reason = 0, ""
            if not has_carried and not self._stopping.is_set():
                self._awake.wait()

    def _carry_oldest(self) -> bool:
        """Deliver the oldest print; false when none waits."""
        waiting = self._spool.oldest()
        if waiting is None:
            return False
        path, one = waiting
        with telemetry.span("print", new_trace=True):
            capture = self._carried(one) if one else self._damaged(path)
            if capture is None:
                self._spool.set_aside(path)
                return True
            log.info(
                "print",
                instrument=capture.content.instrument_id,
                capture=capture.id,
                state=capture.state,
                failure=capture.content.failure,
            )
        self._spool.forget(path)
        self._in_vain = 0
        return True

    def _damaged(self, path: Path) -> Record[Capture] | None:
        """Tell a person that a file is damaged; None when it is nobody's."""
        one = self._carrier.damaged(path)
        return self._carrier.give_up(one, FILE_DAMAGED) if one else None

    def _carried(self, one: Print) -> Record[Capture]:
        """Carry a print, or give it up when that was often tried and cannot get better."""
        try:
            return self._carrier.carry(one)
        except Exception as error:
            if _can_get_better(error):
                raise
            self._in_vain += 1
            if self._in_vain < _ATTEMPTS:
                raise
            log.error("print given up", instrument=one.instrument_id, error=type(error).__name__)
            return self._carrier.give_up(one, _code(error) or BRIDGE_FAILED)

    def _says_why(self, error: Exception, failures: int) -> None:
        self.waiting_reason = _code(error) or "INTERNAL"
        says = log.warning if _code(error) else log.error
        says(
            "print waits",
            instrument=self._spool.folder.name,
            reason=self.waiting_reason,
            error=type(error).__name__,
            failures=failures,
        )


def _can_get_better(error: Exception) -> bool:
    return isinstance(error, _TRIED_LATER) and error.code != "PEER_FAILED"


def _code(error: Exception) -> str:
    return error.code if isinstance(error, DomainError) else ""
