"""The fact every service tells of its records: something changed that others may rely on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chassis.records.changes import ChangeKind


@dataclass(frozen=True, kw_only=True)
class RecordChanged:
    """What happened to a record, and the names (never the values) of the fields it touched."""

    record_id: str
    kind: str
    version: int
    what: ChangeKind
    fields: tuple[str, ...]
    case_id: str
    customer_id: str
    branch_id: str
    changed_at: datetime
    successor_id: str = ""
    drill: str = ""
