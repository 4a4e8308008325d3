"""How closely a person's file is kept, and the breaking of the glass: a look at a closed file for a
reason that somebody else judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chassis.access import ORDINARY, AccessPurpose
from chassis.errors import invalid
from chassis.records.kinds import Kind, Transitions, moves
from chassis.roles import Role


class ProtectionTier(StrEnum):
    """How closely a file is kept. A minor's tier follows from the birthday and is never set."""

    ORDINARY = ORDINARY
    MINOR = "minor"
    VIP = "vip"
    STAFF = "staff"


_STRENGTH = tuple(ProtectionTier)
"""From the least to the closest."""


def closer(one: ProtectionTier, other: ProtectionTier) -> ProtectionTier:
    """Return the tier of the two that keeps a file more closely."""
    return max(one, other, key=_STRENGTH.index)


def tier_now(as_set: ProtectionTier, *, is_minor: bool) -> ProtectionTier:
    """Return the tier that counts: that of a minor, unless a closer one was set."""
    return closer(as_set, ProtectionTier.MINOR) if is_minor else as_set


@dataclass(frozen=True, kw_only=True)
class ProtectionTierSet:
    """How closely a person's file is kept was set; told of each id that the person has."""

    customer_id: str
    protection_tier: ProtectionTier
    set_at: datetime


class BreakGlassFinding(StrEnum):
    """What was found about a breaking of the glass."""

    JUSTIFIED = "justified"
    UNJUSTIFIED = "unjustified"


@dataclass(frozen=True, kw_only=True)
class BreakGlass:
    """What a closed file was needed for and why, until when it is open to who broke the glass, when
    that should be judged; and once it is, what was found by whom. Raises Invalid."""

    purpose: AccessPurpose
    reason: str
    valid_until: datetime
    due_at: datetime
    escalated_from: tuple[Role, ...] = field(default=())
    finding: BreakGlassFinding | None = None
    finding_note: str = ""
    judged_by: str = ""

    def __post_init__(self) -> None:
        if not any(one.isalpha() for one in self.reason):
            raise invalid("reason", "words", "must say in words why the file is needed")


BREAK_GLASS = Kind(
    "customer.break_glass",
    "bgl",
    BreakGlass,
    Transitions("open", moves(judge={"open": "closed"}, escalate={"open": "open"})),
    progress=frozenset({"due_at", "escalated_from", "finding", "finding_note", "judged_by"}),
    readers=frozenset({Role.BRANCH_MANAGER, Role.QUALITY_MANAGER, Role.HEAD_OFFICE, Role.AUDITOR}),
    personal=True,
)
