"""Looks at people: what an RPC's answer shows of them, what for, and to whom one person's file is
open.

An RPC declares it in the contract (`(optichain.auth.v1.access)`); who sees which protection tier,
and who serves every branch, is rule data (`access_policy`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from chassis.actor import Actor
from chassis.contract import RuleMissing
from chassis.errors import NotPermitted, invalid
from chassis.rules import in_force
from optichain.auth.v1 import access_pb2

PURPOSE = "x-purpose"
"""Where a caller says what a look is for, as metadata and as an HTTP header."""

ORDINARY = "ordinary"
"""The tier of somebody of whom nothing else is known."""


class AccessKind(StrEnum):
    """What of people an answer shows."""

    PERSON = "person"
    VISION_FILE = "vision_file"
    CHANGES = "changes"
    EVIDENCE = "evidence"
    PEOPLE_SEARCH = "people_search"
    WORKLIST = "worklist"
    EXPORT = "export"


OWN_FILE = frozenset(
    {AccessKind.PERSON, AccessKind.VISION_FILE, AccessKind.CHANGES, AccessKind.EVIDENCE}
)
"""Kinds that show the file of one person, which may be closed to the caller."""

_EVEN_OF_NOBODY = frozenset({AccessKind.PEOPLE_SEARCH, AccessKind.EXPORT})


class AccessPurpose(StrEnum):
    """What somebody looks for."""

    CARE = "care"
    DISPENSING = "dispensing"
    FABRICATION = "fabrication"
    CONTACT = "contact"
    COMPLAINT = "complaint"
    PERSON_REQUEST = "person_request"
    AUDIT = "audit"
    ADMINISTRATION = "administration"


class BreakGlassNeeded(NotPermitted):
    """The file is closed to the caller: the branch does not know the person, or the tier is above
    the caller's roles."""

    reason = "BREAK_GLASS_NEEDED"


@dataclass(frozen=True)
class Access:
    """What an RPC's answer shows, what for as a rule, and in which of its fields if not in all."""

    kind: AccessKind
    usual: AccessPurpose
    only_in: frozenset[str] = frozenset()

    @property
    def counts_of_nobody(self) -> bool:
        """Tell whether the look counts although nobody was shown: somebody was searched for."""
        return self.kind in _EVEN_OF_NOBODY and not self.only_in


def access_of(method: Any) -> Access | None:
    """Return what an RPC says that it shows of people; None when it shows nobody. Raises
    RuleMissing for an option that leaves kind or purpose open."""
    options = method.GetOptions()
    if not options.HasExtension(access_pb2.access):
        return None
    written = options.Extensions[access_pb2.access]
    if not (written.kind and written.usual):
        raise RuleMissing(f"{method.full_name} shows people and does not say what, or what for")
    return Access(
        kind=AccessKind(_word(access_pb2.AccessKind, written.kind, "ACCESS_KIND_")),
        usual=AccessPurpose(_word(access_pb2.AccessPurpose, written.usual, "ACCESS_PURPOSE_")),
        only_in=frozenset(written.only_in),
    )


def _word(enum: Any, number: int, prefix: str) -> str:
    name: str = enum.Name(number)
    return name.removeprefix(prefix).lower()


def purpose_of(said: str, access: Access) -> AccessPurpose:
    """Return what a look is for: what the caller said, or else the usual. Raises Invalid."""
    return check_purpose(said) or access.usual


def check_purpose(said: str) -> AccessPurpose | None:
    """Return the purpose that was said, if one was. Raises Invalid naming the header."""
    if not said:
        return None
    try:
        return AccessPurpose(said)
    except ValueError:
        raise invalid(PURPOSE, "purpose", f"must be one of {', '.join(AccessPurpose)}") from None


@dataclass(frozen=True)
class Standing:
    """How a person's file stands towards somebody: its tier, whether the branch knows the person,
    and the breaking of the glass that opens it to this very caller."""

    tier: str = ORDINARY
    is_known_here: bool = False
    break_glass_id: str = ""


@dataclass(frozen=True)
class Clearance:
    """Why a file is open to somebody: what an auditor wants to see beside the look."""

    tier: str = ORDINARY
    is_elsewhere: bool = False
    break_glass_id: str = ""


Guard = Callable[[Any, str, frozenset[str]], Clearance]
"""What a service that keeps files says of a look: `(call, customer_id, branches of the records
shown)`. Raises BreakGlassNeeded, Unavailable."""


@dataclass(frozen=True)
class AccessPolicy:
    """One edition of the policy."""

    body: Any

    @classmethod
    def in_force(cls, connection: Connection, at: datetime) -> AccessPolicy:
        """Return the edition in force. Raises NoRuleInForce."""
        return cls(in_force(connection, "access_policy", at.date()).body)

    def known_since(self, at: datetime) -> datetime:
        """Return since when a visit makes a person known at a branch."""
        return at - timedelta(days=self.body["known_for_days"])

    def sees(self, actor: Actor, tier: str) -> bool:
        """Tell whether one of the actor's roles sees files of the tier."""
        seeing = self.body["sees"].get(tier)
        return seeing is None or not _roles(actor).isdisjoint(seeing)

    def serves_every_branch(self, actor: Actor) -> bool:
        """Tell whether the actor's work is about people of every branch."""
        return not _roles(actor).isdisjoint(self.body["serves_every_branch"])

    def cleared(self, actor: Actor, customer_id: str, standing: Standing) -> Clearance:
        """Return why the file is open to the actor. Raises BreakGlassNeeded."""
        sees = self.sees(actor, standing.tier)
        is_here = standing.is_known_here or self.serves_every_branch(actor)
        if sees and is_here:
            return Clearance(standing.tier, not standing.is_known_here)
        if standing.break_glass_id:
            return Clearance(standing.tier, not standing.is_known_here, standing.break_glass_id)
        closed = "your branch does not know this person" if sees else "your roles do not see it"
        raise BreakGlassNeeded(
            f"this file is closed to you: {closed}; if it cannot wait, break the glass"
            " (BreakGlass) with a reason, which somebody else will judge, and look again",
            customer_id=customer_id,
            closed_by="other_branch" if sees else "protection_tier",
        )


def _roles(actor: Actor) -> frozenset[str]:
    return frozenset((*actor.roles, actor.role))
