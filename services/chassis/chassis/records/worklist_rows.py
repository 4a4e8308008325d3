"""What waits for people, as it is found: one row beside each review and issue, by role and branch,
by person, by time. Whoever shows worklists is told when one changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, insert, update

from chassis.ids import as_uuid
from chassis.records.envelope import Record
from chassis.roles import Role

if TYPE_CHECKING:
    from chassis.records.book import RecordBook


@dataclass(frozen=True, kw_only=True)
class WorklistChanged:
    """A review or an issue was opened, brought to somebody else, or closed."""

    record_id: str
    kind: str
    state: str
    case_id: str
    held_at_id: str
    responsible_role: Role | None
    earlier_role: Role | None = None
    owner: str
    earlier_owner: str = ""
    due_at: datetime


def row_of(record: Record[Any]) -> dict[str, Any]:
    """Return what a record that waits for people is found by."""
    return {
        "id": as_uuid(record.id),
        "responsible_role": record.responsible_role,
        "held_at_id": record.held_at_id,
        "owner": record.owner,
        "due_at": record.content.due_at,
    }


def enter(book: RecordBook, table: Table, record: Record[Any]) -> None:
    """Put a record on the worklists."""
    book.connection.execute(insert(table).values(row_of(record)))
    tell(book, record)


def follow(
    book: RecordBook,
    table: Table,
    before: Record[Any],
    after: Record[Any],
    *,
    closed_at: datetime | None = None,
) -> None:
    """Bring what a record is found by up to what it says; a closed one waits for nobody."""
    values: dict[str, Any] = {"due_at": after.content.due_at, "owner": after.owner}
    if closed_at is not None:
        values["closed_at"] = closed_at
    elif after.responsible_role is not None:
        values["responsible_role"] = after.responsible_role
    statement = update(table).where(table.c.id == as_uuid(after.id))
    book.connection.execute(statement.values(values))
    tell(book, after, before)


def tell(book: RecordBook, record: Record[Any], before: Record[Any] | None = None) -> None:
    """Tell whoever shows worklists that this one changed."""
    book.tell(
        record,
        WorklistChanged(
            record_id=record.id,
            kind=record.kind.name,
            state=record.state,
            case_id=record.case_id,
            held_at_id=record.held_at_id,
            responsible_role=record.responsible_role,
            earlier_role=_earlier(before, record, "responsible_role"),
            owner=record.owner,
            earlier_owner=_earlier(before, record, "owner") or "",
            due_at=record.content.due_at,
        ),
    )


def _earlier(before: Record[Any] | None, record: Record[Any], name: str) -> Any:
    earlier = getattr(before, name, None)
    return earlier if earlier != getattr(record, name) else None
