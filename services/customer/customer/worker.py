"""Customer's worker: it publishes customer's facts, reads files of old customers by chunks,
and plans the follow-up of a collected order."""

from __future__ import annotations

from datetime import UTC
from functools import cached_property

from chassis.amqp import Worker, hears
from chassis.db import UnitOfWork
from chassis.errors import Unknown
from chassis.objects import ObjectStore
from customer import commands_follow_up, commands_import
from customer.import_file import Chunk, read_chunk
from optichain.billing.v1 import events_pb2 as billing_events
from optichain.customer.v1 import events_pb2


class CustomerWorker(Worker):
    """What customer does about what it hears."""

    name = "customer"

    @cached_property
    def objects(self) -> ObjectStore:
        """The store that holds the files."""
        return ObjectStore(self.settings.s3_url.get_secret_value())

    def first_chunk(self, event: events_pb2.ImportStarted) -> Chunk:
        """Read the header and the first rows of a file."""
        try:
            return read_chunk(self.objects.stream(event.object_key))
        except Unknown:
            return Chunk(failure="FILE_MISSING", is_last=True)

    def next_chunk(self, event: events_pb2.ImportContinued) -> Chunk:
        """Read the rows that stand where the chunk before ended."""
        try:
            return read_chunk(
                self.objects.stream(event.object_key, offset=event.next_byte),
                byte=event.next_byte,
                line=event.next_line,
                columns=tuple(event.columns),
            )
        except Unknown:
            return Chunk(byte=event.next_byte, failure="FILE_MISSING", is_last=True)

    @hears(events_pb2.ImportStarted, fetches="first_chunk")
    def begin_import(self, work: UnitOfWork, event: events_pb2.ImportStarted, chunk: Chunk) -> None:
        """Take the first rows in."""
        commands_import.work_through(work, import_id=event.import_id, chunk=chunk)

    @hears(events_pb2.ImportContinued, fetches="next_chunk")
    def continue_import(
        self, work: UnitOfWork, event: events_pb2.ImportContinued, chunk: Chunk
    ) -> None:
        """Take the next rows in."""
        commands_import.work_through(work, import_id=event.import_id, chunk=chunk)

    @hears(billing_events.OrderCollected)
    def follow_up(self, work: UnitOfWork, event: billing_events.OrderCollected) -> None:
        """Plan the follow-up, or waive it."""
        commands_follow_up.follow_up_after_collection(
            work,
            order_id=event.order_id,
            case_id=event.case_id,
            customer_id=event.customer_id,
            branch_id=event.branch_id,
            collected_at=event.collected_at.ToDatetime(tzinfo=UTC),
        )


WORKER = CustomerWorker
