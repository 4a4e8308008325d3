"""Organisation's worker: it hears nothing, tells the chain of its branches and staff, and forgets
the attempts on logins that do not exist."""

from __future__ import annotations

from chassis.amqp import Worker, every
from chassis.db import UnitOfWork
from organisation import commands_sign_in

_SWEPT_SECONDS = 600.0


class OrganisationWorker(Worker):
    """Publishes organisation's facts."""

    name = "organisation"

    @every(_SWEPT_SECONDS)
    def forget_strangers(self, work: UnitOfWork) -> bool:
        """Forget old attempts; true when more are due."""
        return commands_sign_in.forget_strangers(work)


WORKER = OrganisationWorker
