"""What customer does about closed files: sets their tier, breaks the glass, judges it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from chassis import rules
from chassis.access import AccessPurpose
from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.records.duties import duties
from chassis.records.envelope import Record
from chassis.roles import Role
from customer import store, store_protection
from customer.person import PERSON, Person
from customer.protection import (
    BREAK_GLASS,
    BreakGlass,
    BreakGlassFinding,
    ProtectionTier,
    ProtectionTierSet,
)

_ESCALATED_AT_ONCE = 50


def set_protection_tier(
    work: UnitOfWork,
    *,
    customer_id: str,
    revision: int,
    protection_tier: ProtectionTier,
    reason: str,
) -> dict[str, Any]:
    """Set how closely a file is kept. Raises Unknown, Outdated, NothingChanged, Invalid."""
    if protection_tier is ProtectionTier.MINOR:
        raise invalid("protection_tier", "minor", "follows from the birthday and is not set")
    person_id = store.living(work.connection, customer_id)
    person = work.records.live(PERSON, person_id, revision=revision)
    amended = work.records.amend(
        person,
        reason_code="PROTECTION_TIER",
        reason=reason,
        protection_tier=protection_tier,
    )
    tell_tier(work, amended)
    return {
        "customer_id": amended.id,
        "revision": amended.revision,
        "protection_tier": protection_tier,
    }


def tell_tier(work: UnitOfWork, person: Record[Person]) -> None:
    """Tell the tier of each id that a person has: nobody who keeps records rewrites an alias."""
    for one in store.ids_of(work.connection, [person.id]):
        tier = person.content.protection_tier
        work.tell(person, ProtectionTierSet(customer_id=one, protection_tier=tier, set_at=work.at))


@duties("glass_breaker")
def break_glass(
    work: UnitOfWork, *, customer_id: str, purpose: AccessPurpose, reason: str
) -> Record[BreakGlass]:
    """Open a closed file to the caller for a while, and ask somebody else to judge it. Raises
    Unknown, Invalid."""
    person_id = store.living(work.connection, customer_id)
    rule = _rule(work)
    return work.records.add(
        BREAK_GLASS,
        BreakGlass(
            purpose=purpose,
            reason=reason.strip(),
            valid_until=work.at + timedelta(minutes=rule["valid_minutes"]),
            due_at=work.at + timedelta(minutes=rule["due_minutes"]),
        ),
        customer_id=person_id,
        responsible_role=_judge(work, rule),
        closes_when="judged_by_somebody_else",
    )


def _judge(work: UnitOfWork, rule: Any) -> Role:
    """Return who judges: the first role by rule that who broke the glass is not in."""
    own = {work.actor.role, *work.actor.roles}
    judges = [Role(name) for name in rule["judged_by"]]
    return next((role for role in judges if role not in own), judges[-1])


@duties("glass_judge", on="break_glass_id")
def close_break_glass(
    work: UnitOfWork,
    *,
    break_glass_id: str,
    revision: int,
    finding: BreakGlassFinding,
    finding_note: str,
) -> Record[BreakGlass]:
    """Judge a breaking of the glass in the caller's name. Raises Unknown, WrongBranch, Outdated,
    MoveForbidden, DutiesNotSeparate."""
    glass = work.records.get(BREAK_GLASS, break_glass_id, revision=revision)
    return work.records.move(
        glass,
        "judge",
        nobody_next=True,
        closed=True,
        owner=work.actor.id,
        finding=finding,
        finding_note=finding_note.strip(),
        judged_by=work.actor.id,
    )


def note_seen(work: UnitOfWork, *, customer_id: str, branch_id: str, opened_at: datetime) -> None:
    """Keep that a person came to a branch, which may look at the file from now on."""
    store_protection.note_seen(work.connection, customer_id, branch_id, opened_at)


def escalate_break_glasses(work: UnitOfWork) -> bool:
    """Bring what nobody has judged in time to the next role up; true when more may be due."""
    rule = _rule(work)
    up = rule["escalates_to"]
    due = store_protection.overdue(work.connection, work.at, list(up), _ESCALATED_AT_ONCE)
    for glass_id in due:
        glass = work.records.get(BREAK_GLASS, glass_id)
        late = glass.responsible_role or Role(rule["judged_by"][0])
        work.records.move(
            glass,
            "escalate",
            responsible_role=Role(up[late]),
            reason_code="OVERDUE",
            due_at=work.at + timedelta(minutes=rule["due_minutes"]),
            escalated_from=(*glass.content.escalated_from, late),
        )
    return len(due) == _ESCALATED_AT_ONCE


def _rule(work: UnitOfWork) -> Any:
    return rules.in_force(work.connection, "break_glass", work.at.date()).body
