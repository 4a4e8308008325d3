"""Messages a worker has given up, for the person on call: what they say, redacted, why they died,
and how to send them to their queue again."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import indent
from typing import Any

from google.protobuf.message import DecodeError, Message
from kombu import Connection
from kombu.exceptions import OperationalError

from chassis.amqp_queues import dead_queue_of
from chassis.errors import Unavailable
from chassis.outbox import CONTENT_TYPE
from chassis.redaction import redacted_text

_CONFIRM_SECONDS = 10
_LISTED_AT_MOST = 500
_COUNTED_BY_THE_QUEUE = "x-delivery-count"


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message given up: the queue it could not leave, what it is, when it last died, how often it
    has died by now, the broker's reason (`rejected`: nobody can read it; `delivery_limit`: its
    handler failed too often), and what it says."""

    queue: str
    event_type: str
    event_id: str
    aggregate_id: str
    died_at: datetime | None
    deaths: int
    reason: str
    text: str


@dataclass(frozen=True)
class Buried:
    """The dead letters of a service: the oldest ones, and how many there are in all."""

    service: str
    letters: tuple[DeadLetter, ...]
    total: int


@dataclass(frozen=True)
class Replayed:
    """How many dead letters went back to their queues, and how many cannot, because they do not say
    where they came from or that queue is gone."""

    sent: int
    left: int


def buried(amqp_url: str, service: str) -> Buried:
    """Return the dead letters of a service, 500 at most; they stay where they are. Raises
    Unavailable."""
    with _dead_queue(amqp_url, service) as (channel, queue, total):
        got = (channel.basic_get(queue) for _ in range(min(total, _LISTED_AT_MOST)))
        letters = tuple(_letter(message) for message in got if message is not None)
    # Nothing was acknowledged: with the channel's end all of them are back in the queue.
    return Buried(service, letters, total)


def replay(amqp_url: str, service: str) -> Replayed:
    """Send every dead letter back to the queue it came from; each leaves the dead only when the
    broker has confirmed it there. Raises Unavailable."""
    sent = left = 0
    with _dead_queue(amqp_url, service) as (channel, queue, total):
        for _ in range(total):
            message = channel.basic_get(queue)
            if message is None:
                break
            home = str(_last_death(message).get("queue", ""))
            if not home or not _exists(channel.connection, home):
                left += 1
                continue
            _send_home(channel, message, home)
            channel.basic_ack(message.delivery_tag)
            sent += 1
    return Replayed(sent, left)


def length(amqp_url: str, service: str) -> int:
    """Return how many dead letters a service has. Raises Unavailable."""
    with _dead_queue(amqp_url, service) as (_channel, _queue, total):
        return total


def as_text(found: Buried) -> str:
    """Return the dead letters as a person reads them."""
    if not found.total:
        return f"{found.service}: no dead letters"
    lines = [f"{found.service}: {found.total} dead letters"]
    lines += [_told(letter) for letter in found.letters]
    if found.total > len(found.letters):
        lines.append(f"  and {found.total - len(found.letters)} more")
    return "\n".join(lines)


def _told(letter: DeadLetter) -> str:
    when = f"{letter.died_at:%Y-%m-%d %H:%M:%S} UTC" if letter.died_at else "at an unknown time"
    often = "once" if letter.deaths == 1 else f"{letter.deaths} times"
    head = (
        f"{letter.queue or 'from an unknown queue'}\n"
        f"  {letter.event_type or 'of no type'} {letter.event_id}\n"
        f"  died {often}, last {when}: {letter.reason or 'for no known reason'}"
    )
    return indent(f"{head}\n{indent(letter.text, '    ')}", "  ")


@contextmanager
def _dead_queue(amqp_url: str, service: str) -> Iterator[tuple[Any, str, int]]:
    with Connection(
        amqp_url, connect_timeout=3, transport_options={"confirm_publish": True}
    ) as broker:
        try:
            channel = broker.ensure_connection(max_retries=1).channel()
        except (OperationalError, *broker.connection_errors, *broker.channel_errors) as error:
            raise Unavailable("the broker cannot be reached") from error
        queue = dead_queue_of(service)(channel)
        try:
            total = int(queue.queue_declare(passive=True).message_count)
        except broker.channel_errors:
            total = 0  # a service that was never migrated here has buried nothing
        yield channel, queue.name, total


def _exists(connection: Any, queue: str) -> bool:
    """Ask on a channel of its own: the broker closes the one on which a queue was not found."""
    channel = connection.channel()
    try:
        channel.queue_declare(queue, passive=True)
    except connection.channel_errors:
        return False
    channel.close()
    return True


def _send_home(channel: Any, message: Any, home: str) -> None:
    headers = {k: v for k, v in message.headers.items() if k != _COUNTED_BY_THE_QUEUE}
    fresh = channel.prepare_message(
        message.body,
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        headers=headers,
        properties={"delivery_mode": 2},
    )
    # To the queue itself, not to the exchange: other services have had this event already.
    channel.basic_publish(
        fresh, exchange="", routing_key=home, mandatory=True, timeout=_CONFIRM_SECONDS
    )


def _letter(message: Any) -> DeadLetter:
    death, headers = _last_death(message), message.headers
    died_at = death.get("time")
    return DeadLetter(
        queue=str(death.get("queue", "")),
        event_type=str(headers.get("cloudEvents:type", "")),
        event_id=str(headers.get("event-id", "")),
        aggregate_id=str(headers.get("cloudEvents:subject", "")),
        died_at=died_at.replace(tzinfo=UTC) if isinstance(died_at, datetime) else None,
        deaths=sum(int(one.get("count", 1)) for one in headers.get("x-death", ())),
        reason=str(death.get("reason", "")),
        text=_text(message),
    )


def _last_death(message: Any) -> dict[str, Any]:
    """Return the broker's own note of the last death; the newest comes first."""
    deaths: list[dict[str, Any]] = message.headers.get("x-death") or [{}]
    return deaths[0]


def _text(message: Any) -> str:
    body = bytes(message.body if isinstance(message.body, bytes) else message.body.encode())
    if message.content_type != CONTENT_TYPE:
        return f"<{len(body)} bytes of another content type>"
    message_class = _class_of(str(message.headers.get("cloudEvents:type", "")))
    if message_class is None:
        return f"<{len(body)} bytes of an event that is not in the contract>"
    try:
        return redacted_text(message_class.FromString(body))
    except (DecodeError, UnicodeDecodeError):
        return f"<{len(body)} bytes that cannot be decoded>"


def _class_of(full_name: str) -> type[Message] | None:
    """Return the generated class of an event such as `optichain.labjob.v1.JobReady`."""
    package, _, name = full_name.rpartition(".")
    if not package.startswith("optichain."):
        return None
    try:
        module = importlib.import_module(f"{package}.events_pb2")
    except ImportError:
        return None
    found: type[Message] | None = getattr(module, name, None)
    return found if hasattr(found, "DESCRIPTOR") else None
