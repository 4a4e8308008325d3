"""What exchanges and queues are called and how they are declared, for those who publish, consume,
migrate and bury."""

from __future__ import annotations

from kombu import Exchange, Queue

DELIVERY_LIMIT = 20
"""Deliveries after which a message is given up. The broker counts crashes of a worker too, so a
small limit would bury good messages."""


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
