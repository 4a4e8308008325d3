"""A key of each person's own: what history says of a person is sealed with it, so that a lawful
erasure destroys the key and the chain of hashes still verifies.

The service that keeps people makes the table `person_key` by its own migration. A person's key
rests sealed with the platform's data key; it is made with the first record of the person.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, DateTime, MetaData, Table, Text, select, update
from sqlalchemy.dialects.postgresql import insert

from chassis.errors import Refused
from chassis.ids import Id
from chassis.sealing import DataKey

person_key = Table(
    "person_key",
    MetaData(),
    Column("customer_id", Id("cus"), primary_key=True),
    Column("sealed_key", Text),
    Column("destroyed_at", DateTime(timezone=True)),
)


class PersonErased(Refused):
    """The person's key was destroyed: nothing personal may be written of this person again."""

    reason = "PERSON_ERASED"


class PersonKeys:
    """The seal of one transaction: opens and closes with the keys of the people it meets."""

    def __init__(self, connection: Connection, data_key: DataKey) -> None:
        self._connection = connection
        self._data_key = data_key
        self._met: dict[str, DataKey | None] = {}

    def close(self, customer_id: str, clear: bytes) -> str:
        """Return the sealed text; the person's key is made if this is the first. Raises
        PersonErased."""
        key = self._key(customer_id) or self._make(customer_id)
        return key.close(clear, context=customer_id)

    def open(self, customer_id: str, sealed: str) -> bytes | None:
        """Return the clear bytes, or None when the person's key has been destroyed. Raises
        SealBroken."""
        try:
            key = self._key(customer_id)
        except PersonErased:
            return None
        return key.open(sealed, context=customer_id) if key is not None else None

    def _key(self, customer_id: str) -> DataKey | None:
        if customer_id not in self._met:
            statement = select(person_key).where(person_key.c.customer_id == customer_id)
            row = self._connection.execute(statement).mappings().first()
            if row is None:
                return None
            self._met[customer_id] = self._opened(customer_id, row)
        key = self._met[customer_id]
        if key is None:
            raise PersonErased("this person was erased", id=customer_id)
        return key

    def _make(self, customer_id: str) -> DataKey:
        fresh = DataKey.fresh()
        sealed = self._data_key.close(fresh.encode(), context=_context(customer_id))
        row = self._connection.execute(
            insert(person_key)
            .values(customer_id=customer_id, sealed_key=sealed)
            .on_conflict_do_nothing()
            .returning(person_key.c.customer_id)
        ).first()
        if row is not None:
            self._met[customer_id] = DataKey(fresh)
        key = self._key(customer_id)  # somebody else's, when that was made in between
        if key is None:
            raise PersonErased("this person has no key", id=customer_id)
        return key

    def _opened(self, customer_id: str, row: Any) -> DataKey | None:
        if row["sealed_key"] is None:
            return None
        clear = self._data_key.open(row["sealed_key"], context=_context(customer_id))
        return DataKey(clear.decode())


def destroy(connection: Connection, customer_id: str, at: datetime) -> None:
    """Destroy a person's key for good: what history holds of the person can never be read again."""
    connection.execute(
        update(person_key)
        .where(person_key.c.customer_id == customer_id)
        .values(sealed_key=None, destroyed_at=at)
    )


def _context(customer_id: str) -> str:
    return f"person_key {customer_id}"
