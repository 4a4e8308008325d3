"""Reviews opened and ended, once for every service.

A change opens one for each open record whose pin it makes stale; so does the gate that is refused
first. It ends when the pin is settled at the version that was judged, when the record stands afresh
on the live one, or with the record itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.dialects.postgresql import insert

from chassis.ids import as_uuid, new_id
from chassis.records import holdings, worklist_rows
from chassis.records.changes import VOIDING, ChangeKind
from chassis.records.envelope import Record
from chassis.records.facts import RecordChanged
from chassis.records.kinds import Reviewed, owner_of
from chassis.records.pins import Pin, StalePin
from chassis.records.review_policy import ReviewPolicy
from chassis.records.reviews import Decision, Review, review_kind
from chassis.records.rows import record_of
from chassis.records.tables import record as record_table
from chassis.records.tables import review as review_table

if TYPE_CHECKING:
    from chassis.records.book import RecordBook


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What makes pins stale, as it was heard, or as a gate was told."""

    record_id: str
    record_kind: str
    version: int
    what: ChangeKind
    fields: tuple[str, ...]
    changed_at: datetime
    successor_id: str = ""
    gate: str = ""

    @property
    def is_void(self) -> bool:
        """Whether nobody may rely on the record any more."""
        return self.what in VOIDING

    def makes_stale(self, pin: Pin) -> bool:
        """Tell whether a pin on the record no longer holds."""
        if self.what is ChangeKind.EXPIRED and pin.may_expire:
            return False
        return _is_behind(pin, self.version, is_void=self.is_void) and (
            self.is_void or pin.rests_on(self.fields)
        )


def heard(changed: RecordChanged) -> Cause:
    """Return the cause that an event tells of."""
    return Cause(
        record_id=changed.record_id,
        record_kind=changed.kind,
        version=changed.version,
        what=changed.what,
        fields=changed.fields,
        changed_at=changed.changed_at,
        successor_id=changed.successor_id,
    )


def told(stale: StalePin, gate: str) -> Cause:
    """Return the cause that a gate was told of."""
    change = stale.change
    return Cause(
        record_id=stale.pin.record_id,
        record_kind=stale.pin.kind,
        version=change.version,
        what=change.what,
        fields=tuple(one.field for one in change.fields),
        changed_at=change.changed_at,
        successor_id=change.successor_id,
        gate=gate,
    )


def open_for(book: RecordBook, cause: Cause, *, only: str = "") -> None:
    """Open a review for every open record that the cause makes stale (or for one of them), unless
    it has one already; and end what a lock asked, once the lock has ended."""
    stale = _made_stale(book, cause, only)
    if stale:
        # Who moves one on to something else meanwhile could not see a review that is not committed.
        holdings.hold(book.connection, stale)
        for holder in _made_stale(book, cause, only):
            _open(book, cause, holder)
    if not cause.is_void:
        _end_locks(book, cause)


def _made_stale(book: RecordBook, cause: Cause, only: str) -> list[Record[Any]]:
    return [
        holder
        for holder, pin in holdings.holders_of(book.connection, cause.record_id)
        if holder.id == (only or holder.id) and _asked(holder) and cause.makes_stale(pin)
    ]


def settle_holders(book: RecordBook, holders: Iterable[Record[Any]]) -> None:
    """End the reviews of records that stand afresh on what changed, or that have ended."""
    for holder in holders:
        waiting = open_reviews(book.connection, review_table.c.holder_id == as_uuid(holder.id))
        if not waiting:
            continue
        pins = {one.record_id: one for one in holdings.pins_of(book.connection, holder.id)}
        for review in waiting:
            content = review.content
            pin = pins.get(content.record_id)
            if _asked(holder) is None:
                close(book, review, reason_code="HOLDER_ENDED")
            elif pin is None or not _is_behind(pin, content.version, is_void=content.is_void):
                close(book, review, decision=Decision.ADOPT, reason_code="RELIED_AFRESH")


def open_reviews(connection: Connection, *where: ColumnElement[bool]) -> list[Record[Review]]:
    """Return the reviews that are not closed, the most urgent first."""
    rows = connection.execute(
        select(record_table)
        .join(review_table, review_table.c.id == record_table.c.id)
        .where(review_table.c.closed_at.is_(None), *where)
        .order_by(review_table.c.due_at, review_table.c.id)
    ).mappings()
    return [record_of(row) for row in rows]


def close(
    book: RecordBook,
    review: Record[Review],
    *,
    decision: Decision | None = None,
    reason_code: str = "",
    **said: Any,
) -> Record[Review]:
    """End a review; `decision` stands unless one was taken before."""
    if decision is not None and review.content.decision is None:
        said |= {"decision": decision, "decided_by": book.actor.id, "decided_at": book.at}
    closed = book.move(
        review, "close", nobody_next=True, closed=True, reason_code=reason_code, **said
    )
    worklist_rows.follow(book, review_table, review, closed, closed_at=book.at)
    return closed


def _asked(holder: Record[Any]) -> Reviewed | None:
    """Return who is asked about a record, and how; None when nobody has to act on it any more."""
    is_open = not holder.void and holder.responsible_role is not None
    return holder.kind.reviewed if is_open else None


def _is_behind(pin: Pin, version: int, *, is_void: bool) -> bool:
    return version > pin.settled_version or (is_void and not pin.settled_void)


def _open(book: RecordBook, cause: Cause, holder: Record[Any]) -> None:
    reviewed = holder.kind.reviewed
    assert reviewed is not None
    role = reviewed.role or holder.responsible_role
    kind = review_kind(owner_of(holder.kind.name))
    review_id = new_id(kind.prefix)
    policy = ReviewPolicy.in_force(book.connection, book.at)
    due_at = book.at + policy.due_in(holder.kind.name)
    row = {
        "id": as_uuid(review_id),
        "holder_id": as_uuid(holder.id),
        "record_id": cause.record_id,
        "version": cause.version,
        "is_void": cause.is_void,
        "responsible_role": role,
        "held_at_id": holder.branch_id,
        "owner": holder.owner,
        "due_at": due_at,
    }
    unless_there = insert(review_table).values(row).on_conflict_do_nothing()
    if book.connection.execute(unless_there.returning(review_table.c.id)).first() is None:
        return
    opened = book.add(
        kind,
        Review(
            holder_id=holder.id,
            holder_kind=holder.kind.name,
            record_id=cause.record_id,
            record_kind=cause.record_kind,
            version=cause.version,
            is_void=cause.is_void,
            what=cause.what,
            fields=cause.fields,
            changed_at=cause.changed_at,
            successor_id=cause.successor_id,
            gate=cause.gate,
            allowed=(Decision.ADOPT, Decision.KEEP, *sorted(map(Decision, reviewed.allows))),
            due_at=due_at,
        ),
        id=review_id,
        customer_id=holder.customer_id,
        case_id=holder.case_id,
        branch_id=holder.branch_id,
        responsible_role=role,
        owner=holder.owner,
        closes_when="review_decided",
        drill=holder.drill,
    )
    worklist_rows.tell(book, opened)


def _end_locks(book: RecordBook, cause: Cause) -> None:
    table = review_table.c
    asked = open_reviews(
        book.connection,
        table.record_id == cause.record_id,
        table.is_void,
        table.version < cause.version,
    )
    for review in asked:
        if review.content.what is ChangeKind.LOCKED:
            close(book, review, reason_code="LOCK_ENDED")
