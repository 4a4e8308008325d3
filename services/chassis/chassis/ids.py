"""Identifiers as people and machines pass them on: TypeIDs, a UUIDv7 with its kind in front.

On the wire and in the domain an id is text such as `rx_01h…`; in the database it is a native uuid.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from uuid import UUID

import uuid_utils
from sqlalchemy import Dialect, Uuid
from sqlalchemy.types import TypeDecorator
from typeid import TypeID
from typeid.errors import TypeIDException

from chassis.errors import invalid


def new_id(prefix: str) -> str:
    """Return a fresh id of the kind, sortable by the time it was made."""
    return str(TypeID(prefix=prefix))


@lru_cache(maxsize=4096)
def as_uuid(identifier: str) -> UUID:
    """Return the uuid inside a TypeID. Raises ValueError for text that is none."""
    try:
        return UUID(bytes=TypeID.from_string(identifier).uuid_bytes)
    except TypeIDException as error:
        raise ValueError(f"{identifier[:64]!r} is not an id") from error


@lru_cache(maxsize=4096)
def as_id(prefix: str, value: UUID) -> str:
    """Return the TypeID of a uuid."""
    return str(TypeID.from_uuid(uuid_utils.UUID(bytes=value.bytes), prefix=prefix))


def prefix_of(identifier: str) -> str:
    """Return the kind in front of an id."""
    return identifier.rpartition("_")[0]


def check_id(field: str, identifier: str, prefix: str) -> None:
    """Refuse text that is no id, or an id of another kind. Raises Invalid (ID_MALFORMED,
    ID_OF_WRONG_KIND)."""
    try:
        as_uuid(identifier)
    except ValueError as error:
        raise invalid(field, "id", "is not an id", reason="ID_MALFORMED") from error
    if prefix not in ("any", prefix_of(identifier)):
        given = prefix_of(identifier)
        raise invalid(
            field, "id", f"must be a {prefix}_ id, got a {given}_ id", reason="ID_OF_WRONG_KIND"
        )


class Id(TypeDecorator[str]):
    """A column that holds ids of one kind as native uuids."""

    impl = Uuid
    cache_ok = True

    def __init__(self, prefix: str) -> None:
        super().__init__(as_uuid=True)
        self.prefix = prefix

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Turn a TypeID into its uuid; empty text is NULL."""
        return as_uuid(value) if value else None

    def process_result_value(self, value: UUID | None, dialect: Dialect) -> str | None:
        """Turn a uuid into the TypeID of the column's kind."""
        return as_id(self.prefix, value) if value is not None else None
