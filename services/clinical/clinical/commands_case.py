"""Adds a record to the case of a visit, in place of the one it supersedes."""

from __future__ import annotations

from typing import Any

from chassis.db import UnitOfWork
from chassis.ids import new_id
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Record
from chassis.records.kinds import Kind
from clinical.visit import CaseDiffers, Visit


def require_case(visit: Record[Visit], other: Record[Any]) -> None:
    """Refuse a record of another case than the visit's. Raises CaseDiffers."""
    if other.case_id != visit.case_id:
        raise CaseDiffers(f"{other.id} belongs to another case", id=other.id)


def add_to_case(
    work: UnitOfWork, kind: Kind[Any], content: Any, visit: Record[Visit], **envelope: Any
) -> Record[Any]:
    """Record something of the visit's case, in place of what it says it supersedes. Raises Unknown,
    RecordVoid, CaseDiffers."""
    identifier = new_id(kind.prefix)
    old_id = getattr(content, "supersedes_id", "")
    if old_id:
        old = work.records.live(kind, old_id)
        require_case(visit, old)
        work.records.void(
            old,
            ChangeKind.SUPERSEDED,
            reason_code="NEW_CHOICE",
            reason="a later one took its place",
            successor_id=identifier,
        )
    return work.records.add(
        kind,
        content,
        id=identifier,
        customer_id=visit.customer_id,
        case_id=visit.case_id,
        responsible_role=work.actor.role,
        **envelope,
    )
