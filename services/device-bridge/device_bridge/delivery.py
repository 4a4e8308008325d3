"""The way of a print from the disk to the examiner: bytes to the object store, a capture, then its
readings to clinical. Each step may be done again; none is left out."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import structlog

from chassis import telemetry
from chassis.actor import Actor, Scope
from chassis.errors import DomainError, Outdated, Unauthenticated, Unavailable
from chassis.records.envelope import Record
from chassis.roles import Role
from chassis.rpc.server import Steps
from device_bridge import commands_captures as commands
from device_bridge import queries, wire
from device_bridge.capture import Capture, CaptureState
from device_bridge.ports import Backoff
from device_bridge.print_reader import ReadPrint, read
from device_bridge.spool import Print, Spool
from optichain.clinical.v1 import clinical_service_pb2 as clinical

log = structlog.get_logger()

SERVICE = "device_bridge"
MEDIA_TYPE = "application/octet-stream"
_BACKOFF = Backoff(first_seconds=0.2, longest_seconds=5.0)
_ATTEMPTS = 5
"""How often clinical may fail on a print, without saying why, before a person is asked."""
_JOIN_SECONDS = 15.0


@dataclass(frozen=True)
class Carrier:
    """Carries one print at a time, in the name of its instrument."""

    steps: Steps

    def carry(self, one: Print, *, attempt: int = 1) -> Record[Capture]:
        """Carry a print as far as it goes; done again, it changes nothing that was done.

        Raises Unavailable, Unauthenticated or Outdated when the rest must be tried later.
        """
        actor = _actor(one)
        kept = self.steps.objects.put(SERVICE, "print", one.sent, MEDIA_TYPE)
        with self.steps.database.snapshot() as connection:
            allows = queries.clock_allowance(connection, one.received_at.date())
        reading = read(one, clock_allows=allows)
        with self.steps.database.work(actor) as work:
            capture = commands.record_capture(work, one=one, reading=reading, kept=kept)
        telemetry.mark(record=capture.id, branch=capture.branch_id)
        if capture.state not in (CaptureState.DECODED, CaptureState.PARTIAL):
            return capture
        return self._hand_over(capture, reading, actor, attempt)

    def _hand_over(
        self, capture: Record[Capture], reading: ReadPrint, actor: Actor, attempt: int
    ) -> Record[Capture]:
        request = wire.reading_request(capture, reading)
        try:
            answer = self.steps.peers.ask(request, clinical.RecordReadingResponse, actor=actor)
        except (Unavailable, Unauthenticated, Outdated) as away:
            if away.code != "PEER_FAILED" or attempt < _ATTEMPTS:
                raise
            return self._refused(capture, actor, away)
        except DomainError as refused:
            return self._refused(capture, actor, refused)
        with self.steps.database.work(actor) as work:
            return commands.capture_delivered(work, capture_id=capture.id, bound=wire.bound(answer))

    def _refused(
        self, capture: Record[Capture], actor: Actor, refused: DomainError
    ) -> Record[Capture]:
        with self.steps.database.work(actor) as work:
            return commands.capture_refused(work, capture_id=capture.id, failure=refused.code)


def _actor(one: Print) -> Actor:
    return Actor(
        id=one.instrument_id,
        role=Role.INSTRUMENT,
        branch_id=one.branch_id,
        scope=Scope.CHAIN,
        service=SERVICE,
    )


class Delivery:
    """One thread that empties one instrument's spool, in order, and never gives a print up."""

    def __init__(self, steps: Steps, spool: Spool) -> None:
        self.waiting_reason = ""
        self._carrier = Carrier(steps)
        self._spool = spool
        self._awake = threading.Event()
        self._stopping = threading.Event()
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
                if self._carry_oldest(attempt=failures + 1):
                    failures, self.waiting_reason = 0, ""
                    continue
                failures, self.waiting_reason = 0, ""
            except Exception as error:  # nothing may end this thread: the print stays on the disk
                failures += 1
                self._says_why(error, failures)
                self._stopping.wait(_BACKOFF.pause(failures))
                continue
            if not self._stopping.is_set():
                self._awake.wait()

    def _carry_oldest(self, *, attempt: int) -> bool:
        """Deliver the oldest print; false when none waits."""
        waiting = self._spool.oldest()
        if waiting is None:
            return False
        path, one = waiting
        with telemetry.span("print", new_trace=True):
            capture = self._carrier.carry(one, attempt=attempt)
            log.info(
                "print",
                instrument=one.instrument_id,
                capture=capture.id,
                state=capture.state,
                failure=capture.content.failure,
            )
        self._spool.forget(path)
        return True

    def _says_why(self, error: Exception, failures: int) -> None:
        known = isinstance(error, DomainError)
        self.waiting_reason = error.code if isinstance(error, DomainError) else "INTERNAL"
        says = log.warning if known else log.error
        says(
            "print waits",
            instrument=self._spool.folder.name,
            reason=self.waiting_reason,
            error=type(error).__name__,
            failures=failures,
        )
