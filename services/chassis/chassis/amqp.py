"""All of AMQP as a service sees it: subscriptions as nameko entrypoints, timers, and beside them
the relay that publishes what the outbox holds.

A worker class lists its subscriptions, one method each:

    class LabjobWorker(Worker):
        @hears(events_pb2.OrderCancelled)
        def stop_jobs(self, work: UnitOfWork, event: events_pb2.OrderCancelled) -> None: ...

The subscription opens the unit of work, notes the event in the inbox and commits both with the
effect. What cannot be decoded goes to the dead letters at once; what fails is retried with
growing pauses up to the delivery limit; while its database is away a worker holds what it was
given and waits.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import eventlet
import structlog
from google.protobuf.message import DecodeError, Message
from kombu.serialization import registry
from nameko.messaging import Consumer, QueueConsumer
from opentelemetry.trace import Status, StatusCode
from sqlalchemy import select

from chassis import actor, clock, evidence_sweep, inbox, outbox, telemetry
from chassis.amqp_queues import (
    DELIVERY_LIMIT,
    dead_exchange_of,
    dead_queue_of,
    exchange_of,
    subscription_queue,
)
from chassis.amqp_threads import Clockwork, Relay
from chassis.db import Database
from chassis.errors import Outdated, Unavailable, Unknown
from chassis.evidence_sweep import SWEEP_SECONDS
from chassis.housekeeping import HOUSEKEEPING_SECONDS, Housekeeping
from chassis.records import escalating, known_versions, reviewing
from chassis.records.facts import RecordChanged
from chassis.records.tables import record
from chassis.sealing import SigningKey
from chassis.settings import ServiceSettings
from chassis.wire import value_of
from optichain.record.v1 import events_pb2 as record_events

log = structlog.get_logger()

_SHORTEST_PAUSE_SECONDS = 0.1
_RECONNECT_SECONDS = (0.2, 0.3, 2.0)
"""First pause, what each next one is longer, and the longest, between attempts to reach the
broker."""

_DATABASE_AWAY_SECONDS = 1.0
_LOOK_UP_SECONDS = 0.25
_ESCALATED_SECONDS = 30.0
_ANCHORED_SECONDS = 3600.0
_ATTEMPTS = 5

__all__ = [
    "DELIVERY_LIMIT",
    "Worker",
    "dead_exchange_of",
    "dead_queue_of",
    "every",
    "exchange_of",
    "hears",
    "service_class",
    "subscription_queue",
    "subscriptions_of",
]

H = TypeVar("H", bound=Callable[..., object])


registry.register(
    "protobuf",
    encoder=bytes,
    decoder=bytes,
    content_type=outbox.CONTENT_TYPE,
    content_encoding="binary",
)


class Queues(QueueConsumer):  # type: ignore[misc]  # nameko ships no types
    """The consumer of all subscriptions; a body of a type we do not speak is dead, not lost."""

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Send a message that cannot be read to the dead letters."""
        self.bury(message, str(message.delivery_info.get("routing_key", "")), exc)

    @contextmanager
    def establish_connection(self) -> Iterator[Any]:
        """Connect, trying again with short pauses: a broker that came back is used within
        seconds."""
        with self.create_connection() as connection:
            connection.ensure_connection(self.on_connection_error, None, *_RECONNECT_SECONDS)
            yield connection

    def consume(self, *args: Any, **kwargs: Any) -> Any:
        """Look up from the line several times a second, so that a worker that is told to stop does
        not sit on it."""
        return super().consume(*args, **kwargs, safety_interval=_LOOK_UP_SECONDS)

    def ack_message(self, message: Any) -> None:
        """Acknowledge; a broker that went away meanwhile delivers again, and the inbox knows."""
        with self._broker_may_be_away():
            super().ack_message(message)

    def requeue_message(self, message: Any) -> None:
        """Give back; a broker that went away meanwhile has taken the message back itself."""
        with self._broker_may_be_away():
            super().requeue_message(message)

    def bury(self, message: Any, queue: str, error: Exception) -> None:
        """Send a message to the dead letters at once."""
        log.error("undecodable", queue=queue, error=type(error).__name__)
        telemetry.dead_letters.add(1, {telemetry.QUEUE: queue})
        with self._broker_may_be_away():
            message.reject()

    @contextmanager
    def _broker_may_be_away(self) -> Iterator[None]:
        try:
            yield
        except (*self.connection_errors, *self.channel_errors) as error:
            log.warning("broker away", error=type(error).__name__)


class Subscription(Consumer):  # type: ignore[misc]  # nameko ships no types
    """One queue, one kind of event, one handler."""

    queue_consumer = Queues()

    def __init__(
        self,
        publisher: str,
        message_class: type[Message],
        longest_pause_seconds: float,
        **kwargs: Any,
    ) -> None:
        self.publisher = publisher
        self.message_class = message_class
        self.longest_pause_seconds = longest_pause_seconds
        super().__init__(None, **kwargs)

    @property
    def event(self) -> str:
        """Name of the fact."""
        return str(self.message_class.DESCRIPTOR.name)

    def setup(self) -> None:
        """Name the queue after its service, then let nameko consume it."""
        self.queue = subscription_queue(self.container.service_name, self.publisher, self.event)
        super().setup()

    def handle_message(self, body: Any, message: Any) -> None:
        """Decode; what cannot be decoded, or is not the event of this queue, is dead at once."""
        headers = dict(message.headers)
        try:
            event = self.message_class.FromString(bytes(message.body))
            event_id = UUID(str(headers.get("event-id")))
            if headers.get("cloudEvents:type") != self.message_class.DESCRIPTOR.full_name:
                raise ValueError("an event of another type")
        except (DecodeError, TypeError, ValueError) as error:
            self.queue_consumer.bury(message, self.queue.name, error)
            return
        super().handle_message(Delivered(event, str(event_id), headers, self.queue.name), message)

    def handle_result(
        self, message: Any, worker_ctx: Any, result: Any = None, exc_info: Any = None
    ) -> tuple[Any, Any]:
        """Acknowledge what took effect; give back, after a pause, what failed."""
        if exc_info is None:
            self.queue_consumer.ack_message(message)
        else:
            self._give_back(message, exc_info)
        return result, exc_info

    def _give_back(self, message: Any, exc_info: Any) -> None:
        tries = int(message.headers.get("x-delivery-count", 0))
        pause = min(_SHORTEST_PAUSE_SECONDS * 2**tries, self.longest_pause_seconds)
        log.warning(
            "given back",
            queue=self.queue.name,
            tries=tries,
            pause=pause,
            error=type(exc_info[1]).__name__,
            at=_places(exc_info[2]),
        )
        # The pause is spent outside the pool of handlers, which is for messages that can succeed.
        eventlet.spawn_after(pause, self.queue_consumer.requeue_message, message)


def _places(trace: TracebackType | None) -> str:
    """Return the way to an error without its text, which may name people and their powers."""
    frames = traceback.extract_tb(trace)
    return " > ".join(f"{Path(frame.filename).stem}:{frame.lineno}" for frame in frames)


@dataclass(frozen=True)
class Delivered:
    """An event as it came: what it says, its id, its headers, and the queue that brought it."""

    event: Message
    event_id: str
    headers: dict[str, Any]
    queue: str

    @property
    def told_at(self) -> datetime | None:
        """When it was told; None when its headers do not say."""
        try:
            return datetime.fromtimestamp(float(self.headers["occurred-at"]), UTC)
        except (KeyError, ValueError):
            return None

    @property
    def drill(self) -> str:
        """The drill whose fact it is; empty in real work."""
        return str(self.headers.get("drill", ""))


class Worker:
    """A service's worker. `facts_of` its own service are published; `relies_on` names whose records
    it pins."""

    name: ClassVar[str]
    relies_on: ClassVar[tuple[str, ...]] = ()
    database: Database
    settings: ServiceSettings


def hears(message_class: type[Message], *, of: str = "", fetches: str = "") -> Callable[[H], H]:
    """Subscribe a handler `(self, work, event)` to a fact; its publisher is the fact's package, or
    `of`.

    `fetches` names a method `(self, event)` that is run before the unit of work opens and may read
    the object store; the handler is given what it returns as a third argument.
    """
    publisher = of or message_class.DESCRIPTOR.file.package.split(".")[1]

    def declare(handler: H) -> H:
        heard = getattr(handler, "hears", [])
        handler.hears = [*heard, (publisher, message_class)]  # type: ignore[attr-defined]  # read by worker_class
        handler.fetches = fetches  # type: ignore[attr-defined]  # read by _once
        return handler

    return declare


def every(seconds: float) -> Callable[[H], H]:
    """Run a method `(self, work)` again and again: time runs in workers, with source = system.

    Several workers may run it at once, so it claims due rows with SKIP LOCKED. It returns true when
    there is more to do at once.
    """

    def declare(method: H) -> H:
        method.every = seconds  # type: ignore[attr-defined]  # read by service_class
        return method

    return declare


def subscriptions_of(worker: type[Worker]) -> list[tuple[str, str]]:
    """Return (publisher, event) of everything a worker hears, known changes of records included."""
    heard = [(publisher, str(cls.DESCRIPTOR.name)) for _name, publisher, cls in _heard(worker)]
    changes = [(service, "RecordChanged") for service in worker.relies_on]
    return sorted({*heard, *changes})


def _heard(worker: type[Worker]) -> list[tuple[str, str, type[Message]]]:
    found = []
    for name in sorted(vars(worker)):
        for publisher, message_class in getattr(getattr(worker, name), "hears", []):
            found.append((name, publisher, message_class))
    return found


def service_class(worker: type[Worker], database: Database, settings: ServiceSettings) -> type:
    """Return the nameko service that runs a worker: one entrypoint for each subscription, its
    timers, the housekeeping and the relay."""
    amqp_url = settings.amqp_url.get_secret_value()
    housekeeping = Housekeeping(worker.name, database, settings)
    members: dict[str, Any] = {
        "name": worker.name,
        "relay": Relay(worker.name, database, amqp_url),
        "housekeeping": Clockwork("housekeeping", HOUSEKEEPING_SECONDS, housekeeping.turn),
        "escalations": Clockwork(
            "escalations", _ESCALATED_SECONDS, partial(_escalate, worker, database)
        ),
        "anchors": Clockwork(
            "anchors", _ANCHORED_SECONDS, partial(_anchor, worker.name, database, settings)
        ),
        "evidence_sweep": Clockwork(
            "evidence_sweep", SWEEP_SECONDS, partial(_look, worker.name, database, settings)
        ),
    }
    instance = worker()
    instance.database = database
    instance.settings = settings
    for name, publisher, message_class in _heard(worker):
        entry = f"{name}_{publisher}_{message_class.DESCRIPTOR.name}"
        handle = partial(_handle, instance, getattr(instance, name))
        members[entry] = _entrypoint(publisher, message_class, entry, handle, settings)
    for name in sorted(vars(worker)):
        seconds = getattr(getattr(worker, name), "every", None)
        if seconds:
            members[f"{name}_timer"] = Clockwork(name, seconds, partial(_timed, instance, name))
    for publisher in worker.relies_on:
        entry = f"note_change_{publisher}"
        handle = partial(_handle, instance, _note_change)
        members[entry] = _entrypoint(
            publisher, record_events.RecordChanged, entry, handle, settings
        )
    return type(f"{worker.name}_worker", (), members)


def _entrypoint(
    publisher: str,
    message_class: type[Message],
    name: str,
    handle: Callable[[Delivered], None],
    settings: ServiceSettings,
) -> Any:
    def method(_self: Any, delivered: Delivered) -> None:
        handle(delivered)

    method.__name__ = name
    Subscription.decorator(publisher, message_class, settings.longest_pause_seconds)(method)
    return method


def _timed(worker: Worker, method: str) -> bool:
    """Take one turn of a timed method in a unit of work of its own."""
    with worker.database.work(actor.system(worker.name)) as work:
        return bool(getattr(worker, method)(work))


def _escalate(worker: type[Worker], database: Database) -> bool:
    """Bring reviews and issues that are overdue one role up."""
    with database.work(actor.system(worker.name)) as work:
        return escalating.escalate_due(work)


def _anchor(service: str, database: Database, settings: ServiceSettings) -> bool:
    """Anchor the history of a day."""
    # Imported when it is time: every worker would carry the object store's client otherwise.
    from chassis.objects import ObjectStore
    from chassis.records import anchors

    key = SigningKey(settings.data_key.get_secret_value(), f"anchor {service}")
    objects = ObjectStore(settings.s3_url.get_secret_value())
    anchors.make_due(service, database, objects, key, clock.now())
    return False


def _look(service: str, database: Database, settings: ServiceSettings) -> bool:
    """Look at the next few objects of evidence."""
    from chassis.objects import ObjectStore  # as above

    store = ObjectStore(settings.s3_url.get_secret_value())
    return evidence_sweep.turn(service, database, store)


def _note_change(work: Any, event: Any) -> None:
    """Raise the known version of a foreign record, so that nobody can newly rely on the old one;
    then ask those who do."""
    changed = value_of(event, RecordChanged)
    known_versions.hear(work.connection, changed)
    reviewing.open_for(work.records, reviewing.heard(changed))


def _handle(worker: Worker, handler: Callable[..., None], delivered: Delivered) -> None:
    """Take effect once: inbox and effect in one transaction, inside the trace the event carries."""
    with telemetry.span(
        f"handle {delivered.event.DESCRIPTOR.name}",
        telemetry.SpanKind.CONSUMER,
        traceparent=str(delivered.headers.get("traceparent", "")),
        attributes={
            telemetry.QUEUE: delivered.queue,
            telemetry.EVENT_ID: delivered.event_id,
        },
    ) as span:
        try:
            _once(worker, handler, delivered)
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
    with suppress(KeyError, ValueError):  # a measurement is no reason to handle an event again
        lag = (time.time() - float(delivered.headers["occurred-at"])) * 1000
        telemetry.queue_lag.record(lag, {telemetry.QUEUE: delivered.queue})


def _once(worker: Worker, handler: Callable[..., None], delivered: Delivered) -> None:
    by, attempt = actor.system(worker.name, delivered.drill), 1
    while True:
        try:
            told_at = delivered.told_at
            fetched = _fetched(worker, handler, delivered.event)
            with worker.database.work(by, told_at=told_at) as work:
                if inbox.is_new(work, delivered.queue, delivered.event_id):
                    handler(work, delivered.event, *fetched)
            return
        except Unknown:
            if not _is_purged(worker.database, delivered.drill):
                raise
            return
        except Unavailable:
            eventlet.sleep(_DATABASE_AWAY_SECONDS)
        except Outdated:
            attempt += 1
            if attempt > _ATTEMPTS:
                raise
            eventlet.sleep(0.01 * attempt)


def _is_purged(database: Database, drill: str) -> bool:
    """Tell whether nothing of a drill is kept here any more: what it still tells is for nobody."""
    if not drill:
        return False
    with database.snapshot() as connection:
        kept = select(record.c.id).where(record.c.drill == drill).limit(1)
        return connection.execute(kept).first() is None


def _fetched(worker: Worker, handler: Callable[..., None], event: Message) -> tuple[Any, ...]:
    """Return what a handler needs from outside the database, if it says so."""
    method = getattr(handler, "fetches", "")
    return (getattr(worker, method)(event),) if method else ()
