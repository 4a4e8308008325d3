"""The database of a service: blocking SQLAlchemy, short snapshots for reading, one unit of work
for each command.

Nothing is kept unless the block of a unit of work ends well: then records, history, pins,
handovers and outbox are committed as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import uuid_utils
from sqlalchemy import Connection, Engine, create_engine, event, insert
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from chassis import clock, telemetry
from chassis.actor import Actor
from chassis.errors import Outdated, Unavailable
from chassis.facts import FactBook
from chassis.records import reviewing
from chassis.records.book import RecordBook
from chassis.records.history import Seal
from chassis.records.tables import outbox

_ANOTHER_WRITER = ("40001", "40P01", "55P03")
"""SQL states that say: somebody else was writing the same rows."""

_LONGEST_STATEMENT_MS, _LONGEST_LOCK_MS = 10_000, 5_000
"""No statement outlives the longest call, and no wait for a lock the patience of its caller."""

_TO_OUTBOX = insert(outbox)


@dataclass
class UnitOfWork:
    """What a command is given: its records, its actor, its moment and the open transaction.

    `told_at` is when the fact under way was told, for a worker's handler; else the moment itself.
    """

    connection: Connection
    actor: Actor
    at: datetime
    records: RecordBook
    told_at: datetime

    def tell(self, about: Any, fact: Any) -> None:
        """Tell other services a fact about a record, once this is committed."""
        self.records.tell(about, fact)


@dataclass(frozen=True)
class Reading:
    """What a query is given: a snapshot, and who reads."""

    connection: Connection
    actor: Actor


class Database:
    """One service's database. `facts` turns its facts into events; `seal` makes, for a transaction,
    what hides the personal part of history."""

    def __init__(
        self,
        url: str,
        *,
        pool: int = 16,
        facts: FactBook | None = None,
        seal: Callable[[Connection], Seal] | None = None,
    ) -> None:
        self.engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=pool,
            max_overflow=0,
            pool_timeout=5,
            hide_parameters=True,
            connect_args={
                "connect_timeout": 3,
                "application_name": "optichain",
                "options": f"-c statement_timeout={_LONGEST_STATEMENT_MS}"
                f" -c lock_timeout={_LONGEST_LOCK_MS}",
            },
            json_serializer=_json,
            json_deserializer=msgspec.json.decode,
            skip_autocommit_rollback=True,
        )
        self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.facts = facts or FactBook()
        self._seal = seal
        event.listen(self.engine, "before_cursor_execute", _count_statement)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a connection for reading; each statement sees what is committed when it begins, as
        it would inside a transaction, which would cost two round trips more. Raises Unavailable
        when the database is away."""
        with _translated(), self._reading.connect() as connection:
            connection.info["statements"] = 0
            try:
                yield connection
            finally:
                telemetry.count_statements(connection.info["statements"])

    @contextmanager
    def work(
        self,
        actor: Actor,
        *,
        expected: dict[str, int] | None = None,
        told_at: datetime | None = None,
    ) -> Iterator[UnitOfWork]:
        """Open a unit of work and commit it when the block ends well.

        `expected` are the revisions a gate has loaded; `told_at` is when the fact that is handled
        was told. Raises Outdated when another writer came first, Unavailable when the database is
        away.
        """
        with _translated(), _transaction(self.engine) as connection:
            at = clock.now()
            seal = self.seal_in(connection)
            book = RecordBook(connection, actor, at, seal=seal, expected=expected or {})
            yield UnitOfWork(connection, actor, at, book, told_at or at)
            _review(book)
            book.flush()
            self._to_outbox(connection, book)

    def seal_in(self, connection: Connection) -> Seal | None:
        """Return what opens and closes personal history inside a transaction; None for a service
        that keeps no people."""
        return self._seal(connection) if self._seal is not None else None

    def _to_outbox(self, connection: Connection, book: RecordBook) -> None:
        if not book.facts:
            return
        rows = []
        for aggregate_id, fact, drill in book.facts:
            type_name, body = self.facts.encode(fact)
            rows.append(
                {
                    "event_id": UUID(bytes=uuid_utils.uuid7().bytes),
                    "aggregate_id": aggregate_id,
                    "type": type_name,
                    "body": body,
                    "traceparent": telemetry.traceparent(),
                    "occurred_at": book.at,
                    "drill": drill,
                }
            )
        connection.execute(_TO_OUTBOX, rows)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _review(book: RecordBook) -> None:
    """Ask those who rely on what this unit of work has changed, and end what it has answered."""
    for changed in book.changed:
        reviewing.open_for(book, reviewing.heard(changed))
    reviewing.settle_holders(book, list(book.settled.values()))


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    """Open a transaction inside one span that says how many statements it took."""
    with telemetry.span("sql.transaction", telemetry.SpanKind.CLIENT), engine.begin() as connection:
        connection.info["statements"] = 0
        yield connection
        telemetry.count_statements(connection.info["statements"])


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _count_statement(connection: Connection, *_rest: Any) -> None:
    connection.info["statements"] = connection.info.get("statements", 0) + 1


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state in _ANOTHER_WRITER:
            raise Outdated("another writer came first: read again, then retry") from error
        if error.connection_invalidated or _is_away(error, state):
            raise Unavailable("the service's database cannot be reached") from error
        raise
    except PoolTimeout as error:
        raise Unavailable("the service's database is too busy") from error


def _is_away(error: DBAPIError, state: str | None) -> bool:
    """Say whether the server is gone or has no room; what the driver itself refuses, such as a NUL
    in a text, will be refused for ever and is no reason to wait."""
    if state is None:
        return isinstance(error, (OperationalError, InterfaceError))
    return state.startswith(("08", "53", "57"))
