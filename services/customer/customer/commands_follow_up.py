"""What customer does after the sale: plans a follow-up if one is wanted, records how it went."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from chassis import rules
from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.records.envelope import Record
from chassis.records.person_keys import PersonErased
from chassis.records.pins import pin
from chassis.roles import Role
from customer import store, store_lists
from customer.commands_contact import permission_for, require_permitted
from customer.contact import CONTACT_PERMISSION, Channel, PermissionAnswer, Purpose, answers
from customer.errors import FollowUpNotWanted, FollowUpPlanned, PermissionUnasked
from customer.follow_up import (
    FOLLOW_UP,
    FollowUp,
    FollowUpClosed,
    FollowUpFinding,
    WaiverReason,
    waiver_by,
)
from customer.person import require_unrestricted


def plan_follow_up(
    work: UnitOfWork,
    *,
    customer_id: str,
    due_on: date,
    subject: str,
    case_id: str = "",
    order_id: str = "",
) -> Record[FollowUp]:
    """Plan a follow-up by hand. Raises Unknown, PersonErased, PersonRestricted, FollowUpNotWanted,
    FollowUpPlanned, Invalid."""
    if due_on < store.country(work.connection, work.at).today():
        raise invalid("due_on", "min", "lies in the past")
    file = store.file_of(work.connection, customer_id)
    require_unrestricted(file.person)
    store.hold(work.connection, order_id)
    try:
        permission = permission_for(file, Purpose.ORDER_SERVICE)
    except PermissionUnasked as unasked:
        raise FollowUpNotWanted(unasked.text, missing=unasked.missing) from unasked
    if permission.content.answer is not PermissionAnswer.YES:
        raise FollowUpNotWanted("the customer permits no contact about orders")
    if order_id and store_lists.has_open_follow_up(work.connection, order_id):
        raise FollowUpPlanned("this order has a follow-up to be made", order_id=order_id)
    return work.records.add(
        FOLLOW_UP,
        FollowUp(order_id=order_id, due_on=due_on, subject=subject.strip()),
        customer_id=file.person.id,
        case_id=case_id,
        responsible_role=Role.OPTICIAN,
        closes_when="follow_up_done_or_waived",
        relies_on=[pin(permission)],
    )


def follow_up_after_collection(
    work: UnitOfWork,
    *,
    order_id: str,
    case_id: str,
    customer_id: str,
    branch_id: str,
    collected_at: datetime,
) -> Record[FollowUp] | None:
    """Plan the follow-up of a collected order at its branch, or waive it at once when the customer
    does not permit or want one; there is none for somebody who was erased meanwhile. Raises
    Unknown."""
    country = store.country(work.connection, work.at)
    rule = rules.in_force(work.connection, "follow_up", work.at.date()).body
    try:
        file = store.file_of(work.connection, customer_id)
    except PersonErased:
        return None
    collected_on = collected_at.astimezone(ZoneInfo(country.time_zone)).date()
    waiver = waiver_by(answers(file.of(CONTACT_PERMISSION))[Purpose.ORDER_SERVICE])
    follow_up = work.records.add(
        FOLLOW_UP,
        FollowUp(
            order_id=order_id,
            due_on=collected_on + timedelta(days=rule["days_after_collection"]),
            subject=rule["subject"],
            waiver_reason=waiver,
        ),
        state="waived" if waiver else "planned",
        customer_id=file.person.id,
        case_id=case_id,
        branch_id=branch_id,
        responsible_role=None if waiver else Role.OPTICIAN,
        closes_when="follow_up_done_or_waived",
    )
    if waiver:
        _tell_closed(work, follow_up)
    return follow_up


def record_follow_up(
    work: UnitOfWork,
    *,
    follow_up_id: str,
    revision: int,
    finding: FollowUpFinding,
    channel: Channel,
    said: str = "",
) -> Record[FollowUp]:
    """Record how the customer gets on. Raises Unknown, WrongBranch, Outdated, MoveForbidden,
    PermissionUnasked, ChannelNotPermitted."""
    follow_up = work.records.live(FOLLOW_UP, follow_up_id, revision=revision)
    file = store.file_of(work.connection, follow_up.customer_id)
    require_permitted(permission_for(file, Purpose.ORDER_SERVICE), channel)
    done = work.records.move(
        follow_up,
        "make",
        nobody_next=True,
        closed=True,
        finding=finding,
        channel=channel,
        said=said.strip(),
    )
    _tell_closed(work, done)
    return done


def waive_follow_up(
    work: UnitOfWork,
    *,
    follow_up_id: str,
    revision: int,
    waiver_reason: WaiverReason,
    waiver_note: str = "",
) -> Record[FollowUp]:
    """Waive a follow-up. Raises Unknown, WrongBranch, Outdated, MoveForbidden, Invalid."""
    follow_up = work.records.live(FOLLOW_UP, follow_up_id, revision=revision)
    waived = work.records.move(
        follow_up,
        "waive",
        nobody_next=True,
        closed=True,
        waiver_reason=waiver_reason,
        waiver_note=waiver_note.strip(),
    )
    _tell_closed(work, waived)
    return waived


def _tell_closed(work: UnitOfWork, follow_up: Record[FollowUp]) -> None:
    work.tell(
        follow_up,
        FollowUpClosed(
            follow_up_id=follow_up.id,
            customer_id=follow_up.customer_id,
            case_id=follow_up.case_id,
            order_id=follow_up.content.order_id,
            is_done=follow_up.state == "done",
        ),
    )
