"""Changes, gates and decisions in random order, judged by a model that knows only what the contract
says: who must be stopped, and who must be asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from chassis.records.envelope import Record
from chassis.records.facts import RecordChanged
from chassis.records.reviews import Decision
from chassis.records.tables import outbox
from chassis.roles import Role
from chassis.wire import value_of
from local_platform.platform import Platform
from machines import MANY, outcome, play
from optichain.record.v1 import events_pb2
from upstream import EDGER, Sheet, TwoOwners, Work, make_database

PICK = st.integers(min_value=0, max_value=5)
OPTICIAN = replace(EDGER, id="stf_optician", role=Role.OPTICIAN, roles=frozenset({Role.OPTICIAN}))
MANAGER = replace(
    EDGER, id="stf_manager", role=Role.BRANCH_MANAGER, roles=frozenset({Role.BRANCH_MANAGER})
)


@pytest.fixture(scope="module")
def owners(parts: Platform) -> Iterator[TwoOwners]:
    """Two services with their own databases."""
    url = parts.part_url("postgres").replace("postgresql://", "postgresql+psycopg://")
    made = TwoOwners(make_database(url, "upstream_m"), make_database(url, "downstream_m"))
    yield made
    made.upstream.close()
    made.downstream.close()


@dataclass
class Held:
    """Work as the model knows it: what it relied on, up to where it was settled."""

    record: Record[Work]
    sheet: int
    fields: tuple[str, ...]
    settled: int
    settled_void: bool = False


class Reviews(RuleBasedStateMachine):
    """Sheets that change, work that stands on them, and people who answer."""

    def __init__(self, owners: TwoOwners) -> None:
        super().__init__()
        self.owners = owners
        self.sheets: list[Record[Sheet]] = []
        self.changes: dict[int, list[tuple[int, str]]] = {}
        self.void: set[int] = set()
        self.work: list[Held] = []
        self.power = 0

    @initialize()
    def begin(self) -> None:
        self.sign()
        for fields in ((), ("power",)):
            self.release(fields)

    @precondition(lambda self: not self._live())
    @rule()
    def sign(self) -> None:
        self.changes[len(self.sheets)] = []
        self.sheets.append(self.owners.sign(-200))

    @precondition(lambda self: self._live() and len(self.work) < 6)
    @rule(fields=st.sampled_from([(), ("power",)]))
    def release(self, fields: tuple[str, ...]) -> None:
        (at,) = self._live()
        made, refused = outcome(lambda: self.owners.release(self.sheets[at], *fields))
        assert not refused
        self.work.append(Held(made, at, fields, self.sheets[at].version))

    @precondition(lambda self: self._live())
    @rule(fields=st.lists(st.sampled_from(["power", "note"]), min_size=1, max_size=2))
    def amend(self, fields: list[str]) -> None:
        """Correct a sheet, once or twice in a row, before others hear of it."""
        (at,) = self._live()
        for field in fields:
            self.power += 1
            value: Any = self.power if field == "power" else f"note {self.power}"
            self.sheets[at] = self.owners.amend(self.sheets[at].id, **{field: value})
            self.changes[at].append((self.sheets[at].version, field))
        self._tell()

    @precondition(lambda self: any(self.changes[at] for at in self._live()))
    @rule()
    def revoke(self) -> None:
        (at,) = self._live()
        self.owners.revoke(self.sheets[at].id)
        self.void.add(at)
        self._tell()

    @precondition(lambda self: self.work)
    @rule(pick=PICK)
    def start(self, pick: int) -> None:
        held = self.work[pick % len(self.work)]
        _, refused = outcome(lambda: self.owners.start(held.record.id))
        assert (refused == "PIN_STALE") == self._is_stale(held), (refused, held)
        assert refused in ("", "PIN_STALE"), refused
        if not refused:
            held.settled = max(held.settled, self.sheets[held.sheet].version)

    @precondition(lambda self: self._stale())
    @rule(pick=PICK)
    def keep(self, pick: int) -> None:
        held = self._stale()[pick % len(self._stale())]
        for one in self.owners.reviews_of(held.record):
            live = (self.sheets[held.sheet].version, held.sheet in self.void)
            is_judged_live = (one.content.version, one.content.is_void) == live
            _, refused = outcome(lambda one=one: self._decide(one, OPTICIAN))
            if not is_judged_live:
                assert refused == "JUDGED_VERSION_OUTDATED", refused
                continue
            _, same = outcome(lambda one=one: self._decide(one, OPTICIAN))
            assert same in ("SAME_PERSON", "NOT_THE_REVIEWER"), same
            _, agreed = outcome(lambda one=one: self._decide(one, MANAGER))
            assert not agreed, agreed
            held.settled, held.settled_void = live
            break

    @precondition(lambda self: self._stale())
    @rule(pick=PICK)
    def adopt(self, pick: int) -> None:
        held = self._stale()[pick % len(self._stale())]
        for one in self.owners.reviews_of(held.record):
            live = (self.sheets[held.sheet].version, held.sheet in self.void)
            _, refused = outcome(lambda one=one: self.owners.decide(one, Decision.ADOPT, OPTICIAN))
            if (one.content.version, one.content.is_void) != live:
                assert refused == "JUDGED_VERSION_OUTDATED", refused
                continue
            assert not refused
            held.settled, held.settled_void = live
            break

    @invariant()
    def whoever_must_be_stopped_is_asked_and_nobody_else(self) -> None:
        for held in self.work:
            asked = self.owners.reviews_of(held.record)
            assert bool(asked) == self._is_stale(held), (asked, held)
            assert len({(one.content.version, one.content.is_void) for one in asked}) == len(asked)
            assert all(one.responsible_role for one in asked)

    def _tell(self) -> None:
        """Let the downstream hear the newest change twice, and an older one again after it."""
        with self.owners.upstream.snapshot() as connection:
            newest = select(outbox).order_by(outbox.c.seq.desc()).limit(2)
            rows = list(connection.execute(newest))
        for row in [*rows, *rows[:1]]:
            event = events_pb2.RecordChanged.FromString(bytes(row.body))
            self.owners.hear(value_of(event, RecordChanged))

    def _decide(self, one: Any, by: Any) -> Any:
        return self.owners.decide(one, Decision.KEEP, by)

    def _live(self) -> list[int]:
        return [at for at in range(len(self.sheets)) if at not in self.void]

    def _stale(self) -> list[Held]:
        return [held for held in self.work if self._is_stale(held)]

    def _is_stale(self, held: Held) -> bool:
        if held.sheet in self.void and not held.settled_void:
            return True
        return any(
            version > held.settled and (not held.fields or field in held.fields)
            for version, field in self.changes[held.sheet]
        )


def test_whoever_stands_on_a_change_is_stopped_and_asked_in_any_order_of_events(
    owners: TwoOwners,
) -> None:
    play(lambda: Reviews(owners), MANY)
