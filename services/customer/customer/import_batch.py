"""An import of old customers: one CSV file on its way in, and what became of each of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chassis.records.kinds import Kind, Transitions, moves


class ImportOutcome(StrEnum):
    """What became of one row."""

    ADDED = "added"
    ADDED_AS_DUPLICATE = "added_as_duplicate"
    REFUSED = "refused"
    COMPLETED = "completed"
    IN_BEFORE = "in_before"


@dataclass(frozen=True, kw_only=True)
class ImportBatch:
    """The file, its size and how far it was worked through, in bytes and rows."""

    object_key: str
    dry_run: bool
    size_bytes: int
    bytes_done: int = 0
    rows_done: int = 0
    rows_added: int = 0
    rows_duplicate: int = 0
    rows_refused: int = 0
    failure: str = ""
    failure_text: str = ""


IMPORT_BATCH = Kind(
    "customer.import_batch",
    "imp",
    ImportBatch,
    Transitions("started", moves(finish={"started": "finished"}, fail={"started": "failed"})),
    progress=frozenset(
        {
            "bytes_done",
            "rows_done",
            "rows_added",
            "rows_duplicate",
            "rows_refused",
            "failure",
            "failure_text",
        }
    ),
)


@dataclass(frozen=True, kw_only=True)
class ImportRow:
    """What became of one row. The keys let a dry run see who stands twice in its own file."""

    line: int
    outcome: ImportOutcome
    customer_id: str = ""
    field: str = ""
    reason: str = ""
    text: str = ""
    duplicate_of_id: str = ""
    name_key: bytes | None = None
    birthday_key: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class ImportStarted:
    """An import was started: the first chunk of its file is due."""

    import_id: str
    object_key: str


@dataclass(frozen=True, kw_only=True)
class ImportContinued:
    """A chunk was worked through: the next one is due."""

    import_id: str
    object_key: str
    next_byte: int
    next_line: int
    columns: tuple[str, ...]


def counted(batch: ImportBatch, rows: list[ImportRow]) -> dict[str, int]:
    """Return the batch's counters after some more rows."""
    outcomes = [row.outcome for row in rows]
    refused = outcomes.count(ImportOutcome.REFUSED)
    before = outcomes.count(ImportOutcome.IN_BEFORE)
    return {
        "rows_done": batch.rows_done + len(rows),
        "rows_added": batch.rows_added + len(rows) - refused - before,
        "rows_duplicate": batch.rows_duplicate + outcomes.count(ImportOutcome.ADDED_AS_DUPLICATE),
        "rows_refused": batch.rows_refused + refused,
    }
