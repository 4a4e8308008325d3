"""Starts a worker: eventlet patches first, then nameko runs subscriptions and relay."""

from __future__ import annotations

import importlib
import os
import signal
from typing import Any


def run(service: str) -> None:
    """Run the worker of a service until SIGTERM or SIGINT."""
    os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"
    import eventlet

    eventlet.monkey_patch()
    _run(service)


def _run(service: str) -> None:
    import structlog
    from nameko.containers import ServiceContainer

    from chassis import amqp, boot

    settings = boot.start(service, "worker")
    module: Any = importlib.import_module(f"{service}.worker")
    worker: type[amqp.Worker] = module.WORKER
    database = boot.database_of(service, settings)
    config = {
        "AMQP_URI": settings.amqp_url.get_secret_value(),
        "max_workers": 20,
        "serializer": "protobuf",
        "ACCEPT": ["protobuf"],
        "HEARTBEAT": 20,
    }
    container = ServiceContainer(amqp.service_class(worker, database, settings), config)
    stopping = [False]

    def stop(*_arguments: Any) -> None:
        if not stopping[0]:
            stopping[0] = True
            import eventlet

            eventlet.spawn(container.stop)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    container.start()
    structlog.get_logger().info("ready", service=service)
    container.wait()
    boot.finish(database)
