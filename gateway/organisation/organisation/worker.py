"""Organisation's worker: it hears nothing, and tells the chain of its branches and staff."""

from __future__ import annotations

from chassis.amqp import Worker


class OrganisationWorker(Worker):
    """Publishes organisation's facts."""

    name = "organisation"


WORKER = OrganisationWorker
