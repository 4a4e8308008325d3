"""What customer does with a file of old customers: one chunk of rows in one transaction, each row
for itself, in a dry run without anybody going in."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from typing import Any

from chassis.db import UnitOfWork
from chassis.errors import Invalid, invalid
from chassis.records.envelope import Record, Source, SourceKind
from customer import store, store_lists
from customer.commands_people import add_person, suspect
from customer.country import Country
from customer.duplicate import Likeness, SharedTrait, holds_up_visit
from customer.errors import FileImported
from customer.guardian import GUARDIAN_LINK, GuardianLink
from customer.import_batch import (
    IMPORT_BATCH,
    ImportBatch,
    ImportContinued,
    ImportOutcome,
    ImportRow,
    ImportStarted,
    counted,
)
from customer.import_file import Chunk, RawRow
from customer.import_row import Newcomer, newcomer
from customer.person import Person, blanks_filled

_GUARDIAN = " guardian"
"""Ends the source of somebody whom a row named as a guardian only."""
_ENDED = "ENDED_BY_HAND"


def start_import(
    work: UnitOfWork, *, object_key: str, dry_run: bool = False
) -> Record[ImportBatch]:
    """Start the import of an uploaded CSV. Raises EvidenceUnconfirmed, FileImported, Invalid."""
    file = work.records.evidence([object_key])[0]
    if file.media_type != "text/csv":
        raise invalid("object_key", "media_type", "must name an upload of text/csv")
    store.hold(work.connection, file.sha256)
    if not dry_run and store_lists.is_imported(work.connection, file.sha256):
        raise FileImported("a file of these bytes went in before, or is going in")
    content = ImportBatch(object_key=object_key, dry_run=dry_run, size_bytes=file.size_bytes)
    batch = work.records.add(
        IMPORT_BATCH, content, evidence=[file], closes_when="every_row_worked_through"
    )
    work.tell(batch, ImportStarted(import_id=batch.id, object_key=object_key))
    return batch


def work_through(work: UnitOfWork, *, import_id: str, chunk: Chunk) -> None:
    """Take in the next chunk of a file; one that was taken in before is left alone. Raises
    Unknown."""
    batch = work.records.find(IMPORT_BATCH, import_id)
    if batch.state != "started" or batch.content.bytes_done != chunk.byte:
        return
    if chunk.failure:
        work.records.move(
            batch, "fail", failure=chunk.failure, failure_text=chunk.failure_text, closed=True
        )
        return
    rows = _Intake(work, batch, chunk).rows()
    store_lists.add_rows(work.connection, import_id, rows)
    progress: dict[str, Any] = {**counted(batch.content, rows), "bytes_done": chunk.next_byte}
    if chunk.is_last:
        work.records.move(batch, "finish", closed=True, **progress)
        return
    work.records.note(batch, **progress)
    work.tell(
        batch,
        ImportContinued(
            import_id=import_id,
            object_key=batch.content.object_key,
            next_byte=chunk.next_byte,
            next_line=chunk.next_line,
            columns=chunk.columns,
        ),
    )


def try_rows(work: UnitOfWork, *, import_id: str, chunk: Chunk) -> None:
    """Take rows in to see whether that can be done; the caller undoes it. Raises whatever a row
    fails with."""
    _Intake(work, work.records.find(IMPORT_BATCH, import_id), chunk).rows()
    work.records.flush()


def end_import(
    work: UnitOfWork, *, import_id: str, revision: int, reason: str
) -> Record[ImportBatch]:
    """End an import that does not go on; what went in stays in, and the file may be started again.
    Raises Unknown, Outdated, MoveForbidden."""
    batch = work.records.get(IMPORT_BATCH, import_id, revision=revision)
    return work.records.move(
        batch, "fail", failure=_ENDED, closed=True, reason_code=_ENDED, reason=reason
    )


class _Intake:
    """Takes the rows of one chunk in, or in a dry run finds out how they would fare."""

    def __init__(self, work: UnitOfWork, batch: Record[ImportBatch], chunk: Chunk) -> None:
        self._work = work
        self._batch = batch
        self._chunk = chunk
        self._country: Country = store.country(work.connection, work.at)
        self._keys: set[bytes] = set()

    def rows(self) -> list[ImportRow]:
        """Return what became of each row."""
        read = [(row.line, self._read(row)) for row in self._chunk.rows]
        self._hold([one for _line, one in read if isinstance(one, Newcomer)])
        before = self._taken_in_before([line for line, _one in read])
        return [before.get(line) or self._row(line, one) for line, one in read]

    def _row(self, line: int, found: Newcomer | Invalid) -> ImportRow:
        if isinstance(found, Invalid):
            return _refused(line, found)
        is_dry = self._batch.content.dry_run
        return self._try(line, found) if is_dry else self._take(line, found)

    def _taken_in_before(self, lines: list[int]) -> dict[int, ImportRow]:
        """Return the rows that an earlier import of this file took in before it failed."""
        if self._batch.content.dry_run:
            return {}
        sha256 = self._batch.evidence[0].sha256
        taken = store_lists.taken_in(self._work.connection, sha256, lines)
        return {
            line: ImportRow(line=line, outcome=ImportOutcome.IN_BEFORE, customer_id=customer_id)
            for line, customer_id in taken.items()
        }

    def _read(self, row: RawRow) -> Newcomer | Invalid:
        try:
            return newcomer(row, self._chunk.columns, self._country)
        except Invalid as problem:
            return problem

    def _hold(self, newcomers: list[Newcomer]) -> None:
        """Hold every phone of the chunk at once, so that two imports never wait for each other."""
        people = [one.person for one in newcomers]
        guardians = [one.guardian for one in newcomers if one.guardian is not None]
        store.hold(self._work.connection, *(one.phone_e164 for one in (*people, *guardians)))

    def _take(self, line: int, found: Newcomer) -> ImportRow:
        named = self._named_as_guardian(found.person)
        if named is not None:
            return self._complete(line, named, found)
        person = add_person(
            self._work,
            found.person,
            source=Source(SourceKind.IMPORT, f"{self._batch.id} line {line}"),
            branch_id=self._batch.branch_id,
        )
        duplicates = suspect(self._work, person)
        row = _added(line, person.id)
        if duplicates:
            one = duplicates[0]
            other = one.content.other_id if one.customer_id == person.id else one.customer_id
            row = replace(row, outcome=ImportOutcome.ADDED_AS_DUPLICATE, duplicate_of_id=other)
        return self._with_guardian(row, person, found)

    def _named_as_guardian(self, person: Person) -> Record[Person] | None:
        """Return who stands for this row already because an earlier row named a guardian."""
        for other in store.alike(
            self._work.connection, Likeness.of(person), drill=self._work.actor.drill
        ):
            detail = other.source.detail
            is_named = detail.startswith(self._batch.id) and detail.endswith(_GUARDIAN)
            shares_name = SharedTrait.NAME in Likeness.of(person).shared_with(
                Likeness.of(other.content)
            )
            if is_named and shares_name and other.version == 1:
                return other
        return None

    def _complete(self, line: int, named: Record[Person], found: Newcomer) -> ImportRow:
        known = blanks_filled(named.content, found.person)
        if known:
            named = self._work.records.amend(
                named, reason_code="IMPORT_ROW", reason=f"line {line} of the same file", **known
            )
            store.reenter(self._work.connection, named)
            suspect(self._work, named)
        row = replace(_added(line, named.id), outcome=ImportOutcome.COMPLETED)
        return self._with_guardian(row, named, found)

    def _with_guardian(self, row: ImportRow, person: Record[Person], found: Newcomer) -> ImportRow:
        if found.guardian is None:
            return row
        left_out = self._guardian_left_out(row, found)
        if left_out is not None:
            return left_out
        guardian = self._guardian(row.line, found.guardian)
        if self._country.is_minor(guardian.content.birthday) or guardian.id == person.id:
            return _noted(row, "GUARDIAN_NOT_ADULT", "the guardian is left out: no adult")
        self._work.records.add(
            GUARDIAN_LINK,
            GuardianLink(guardian_id=guardian.id, relationship=found.relationship),
            customer_id=person.id,
            branch_id=self._batch.branch_id,
            source=Source(SourceKind.IMPORT, f"{self._batch.id} line {row.line}"),
        )
        return row

    def _guardian_left_out(self, row: ImportRow, found: Newcomer) -> ImportRow | None:
        birthday = found.person.birthday
        if found.guardian is None or birthday is None or self._country.is_minor(birthday):
            return None
        return _noted(row, "WARD_NOT_MINOR", "the guardian is left out: the person is an adult")

    def _guardian(self, line: int, guardian: Person) -> Record[Person]:
        """Return the guardian a row names: somebody with that phone and name, or a new person."""
        wanted = Likeness.of(guardian)
        for other in store.alike(self._work.connection, wanted, drill=self._work.actor.drill):
            if SharedTrait.NAME in wanted.shared_with(Likeness.of(other.content)):
                return other
        source = Source(SourceKind.IMPORT, f"{self._batch.id} line {line}{_GUARDIAN}")
        return add_person(self._work, guardian, source=source, branch_id=self._batch.branch_id)

    def _try(self, line: int, found: Newcomer) -> ImportRow:
        """Say how a row would fare: nobody goes in."""
        likeness = Likeness.of(found.person)
        others = [
            other.id
            for other in store.alike(self._work.connection, likeness, drill=self._work.actor.drill)
            if holds_up_visit(likeness.shared_with(Likeness.of(other.content)))
        ]
        name_key = self._key(likeness.phone_e164, likeness.name_folded)
        birthday_key = self._key(likeness.phone_e164, likeness.birthday)
        keys = {key for key in (name_key, birthday_key) if key is not None}
        import_id, connection = self._batch.id, self._work.connection
        is_twice = bool(
            keys & self._keys or store_lists.keys_seen(connection, import_id, list(keys))
        )
        self._keys |= keys
        row = _added(line, "")
        if others or is_twice:
            row = replace(
                row,
                outcome=ImportOutcome.ADDED_AS_DUPLICATE,
                duplicate_of_id=others[0] if others else "",
            )
        row = replace(row, name_key=name_key, birthday_key=birthday_key)
        return self._guardian_left_out(row, found) or row

    def _key(self, phone: str, trait: str | date | None) -> bytes | None:
        """Return what two rows of this file share when they share phone and trait; it says nothing
        outside this import."""
        if not phone or not trait:
            return None
        text = f"{type(trait).__name__} {phone} {trait}".encode()
        return hashlib.blake2b(text, key=self._batch.id.encode(), digest_size=16).digest()


def _added(line: int, customer_id: str) -> ImportRow:
    return ImportRow(line=line, outcome=ImportOutcome.ADDED, customer_id=customer_id)


def _noted(row: ImportRow, reason: str, text: str) -> ImportRow:
    return replace(row, field="guardian_name", reason=reason, text=text)


def _refused(line: int, problem: Invalid) -> ImportRow:
    first: Any = problem.problems[0]
    return ImportRow(
        line=line,
        outcome=ImportOutcome.REFUSED,
        field=first.field,
        reason=problem.code,
        text=first.text,
    )
