"""A record: what people rely on, with where it came from, whose it is and what ends it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from chassis.roles import Role

if TYPE_CHECKING:
    from chassis.records.kinds import Kind

C = TypeVar("C")


class SourceKind(StrEnum):
    """Where content came from."""

    STAFF = "staff"
    DEVICE = "device"
    IMPORT = "import"
    LAB = "lab"
    ONLINE = "online"
    SYSTEM = "system"


@dataclass(frozen=True)
class Source:
    """Where content came from, and what exactly: device and serial, batch and line, rule."""

    kind: SourceKind
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One object that shows a record can be believed, known by the sha256 of its bytes."""

    object_key: str
    sha256: str
    media_type: str
    size_bytes: int
    note: str = ""

    @property
    def is_picture(self) -> bool:
        """Tell whether somebody can look at it: a photo or a scan."""
        return self.media_type.startswith("image/")

    @property
    def is_pdf(self) -> bool:
        """Tell whether it is a document as it was printed."""
        return self.media_type == "application/pdf"


class ApprovalStatus(StrEnum):
    """Whether somebody else had to agree, and did."""

    NOT_REQUIRED = "not_required"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True)
class Approval:
    """How an approval stands: who decided, when, why."""

    status: ApprovalStatus = ApprovalStatus.NOT_REQUIRED
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Closure:
    """The typed condition that ends a record, and who ended it when."""

    condition: str = ""
    closed_by: str = ""
    closed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Who signed a record's present version when, and when that person had last confirmed the own
    password, in which session."""

    signed_by: str
    signed_at: datetime
    authenticated_at: datetime | None = None
    session_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Record(Generic[C]):
    """One record as it stands now.

    `version` counts content and is what pins compare; `revision` counts every write and is what
    optimistic locking compares; `head` is the hash of its newest history row; `drill` the drill
    it was made in, which nothing changes afterwards; empty for real work.
    """

    kind: Kind[C]
    id: str
    content: C
    state: str
    version: int = 1
    revision: int = 1
    void: str = ""
    customer_id: str = ""
    case_id: str = ""
    branch_id: str = ""
    held_at_id: str = ""
    source: Source = field(default_factory=lambda: Source(SourceKind.STAFF))
    recorded_at: datetime
    recorded_by: str
    responsible_role: Role | None = None
    owner: str = ""
    evidence: tuple[Evidence, ...] = ()
    approval: Approval = field(default_factory=Approval)
    closure: Closure = field(default_factory=Closure)
    signature: Signature | None = None
    handover_id: str = ""
    head: bytes = b""
    drill: str = ""
