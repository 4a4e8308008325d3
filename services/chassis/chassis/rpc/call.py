"""One call being served: who makes it, what it may ask of others, and the unit of work it may
commit; a second one only after a fact that stands by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, is_dataclass
from typing import Any, TypeVar

import structlog
from google.protobuf.message import Message
from sqlalchemy import ColumnElement, Connection, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError, StatementError

from chassis import telemetry
from chassis.actor import Actor
from chassis.clock import now
from chassis.db import Database, Reading, UnitOfWork
from chassis.errors import AlreadyThere, DomainError, Outdated
from chassis.objects import ObjectStore
from chassis.pages import token_refused
from chassis.records import apart, gates, holdings, refusals, reviewing
from chassis.records.book import RecordBook, WrongBranch
from chassis.records.envelope import Record
from chassis.records.kinds import Kind, kind_of
from chassis.records.pins import Pin, StalePins, flat
from chassis.records.reviews import ReviewOpen
from chassis.records.tables import reply as reply_table
from chassis.rpc.looking import Shown
from chassis.rpc.peers import Peers
from chassis.wire import arguments, to_message, value_of
from optichain.record.v1.envelope_pb2 import Envelope

log = structlog.get_logger()

R = TypeVar("R", bound=Message)
C = TypeVar("C")

_KEEP = insert(reply_table)
_KEEP_UNLESS_KEPT = _KEEP.on_conflict_do_nothing()
_ATTEMPTS = 3
"""How often a command starts over when somebody else wrote between its reading and its commit."""


@dataclass(frozen=True)
class _Step:
    """A command about to be run, and whether another one of the same call went before."""

    command: Callable[..., Any]
    fields: dict[str, Any]
    is_next: bool = False


@dataclass
class Call:
    """A call on its way: request, actor, database and the other services."""

    rpc: str
    request: Message
    response: type[Message]
    actor: Actor
    database: Database
    peers: Peers
    objects: ObjectStore
    settings: Any
    shown: Shown = field(default_factory=Shown)
    """Whom the answer is about, where the answer itself does not say it."""

    def ask(self, request: Message, response: type[R], *, of: str = "") -> R:
        """Ask another service in the actor's name. Raises what it refuses with, or Unavailable."""
        return self.peers.ask(request, response, actor=self.actor, of=of)

    def own(self, kind: Kind[C], record_id: str) -> Record[C]:
        """Return a record within the caller's scope, before others are asked. Raises Unknown,
        WrongBranch."""
        with self.database.snapshot() as connection:
            return RecordBook(connection, self.actor, now()).get(kind, record_id)

    def pins_on(
        self, found: Envelope, pins: Iterable[Message], *fields: str, own: bool = False
    ) -> tuple[Pin, ...]:
        """Return a pin on another service's record as it was answered, and copies of the pins that
        came with it, which are of the same moment; `own`: of one within the caller's scope only.
        Raises WrongBranch, and DrillApart: what a drill relies on is its own."""
        apart.require_together(self.actor, found.id, found.drill)
        if own and not self.actor.reaches(found.branch_id, found.held_at_id):
            raise WrongBranch(f"{found.id} belongs to another branch", id=found.id)
        direct = Pin(
            record_id=found.id,
            kind=found.kind,
            relied_version=found.version,
            settled_version=found.version,
            fields=tuple(sorted(fields)),
        )
        return (direct, *(value_of(one, Pin) for one in pins))

    def require_live(self, pins: Sequence[Pin], *, gate: str, behind: str) -> None:
        """Re-read pins that no holder stands on yet, each at its owner, as a gate of the record
        `behind` which the step goes on. Raises StalePins, Unavailable."""
        try:
            with _shown(gate, behind):
                gates.require(self.peers.check_versions(gates.by_owner(flat(pins)), self.actor))
        except StalePins as refused:
            kind = next((p.kind for p in pins if p.record_id == behind), "")
            self._keep_refusal(gate, behind, kind or kind_of(behind).name, refused)
            raise

    def read(self, query: Callable[..., Any], **extra: Any) -> Message:
        """Answer with what a query returns. Raises what the query refuses with, and Invalid
        (PAGE_TOKEN_REFUSED) for a page token whose sort key the query cannot read."""
        fields = {**arguments(self.request, query), **extra}
        with self.database.snapshot() as connection:
            try:
                found = query(Reading(connection, self.actor), **fields)
            except (ValueError, StatementError) as error:
                cause = error.orig if isinstance(error, StatementError) else error
                is_of_value = isinstance(error, DataError) or isinstance(cause, ValueError)
                if not (is_of_value and fields.get("page_token")):
                    raise
                log.warning("page token refused", rpc=self.rpc, error=type(cause).__name__)
                raise token_refused() from error
            return self.reply(found)

    def run(self, command: Callable[..., Any], **extra: Any) -> Message:
        """Run a command in one unit of work, through its gate if it has one, and answer with what
        it returns.

        A repeat of a request id gets the first answer again. Raises whatever the command refuses
        with.
        """
        try:
            return self._run(_Step(command, self._fields(command, extra)))
        except (DomainError, IntegrityError):
            return self.replayed_or_raise()

    def run_next(self, command: Callable[..., Any], **extra: Any) -> Message:
        """Run a second command in a unit of work of its own, after `run` has committed a fact that
        stands whatever becomes of this one (money taken; now the gate to go on).

        Its answer takes the place of the first one, so that a repeat of the request id gets it. A
        repeat comes here too: look first whether there is still something to do, and it completes
        what was refused, or cut off between the two. Raises whatever the command refuses with;
        answer with what stands then, since a refusal would hide it from a caller without a
        request id.
        """
        return self._run(_Step(command, self._fields(command, extra), is_next=True))

    def _fields(self, command: Callable[..., Any], extra: dict[str, Any]) -> dict[str, Any]:
        return {**arguments(self.request, command), **extra}

    def _run(self, step: _Step) -> Message:
        attempt = 1
        while True:
            try:
                return self._attempt(step)
            except Outdated:
                if step.fields.get("revision") or attempt == _ATTEMPTS:
                    raise
                attempt += 1

    def _attempt(self, step: _Step) -> Message:
        gate = gates.gate_of(step.command, step.fields)
        if gate is None:
            with self.database.work(self.actor) as work:
                return self._done(work, step)
        holder_id = gates.holder_id_of(gate, step.fields)
        try:
            return self._through(gate, holder_id, step)
        except StalePins as refused:
            self._keep_refusal(gate.name, holder_id, gate.holder.name, refused)
            raise

    def _keep_refusal(self, gate: str, holder_id: str, kind: str, refused: StalePins) -> None:
        """Keep that a gate held, and ask whoever answers for the record that must not go on."""
        with self.database.work(self.actor) as work:
            refusals.keep(
                work.connection,
                gate=gate,
                holder_id=holder_id,
                holder_kind=kind,
                actor=self.actor,
                refused=refused,
            )
            for stale in refused.stale:
                reviewing.open_for(work.records, reviewing.told(stale, gate), only=holder_id)

    def _through(self, gate: gates.Gate, holder_id: str, step: _Step) -> Message:
        with _shown(gate.name, holder_id):
            with self.database.snapshot() as connection:
                loaded = gates.load(connection, holder_id)
            if not gate.holder.is_within_reach(self.actor, *loaded.places):
                raise WrongBranch(f"{holder_id} belongs to another branch", id=holder_id)
            apart.require_together(self.actor, holder_id, loaded.drill)
            owners = gates.by_owner(loaded.pins)
            own = owners.pop(gate.holder.owner, [])
            live = gates.require(self.peers.check_versions(owners, self.actor))
            with self.database.work(self.actor, expected={holder_id: loaded.revision}) as work:
                if own:
                    live |= gates.require([gates.compare(work.connection, own, hold=True)])
                if loaded.reviews:  # what is stale says more, and was said before
                    raise ReviewOpen("a review of it waits for its decision", id=holder_id)
                behind = {
                    p.record_id: live[p.record_id] for p in loaded.pins if _is_behind(p, live)
                }
                holdings.settle(work.connection, holder_id, behind)
                return self._done(work, step)

    def _done(self, work: UnitOfWork, step: _Step) -> Message:
        response = self.reply(step.command(work, **step.fields))
        request_id = getattr(self.request, "request_id", "")
        if request_id:
            self._keep(work.connection, request_id, response, is_next=step.is_next)
        return response

    def _keep(
        self, connection: Connection, request_id: str, response: Message, *, is_next: bool
    ) -> None:
        """Keep the answer for a repeat. A first one that is there already refuses the repeat."""
        kept = {
            **self._reply_key(request_id),
            "request_hash": self._request_hash(),
            "response": response.SerializeToString(),
            "replied_at": now(),
            "drill": self.actor.drill,
        }
        if is_next:
            connection.execute(delete(reply_table).where(*self._is_reply_to(request_id)))
        # A repeat at the same moment may have been quicker with its next step.
        connection.execute(_KEEP_UNLESS_KEPT if is_next else _KEEP, kept)

    def reply(self, found: Any) -> Message:
        """Return the RPC's response: a message as it is, a mapping by field name, else as its only
        message field."""
        if isinstance(found, self.response):
            return found
        if found is None:
            return self.response()
        if isinstance(found, dict):
            return to_message(found, self.response)
        fields = self.response.DESCRIPTOR.fields
        if isinstance(found, Record) or (len(fields) == 1 and is_dataclass(found)):
            return to_message({fields[0].name: found}, self.response)
        return to_message(found, self.response)

    def replayed_or_raise(self) -> Message:
        """Answer a repeated request as the first time; called while the refusal of the repeat is
        being handled."""
        request_id = getattr(self.request, "request_id", "")
        if not request_id:
            raise
        with self.database.snapshot() as connection:
            statement = select(reply_table).where(*self._is_reply_to(request_id))
            kept = connection.execute(statement).mappings().first()
        if kept is None:
            raise
        if bytes(kept["request_hash"]) != self._request_hash():
            raise AlreadyThere(
                "this request id was used for another request", reason="REQUEST_ID_REUSED"
            )
        return self.response.FromString(bytes(kept["response"]))

    def _reply_key(self, request_id: str) -> dict[str, str]:
        return {"actor": self.actor.id, "rpc": self.rpc, "request_id": request_id}

    def _is_reply_to(self, request_id: str) -> list[ColumnElement[bool]]:
        key = self._reply_key(request_id)
        return [reply_table.c[name] == value for name, value in key.items()]

    def _request_hash(self) -> bytes:
        return hashlib.sha256(self.request.SerializeToString(deterministic=True)).digest()


def _shown(gate: str, holder_id: str) -> AbstractContextManager[telemetry.Span]:
    """Show the passing of a gate as a span of its own."""
    return telemetry.span(
        f"gate {gate}", attributes={telemetry.GATE: gate, telemetry.RECORD: holder_id}
    )


def _is_behind(pin: Pin, live: dict[str, int]) -> bool:
    return not pin.fixed and live.get(pin.record_id, 0) > pin.settled_version
