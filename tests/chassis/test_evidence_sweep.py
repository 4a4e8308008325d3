"""Bytes in the store change without anybody's command; the slow look finds them, and says so until
they are mended."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, text, update
from structlog.testing import capture_logs

from chain import Chain, Person
from chassis import clock, evidence, evidence_sweep, telemetry
from chassis.actor import system
from chassis.db import Database
from chassis.evidence_sweep import EvidenceFlaw, ObjectFlaw
from chassis.housekeeping import Housekeeping
from chassis.objects import ObjectStore
from chassis.records.envelope import Evidence
from chassis.records.tables import evidence as evidence_table
from chassis.roles import Role
from chassis.settings import load
from local_platform.verify_command import of_service
from minimal import content_of
from optichain.record.v1 import record_service_pb2 as records
from organisation.branch import BRANCH, BranchKind

DAY = timedelta(days=1)
PLACE = content_of(BRANCH.content, time_zone="Asia/Shanghai", branch_kind=BranchKind.SHOP)
NOWHERE = "http://a:b@127.0.0.1:9/none"


@dataclass
class Kept:
    """A service with objects that it confirmed, and the store as whoever owns it sees it."""

    chain: Chain
    database: Database
    store: ObjectStore

    def photo(self, *, days_ago: float = 100) -> Evidence:
        """Keep an object that was confirmed some days ago."""
        shown = self.store.put("organisation", "photo", uuid4().bytes, "image/png")
        with self.database.work(system("organisation")) as work:
            at = clock.now() - days_ago * DAY
            evidence.kept(work.connection, shown, work.actor.id, at)
        return shown

    def replace(self, shown: Evidence, data: bytes) -> None:
        """Put other bytes under the same key, past the platform."""
        self.store._client.put_object(
            self.store.bucket, shown.object_key, io.BytesIO(data), len(data)
        )

    def look(self, store: ObjectStore | None = None) -> None:
        """Let a worker take its turn."""
        evidence_sweep.turn("organisation", self.database, store or self.store)

    def later(self) -> None:
        """Let the time go by after which a flawed object is looked at again."""
        with self.database.work(system("organisation")) as work:
            work.connection.execute(
                text("UPDATE evidence SET checked_at = checked_at - interval '2 hours'")
            )

    def flaws(self) -> list[EvidenceFlaw]:
        """Return what is known to be flawed."""
        with self.database.snapshot() as connection:
            return evidence_sweep.flaws(connection, most=100)

    def looked_at(self) -> dict[str, datetime]:
        """Return when each object was looked at, of those that were."""
        columns = evidence_table.c
        asked = select(columns.object_key, columns.checked_at).where(
            columns.checked_at.is_not(None)
        )
        with self.database.snapshot() as connection:
            return {row.object_key: row.checked_at for row in connection.execute(asked)}


@pytest.fixture
def kept(chain: Chain) -> Kept:
    chain.serve("organisation")
    chain.empty()
    store = ObjectStore(load("organisation").s3_url.get_secret_value())
    store.make_bucket()
    return Kept(chain, chain.database("organisation"), store)


def test_an_object_that_is_as_it_was_confirmed_has_no_flaw(kept: Kept) -> None:
    shown = kept.photo()

    kept.look()

    assert kept.flaws() == []
    assert list(kept.looked_at()) == [shown.object_key]


def test_bytes_replaced_under_the_same_key_are_found_with_both_hashes(kept: Kept) -> None:
    shown, forged = kept.photo(), b"forged as long as"
    assert len(forged) != shown.size_bytes
    same_size = forged[: shown.size_bytes]
    kept.replace(shown, same_size)

    with capture_logs() as logs:
        kept.look()

    (flaw,) = kept.flaws()
    assert (flaw.object_key, flaw.flaw) == (shown.object_key, ObjectFlaw.HASH_DIFFERS)
    assert flaw.expected_sha256 == shown.sha256
    assert flaw.found_sha256 == hashlib.sha256(same_size).hexdigest()
    (line,) = [one for one in logs if one["event"] == "evidence flawed"]
    assert line["object_key"] == shown.object_key


@pytest.mark.parametrize("data", [b"", b"short", b"far longer than what was confirmed"])
def test_an_object_of_another_size_is_found(kept: Kept, data: bytes) -> None:
    kept.replace(kept.photo(), data)

    kept.look()

    assert [one.flaw for one in kept.flaws()] == [ObjectFlaw.SIZE_DIFFERS]


def test_an_object_that_was_removed_is_found(kept: Kept) -> None:
    kept.store.remove(kept.photo().object_key)

    kept.look()

    assert [one.flaw for one in kept.flaws()] == [ObjectFlaw.MISSING]


def test_an_object_that_was_mended_is_cleared_by_the_next_look(kept: Kept) -> None:
    shown = kept.photo()
    bytes_before = kept.store.get(shown.object_key)
    kept.store.remove(shown.object_key)
    kept.look()
    first = kept.flaws()[0].found_since
    kept.later()
    kept.look()
    assert kept.flaws()[0].found_since == first

    kept.replace(shown, bytes_before)
    kept.later()
    kept.look()

    assert kept.flaws() == []


def test_while_the_store_is_away_nothing_is_found_and_the_look_is_put_off(kept: Kept) -> None:
    shown = kept.photo()

    with capture_logs() as logs:
        kept.look(ObjectStore(NOWHERE))

    assert "evidence sweep put off" in [one["event"] for one in logs]
    assert kept.flaws() == []
    assert kept.looked_at() == {}
    kept.look()
    assert list(kept.looked_at()) == [shown.object_key]


def test_two_workers_at_once_look_at_different_objects(kept: Kept) -> None:
    keys = {kept.photo().object_key for _ in range(20)}
    at = clock.now()

    with kept.database.engine.begin() as first, kept.database.engine.begin() as second:
        pace = evidence_sweep.pace_in_force(first, at)
        of_first = {one.object_key for one in evidence_sweep.claim(first, pace, at)}
        of_second = {one.object_key for one in evidence_sweep.claim(second, pace, at)}

    assert len(of_first) == len(of_second) == 10
    assert of_first | of_second == keys


def test_what_a_worker_that_died_had_claimed_is_taken_over_later(kept: Kept) -> None:
    kept.photo()
    at = clock.now()
    with kept.database.engine.begin() as connection:
        pace = evidence_sweep.pace_in_force(connection, at)
        assert len(evidence_sweep.claim(connection, pace, at)) == 1
        assert evidence_sweep.claim(connection, pace, at) == []
        assert len(evidence_sweep.claim(connection, pace, at + timedelta(hours=1))) == 1


def test_the_longest_unchecked_come_first_and_a_fresh_object_can_wait(kept: Kept) -> None:
    kept.photo(days_ago=1)
    old = [kept.photo(days_ago=100 + number).object_key for number in range(15)]
    at = clock.now()

    with kept.database.engine.begin() as connection:
        pace = evidence_sweep.pace_in_force(connection, at)
        claimed = [one.object_key for one in evidence_sweep.claim(connection, pace, at)]

    assert pace.objects_per_turn == 10
    assert claimed == old[:4:-1]


def test_a_look_reads_a_few_rows_however_many_objects_are_kept(kept: Kept) -> None:
    at = clock.now()
    row = {"media_type": "image/png", "offered_to": "stf_1", "offered_at": at, "confirmed_at": at}
    rows = [{**row, "object_key": f"organisation/photo/{uuid4()}"} for _ in range(20_000)]
    with kept.database.work(system("organisation")) as work:
        work.connection.execute(insert(evidence_table), rows)
    for _ in range(3):
        kept.photo()
    owner = kept.chain.owner("organisation")
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE evidence"))

    with kept.database.engine.begin() as connection:
        before = _rows_read(connection)
        pace = evidence_sweep.pace_in_force(connection, at)
        assert len(evidence_sweep.claim(connection, pace, at)) == 3
        evidence_sweep.longest_unchecked(connection)
        assert _rows_read(connection) - before < 100


def _rows_read(connection: Any) -> int:
    """Return how many rows of evidence this transaction has read so far."""
    asked = text(
        "SELECT pg_stat_get_xact_tuples_returned('evidence'::regclass)"
        " + pg_stat_get_xact_tuples_fetched('evidence'::regclass)"
    )
    return int(connection.execute(asked).scalar_one())


def test_an_object_that_was_let_go_of_by_rule_is_removed_and_missed_by_nobody(kept: Kept) -> None:
    shown = kept.photo()
    with kept.database.work(system("organisation")) as work:
        evidence.let_go(work.connection, [shown.object_key], work.at)

    Housekeeping("organisation", kept.database, load("organisation")).sweep_evidence(clock.now())
    kept.look()

    assert shown.object_key not in kept.store.keys("organisation/")
    assert kept.flaws() == []
    with kept.database.snapshot() as connection, pytest.raises(evidence.EvidenceUnconfirmed):
        evidence.named(connection, [shown.object_key])


def test_verify_prints_a_flawed_object_and_fails(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = kept.photo()
    assert of_service("organisation") == 0
    kept.store.remove(shown.object_key)
    kept.look()

    assert of_service("organisation") == 1
    assert f"{shown.object_key}: missing since" in capsys.readouterr().out


def test_a_finding_is_counted_for_those_on_call(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    monkeypatch.setattr(telemetry.evidence_flaws, "set", lambda value, _of: told.append(value))
    kept.store.remove(kept.photo().object_key)
    kept.photo()

    kept.look()

    assert told == [1]


def _flaws_told(kept: Kept, auditor: Person, **page: Any) -> records.ListEvidenceFlawsResponse:
    request = records.ListEvidenceFlawsRequest(**page)
    return kept.chain.ask(
        request, records.ListEvidenceFlawsResponse, as_=auditor, of="organisation"
    )


def test_a_hash_that_was_made_to_fit_in_the_list_of_objects_is_found_by_its_record(
    kept: Kept,
) -> None:
    person = kept.chain.person(Role.BRANCH_MANAGER)
    shown, forged = kept.photo(), b"sixteen bytes .."
    with kept.chain.work("organisation", person.actor) as work:
        branch = work.records.add(BRANCH, PLACE, evidence=[shown])
    kept.replace(shown, forged)
    with kept.chain.owner("organisation").begin() as connection:
        forged_hash = hashlib.sha256(forged).hexdigest()
        values = {"sha256": forged_hash, "size_bytes": len(forged)}
        connection.execute(update(evidence_table).values(values))

    kept.look()

    (flaw,) = kept.flaws()
    assert flaw.record_ids == (branch.id,)
    assert (flaw.expected_sha256, flaw.found_sha256) == (shown.sha256, forged_hash)


def test_an_auditor_hears_of_every_flawed_object_and_of_the_records_it_shows(kept: Kept) -> None:
    auditor = kept.chain.person(Role.AUDITOR)
    shown, unnamed = kept.photo(), kept.photo()
    with kept.chain.work("organisation", auditor.actor) as work:
        branch = work.records.add(BRANCH, PLACE, evidence=[shown])
    for one in (shown, unnamed):
        kept.store.remove(one.object_key)
    kept.look()

    first = _flaws_told(kept, auditor, page_size=1)
    second = _flaws_told(kept, auditor, page_size=1, page_token=first.next_page_token)

    found = {one.object_key: one for one in (*first.flaws, *second.flaws)}
    assert set(found) == {shown.object_key, unnamed.object_key}
    assert list(found[shown.object_key].record_ids) == [branch.id]
    assert found[shown.object_key].flaw == records.OBJECT_FLAW_MISSING
    assert found[shown.object_key].expected_sha256 == shown.sha256
    assert second.next_page_token == ""
    assert first.HasField("longest_unchecked_since")
