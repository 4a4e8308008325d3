"""What customer does about erasing people: notes what keeps them, takes requests, decides by the
retention rule, carries out what was approved, and proposes those whom nothing keeps any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from chassis import evidence, rules
from chassis.db import UnitOfWork
from chassis.errors import NotPermitted, invalid
from chassis.records import erasing
from chassis.records.changes import ChangeKind
from chassis.records.duties import duties
from chassis.records.envelope import Approval, ApprovalStatus, Record
from chassis.roles import Role
from customer import commands_follow_up, store, store_erasure
from customer.commands_contact import keep_answer
from customer.contact import CONTACT_PERMISSION, ContactPermission, PermissionAnswer, Purpose
from customer.erasure import (
    ERASURE,
    Erasure,
    ErasureDecision,
    ErasureGround,
    IdentityCheck,
    require_impersonal,
)
from customer.errors import BusinessOpen, ErasureUnderWay, RetentionHolds
from customer.follow_up import FOLLOW_UP, WaiverReason
from customer.guardian import GUARDIAN_LINK
from customer.retention import Hold, Retention
from customer.store import PersonFile

_ERASED = "ERASED"


def note_visit(work: UnitOfWork, *, visit_id: str, customer_id: str, opened_at: datetime) -> None:
    """Note that somebody was seen."""
    store_erasure.note_business(
        work.connection, visit_id, customer_id, store_erasure.VISIT, opened_at, is_open=False
    )


def note_order(work: UnitOfWork, *, order_id: str, customer_id: str, is_open: bool) -> None:
    """Note that an order was confirmed, or that it ended."""
    store_erasure.note_business(
        work.connection,
        order_id,
        customer_id,
        store_erasure.ORDER,
        work.told_at,
        is_open=is_open,
    )


@duties("erasure_requester")
def request_erasure(
    work: UnitOfWork,
    *,
    customer_id: str,
    ground: ErasureGround,
    reason: str,
    identity_check: IdentityCheck,
    object_keys: Sequence[str] = (),
) -> Record[Erasure]:
    """Ask that a person be erased. Raises Unknown, PersonErased, ErasureUnderWay,
    EvidenceUnconfirmed, Invalid."""
    if ground is ErasureGround.RETENTION_OVER:
        raise invalid("ground", "ground", "is proposed by rule, not asked for")
    file = _locked(work, customer_id)
    require_impersonal("reason", reason, file.person.content)
    if store_erasure.under_way(work.connection, file.ids) is not None:
        raise ErasureUnderWay("an erasure of this person has not ended", id=file.person.id)
    return work.records.add(
        ERASURE,
        Erasure(ground=ground, reason=reason.strip(), identity_check=identity_check),
        customer_id=file.person.id,
        evidence=work.records.evidence(object_keys),
        responsible_role=_deciders(work)[0],
        closes_when="person_erased_or_refused",
    )


@duties("erasure_decider", on="erasure_id")
def decide_erasure(
    work: UnitOfWork,
    *,
    erasure_id: str,
    revision: int,
    decision: ErasureDecision,
    reason: str,
) -> Record[Erasure]:
    """Refuse an erasure, or approve it: then it is carried out, or the person is restricted while a
    retention rule holds.

    Raises Unknown, Outdated, NotPermitted, DutiesNotSeparate, MoveForbidden, BusinessOpen,
    RetentionHolds, Invalid.
    """
    erasure = work.records.live(ERASURE, erasure_id, revision=revision)
    _require_decider(work, erasure)
    file = _locked(work, erasure.customer_id)
    require_impersonal("reason", reason, file.person.content)
    if decision is ErasureDecision.REFUSE:
        return _decided(work, erasure, "refuse", reason, nobody_next=True, closed=True)
    _require_no_business(work, file)
    holds = _holds(work, file, against_request=_was_asked(erasure))
    if not holds:
        return _decided(work, erasure, "approve", reason, nobody_next=True)
    if erasure.state == "requested" and _was_asked(erasure):
        return _restricted(work, erasure, file, holds, reason)
    raise RetentionHolds(
        "a retention rule still holds",
        missing=[
            f"end of {one.retention_class} (edition {one.edition}) on {one.until}" for one in holds
        ],
        id=erasure.id,
        until=holds[0].until.isoformat(),
    )


def _was_asked(erasure: Record[Erasure]) -> bool:
    return erasure.content.ground is not ErasureGround.RETENTION_OVER


def _deciders(work: UnitOfWork) -> list[Role]:
    rule = rules.in_force(work.connection, "erasure", work.at.date()).body
    return [Role(name) for name in rule["decided_by"]]


def _require_decider(work: UnitOfWork, erasure: Record[Erasure]) -> None:
    deciders = _deciders(work)
    if not work.actor.roles & set(deciders):
        raise NotPermitted(
            f"decided by: {', '.join(deciders)}", reason="ROLE_NOT_PERMITTED", id=erasure.id
        )


def _locked(work: UnitOfWork, customer_id: str) -> PersonFile:
    """Return what is kept of a person whom nobody else writes meanwhile. Raises Unknown,
    PersonErased."""
    store.lock_people(work.connection, store.living(work.connection, customer_id))
    return store.file_of(work.connection, customer_id)


def _require_no_business(work: UnitOfWork, file: PersonFile) -> None:
    open_orders = store_erasure.open_orders(work.connection, file.ids)
    if open_orders:
        raise BusinessOpen(
            "an order of this person has not ended",
            missing=[f"end of {order_id}" for order_id in open_orders],
            id=file.person.id,
        )


def _holds(work: UnitOfWork, file: PersonFile, *, against_request: bool) -> tuple[Hold, ...]:
    connection = work.connection
    rule = rules.in_force(connection, "retention", work.at.date())
    links = store.links_by_guardians(connection, file.ids)
    wards = store.living_of(connection, [link.customer_id for link in links]).values()
    known = store_erasure.last_days(connection, file.ids, store.ids_of(connection, list(wards)))
    today = store.country(connection, work.at).today()
    return Retention(rule.edition, rule.body).holds(known, today, against_request=against_request)


def _decided(
    work: UnitOfWork,
    erasure: Record[Erasure],
    verb: str,
    reason: str,
    *,
    nobody_next: bool = False,
    closed: bool = False,
    **progress: Any,
) -> Record[Erasure]:
    status = ApprovalStatus.REJECTED if verb == "refuse" else ApprovalStatus.APPROVED
    approval = Approval(status=status, decided_by=work.actor.id, decided_at=work.at)
    return work.records.move(
        erasure,
        verb,
        approval=approval,
        nobody_next=nobody_next,
        closed=closed,
        reason_code=f"ERASURE_{verb.upper()}",
        decision_reason=reason.strip(),
        **progress,
    )


def _restricted(
    work: UnitOfWork,
    erasure: Record[Erasure],
    file: PersonFile,
    holds: tuple[Hold, ...],
    reason: str,
) -> Record[Erasure]:
    """Keep a person for the retention time only: nobody finds or advertises to the person."""
    work.records.move(file.person, "restrict", reason_code="ERASURE_RESTRICT")
    store_erasure.hide(work.connection, file.ids, "restricted")
    for permission in file.of(CONTACT_PERMISSION):
        if permission.content.purpose is Purpose.MARKETING:
            no = ContactPermission(
                purpose=Purpose.MARKETING,
                answer=PermissionAnswer.NO,
                channels=(),
                answered_by_id=file.person.id,
            )
            keep_answer(work, file, no)
            break
    return _decided(work, erasure, "restrict", reason, held_by=holds, held_until=holds[0].until)


def carry_out_next(work: UnitOfWork) -> bool:
    """Carry out the erasure that was approved first; false when there is none. One of whom an order
    or a retention rule was heard of since is to be decided again."""
    erasure = store_erasure.next_approved(work.connection)
    if erasure is None:
        return False
    file = _locked(work, erasure.customer_id)
    is_held = _holds(work, file, against_request=_was_asked(erasure))
    if is_held or store_erasure.open_orders(work.connection, file.ids):
        work.records.move(
            erasure, "reopen", responsible_role=_deciders(work)[0], reason_code="HEARD_SINCE"
        )
        return True
    _end_what_others_see(work, file)
    _let_files_go(work, file)
    work.records.void(
        file.person, ChangeKind.REVOKED, state="erased", reason_code=_ERASED, reason=""
    )
    store_erasure.hide(work.connection, file.ids, "erased")
    work.records.move(
        erasure, "erase", nobody_next=True, closed=True, reason_code=_ERASED, erased_at=work.at
    )
    erasing.erase(work.connection, file.ids, work.at)
    return True


def _end_what_others_see(work: UnitOfWork, file: PersonFile) -> None:
    """End links, suspicions and plans that name the person, on both sides."""
    links = store.of_people(work.connection, GUARDIAN_LINK, file.ids)
    for link in [*links, *store.links_by_guardians(work.connection, file.ids)]:
        work.records.void(link, ChangeKind.REVOKED, reason_code=_ERASED, reason="")
    for duplicate in file.duplicates:
        work.records.move(duplicate, "lapse", nobody_next=True, closed=True, reason_code=_ERASED)
    for follow_up in store.of_people(work.connection, FOLLOW_UP, file.ids):
        if follow_up.state == "planned":
            commands_follow_up.waive_follow_up(
                work,
                follow_up_id=follow_up.id,
                revision=follow_up.revision,
                waiver_reason=WaiverReason.NOT_PERMITTED,
            )


def _let_files_go(work: UnitOfWork, file: PersonFile) -> None:
    """Let go of the files of old customers from which the person came."""
    sources = store_erasure.sources_of(work.connection, file.ids)
    batches = [one.split()[0] for one in sources if one.startswith("imp_")]
    if batches:
        _let_go(work, store_erasure.files_of_imports(work.connection, batches))


def let_old_files_go(work: UnitOfWork) -> bool:
    """Let go of files of old customers whose time is over; true when there were some."""
    rule = rules.in_force(work.connection, "retention", work.at.date()).body
    before = work.at - timedelta(days=rule["import_file_days"])
    keys = store_erasure.old_files(work.connection, before)
    _let_go(work, keys)
    return bool(keys)


def _let_go(work: UnitOfWork, object_keys: Sequence[str]) -> None:
    store_erasure.forget_keys(work.connection, object_keys)
    evidence.let_go(work.connection, object_keys, work.at)


def propose_due(work: UnitOfWork) -> bool:
    """Look at the next few people and propose to erase those whom nothing keeps any more; true when
    some were looked at."""
    today = store.country(work.connection, work.at).today()
    rule = rules.in_force(work.connection, "retention", work.at.date()).body
    due = store_erasure.claim_to_look_at(work.connection, today)
    store.lock_people(work.connection, *due)
    again = today + timedelta(days=rule["proposed_again_after_days"])
    for customer_id in due:
        file = store.file_of(work.connection, customer_id)
        holds = _holds(work, file, against_request=False)
        if not holds:
            _propose(work, file)
        look_on = holds[0].until + timedelta(days=1) if holds else again
        store_erasure.look_again(work.connection, customer_id, look_on)
    return bool(due)


def _propose(work: UnitOfWork, file: PersonFile) -> None:
    is_busy = store_erasure.open_orders(work.connection, file.ids)
    if is_busy or store_erasure.under_way(work.connection, file.ids) is not None:
        return
    work.records.add(
        ERASURE,
        Erasure(
            ground=ErasureGround.RETENTION_OVER,
            reason="",
            identity_check=IdentityCheck.NOBODY_ASKED,
        ),
        state="proposed",
        customer_id=file.person.id,
        branch_id=file.person.branch_id,
        responsible_role=_deciders(work)[0],
        closes_when="person_erased_or_refused",
    )
