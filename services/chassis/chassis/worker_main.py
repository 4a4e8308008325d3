"""Starts a worker: eventlet patches first, then nameko runs subscriptions, timers and relay."""

from __future__ import annotations

import importlib
import logging
import os
from typing import Any

_STOP_SECONDS = 3.0
"""How long handlers may finish what they have begun. What takes longer is rolled back and delivered
again; a worker whose database or broker is away would otherwise never end."""

_HANDLERS_BESIDE_POOL = 3
"""Connections that handlers leave to the relay, a timer and the housekeeping."""


def run(service: str) -> None:
    """Run the worker of a service until SIGTERM or SIGINT."""
    patch()
    _run(service)


def patch() -> None:
    """Make this process green; before anything else is imported. Without the variable psycopg
    would hold up all green threads for as long as one query runs."""
    os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"
    import eventlet

    eventlet.monkey_patch()


def _run(service: str) -> None:
    import eventlet
    from eventlet.event import Event
    from nameko.containers import ServiceContainer

    from chassis import amqp, boot, memory
    from chassis.stopping import StopSignal

    settings = boot.start(service, "worker")
    # It would log every failure with its text, which may name people; `amqp` logs it without.
    logging.getLogger("nameko.containers").setLevel(logging.CRITICAL)
    module: Any = importlib.import_module(f"{service}.worker")
    worker: type[amqp.Worker] = module.WORKER
    database = boot.database_of(service, settings)
    config = {
        "AMQP_URI": settings.amqp_url.get_secret_value(),
        "max_workers": max(1, settings.threads - _HANDLERS_BESIDE_POOL),
        "serializer": "protobuf",
        "ACCEPT": ["protobuf"],
        "HEARTBEAT": 20,
    }
    container = ServiceContainer(amqp.service_class(worker, database, settings), config)
    memory.settle()
    ended = Event()
    eventlet.spawn(_serve, container, ended)
    eventlet.spawn(_stop_when_told, container, ended, StopSignal())
    ended.wait()
    boot.finish(database)


def _serve(container: Any, ended: Any) -> None:
    import structlog

    try:
        container.start()
        structlog.get_logger().info("ready", service=container.service_name)
        container.wait()
    except Exception as error:  # brings the process down, which is started anew
        ended.send_exception(error)
    else:
        ended.send()


def _stop_when_told(container: Any, ended: Any, told: Any) -> None:
    import eventlet

    told.wait()
    with eventlet.Timeout(_STOP_SECONDS, False):
        container.stop()
    if not ended.ready():
        ended.send()
