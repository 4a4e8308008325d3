"""From the outbox to the broker: woken by NOTIFY, in order, in batches, deleted only when the
broker has confirmed."""

from __future__ import annotations

import select as io
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import structlog
from kombu import Connection as Broker
from kombu import Exchange
from sqlalchemy import Connection, delete, select, text

from chassis import telemetry
from chassis.db import Database
from chassis.records.tables import outbox

log = structlog.get_logger()

BATCH = 200
"""The most that is published at once; after fewer nothing waits that was not told of."""
_CONFIRM_SECONDS = 10.0
CONTENT_TYPE = "application/x-protobuf"


class NotConfirmed(Exception):
    """The broker did not take every message of a batch."""


class Publisher:
    """A channel that publishes a batch and waits for the broker's word on every message of it."""

    def __init__(self, broker: Broker, exchange: Exchange) -> None:
        self._broker = broker
        self._exchange = exchange.name
        self._channel: Any = broker.channel()
        exchange(self._channel).declare()
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._confirmed)
        self._channel.events["basic_nack"].add(self._refused)
        self._sent = 0
        self._unconfirmed: set[int] = set()
        self._nacked = False

    def publish(self, rows: Sequence[Any]) -> None:
        """Publish the rows in order and return when all are confirmed. Raises NotConfirmed."""
        for row in rows:
            self._publish(row)
        ends = time.monotonic() + _CONFIRM_SECONDS
        while self._unconfirmed and not self._nacked:
            if time.monotonic() > ends:
                raise NotConfirmed(f"{len(self._unconfirmed)} messages")
            self._broker.drain_events(timeout=_CONFIRM_SECONDS)
        if self._nacked:
            raise NotConfirmed("the broker refused a message")

    def keep_alive(self) -> None:
        """Answer the broker's heartbeats while there is nothing to publish."""
        self._broker.heartbeat_check()
        try:
            self._broker.drain_events(timeout=0.001)
        except TimeoutError:
            return

    def _publish(self, row: Any) -> None:
        event = row.type.rpartition(".")[2]
        with telemetry.span(
            f"publish {event}",
            telemetry.SpanKind.PRODUCER,
            traceparent=row.traceparent,
            attributes={telemetry.EVENT_TYPE: row.type, telemetry.EVENT_ID: str(row.event_id)},
        ):
            headers = {
                "traceparent": telemetry.traceparent(),
                "event-id": str(row.event_id),
                "occurred-at": str(row.occurred_at.timestamp()),
                "cloudEvents:specversion": "1.0",
                "cloudEvents:type": row.type,
                "cloudEvents:id": str(row.event_id),
                "cloudEvents:source": self._exchange,
                "cloudEvents:subject": row.aggregate_id,
            }
            if row.drill:
                headers["drill"] = row.drill
            message = self._channel.prepare_message(
                bytes(row.body),
                content_type=CONTENT_TYPE,
                content_encoding="binary",
                headers=headers,
                properties={"delivery_mode": 2},
            )
            self._channel.basic_publish(message, exchange=self._exchange, routing_key=event)
        self._sent += 1
        self._unconfirmed.add(self._sent)

    def _confirmed(self, delivery_tag: int, multiple: bool) -> None:
        if multiple:
            self._unconfirmed = {tag for tag in self._unconfirmed if tag > delivery_tag}
        else:
            self._unconfirmed.discard(delivery_tag)

    def _refused(self, *_arguments: Any) -> None:
        self._nacked = True


class Listener:
    """A connection that may hold the service's relay lock, hears of new rows, and reads and deletes
    them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None

    def __enter__(self) -> Listener:
        self._connection = self._database.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()

    def is_the_relay(self) -> bool:
        """Take the relay lock for the rest of the block, and listen for new rows; False while
        another worker of the service holds it."""
        connection = self._open()
        if not connection.execute(text("SELECT pg_try_advisory_lock(hashtext('relay'))")).scalar():
            return False
        connection.execute(text("LISTEN outbox"))
        return True

    def publish_batch(self, publisher: Publisher) -> int:
        """Publish the oldest rows and delete them; returns how many there were."""
        connection = self._open()
        rows = connection.execute(select(outbox).order_by(outbox.c.seq).limit(BATCH)).all()
        if rows:
            publisher.publish(rows)
            connection.execute(delete(outbox).where(outbox.c.seq.in_([row.seq for row in rows])))
        return len(rows)

    def wait(self, publisher: Publisher, *, seconds: float) -> None:
        """Wait until the database says that the outbox was filled, or the time is up."""
        raw: Any = self._open().connection.dbapi_connection
        publisher.keep_alive()
        if not _heard(raw):
            io.select([raw.fileno()], [], [], seconds)
            _heard(raw)

    def _open(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("the listener is used outside its block")
        return self._connection


def _heard(raw: Any) -> bool:
    """Take the notices that have come, also those that came along with the answer to a query."""
    return sum(1 for _notice in raw.notifies(timeout=0, stop_after=1_000)) > 0
