"""The bridge's worker: it hears nothing, and tells the chain what came of prints."""

from __future__ import annotations

from chassis.amqp import Worker


class DeviceBridgeWorker(Worker):
    """Publishes the bridge's facts."""

    name = "device_bridge"


WORKER = DeviceBridgeWorker
