"""Customer's worker: it publishes customer's facts, reads files of old customers by chunks, plans
the follow-up of a collected order, notes what keeps a person, and carries out erasures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from functools import cached_property

import structlog

from chassis import actor
from chassis.amqp import Worker, every, hears
from chassis.db import UnitOfWork
from chassis.errors import DomainError, Unknown
from chassis.objects import ObjectStore
from customer import commands_erasure, commands_follow_up, commands_import, commands_protection
from customer.import_file import Chunk, RawRow, read_chunk
from optichain.billing.v1 import events_pb2 as billing_events
from optichain.clinical.v1 import events_pb2 as clinical_events
from optichain.customer.v1 import events_pb2

log = structlog.get_logger()

_ERASED_SECONDS = 30.0
_LOOKED_SECONDS = 600.0


class _Undone(Exception):
    """Ends a trial, so that nothing of it is kept."""


class CustomerWorker(Worker):
    """What customer does about what it hears."""

    name = "customer"

    @cached_property
    def objects(self) -> ObjectStore:
        """The store that holds the files."""
        return ObjectStore(self.settings.s3_url.get_secret_value())

    @cached_property
    def stumbled(self) -> set[tuple[str, int]]:
        """The chunks (import, byte) that failed as a whole, until they are taken in."""
        return set()

    def first_chunk(self, event: events_pb2.ImportStarted) -> Chunk:
        """Read the header and the first rows of a file."""
        try:
            chunk = read_chunk(self.objects.stream(event.object_key))
        except Unknown:
            return Chunk(failure="FILE_MISSING", is_last=True)
        return self._sifted(event.import_id, chunk)

    def next_chunk(self, event: events_pb2.ImportContinued) -> Chunk:
        """Read the rows that stand where the chunk before ended."""
        try:
            chunk = read_chunk(
                self.objects.stream(event.object_key, offset=event.next_byte),
                byte=event.next_byte,
                line=event.next_line,
                columns=tuple(event.columns),
            )
        except Unknown:
            return Chunk(byte=event.next_byte, failure="FILE_MISSING", is_last=True)
        return self._sifted(event.import_id, chunk)

    def _sifted(self, import_id: str, chunk: Chunk) -> Chunk:
        """Return a chunk with the rows marked that made it fail before: one that cannot be taken in
        must not keep out the others."""
        if (import_id, chunk.byte) not in self.stumbled:
            return chunk
        rows = tuple(
            RawRow(row.line, (), "ROW_FAILED") if self._fails(import_id, chunk, row) else row
            for row in chunk.rows
        )
        return replace(chunk, rows=rows)

    def _fails(self, import_id: str, chunk: Chunk, row: RawRow) -> bool:
        """Tell whether a row cannot be taken in, by trying it alone. Raises Unavailable."""
        try:
            with self.database.work(actor.system(self.name)) as work:
                alone = replace(chunk, rows=(row,))
                commands_import.try_rows(work, import_id=import_id, chunk=alone)
                raise _Undone
        except _Undone:
            return False
        except DomainError:
            raise
        except Exception as error:  # whatever it is, it is this row's and not the others'
            log.error("row", record=import_id, line=row.line, error=type(error).__name__)
            return True

    def _take_in(self, work: UnitOfWork, import_id: str, chunk: Chunk) -> None:
        try:
            commands_import.work_through(work, import_id=import_id, chunk=chunk)
        except DomainError:
            raise
        except Exception:
            self.stumbled.add((import_id, chunk.byte))
            raise
        self.stumbled.discard((import_id, chunk.byte))

    @hears(events_pb2.ImportStarted, fetches="first_chunk")
    def begin_import(self, work: UnitOfWork, event: events_pb2.ImportStarted, chunk: Chunk) -> None:
        """Take the first rows in."""
        self._take_in(work, event.import_id, chunk)

    @hears(events_pb2.ImportContinued, fetches="next_chunk")
    def continue_import(
        self, work: UnitOfWork, event: events_pb2.ImportContinued, chunk: Chunk
    ) -> None:
        """Take the next rows in."""
        self._take_in(work, event.import_id, chunk)

    @hears(billing_events.OrderCollected)
    def follow_up(self, work: UnitOfWork, event: billing_events.OrderCollected) -> None:
        """Plan the follow-up, or waive it; the order has ended."""
        commands_erasure.note_order(
            work, order_id=event.order_id, customer_id=event.customer_id, is_open=False
        )
        commands_follow_up.follow_up_after_collection(
            work,
            order_id=event.order_id,
            case_id=event.case_id,
            customer_id=event.customer_id,
            branch_id=event.branch_id,
            collected_at=event.collected_at.ToDatetime(tzinfo=UTC),
        )

    @hears(billing_events.OrderConfirmed)
    def keep_for_order(self, work: UnitOfWork, event: billing_events.OrderConfirmed) -> None:
        """Note that the person has an order."""
        commands_erasure.note_order(
            work, order_id=event.order_id, customer_id=event.customer_id, is_open=True
        )

    @hears(billing_events.OrderCancelled)
    def end_order(self, work: UnitOfWork, event: billing_events.OrderCancelled) -> None:
        """Note that an order has ended."""
        commands_erasure.note_order(
            work, order_id=event.order_id, customer_id=event.customer_id, is_open=False
        )

    @hears(clinical_events.VisitOpened)
    def keep_for_visit(self, work: UnitOfWork, event: clinical_events.VisitOpened) -> None:
        """Note that the person was seen, and that the branch knows the person now."""
        opened_at = event.opened_at.ToDatetime(tzinfo=UTC)
        commands_erasure.note_visit(
            work, visit_id=event.visit_id, customer_id=event.customer_id, opened_at=opened_at
        )
        commands_protection.note_seen(
            work,
            customer_id=event.customer_id,
            branch_id=event.branch_id,
            opened_at=opened_at,
        )

    @every(_ERASED_SECONDS)
    def carry_out_erasures(self, work: UnitOfWork) -> bool:
        """Erase whoever it was approved of."""
        return commands_erasure.carry_out_next(work)

    @every(_LOOKED_SECONDS)
    def propose_erasures(self, work: UnitOfWork) -> bool:
        """Propose to erase those whom nothing keeps any more."""
        return commands_erasure.propose_due(work)

    @every(_LOOKED_SECONDS)
    def let_old_files_go(self, work: UnitOfWork) -> bool:
        """Let go of files of old customers whose time is over."""
        return commands_erasure.let_old_files_go(work)

    @every(60)
    def escalate_break_glasses(self, work: UnitOfWork) -> bool:
        """Bring judgements that are late to the next role up."""
        return commands_protection.escalate_break_glasses(work)


WORKER = CustomerWorker
