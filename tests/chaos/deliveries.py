"""Stands between the exchanges and the queues, and delivers as a plan says: at once, twice, late
copies, held, or after the next one. What it was given and has not passed on stays with the broker,
so that nothing is lost with it.
"""

from __future__ import annotations

import heapq
import importlib
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from kombu import Connection, Consumer, Exchange, Producer, Queue

from chaos.plan import delivery_of
from chassis.amqp_queues import exchange_of, subscription_queue

_SWAPPED_AT_LATEST_MS = 700
_LOOK_SECONDS = 0.01
_UNBIND_EVERY_SECONDS = 1.0
_PREFETCH = 2_000


@dataclass(order=True)
class _Due:
    """One delivery that is still to be made."""

    at: float
    number: int
    queue: str = field(compare=False)
    message: Any = field(compare=False)
    is_last: bool = field(compare=False)


class Deliveries:
    """The deliveries of a session. `start` takes the queues from their exchanges, `stop` gives them
    back."""

    def __init__(self, amqp_url: str, subscriptions: Iterable[str], seed: int) -> None:
        self.counted: Counter[str] = Counter()
        self._url = amqp_url
        self._subscriptions = [tuple(name.split(".")) for name in sorted(subscriptions)]
        self._seed = seed
        self._seeds: dict[str, int] = {}
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._due: list[_Due] = []
        self._swapped: dict[str, _Due] = {}
        self._left: Counter[int] = Counter()
        self._is_stopping = threading.Event()
        self._serial = 0
        self._waiting = 0
        self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is held."""
        return not self._due and not self._swapped

    def follow(self, case_id: str, seed: int) -> None:
        """Deliver what is told about a case as the plan of a seed says."""
        self._seeds[case_id] = seed

    def start(self) -> None:
        """Begin; returns when every queue is taken from its exchange."""
        with Connection(self._url) as broker:
            self._take(broker.channel())
        self._thread.start()

    def stop(self) -> None:
        """Give the queues back, pass on what is left, and end."""
        self._is_stopping.set()
        self._thread.join(30)
        with Connection(self._url) as broker:
            for spy in self._spies():
                spy(broker.channel()).delete()

    def _spies(self) -> list[Queue]:
        publishers = sorted({publisher for _, publisher, _ in self._subscriptions})
        return [
            Queue(f"chaos.{one}", exchange_of(one), routing_key="#", durable=True)
            for one in publishers
        ]

    def _take(self, channel: Any) -> None:
        for spy in self._spies():
            spy(channel).declare()
        self._unbind(channel)

    def _unbind(self, channel: Any) -> None:
        for name in self._subscriptions:
            queue = subscription_queue(*name)
            channel.queue_unbind(queue.name, f"{name[1]}.events", routing_key=name[2])

    def _give_back(self, channel: Any) -> None:
        for name in self._subscriptions:
            subscription_queue(*name)(channel).declare()

    def _run(self) -> None:
        while True:
            try:
                with Connection(
                    self._url, heartbeat=0, transport_options={"confirm_publish": True}
                ) as broker:
                    if self._serve(broker):
                        return
            except Exception:  # the broker is away: it delivers anew what was not passed on
                self._due.clear()
                self._swapped.clear()
                self._left.clear()
                time.sleep(0.3)

    def _serve(self, broker: Connection) -> bool:
        channel = broker.channel()
        self._take(channel)
        producer = Producer(channel, exchange=Exchange(""))
        consumer = Consumer(broker.channel(), self._spies(), on_message=self._plan, accept=None)
        consumer.qos(prefetch_count=_PREFETCH)
        unbound_at, given_back_at = time.monotonic(), 0.0
        with consumer:
            while True:
                with (
                    suppress(TimeoutError, OSError)
                    if not broker.connected
                    else suppress(TimeoutError)
                ):
                    broker.drain_events(timeout=_LOOK_SECONDS)
                self._deliver(producer)
                now = time.monotonic()
                if self._is_stopping.is_set():
                    if not given_back_at:
                        self._give_back(channel)
                        given_back_at = now
                    if self.is_idle and now > given_back_at + 0.5:
                        return True
                elif now > unbound_at + _UNBIND_EVERY_SECONDS:
                    self._unbind(channel)  # a worker that was started anew has bound its own
                    unbound_at = now

    def _plan(self, message: Any) -> None:
        publisher = message.delivery_info["exchange"].partition(".")[0]
        event = message.delivery_info["routing_key"]
        queues = [name for name in self._subscriptions if name[1:] == (publisher, event)]
        if not queues:
            message.ack()
            return
        case_id = _case_of(message)
        for name in queues:
            self._schedule(".".join(name), case_id, message)

    def _schedule(self, queue: str, case_id: str, message: Any) -> None:
        self._numbers[queue, case_id] += 1
        number = self._numbers[queue, case_id]
        seed = self._seeds.get(case_id)
        planned = delivery_of(self._seed if seed is None else seed, queue, number)
        self.counted[planned.how] += 1
        self._left[id(message)] += 1 + len(planned.copies_after_ms)
        now = time.monotonic()
        first = self._due_at(now + planned.hold_ms / 1000, queue, message)
        waiting = self._swapped.pop(queue, None)
        if planned.how == "swapped" and waiting is None:
            first.at = now + _SWAPPED_AT_LATEST_MS / 1000
            self._swapped[queue] = first
        else:
            heapq.heappush(self._due, first)
        if waiting is not None:  # now that the next one has gone before it
            waiting.at = first.at + 0.001
            heapq.heappush(self._due, waiting)
        for after_ms in planned.copies_after_ms:
            heapq.heappush(self._due, self._due_at(now + after_ms / 1000, queue, message))

    def _due_at(self, at: float, queue: str, message: Any) -> _Due:
        self._serial += 1
        return _Due(at, self._serial, queue, message, is_last=False)

    def _deliver(self, producer: Producer) -> None:
        now = time.monotonic()
        for queue, waiting in list(self._swapped.items()):
            if waiting.at <= now:
                del self._swapped[queue]
                heapq.heappush(self._due, waiting)
        while self._due and self._due[0].at <= now:
            due = self._due[0]
            message = due.message
            producer.publish(
                bytes(message.body),
                routing_key=due.queue,
                headers=dict(message.headers),
                content_type=message.content_type,
                content_encoding="binary",
                delivery_mode=2,
            )
            heapq.heappop(self._due)
            self._left[id(message)] -= 1
            if not self._left[id(message)]:
                del self._left[id(message)]
                message.ack()


def _case_of(message: Any) -> str:
    """Return the case that an event is about, empty when it names none."""
    full_name = str(message.headers.get("cloudEvents:type", ""))
    package, _, name = full_name.rpartition(".")
    module = importlib.import_module(f"{package}.events_pb2")
    event = getattr(module, name).FromString(bytes(message.body))
    return str(getattr(event, "case_id", ""))
