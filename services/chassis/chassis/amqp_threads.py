"""What runs in a worker beside its subscriptions: the relay that publishes the outbox, and turns
that come round by the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import eventlet
import structlog
from kombu import Connection
from nameko.extensions import DependencyProvider

from chassis import outbox, telemetry
from chassis.amqp_queues import exchange_of
from chassis.db import Database

log = structlog.get_logger()

_LOCK_SECONDS = 1.0
_BATCH_SECONDS = 1.5
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 2.0


class Beside(DependencyProvider):  # type: ignore[misc]  # nameko ships no types
    """A green thread that lives as long as its worker; a crash of it brings the worker down rather
    than being lost."""

    _stopping = False
    _thread: Any = None

    def run(self) -> None:
        """Do the work until `_stopping`."""
        raise NotImplementedError

    def start(self) -> None:
        """Run beside the subscriptions."""
        self._thread = self.container.spawn_managed_thread(self.run, identifier=repr(self))

    def stop(self) -> None:
        """End it. What was under way is rolled back or published again; nothing is lost."""
        self._stopping = True
        if self._thread is not None:
            self._thread.kill()


class Clockwork(Beside):
    """Takes one kind of turn again and again, `seconds` apart, or at once while a turn says that
    there is more to do; a failure is logged, and the next turn comes."""

    def __init__(self, name: str, seconds: float, turn: Callable[[], bool]) -> None:
        self.name = name
        self.seconds = seconds
        self.turn = turn

    def run(self) -> None:
        """Take turns until told to stop."""
        while not self._stopping:
            if not self._turn():
                eventlet.sleep(self.seconds)

    def _turn(self) -> bool:
        try:
            with telemetry.span(f"timer {self.name}", new_trace=True):
                return self.turn()
        except Exception as error:  # the next turn tries again: what is due stays due
            log.warning("timer failed", timer=self.name, error=type(error).__name__)
            return False


class Relay(Beside):
    """Publishes the outbox of one service, in order, in batches with confirms. One at a time, by
    advisory lock."""

    def __init__(self, service: str, database: Database, amqp_url: str) -> None:
        self.service = service
        self.database = database
        self.amqp_url = amqp_url
        self._publishing = False

    def run(self) -> None:
        """Publish until told to stop."""
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping:
            try:
                self._publish_until_trouble()
                pause = _FIRST_PAUSE_SECONDS
            except (
                Exception
            ) as error:  # the broker or the database is away: nothing is lost, try again
                log.warning("relay waits", error=type(error).__name__, pause=pause)
                eventlet.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def stop(self) -> None:
        """Let the batch under way be confirmed and deleted, so that nothing is published twice
        without need; then end."""
        self._stopping = True
        if self._publishing:
            with eventlet.Timeout(_BATCH_SECONDS, False):
                self._thread.wait()
        super().stop()

    def _publish_until_trouble(self) -> None:
        with outbox.Listener(self.database) as waiting:
            # The lock comes before the broker: a relay that waits its turn, perhaps for days, would
            # otherwise hold a broker connection whose heartbeats nobody answers.
            while not waiting.is_the_relay():
                eventlet.sleep(_LOCK_SECONDS)
            with Connection(self.amqp_url, heartbeat=10, connect_timeout=3) as broker:
                publisher = outbox.Publisher(broker, exchange_of(self.service))
                log.info("relay publishes", service=self.service)
                while not self._stopping:
                    if self._publish(waiting, publisher) < outbox.BATCH:
                        waiting.wait(publisher, seconds=1.0)

    def _publish(self, waiting: outbox.Listener, publisher: outbox.Publisher) -> int:
        self._publishing = True
        try:
            return waiting.publish_batch(publisher)
        finally:
            self._publishing = False
