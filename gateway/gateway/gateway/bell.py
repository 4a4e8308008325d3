"""The bell that rings when somebody's worklist changes: one connection to the broker for a gateway,
one queue of its own that ends with it.

What rings while the broker is away is lost, so whoever listens is told when it goes and when it is
back, and reads its lists again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractQueue
from aio_pika.exceptions import AMQPError
from google.protobuf.message import DecodeError

from gateway.edge import log
from gateway.owners import SERVICES
from optichain.record.v1 import events_pb2

Hear = Callable[[Any], None]
"""Told of a change, or of None when changes may have been missed."""

_EVENT = events_pb2.WorklistChanged.DESCRIPTOR.name
_PAUSE_SECONDS = 1.0
_CONNECT_SECONDS = 5.0


class Bell:
    """Hears every WorklistChanged of every service, and tells whoever listens here."""

    def __init__(self, amqp_url: str) -> None:
        self._url = amqp_url
        self._listeners: set[Hear] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen from now on; a broker that is away is waited for."""
        self._task = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def add(self, hear: Hear) -> None:
        """Tell this one of every change from now on."""
        self._listeners.add(hear)

    def remove(self, hear: Hear) -> None:
        """Tell this one no more."""
        self._listeners.discard(hear)

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except (AMQPError, OSError, TimeoutError) as away:
                log.warning("broker away", error=type(away).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _hear(self) -> None:
        connection = await aio_pika.connect(self._url, timeout=_CONNECT_SECONDS)
        async with connection:
            queue = await _queue(await connection.channel())
            self._tell(None)
            async with queue.iterator(no_ack=True) as messages:
                async for message in messages:
                    self._ring(message.body)

    def _ring(self, body: bytes) -> None:
        try:
            self._tell(events_pb2.WorklistChanged.FromString(body))
        except DecodeError:
            log.error("undecodable", queue=_EVENT)

    def _tell(self, changed: Any) -> None:
        for hear in tuple(self._listeners):
            hear(changed)


async def _queue(channel: AbstractChannel) -> AbstractQueue:
    queue = await channel.declare_queue(exclusive=True, auto_delete=True)
    for service in SERVICES:
        exchange = await channel.declare_exchange(
            f"{service}.events", aio_pika.ExchangeType.TOPIC, durable=True
        )
        await queue.bind(exchange, routing_key=_EVENT)
    return queue
