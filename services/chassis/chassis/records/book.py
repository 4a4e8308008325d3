"""The record book of one unit of work: reads and writes records, and keeps history, pins and
handovers with them.

Every write makes the next revision where the revision read still stands, appends history, gives a
handover when the responsible role or place changes, and tells others when pins may have become
stale. Domain code never does any of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, insert, select, update

from chassis import telemetry
from chassis.actor import Actor
from chassis.errors import NotPermitted, Outdated, Refused, Unknown, invalid
from chassis.evidence import named as confirmed_evidence
from chassis.ids import as_uuid, new_id
from chassis.records import apart, handovers, history, holdings, known_versions
from chassis.records.changes import TOLD_TO_OTHERS, VOIDING, Change, ChangeKind, difference
from chassis.records.envelope import (
    Approval,
    Closure,
    Evidence,
    Record,
    Signature,
    Source,
    SourceKind,
)
from chassis.records.facts import RecordChanged
from chassis.records.kinds import Kind, MoveForbidden, is_kept_here
from chassis.records.pins import Pin, flat
from chassis.records.rows import record_of, record_row
from chassis.records.tables import history as history_table
from chassis.records.tables import record as record_table
from chassis.roles import Role

C = TypeVar("C")

_FIND = select(record_table).where(
    record_table.c.id == bindparam("record_id"), record_table.c.kind == bindparam("kind_name")
)
_ADD = insert(record_table)
_OVERWRITE = (
    update(record_table)
    .where(
        record_table.c.id == bindparam("record_id"), record_table.c.revision == bindparam("before")
    )
    .returning(record_table.c.revision)
)
_APPEND = insert(history_table)


class RecordVoid(Refused):
    """The record was superseded, revoked, expired, locked or merged: nobody goes on from it."""

    reason = "RECORD_VOID"


class WrongBranch(NotPermitted):
    """The record belongs to another branch and does not wait here."""

    reason = "WRONG_BRANCH"


class NothingChanged(Refused):
    """An amendment must change something."""

    reason = "NOTHING_CHANGED"


@dataclass
class RecordBook:
    """The records of one unit of work. `expected` holds the revisions a gate has loaded, by record
    id."""

    connection: Connection
    actor: Actor
    at: datetime
    seal: history.Seal | None = None
    facts: list[tuple[str, Any, str]] = field(default_factory=list)
    expected: dict[str, int] = field(default_factory=dict)
    changed: list[RecordChanged] = field(default_factory=list)
    """What this unit of work has changed that others may rely on."""
    settled: dict[str, Record[Any]] = field(default_factory=dict)
    """Records of reviewed kinds that stand afresh on others now, or ask nobody any more."""
    _history: list[dict[str, Any]] = field(default_factory=list)

    def get(self, kind: Kind[C], record_id: str, *, revision: int | None = None) -> Record[C]:
        """Return a record within the caller's scope.

        Raises Unknown, WrongBranch, DrillApart, and Outdated when `revision`, the one the caller
        saw, is not the live one.
        """
        return self._in_scope(self.find(kind, record_id), revision)

    def live(self, kind: Kind[C], record_id: str, *, revision: int | None = None) -> Record[C]:
        """Return a record that may be relied on; like `get`, and raises RecordVoid."""
        record = self.get(kind, record_id, revision=revision)
        if record.void:
            raise RecordVoid(f"{record_id} is {record.void}", id=record_id, state=record.void)
        return record

    def find(self, kind: Kind[C], record_id: str) -> Record[C]:
        """Return a record whatever the caller's scope, for rules that look across branches, but not
        across drills. Raises Unknown, DrillApart."""
        asked = {"record_id": as_uuid(record_id), "kind_name": kind.name}
        row = self.connection.execute(_FIND, asked).mappings().first()
        if row is None:
            raise Unknown(f"{record_id} is not kept here", id=record_id)
        found = record_of(row, kind)
        apart.require_together(self.actor, found.id, found.drill, chain_wide=kind.chain_wide)
        return found

    def _in_scope(self, record: Record[C], revision: int | None) -> Record[C]:
        if not record.kind.is_within_reach(self.actor, record.branch_id, record.held_at_id):
            raise WrongBranch(f"{record.id} belongs to another branch", id=record.id)
        for wanted in (revision, self.expected.get(record.id)):
            if wanted and wanted != record.revision:
                raise Outdated(
                    f"{record.id} stands at revision {record.revision}, not {wanted}",
                    id=record.id,
                    live_revision=record.revision,
                )
        _mark(record)
        return record

    def pins_of(self, record_id: str) -> tuple[Pin, ...]:
        """Return the pins a record stands on."""
        return holdings.pins_of(self.connection, record_id)

    def evidence(self, object_keys: Sequence[str]) -> tuple[Evidence, ...]:
        """Return confirmed uploads as evidence. Raises EvidenceUnconfirmed, NotPermitted
        (WRONG_BRANCH)."""
        return confirmed_evidence(self.connection, object_keys, self.actor)

    def signature(self, field: str, object_key: str) -> tuple[Evidence, ...]:
        """Return the confirmed image of a signature as evidence. Raises EvidenceUnconfirmed,
        Invalid naming the field."""
        evidence = self.evidence([object_key])
        if not all(one.is_picture for one in evidence):
            raise invalid(field, "media_type", "must be an image of the signature")
        return evidence

    def add(
        self,
        kind: Kind[C],
        content: C,
        *,
        id: str = "",
        state: str = "",
        customer_id: str = "",
        case_id: str = "",
        branch_id: str = "",
        held_at_id: str = "",
        responsible_role: Role | None = None,
        owner: str = "",
        source: Source | None = None,
        evidence: Sequence[Evidence] = (),
        approval: Approval | None = None,
        closes_when: str = "",
        relies_on: Iterable[Pin] = (),
        signed: bool = False,
        drill: str = "",
    ) -> Record[C]:
        """Record something new at version 1, standing on the given pins (and on what those records
        stand on); `signed` by the caller, who confirmed the own password just now. `drill` is that
        of the record it is about, where the actor may be the clock.

        Raises DrillApart.
        """
        branch = branch_id or self.actor.branch_id
        record = Record(
            kind=kind,
            id=id or new_id(kind.prefix),
            content=content,
            state=state or kind.transitions.start,
            customer_id=customer_id,
            case_id=case_id,
            branch_id=branch,
            held_at_id=held_at_id or branch,
            source=source or self._source(),
            recorded_at=self.at,
            recorded_by=self.actor.id,
            responsible_role=responsible_role,
            owner=owner,
            evidence=tuple(evidence),
            approval=approval or Approval(),
            closure=Closure(condition=closes_when),
            signature=self._signature() if signed else None,
            drill=apart.drill_of_new(
                self.actor, kind.name, chain_wide=kind.chain_wide, about=drill
            ),
        )
        pins = self._stand_on(record.id, relies_on)
        record = self._handed_over(None, record, pins)
        change = self._change(record, ChangeKind.RECORDED)
        record = self._written(record, change)
        self.connection.execute(_ADD, record_row(record))
        _mark(record)
        return record

    def move(
        self,
        record: Record[C],
        verb: str,
        *,
        responsible_role: Role | None = None,
        nobody_next: bool = False,
        held_at_id: str = "",
        owner: str | None = None,
        evidence: Sequence[Evidence] = (),
        approval: Approval | None = None,
        closed: bool = False,
        relies_on: Iterable[Pin] | None = None,
        reason_code: str = "",
        reason: str = "",
        customer_id: str = "",
        case_id: str = "",
        signed: bool = False,
        **progress: Any,
    ) -> Record[C]:
        """Take the record through its transition table. Keyword arguments fill progress fields of
        the content.

        `relies_on` replaces the pins the record stands on; `customer_id` and `case_id` say whose it
        turned out to be. Raises MoveForbidden, Outdated.
        """
        state = record.kind.transitions.after(record.state, verb)
        return self._update(
            record,
            ChangeKind.MOVED,
            state=state,
            content=_with_progress(record, progress),
            responsible_role=None if nobody_next else responsible_role or record.responsible_role,
            customer_id=customer_id or record.customer_id,
            case_id=case_id or record.case_id,
            held_at_id=held_at_id or record.held_at_id,
            owner=record.owner if owner is None else owner,
            evidence=(*record.evidence, *evidence),
            approval=approval or record.approval,
            closure=self._closed(record.closure) if closed else record.closure,
            signature=self._signature() if signed else record.signature,
            relies_on=relies_on,
            reason_code=reason_code,
            reason=reason,
        )

    def note(self, record: Record[C], **progress: Any) -> Record[C]:
        """Fill progress fields without moving the record's state. Raises Outdated."""
        return self._update(record, ChangeKind.MOVED, content=_with_progress(record, progress))

    def amend(
        self,
        record: Record[C],
        *,
        reason_code: str,
        reason: str,
        evidence: Sequence[Evidence] = (),
        relies_on: Iterable[Pin] | None = None,
        state: str = "",
        responsible_role: Role | None = None,
        customer_id: str = "",
        case_id: str = "",
        closes_when: str = "",
        signed: bool = False,
        **corrected: Any,
    ) -> Record[C]:
        """Correct content: the next version, with old and new values kept and everybody told who
        relied on it. `customer_id` and `case_id` say whose it is after all. Unless it is `signed`
        again, nobody has signed the new version.

        Raises NothingChanged, RecordVoid, Outdated.
        """
        if record.void:
            raise RecordVoid(f"{record.id} is {record.void}", id=record.id, state=record.void)
        content = replace(record.content, **corrected)  # type: ignore[type-var]  # content classes are dataclasses
        if not difference(record.kind.pack(record.content), record.kind.pack(content)):
            raise NothingChanged(f"the amendment of {record.id} changes nothing", id=record.id)
        return self._update(
            record,
            ChangeKind.AMENDED,
            content=content,
            version=record.version + 1,
            evidence=(*record.evidence, *evidence),
            relies_on=relies_on,
            state=state or record.state,
            responsible_role=responsible_role or record.responsible_role,
            customer_id=customer_id or record.customer_id,
            case_id=case_id or record.case_id,
            closure=Closure(condition=closes_when) if closes_when else record.closure,
            signature=self._signature() if signed else None,
            reason_code=reason_code,
            reason=reason,
        )

    def void(
        self,
        record: Record[C],
        what: ChangeKind,
        *,
        reason_code: str,
        reason: str,
        successor_id: str = "",
        state: str = "",
        even_expired: bool = False,
    ) -> Record[C]:
        """End what others may rely on: superseded, revoked, expired, locked or merged. The state is
        called after that unless the trade has a word of its own.

        `even_expired`: whoever finishes on a record whose time has run out is stopped as well; the
        next version, since they may have judged the end of the one before. Raises RecordVoid,
        Outdated.
        """
        if what not in VOIDING:
            raise ValueError(f"{what} does not end a record")
        if record.void and not (even_expired and record.void == ChangeKind.EXPIRED):
            raise RecordVoid(f"{record.id} is {record.void}", id=record.id, state=record.void)
        return self._update(
            record,
            what,
            void=str(what),
            version=record.version + bool(record.void),
            state=state or str(what),
            responsible_role=None,
            reason_code=reason_code,
            reason=reason,
            successor_id=successor_id,
        )

    def unlock(
        self,
        record: Record[C],
        verb: str,
        *,
        reason_code: str,
        reason: str,
        responsible_role: Role | None = None,
        **corrected: Any,
    ) -> Record[C]:
        """End a lock: the next version, on which others may rely again. What was relied on before
        holds again unless a corrected field is among it. Raises MoveForbidden, Outdated."""
        if record.void != ChangeKind.LOCKED:
            raise MoveForbidden(f"{record.id} is not locked", verb=verb, state=record.state)
        return self._update(
            record,
            ChangeKind.AMENDED,
            content=replace(record.content, **corrected),  # type: ignore[type-var]  # content classes are dataclasses
            version=record.version + 1,
            void="",
            state=record.kind.transitions.after(record.state, verb),
            responsible_role=responsible_role,
            reason_code=reason_code,
            reason=reason,
        )

    def begun(self, record: Record[Any], kind_name: str) -> None:
        """Let a record be finished though what it stands on of that kind expires meanwhile, until
        it stands on something afresh."""
        holdings.let_expire(self.connection, record.id, kind_name)

    def tell(self, about: Record[Any] | str, fact: Any) -> None:
        """Tell other services a fact about a record, once this unit of work is committed."""
        drill, about_id = self.actor.drill, about
        if isinstance(about, Record):
            about_id, drill = about.id, drill or about.drill
        self.facts.append((str(about_id), fact, drill))

    def flush(self) -> None:
        """Append the history that was gathered. Called once, before the facts go to the outbox."""
        if self._history:
            self.connection.execute(_APPEND, self._history)
            self._history.clear()

    def _update(
        self,
        record: Record[C],
        what: ChangeKind,
        *,
        relies_on: Iterable[Pin] | None = None,
        reason_code: str = "",
        reason: str = "",
        successor_id: str = "",
        **values: Any,
    ) -> Record[C]:
        apart.require_writable(self.actor, record)
        after = replace(record, revision=record.revision + 1, **values)
        if relies_on is not None:
            pins: tuple[Pin, ...] | None = self._stand_on(record.id, relies_on, afresh=True)
        else:
            pins = None
        if record.handover_id:
            handovers.take_up(self.connection, [record.id], self.actor, self.at)
        after = self._handed_over(record, after, pins)
        change = self._change(
            after,
            what,
            before=record,
            reason_code=reason_code,
            reason=reason,
            successor_id=successor_id,
        )
        after = self._written(after, change)
        self._overwrite(record, after)
        if what in TOLD_TO_OTHERS:
            changed = _changed(after, change)
            known_versions.hear(self.connection, changed)
            self.changed.append(changed)
            self.tell(after, changed)
        if after.kind.reviewed is not None and (
            pins is not None or after.id in self.settled or after.responsible_role is None
        ):
            self.settled[after.id] = after
        return after

    def _overwrite(self, before: Record[Any], after: Record[Any]) -> None:
        row = record_row(after)
        row["record_id"] = row.pop("id")
        row["before"] = before.revision
        del row["drill"]  # what is or is no drill stays so
        written = self.connection.execute(_OVERWRITE, row).first()
        if written is None:
            raise Outdated(f"{before.id} was written by somebody else meanwhile", id=before.id)

    def _written(self, record: Record[C], change: Change) -> Record[C]:
        row = history.write(record, change, self.seal)
        self._history.append(row.row)
        return replace(record, head=row.head)

    def _change(
        self,
        record: Record[Any],
        what: ChangeKind,
        *,
        before: Record[Any] | None = None,
        **words: str,
    ) -> Change:
        changed = () if before is None else difference(_packed(before), _packed(record))
        return Change(
            what=what,
            version=record.version,
            revision=record.revision,
            changed_by=self.actor.id,
            changed_at=self.at,
            role=self.actor.role,
            fields=changed,
            state=record.state,
            trace_id=telemetry.trace_id(),
            **words,
        )

    def _stand_on(
        self, holder_id: str, relies_on: Iterable[Pin], *, afresh: bool = False
    ) -> tuple[Pin, ...]:
        """Stand on pins and on what their records stand on, and take up what they handed over."""
        direct = list(relies_on)
        here = [one.record_id for one in direct if not one.fixed and is_kept_here(one.record_id)]
        pins = flat([*direct, *holdings.pins_of(self.connection, *here)])
        pins = holdings.stand_on(self.connection, holder_id, pins, afresh=afresh)
        handovers.take_up(self.connection, here, self.actor, self.at)
        return pins

    def _source(self) -> Source:
        if self.actor.role is Role.SYSTEM:
            return Source(SourceKind.SYSTEM, self.actor.service)
        return Source(SourceKind.STAFF)

    def _signature(self) -> Signature:
        return Signature(
            signed_by=self.actor.id,
            signed_at=self.at,
            authenticated_at=self.actor.authenticated_at,
            session_id=self.actor.session_id,
        )

    def _closed(self, closure: Closure) -> Closure:
        return replace(closure, closed_by=self.actor.id, closed_at=self.at)

    def _handed_over(
        self, before: Record[Any] | None, after: Record[C], pins: tuple[Pin, ...] | None
    ) -> Record[C]:
        if not handovers.is_due(before, after, self.actor):
            return after
        if pins is None:
            pins = self.pins_of(after.id)
        handover_id = handovers.give(self.connection, before, after, pins, self.actor, self.at)
        return replace(after, handover_id=handover_id)


def _mark(record: Record[Any]) -> None:
    """Put on the span whom and what the step is about, so that one look-up finds the case."""
    noun = record.kind.name.rpartition(".")[2]
    telemetry.mark(
        record=record.id,
        case=record.case_id,
        order=record.id if noun == "order" else getattr(record.content, "order_id", ""),
        job=record.id if noun == "job" else getattr(record.content, "job_id", ""),
        slip=getattr(record.content, "slip_number", ""),
    )


def _with_progress(record: Record[C], progress: dict[str, Any]) -> C:
    fixed_fields = progress.keys() - record.kind.progress
    if fixed_fields:
        raise ValueError(f"{record.kind.name}: {sorted(fixed_fields)} change by an amendment only")
    return replace(record.content, **progress) if progress else record.content  # type: ignore[type-var]  # dataclass


def _packed(record: Record[Any]) -> Any:
    return record.kind.pack(record.content)


def _changed(record: Record[Any], change: Change) -> RecordChanged:
    return RecordChanged(
        record_id=record.id,
        kind=record.kind.name,
        version=record.version,
        what=change.what,
        fields=tuple(f.field for f in change.fields),
        case_id=record.case_id,
        customer_id=record.customer_id,
        branch_id=record.branch_id,
        changed_at=change.changed_at,
        successor_id=change.successor_id,
        drill=record.drill,
    )
