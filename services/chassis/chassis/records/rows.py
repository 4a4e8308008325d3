"""Records to rows and back: the one place that knows both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from sqlalchemy import RowMapping

from chassis.ids import as_id, as_uuid
from chassis.records.envelope import (
    Approval,
    Closure,
    Evidence,
    Record,
    Signature,
    Source,
    SourceKind,
)
from chassis.records.kinds import Kind, kind_named
from chassis.records.pins import Pin
from chassis.roles import Role

C = TypeVar("C")


def record_row(record: Record[Any]) -> dict[str, Any]:
    """Return the columns of a record's current row."""
    return {
        "id": as_uuid(record.id),
        "kind": record.kind.name,
        "version": record.version,
        "revision": record.revision,
        "state": record.state,
        "void": record.void,
        "customer_id": record.customer_id,
        "case_id": record.case_id,
        "branch_id": record.branch_id,
        "held_at_id": record.held_at_id,
        "source_kind": record.source.kind,
        "source_detail": record.source.detail,
        "recorded_at": record.recorded_at,
        "recorded_by": record.recorded_by,
        "responsible_role": record.responsible_role,
        "owner": record.owner,
        "evidence": msgspec.to_builtins(record.evidence),
        "approval": msgspec.to_builtins(record.approval),
        "closure": msgspec.to_builtins(record.closure),
        "signature": msgspec.to_builtins(record.signature),
        "content": record.kind.pack(record.content),
        "handover_id": record.handover_id,
        "head": record.head,
        "drill": record.drill,
    }


def record_of(row: RowMapping | Mapping[str, Any], kind: Kind[C] | None = None) -> Record[C]:
    """Return the record that a row of the record table holds."""
    kind = kind or kind_named(row["kind"])
    return Record(
        kind=kind,
        id=as_id(kind.prefix, row["id"]),
        content=kind.unpack(row["content"]),
        state=row["state"],
        version=row["version"],
        revision=row["revision"],
        void=row["void"],
        customer_id=row["customer_id"] or "",
        case_id=row["case_id"] or "",
        branch_id=row["branch_id"] or "",
        held_at_id=row["held_at_id"] or "",
        source=Source(SourceKind(row["source_kind"]), row["source_detail"]),
        recorded_at=row["recorded_at"],
        recorded_by=row["recorded_by"],
        responsible_role=Role(row["responsible_role"]) if row["responsible_role"] else None,
        owner=row["owner"],
        evidence=tuple(msgspec.convert(row["evidence"], list[Evidence])),
        approval=msgspec.convert(row["approval"], Approval),
        closure=msgspec.convert(row["closure"], Closure),
        signature=msgspec.convert(row["signature"], Signature | None),
        handover_id=row["handover_id"] or "",
        head=bytes(row["head"]),
        drill=row["drill"],
    )


def pin_of(row: RowMapping | Mapping[str, Any]) -> Pin:
    """Return the pin that a row of the pin table holds."""
    return Pin(
        record_id=row["record_id"],
        kind=row["kind"],
        relied_version=row["relied_version"],
        settled_version=row["settled_version"],
        settled_by=row["settled_by"],
        fields=tuple(row["fields"]),
        fixed=row["fixed"],
        settled_void=row["settled_void"],
        may_expire=row["may_expire"],
    )
