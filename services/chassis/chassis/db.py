"""The database of a service: blocking SQLAlchemy, short snapshots for reading, one unit of work
for each command.

Nothing is kept unless the block of a unit of work ends well: then records, history, pins,
handovers and outbox are committed as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import uuid_utils
from sqlalchemy import Connection, Engine, create_engine, event, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from chassis import clock, telemetry
from chassis.actor import Actor
from chassis.errors import Outdated, Unavailable
from chassis.facts import FactBook
from chassis.records.book import RecordBook
from chassis.records.history import Seal
from chassis.records.tables import outbox

_SERIALIZATION_FAILURES = ("40001", "40P01")


@dataclass
class UnitOfWork:
    """What a command is given: its records, its actor, its moment and the open transaction."""

    connection: Connection
    actor: Actor
    at: datetime
    records: RecordBook

    def tell(self, about: Any, fact: Any) -> None:
        """Tell other services a fact about a record, once this is committed."""
        self.records.tell(about, fact)


class Database:
    """One service's database. `facts` turns its facts into events; `seal` hides what is personal in
    history."""

    def __init__(
        self, url: str, *, pool: int = 16, facts: FactBook | None = None, seal: Seal | None = None
    ) -> None:
        self.engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=pool,
            max_overflow=0,
            pool_timeout=5,
            hide_parameters=True,
            connect_args={"connect_timeout": 3, "application_name": "optichain"},
        )
        self.facts = facts or FactBook()
        self.seal = seal
        event.listen(self.engine, "before_cursor_execute", _count_statement)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a short read-only transaction. Raises Unavailable when the database is away."""
        with _translated(), _traced("sql.read", self.engine, keep=False) as connection:
            yield connection

    @contextmanager
    def work(self, actor: Actor, *, expected: dict[str, int] | None = None) -> Iterator[UnitOfWork]:
        """Open a unit of work and commit it when the block ends well.

        `expected` are the revisions a gate has loaded. Raises Outdated when another writer came
        first, Unavailable when the database is away.
        """
        with _translated(), _traced("sql.transaction", self.engine, keep=True) as connection:
            at = clock.now()
            book = RecordBook(connection, actor, at, seal=self.seal, expected=expected or {})
            yield UnitOfWork(connection, actor, at, book)
            book.flush()
            self._to_outbox(connection, book)

    def _to_outbox(self, connection: Connection, book: RecordBook) -> None:
        if not book.facts:
            return
        rows = []
        for aggregate_id, fact in book.facts:
            type_name, body = self.facts.encode(fact)
            rows.append(
                {
                    "event_id": UUID(bytes=uuid_utils.uuid7().bytes),
                    "aggregate_id": aggregate_id,
                    "type": type_name,
                    "body": body,
                    "traceparent": telemetry.traceparent(),
                    "occurred_at": book.at,
                }
            )
        connection.execute(insert(outbox), rows)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


@contextmanager
def _traced(name: str, engine: Engine, *, keep: bool) -> Iterator[Connection]:
    """Open a transaction inside one span that says how many statements it took."""
    with telemetry.span(name, telemetry.SpanKind.CLIENT) as span, engine.connect() as connection:
        connection.info["statements"] = 0
        with connection.begin() as transaction:
            yield connection
            if not keep:
                transaction.rollback()
        span.set_attribute(telemetry.STATEMENTS, connection.info["statements"])


def _count_statement(connection: Connection, *_rest: Any) -> None:
    connection.info["statements"] = connection.info.get("statements", 0) + 1


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state in _SERIALIZATION_FAILURES:
            raise Outdated("another writer came first: read again, then retry") from error
        if error.connection_invalidated or state is None or state.startswith(("08", "57")):
            raise Unavailable("the service's database cannot be reached") from error
        raise
    except PoolTimeout as error:
        raise Unavailable("the service's database is too busy") from error
