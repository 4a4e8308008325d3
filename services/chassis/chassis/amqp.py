"""All of AMQP: subscriptions as nameko entrypoints, and the relay that publishes what the outbox
holds.

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
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, TypeVar

import eventlet
import structlog
from google.protobuf.message import DecodeError, Message
from kombu import Connection, Exchange, Queue
from kombu.serialization import registry
from nameko.extensions import DependencyProvider
from nameko.messaging import Consumer, QueueConsumer
from opentelemetry.trace import Status, StatusCode

from chassis import actor, inbox, outbox, telemetry
from chassis.db import Database
from chassis.errors import Outdated, Unavailable
from chassis.records import known_versions
from chassis.records.changes import VOIDING
from chassis.records.facts import RecordChanged
from chassis.wire import value_of
from optichain.record.v1 import events_pb2 as record_events

log = structlog.get_logger()

DELIVERY_LIMIT = 20
_SHORTEST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 30
_DATABASE_AWAY_SECONDS = 1.0
_ATTEMPTS = 5

H = TypeVar("H", bound=Callable[..., None])


registry.register(
    "protobuf",
    encoder=bytes,
    decoder=bytes,
    content_type=outbox.CONTENT_TYPE,
    content_encoding="binary",
)


def exchange_of(service: str) -> Exchange:
    """Return the exchange a service publishes its facts on."""
    return Exchange(f"{service}.events", type="topic", durable=True)


def dead_exchange_of(service: str) -> Exchange:
    """Return the exchange that carries what a service's worker has given up."""
    return Exchange(f"{service}.dead", type="fanout", durable=True)


def dead_queue_of(service: str) -> Queue:
    """Return the queue where a service's dead letters wait for a person."""
    return Queue(
        f"{service}.dead",
        dead_exchange_of(service),
        durable=True,
        queue_arguments={"x-queue-type": "quorum"},
    )


def subscription_queue(service: str, publisher: str, event: str) -> Queue:
    """Return the queue of one subscription; its name is frozen, since declared queues outlive
    releases."""
    return Queue(
        f"{service}.{publisher}.{event}",
        exchange_of(publisher),
        routing_key=event,
        durable=True,
        queue_arguments={
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": f"{service}.dead",
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )


class Queues(QueueConsumer):  # type: ignore[misc]  # nameko ships no types
    """The consumer of all subscriptions; a body of a type we do not speak is dead, not lost."""

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Send a message that cannot be read to the dead letters."""
        log.error("undecodable", error=type(exc).__name__)
        message.reject()


class Subscription(Consumer):  # type: ignore[misc]  # nameko ships no types
    """One queue, one kind of event, one handler."""

    queue_consumer = Queues()

    def __init__(self, publisher: str, message_class: type[Message], **kwargs: Any) -> None:
        self.publisher = publisher
        self.message_class = message_class
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
        """Decode; what cannot be decoded is dead at once."""
        try:
            event = self.message_class.FromString(bytes(message.body))
        except (DecodeError, TypeError, ValueError):
            log.error("undecodable", queue=self.queue.name)
            telemetry.dead_letters.add(1, {telemetry.QUEUE: self.queue.name})
            message.reject()
            return
        super().handle_message((event, dict(message.headers), self), message)

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
        pause = min(_SHORTEST_PAUSE_SECONDS * 2**tries, _LONGEST_PAUSE_SECONDS)
        error = type(exc_info[1]).__name__
        log.warning("given back", queue=self.queue.name, tries=tries, pause=pause, error=error)
        eventlet.sleep(pause)
        self.queue_consumer.requeue_message(message)


class Worker:
    """A service's worker. `facts_of` its own service are published; `relies_on` names whose records
    it pins."""

    name: ClassVar[str]
    relies_on: ClassVar[tuple[str, ...]] = ()
    database: Database


def hears(message_class: type[Message], *, of: str = "") -> Callable[[H], H]:
    """Subscribe a handler `(self, work, event)` to a fact; its publisher is the fact's package, or
    `of`."""
    publisher = of or message_class.DESCRIPTOR.file.package.split(".")[1]

    def declare(handler: H) -> H:
        heard = getattr(handler, "hears", [])
        handler.hears = [*heard, (publisher, message_class)]  # type: ignore[attr-defined]  # read by worker_class
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


def service_class(worker: type[Worker], database: Database, settings: Any) -> type:
    """Return the nameko service that runs a worker: one entrypoint for each subscription, and the
    relay."""
    amqp_url = settings.amqp_url.get_secret_value()
    members: dict[str, Any] = {"name": worker.name, "relay": Relay(worker.name, database, amqp_url)}
    instance = worker()
    instance.database = database
    for name, publisher, message_class in _heard(worker):
        entry = f"{name}_{publisher}_{message_class.DESCRIPTOR.name}"
        members[entry] = _entrypoint(
            publisher, message_class, entry, partial(_handle, instance, getattr(instance, name))
        )
    for name in sorted(vars(worker)):
        seconds = getattr(getattr(worker, name), "every", None)
        if seconds:
            members[f"{name}_timer"] = Clockwork(name, seconds, instance)
    for publisher in worker.relies_on:
        entry = f"note_change_{publisher}"
        handle = partial(_handle, instance, _note_change)
        members[entry] = _entrypoint(publisher, record_events.RecordChanged, entry, handle)
    return type(f"{worker.name}_worker", (), members)


def _entrypoint(
    publisher: str, message_class: type[Message], name: str, handle: Callable[..., None]
) -> Any:
    def method(_self: Any, delivered: Any) -> None:
        handle(*delivered)

    method.__name__ = name
    Subscription.decorator(publisher, message_class)(method)
    return method


def _note_change(work: Any, event: Any) -> None:
    """Raise the known version of a foreign record, so that nobody can newly rely on the old one."""
    changed = value_of(event, RecordChanged)
    known_versions.raise_to(
        work.connection, changed.record_id, changed.version, void=changed.what in VOIDING
    )


def _handle(
    worker: Worker,
    handler: Callable[..., None],
    event: Message,
    headers: dict[str, Any],
    subscription: Subscription,
) -> None:
    """Take effect once: inbox and effect in one transaction, inside the trace the event carries."""
    queue = subscription.queue.name
    event_id = str(headers["event-id"])
    with telemetry.span(
        f"handle {subscription.event}",
        telemetry.SpanKind.CONSUMER,
        traceparent=str(headers.get("traceparent", "")),
        attributes={telemetry.QUEUE: queue, telemetry.EVENT_ID: event_id},
    ) as span:
        try:
            _once(worker, handler, event, queue, event_id)
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
    lag = (time.time() - float(headers["occurred-at"])) * 1000
    telemetry.queue_lag.record(lag, {telemetry.QUEUE: queue})


def _once(
    worker: Worker, handler: Callable[..., None], event: Message, queue: str, event_id: str
) -> None:
    attempt = 1
    while True:
        try:
            with worker.database.work(actor.system(worker.name)) as work:
                if inbox.is_new(work, queue, event_id):
                    handler(work, event)
            return
        except Unavailable:
            eventlet.sleep(_DATABASE_AWAY_SECONDS)
        except Outdated:
            attempt += 1
            if attempt > _ATTEMPTS:
                raise
            eventlet.sleep(0.01 * attempt)


class Clockwork(DependencyProvider):  # type: ignore[misc]  # nameko ships no types
    """Runs one timed method of a worker; a failure is logged, and the next turn comes."""

    def __init__(self, method: str, seconds: float, worker: Worker) -> None:
        self.method = method
        self.seconds = seconds
        self.worker = worker
        self._stopping = False

    def start(self) -> None:
        """Run beside the subscriptions."""
        self.container.spawn_managed_thread(self._run, identifier=f"timer {self.method}")

    def stop(self) -> None:
        """End after the turn under way."""
        self._stopping = True

    def _run(self) -> None:
        while not self._stopping:
            if not self._turn():
                eventlet.sleep(self.seconds)

    def _turn(self) -> bool:
        try:
            with (
                telemetry.span(f"timer {self.method}", new_trace=True),
                self.worker.database.work(actor.system(self.worker.name)) as work,
            ):
                return bool(getattr(self.worker, self.method)(work))
        except Exception as error:  # the next turn tries again: what is due stays due
            log.warning("timer failed", timer=self.method, error=type(error).__name__)
            return False


class Relay(DependencyProvider):  # type: ignore[misc]  # nameko ships no types
    """Publishes the outbox of one service, in order, in batches with confirms. One at a time, by
    advisory lock."""

    def __init__(self, service: str, database: Database, amqp_url: str) -> None:
        self.service = service
        self.database = database
        self.amqp_url = amqp_url
        self._stopping = False
        self._thread: Any = None

    def start(self) -> None:
        """Run beside the subscriptions; a crash brings the worker down rather than being lost."""
        self._thread = self.container.spawn_managed_thread(
            self._run, identifier=f"relay {self.service}"
        )

    def stop(self) -> None:
        """Finish the batch under way."""
        self._stopping = True

    def _run(self) -> None:
        pause = 0.1
        while not self._stopping:
            try:
                self._publish_until_trouble()
                pause = 0.1
            except (
                Exception
            ) as error:  # the broker or the database is away: nothing is lost, try again
                log.warning("relay waits", error=type(error).__name__, pause=pause)
                eventlet.sleep(pause)
                pause = min(pause * 2, 2.0)

    def _publish_until_trouble(self) -> None:
        with Connection(self.amqp_url, heartbeat=10, connect_timeout=3) as broker:
            publisher = outbox.Publisher(broker, exchange_of(self.service))
            with outbox.Listener(self.database, self.service) as waiting:
                while not self._stopping:
                    published = waiting.publish_batch(publisher)
                    if not published:
                        waiting.wait(publisher, seconds=1.0)
