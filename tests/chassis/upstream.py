"""Two owners for tests of the live record: `upstream` keeps sheets, `downstream` relies on them.

Each has a database of its own with the tables every service has; the upstream one answers
CheckVersions over real gRPC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, select, text

from chassis import actor, clock, rules
from chassis.actor import Actor, Scope
from chassis.db import Database, UnitOfWork
from chassis.errors import Unavailable
from chassis.facts import FactBook
from chassis.ids import as_uuid, new_id
from chassis.migrate import upgrade
from chassis.records import deciding, gates, known_versions, reviewing
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Record
from chassis.records.facts import RecordChanged
from chassis.records.gates import Comparison, gate
from chassis.records.kinds import Kind, Reviewed, Transitions, moves
from chassis.records.pins import Pin, pin
from chassis.records.queries import record_at
from chassis.records.reviews import Decision, Review, review_kind
from chassis.records.tables import outbox, review
from chassis.roles import Role
from chassis.rpc.call import Call
from chassis.wire import value_of
from optichain.record.v1 import envelope_pb2, events_pb2
from optichain.record.v1 import record_service_pb2 as record_pb2


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What others rely on: a power, and a note nobody relies on."""

    power: int
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What relies on a sheet."""

    station: str = ""
    eta: str = ""


SHEET = Kind("upstream.sheet", "sht", Sheet, Transitions("signed"), readers=frozenset(Role))
WORK = Kind(
    "downstream.work",
    "wrk",
    Work,
    Transitions(
        "released",
        moves(
            accept={"released": "accepted"},
            start={"accepted": "started", "started": "started"},
            redo={"accepted": "accepted", "started": "accepted"},
            finish={"accepted": "finished", "started": "finished"},
        ),
    ),
    progress=frozenset({"eta", "station"}),
    reviewed=Reviewed(role=Role.OPTICIAN),
)
review_kind("downstream")

_CHANGED = events_pb2.RecordChanged.DESCRIPTOR.full_name


@gate("start work", WORK, by="record_id")
def start_work(work: UnitOfWork, *, record_id: str) -> Record[Work]:
    """Start work whose sheet must be live."""
    return work.records.move(work.records.get(WORK, record_id), "start", station="edging")


OPTOMETRIST = Actor(
    id=new_id("stf"), role=Role.OPTOMETRIST, branch_id=new_id("br"), scope=Scope.CHAIN
)
EDGER = Actor(id=new_id("stf"), role=Role.LAB_TECHNICIAN, branch_id=new_id("br"), scope=Scope.CHAIN)


def change_of(record_id: str, version: int, *fields: str) -> RecordChanged:
    """Return what others hear of an amendment of a sheet."""
    return RecordChanged(
        record_id=record_id,
        kind=SHEET.name,
        version=version,
        what=ChangeKind.AMENDED,
        fields=fields,
        case_id="",
        customer_id="",
        branch_id="",
        changed_at=clock.now(),
    )


def make_database(admin_url: str, name: str) -> Database:
    """Make a database with the chassis's tables, an owner and a run-time role."""
    admin = create_engine(admin_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        for role in (f"{name}_owner", f"{name}_app"):
            connection.execute(text(f"DROP ROLE IF EXISTS {role}"))
            connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'test'"))
        connection.execute(text(f"CREATE DATABASE {name} OWNER {name}_owner"))
    admin.dispose()
    base = make_url(admin_url)
    owner = create_engine(base.set(database=name, username=f"{name}_owner", password="test"))
    with owner.begin() as connection:
        upgrade(connection, f"{name}_app")
        rules.load_into(connection, Path(rules.__file__).parent / "rules")
    owner.dispose()
    app = base.set(database=name, username=f"{name}_app", password="test")
    return Database(app.render_as_string(hide_password=False), facts=FactBook(events_pb2))


class TwoOwners:
    """The upstream and the downstream database, and what passes between them."""

    def __init__(self, upstream: Database, downstream: Database) -> None:
        self.upstream = upstream
        self.downstream = downstream
        self.upstream_is_away = False
        self.once_asked: list[Callable[[], object]] = []
        """What happens, each once, between an answer of the upstream and what is made of it."""

    def sign(self, power: int) -> Record[Sheet]:
        """Record a sheet upstream."""
        with self.upstream.work(OPTOMETRIST) as work:
            return work.records.add(SHEET, Sheet(power=power))

    def amend(self, sheet_id: str, **changes: Any) -> Record[Sheet]:
        """Amend a sheet upstream."""
        with self.upstream.work(OPTOMETRIST) as work:
            sheet = work.records.get(SHEET, sheet_id)
            return work.records.amend(sheet, reason_code="RX_CHANGE", reason="test", **changes)

    def revoke(self, sheet_id: str) -> Record[Sheet]:
        """Revoke a sheet upstream, one whose time has run out as well."""
        with self.upstream.work(OPTOMETRIST) as work:
            sheet = work.records.get(SHEET, sheet_id)
            return work.records.void(
                sheet,
                ChangeKind.REVOKED,
                reason_code="RX_CHANGE",
                reason="test",
                even_expired=True,
            )

    def expire(self, sheet_id: str) -> None:
        """Let a sheet's time run out upstream, and let downstream hear of it."""
        with self.upstream.work(OPTOMETRIST) as work:
            sheet = work.records.get(SHEET, sheet_id)
            work.records.void(sheet, ChangeKind.EXPIRED, reason_code="EXPIRED", reason="test")
        changed = replace(change_of(sheet_id, sheet.version), what=ChangeKind.EXPIRED)
        self.hear(changed)

    def supersede(self, sheet_id: str, **differing: Any) -> Record[Sheet]:
        """Sign another sheet in place of one upstream."""
        with self.upstream.work(OPTOMETRIST) as work:
            old = work.records.get(SHEET, sheet_id)
            new = work.records.add(SHEET, replace(old.content, **differing))
            work.records.void(
                old,
                ChangeKind.SUPERSEDED,
                reason_code="RX_NEW_TEST",
                reason="test",
                successor_id=new.id,
            )
            return new

    def release(self, sheet: Record[Sheet], *fields: str, may_expire: bool = False) -> Record[Work]:
        """Make downstream work that stands on a sheet."""
        stands_on = replace(pin(sheet, *fields), may_expire=may_expire)
        with self.downstream.work(EDGER) as work:
            return work.records.add(
                WORK,
                Work(),
                state="accepted",
                responsible_role=EDGER.role,
                relies_on=[stands_on],
            )

    def tell(self) -> None:
        """Let the downstream hear everything the upstream has told, in an order of its own and
        twice, as a broker may."""
        with self.upstream.snapshot() as connection:
            changes = select(outbox).where(outbox.c.type == _CHANGED)
            told = list(connection.execute(changes.order_by(outbox.c.seq.desc())))
        for row in [*told, *told]:
            event = events_pb2.RecordChanged.FromString(bytes(row.body))
            self.hear(value_of(event, RecordChanged))

    def hear(self, changed: RecordChanged) -> None:
        """Let the downstream hear of a change, as its worker would."""
        with self.downstream.work(actor.system("downstream")) as work:
            known_versions.hear(work.connection, changed)
            reviewing.open_for(work.records, reviewing.heard(changed))

    def reviews_of(self, holder: Record[Any]) -> list[Record[Review]]:
        """Return the reviews of a record that are not closed."""
        with self.downstream.snapshot() as connection:
            return reviewing.open_reviews(connection, review.c.holder_id == as_uuid(holder.id))

    def decide(
        self, review: Record[Review], decision: Decision, by: Actor, **said: Any
    ) -> Record[Review]:
        """Decide a review as the served call does: ask where the record stands, then decide."""
        with self.downstream.snapshot() as connection:
            live_review: Record[Review] = record_at(connection, review.id)
            judged = deciding.judged(connection, live_review)
        (live,) = self.check({"upstream": [judged.pin]})
        asked: dict[str, Any] = {
            "revision": live_review.revision,
            "judged_version": review.content.version,
            "reason": "looked at",
            "object_keys": (),
            "consequences": {},
        }
        with self.downstream.work(by) as work:
            return deciding.decide(
                work, review_id=review.id, decision=decision, live=live, **(asked | said)
            )

    def check(self, pins: Mapping[str, Sequence[Pin]]) -> list[Comparison]:
        """Answer as the upstream's RecordService does."""
        if self.upstream_is_away:
            raise Unavailable("upstream cannot be asked now")
        with self.upstream.snapshot() as connection:
            return [gates.compare(connection, held) for held in pins.values()]

    def check_versions(self, pins: Mapping[str, Sequence[Pin]], _actor: Actor) -> list[Comparison]:
        """Ask as a call asks its peers."""
        answer = self.check(pins)
        if self.once_asked:
            self.once_asked.pop(0)()
        return answer

    def start(self, work_id: str) -> envelope_pb2.Envelope:
        """Start work behind its gate, as a served call would."""
        call = Call(
            rpc="start",
            request=record_pb2.GetRecordRequest(record_id=work_id),
            response=record_pb2.GetRecordResponse,
            actor=EDGER,
            database=self.downstream,
            peers=self,  # type: ignore[arg-type]  # asked for nothing but versions
            objects=None,  # type: ignore[arg-type]  # not used
            settings=None,
        )
        answer: Any = call.run(start_work)
        return answer.envelope
