"""Whoever owns the database can rewrite the past; here each way of doing so is tried, and found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url, text

from chassis import clock
from chassis.ids import as_uuid
from chassis.objects import ObjectStore
from chassis.records import anchors, proof
from chassis.records.history import chain
from chassis.records.proof import Finding, Flaw
from chassis.sealing import DataKey, SigningKey
from local_platform.platform import Platform
from upstream import TwoOwners, make_database

KEY = SigningKey(DataKey.fresh(), "anchor upstream")


@dataclass
class Past:
    """Sheets with a past, the owner of their database, and the store with its anchors."""

    owners: TwoOwners
    owner: Engine
    objects: ObjectStore
    service: str

    def sheet(self) -> str:
        """Return a sheet that was amended twice."""
        sheet = self.owners.sign(-200)
        self.owners.amend(sheet.id, power=-225)
        self.owners.amend(sheet.id, power=-250)
        return sheet.id

    def tamper(self, statement: str, **named: Any) -> None:
        """Do something as the owner of the database."""
        with self.owner.begin() as connection:
            connection.execute(text(statement), named)

    def found(self) -> list[Finding]:
        """Return every flaw of the chains."""
        with self.owners.upstream.snapshot() as connection:
            return list(proof.verify(connection, None, most=10_000).findings)

    def anchor(self) -> bool:
        """Anchor, as if it were a day later."""
        later = clock.now() + timedelta(days=1)
        return anchors.make_due(self.service, self.owners.upstream, self.objects, KEY, later)

    def not_as_anchored(self) -> list[Finding]:
        """Return every flaw that the anchors show."""
        told = list(anchors.read_back(self.service, self.objects, KEY))
        with self.owners.upstream.snapshot() as connection:
            return list(proof.verify_anchors(connection, told))


_names = iter(range(1_000))


@pytest.fixture
def past(parts: Platform) -> Iterator[Past]:
    """A database of its own for each test: what is broken here stays broken."""
    url = parts.part_url("postgres").replace("postgresql://", "postgresql+psycopg://")
    name = f"past_{next(_names)}"
    database = make_database(url, name)
    owner = create_engine(
        make_url(url).set(database=name, username=f"{name}_owner", password="test")
    )
    objects = ObjectStore(parts.environment["OPTICHAIN_S3_URL"])
    objects.make_bucket()
    yield Past(TwoOwners(database, database), owner, objects, name)
    database.close()
    owner.dispose()


def test_a_past_that_nobody_touched_verifies(past: Past) -> None:
    past.sheet()
    past.sheet()
    assert past.anchor()
    assert past.found() == []
    assert past.not_as_anchored() == []


def test_it_is_looked_at_in_pages_that_leave_nothing_out(past: Past) -> None:
    for _ in range(5):
        past.sheet()
    seen, after = 0, proof.NOWHERE
    with past.owners.upstream.snapshot() as connection:
        while True:
            page = proof.verify(connection, None, after=after, most=2)
            seen += page.records
            if page.last is None:
                break
            after = page.last
    assert seen == 5


def rehashed(connection: Connection, record_id: str, revision: int, old: str, new: str) -> None:
    """Change a row and make its own hash anew."""
    key = {"id": as_uuid(record_id), "revision": revision}
    row = connection.execute(
        text("SELECT body, previous FROM history WHERE record_id = :id AND revision = :revision"),
        key,
    ).one()
    body = row.body.replace(old, new)
    assert body != row.body
    connection.execute(
        text(
            "UPDATE history SET body = :body, hash = :hash"
            " WHERE record_id = :id AND revision = :revision"
        ),
        {**key, "body": body, "hash": chain(bytes(row.previous), body)},
    )


def change_a_body(past: Past, sheet_id: str) -> None:
    past.tamper(
        "UPDATE history SET body = replace(body, '-225', '-200')"
        " WHERE record_id = :id AND revision = 2",
        id=as_uuid(sheet_id),
    )


def change_a_body_and_its_hash(past: Past, sheet_id: str) -> None:
    with past.owner.begin() as connection:
        rehashed(connection, sheet_id, 2, "-225", "-200")


def remove_the_first(past: Past, sheet_id: str) -> None:
    past.tamper("DELETE FROM history WHERE record_id = :id AND revision = 1", id=as_uuid(sheet_id))


def remove_one_between(past: Past, sheet_id: str) -> None:
    past.tamper("DELETE FROM history WHERE record_id = :id AND revision = 2", id=as_uuid(sheet_id))


def cut_off_the_last(past: Past, sheet_id: str) -> None:
    past.tamper("DELETE FROM history WHERE record_id = :id AND revision = 3", id=as_uuid(sheet_id))


def insert_one_behind(past: Past, sheet_id: str) -> None:
    past.tamper(
        "INSERT INTO history SELECT record_id, 4, version, recorded_at, body, hash, hash"
        " FROM history WHERE record_id = :id AND revision = 3",
        id=as_uuid(sheet_id),
    )


def change_the_record(past: Past, sheet_id: str) -> None:
    past.tamper(
        "UPDATE record SET content = jsonb_set(content, '{power}', '-200') WHERE id = :id",
        id=as_uuid(sheet_id),
    )


def change_the_envelope(past: Past, sheet_id: str) -> None:
    past.tamper("UPDATE record SET recorded_by = 'somebody' WHERE id = :id", id=as_uuid(sheet_id))


def remove_the_record(past: Past, sheet_id: str) -> None:
    past.tamper("DELETE FROM record WHERE id = :id", id=as_uuid(sheet_id))


def remove_the_history(past: Past, sheet_id: str) -> None:
    past.tamper("DELETE FROM history WHERE record_id = :id", id=as_uuid(sheet_id))


@pytest.mark.parametrize(
    ("tamper", "flaw", "revision"),
    [
        (change_a_body, Flaw.CHANGED, 2),
        (change_a_body_and_its_hash, Flaw.CHANGED, 3),
        (remove_the_first, Flaw.REMOVED, 1),
        (remove_one_between, Flaw.REMOVED, 2),
        (cut_off_the_last, Flaw.CUT_OFF, 3),
        (insert_one_behind, Flaw.INSERTED, 4),
        (change_the_record, Flaw.RECORD_DIFFERS, 3),
        (change_the_envelope, Flaw.RECORD_DIFFERS, 3),
        (remove_the_record, Flaw.RECORD_REMOVED, 3),
        (remove_the_history, Flaw.HISTORY_REMOVED, 3),
    ],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
def test_what_was_done_to_the_past_is_found_and_named(
    past: Past, tamper: Callable[[Past, str], None], flaw: Flaw, revision: int
) -> None:
    sheet_id, untouched = past.sheet(), past.sheet()
    tamper(past, sheet_id)

    found = past.found()
    assert (flaw, revision) in [(one.flaw, one.revision) for one in found]
    assert {one.record_id for one in found} <= {sheet_id, str(as_uuid(sheet_id))}
    assert untouched not in {one.record_id for one in found}


def forge_the_whole_chain(past: Past, sheet_id: str) -> None:
    """Rewrite a value everywhere, and make every hash and the head anew."""
    key = {"id": as_uuid(sheet_id)}
    with past.owner.begin() as connection:
        rows = connection.execute(
            text("SELECT revision, body FROM history WHERE record_id = :id ORDER BY revision"), key
        ).all()
        previous = b""
        for row in rows:
            body = row.body.replace("-250", "-300")
            head = chain(previous, body)
            connection.execute(
                text(
                    "UPDATE history SET body = :body, previous = :previous, hash = :hash"
                    " WHERE record_id = :id AND revision = :revision"
                ),
                {**key, "revision": row.revision, "body": body, "previous": previous, "hash": head},
            )
            previous = head
        connection.execute(
            text(
                "UPDATE record SET head = :head, content = jsonb_set(content, '{power}', '-300')"
                " WHERE id = :id"
            ),
            {**key, "head": previous},
        )


def remove_every_trace(past: Past, sheet_id: str) -> None:
    remove_the_record(past, sheet_id)
    remove_the_history(past, sheet_id)


@pytest.mark.parametrize("tamper", [forge_the_whole_chain, remove_every_trace])
def test_a_past_that_was_made_to_fit_is_found_by_its_anchor(
    past: Past, tamper: Callable[[Past, str], None]
) -> None:
    sheet_id = past.sheet()
    past.anchor()
    tamper(past, sheet_id)

    assert past.found() == []
    (one,) = past.not_as_anchored()
    assert (one.flaw, one.revision) == (Flaw.NOT_AS_ANCHORED, 3)
    assert one.record_id in (sheet_id, str(as_uuid(sheet_id)))


def test_a_day_without_anything_new_is_not_anchored_and_a_day_has_one_anchor(past: Past) -> None:
    assert not past.anchor()
    past.sheet()
    assert past.anchor()
    assert not past.anchor()


def test_an_anchor_that_was_removed_or_changed_is_missed(past: Past) -> None:
    for days in range(1, 4):
        past.sheet()
        later = clock.now() + timedelta(days=3 * days)
        with past.owner.begin() as connection:
            connection.execute(
                text("UPDATE history SET recorded_at = :at WHERE revision >= 1"),
                {"at": later - timedelta(days=1)},
            )
        assert anchors.make_due(past.service, past.owners.upstream, past.objects, KEY, later)
    first, second, _third = anchors.read_back(past.service, past.objects, KEY)
    keys = {past.objects.get(key): key for key in past.objects.keys(f"{past.service}/")}
    by_number = {
        msgspec.json.decode(msgspec.json.decode(raw)["anchor"])["number"]: key
        for raw, key in keys.items()
    }
    past.objects.remove(by_number[second.anchor.number])
    assert Flaw.ANCHOR_MISSING in [one.flaw for one in past.not_as_anchored()]

    raw = msgspec.json.decode(past.objects.get(by_number[first.anchor.number]))
    raw["anchor"] = raw["anchor"].replace('"rows":', '"rows": ')
    past.objects.remove(by_number[first.anchor.number])
    past.objects.put(past.service, anchors.PURPOSE, msgspec.json.encode(raw), "application/json")
    assert Flaw.ANCHOR_BROKEN in [one.flaw for one in past.not_as_anchored()]


def test_the_last_anchor_is_missed_as_well(past: Past) -> None:
    past.sheet()
    assert past.anchor()
    (key,) = past.objects.keys(f"{past.service}/")

    past.objects.remove(key)

    assert [(one.flaw, one.record_id) for one in past.not_as_anchored()] == [
        (Flaw.ANCHOR_MISSING, f"{past.service} anchor 1")
    ]
