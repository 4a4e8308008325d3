"""What every worker does each minute, so that nothing a pair of glasses leaves behind grows for
ever: uploads never confirmed, replies and inbox notes past their time; and it counts what waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, Table, delete, func, select, tuple_

from chassis import actor, clock, dead_letters, evidence, telemetry
from chassis.db import Database
from chassis.errors import Unavailable
from chassis.records.tables import inbox, outbox, reply
from chassis.settings import ServiceSettings

log = structlog.get_logger()

HOUSEKEEPING_SECONDS = 60.0

_REPLY_KEPT = timedelta(days=7)
_INBOX_KEPT = timedelta(days=30)
_PRUNED_AT_ONCE = 500
_COUNTED_AT_MOST = 10_000


class Housekeeping:
    """The housekeeping of one service. Several workers may do it at once."""

    def __init__(self, service: str, database: Database, settings: ServiceSettings) -> None:
        self._service = service
        self._database = database
        self._settings = settings

    def turn(self) -> bool:
        """Do a batch of everything; true when there is more to do at once. What cannot be reached
        keeps no other part from its turn: it counts first, so that those on call see it."""
        at = clock.now()
        self._tried(self.count)
        pruned = self._tried(lambda: self.prune(at))
        swept = self._tried(lambda: self.sweep_evidence(at))
        return bool(pruned or swept)

    def _tried(self, part: Callable[[], bool | None]) -> bool | None:
        try:
            return part()
        except (Unavailable, OSError) as away:
            log.warning("housekeeping put off", service=self._service, error=type(away).__name__)
            return None

    def sweep_evidence(self, at: datetime) -> bool:
        """Remove uploads that were offered long ago and never confirmed, and objects that were let
        go of by rule; true when more are due.

        The objects go first, outside any transaction: removing one again does no harm, but an
        object whose row is gone is never found again.
        """
        with self._database.snapshot() as connection:
            due = evidence.due(connection, at)
            over = evidence.to_remove(connection)
        if not (due.keys or over):
            return False
        # Imported when there is something to remove: every worker would carry it otherwise.
        from chassis.objects import ObjectStore

        objects = ObjectStore(self._settings.s3_url.get_secret_value())
        for object_key in (*due.keys, *over):
            objects.remove(object_key)
        with self._database.work(actor.system(self._service)) as work:
            evidence.forget(work.connection, due.keys)
            evidence.removed(work.connection, over, at)
        return due.more

    def prune(self, at: datetime) -> bool:
        """Forget replies older than 7 days and inbox notes older than 30, some hundreds at once;
        true when more are due."""
        with self._database.work(actor.system(self._service)) as work:
            replies = _delete_before(work.connection, reply, "replied_at", at - _REPLY_KEPT)
            notes = _delete_before(work.connection, inbox, "handled_at", at - _INBOX_KEPT)
        return _PRUNED_AT_ONCE in (replies, notes)

    def count(self) -> None:
        """Tell the metrics how many events wait for the broker, for how long the oldest has, and
        how many dead letters wait for a person. Raises Unavailable, OSError."""
        told = {telemetry.SERVICE: self._service}
        telemetry.outbox_waiting.set(self.outbox_waiting(), told)
        telemetry.outbox_age.set(self.outbox_age_ms(), told)
        telemetry.dead_letters_waiting.set(self.dead_letters_waiting(), told)

    def outbox_waiting(self) -> int:
        """Return how many events wait for the broker, 10 000 at most."""
        some = select(outbox.c.seq).limit(_COUNTED_AT_MOST).subquery()
        with self._database.snapshot() as connection:
            return connection.execute(select(func.count()).select_from(some)).scalar() or 0

    def outbox_age_ms(self) -> float:
        """Return for how many milliseconds the oldest event has waited; 0 when none waits."""
        oldest = select(outbox.c.occurred_at).order_by(outbox.c.seq).limit(1)
        with self._database.snapshot() as connection:
            since = connection.execute(oldest).scalar()
        return (clock.now() - since).total_seconds() * 1000 if since else 0.0

    def dead_letters_waiting(self) -> int:
        """Return the length of the service's dead queue."""
        return dead_letters.length(self._settings.amqp_url.get_secret_value(), self._service)


def _delete_before(connection: Connection, table: Table, column: str, before: datetime) -> int:
    """Delete a batch of the oldest rows, and return how many."""
    key = tuple_(*table.primary_key.columns)
    due = (
        select(*table.primary_key.columns)
        .where(table.c[column] < before)
        .order_by(table.c[column])
        .limit(_PRUNED_AT_ONCE)
    )
    return connection.execute(delete(table).where(key.in_(due))).rowcount
