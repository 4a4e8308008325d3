"""Listener's worker: writes down every branch it hears of, and how often its handler ran."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from chassis.amqp import Worker, hears
from chassis.db import UnitOfWork
from optichain.organisation.v1 import events_pb2


class HandlerBroken(Exception):
    """The handler has been told to fail."""


class ListenerWorker(Worker):
    """Hears of branches; relies on organisation's records."""

    name = "listener"
    relies_on = ("organisation",)

    @hears(events_pb2.BranchOpened)
    def note_branch(self, work: UnitOfWork, event: Any) -> None:
        """Write the branch down, unless told to fail; a name with a NUL nobody can write down."""
        order = work.connection.execute(text("SELECT fails FROM behaviour")).scalar()
        if order and order in event.name:
            raise HandlerBroken
        work.connection.execute(
            text("INSERT INTO heard (branch_id, name) VALUES (:branch_id, :name)"),
            {"branch_id": event.branch_id, "name": event.name},
        )


WORKER = ListenerWorker
