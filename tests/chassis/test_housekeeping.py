"""What every worker tidies each minute, and what it counts for those on call."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import func, insert, select

from chain import Chain
from chassis import clock, evidence
from chassis.actor import system
from chassis.db import Database
from chassis.errors import Unavailable, Unknown
from chassis.housekeeping import Housekeeping
from chassis.objects import ObjectStore
from chassis.records.tables import evidence as evidence_table
from chassis.records.tables import inbox, outbox, reply
from chassis.settings import ServiceSettings, load
from message_platform import DEAD, MessagePlatform, eventually

pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning"  # kombu leaves closing its sockets to the collector
)
DAY = timedelta(days=1)


@pytest.fixture
def database(chain: Chain) -> Database:
    chain.database("organisation")
    chain.empty()
    return chain.database("organisation")


@pytest.fixture
def housekeeping(database: Database) -> Housekeeping:
    return Housekeeping("organisation", database, load("organisation"))


@pytest.fixture
def store(database: Database) -> ObjectStore:
    found = ObjectStore(load("organisation").s3_url.get_secret_value())
    found.make_bucket()
    return found


def upload(database: Database, store: ObjectStore, *, days_ago: float) -> str:
    """Offer an upload and put an object there, as a client does that then never confirms."""
    key = store.put("organisation", "photo", uuid4().bytes, "image/png").object_key
    with database.work(system("organisation")) as work:
        at = clock.now() - days_ago * DAY
        evidence.offered(work.connection, key, "image/png", work.actor, at)
    return key


def known(database: Database) -> list[str]:
    with database.snapshot() as connection:
        return list(connection.execute(select(evidence_table.c.object_key)).scalars())


def test_an_upload_never_confirmed_is_removed_with_its_object_and_a_fresh_one_stays(
    database: Database, store: ObjectStore, housekeeping: Housekeeping
) -> None:
    old, fresh = upload(database, store, days_ago=2), upload(database, store, days_ago=0.5)

    housekeeping.sweep_evidence(clock.now())

    assert known(database) == [fresh]
    assert store.get(fresh)
    with pytest.raises(Unknown):
        store.get(old)


def test_a_confirmed_upload_is_never_swept(
    database: Database, store: ObjectStore, housekeeping: Housekeeping
) -> None:
    key = upload(database, store, days_ago=400)
    data = store.get(key)
    with database.work(system("organisation")) as work:
        shown = store.put("organisation", "photo", data, "image/png")
        evidence.confirmed(work.connection, shown, clock.now())

    housekeeping.sweep_evidence(clock.now())

    assert store.get(key) == data
    assert known(database) == [key]


def test_while_the_object_store_is_away_nothing_is_forgotten(
    database: Database, store: ObjectStore
) -> None:
    key = upload(database, store, days_ago=2)
    nowhere = _settings(s3_url="http://a:b@127.0.0.1:9/none")

    with pytest.raises(Unavailable):
        Housekeeping("organisation", database, nowhere).sweep_evidence(clock.now())

    assert known(database) == [key]


def test_an_upload_offered_more_than_a_day_ago_can_no_longer_be_confirmed(
    database: Database, store: ObjectStore
) -> None:
    old, fresh = upload(database, store, days_ago=1.01), upload(database, store, days_ago=0.9)

    with database.snapshot() as connection:
        assert evidence.offer_of(connection, fresh, "organisation").media_type == "image/png"
        with pytest.raises(Unknown):
            evidence.offer_of(connection, old, "organisation")


def test_replies_are_kept_seven_days_and_inbox_notes_thirty(
    database: Database, housekeeping: Housekeeping
) -> None:
    at = clock.now()
    with database.work(system("organisation")) as work:
        for days in (6, 8):
            work.connection.execute(
                insert(reply).values(
                    actor="stf_1",
                    rpc="/x",
                    request_id=str(days),
                    request_hash=b"",
                    response=b"",
                    replied_at=at - days * DAY,
                )
            )
        for days in (29, 31):
            work.connection.execute(
                insert(inbox).values(
                    subscription=str(days), event_id=uuid4(), handled_at=at - days * DAY
                )
            )

    housekeeping.prune(at)

    with database.snapshot() as connection:
        assert connection.execute(select(reply.c.request_id)).scalars().all() == ["6"]
        assert connection.execute(select(inbox.c.subscription)).scalars().all() == ["29"]


def test_a_large_backlog_is_pruned_in_batches_until_nothing_is_due(
    database: Database, housekeeping: Housekeeping
) -> None:
    at = clock.now()
    rows = [
        {"subscription": "s", "event_id": uuid4(), "handled_at": at - 31 * DAY} for _ in range(1200)
    ]
    with database.work(system("organisation")) as work:
        work.connection.execute(insert(inbox), rows)

    turns = 1
    while housekeeping.prune(at):
        turns += 1

    with database.snapshot() as connection:
        assert connection.execute(select(func.count()).select_from(inbox)).scalar() == 0
    assert turns == 3


def test_it_counts_the_events_that_wait_for_the_broker(
    database: Database, housekeeping: Housekeeping
) -> None:
    row = {"aggregate_id": "br_1", "type": "t", "body": b"", "traceparent": ""}
    with database.work(system("organisation")) as work:
        rows = [{**row, "event_id": uuid4(), "occurred_at": clock.now()} for _ in range(3)]
        work.connection.execute(insert(outbox), rows)

    assert housekeeping.outbox_waiting() == 3


def test_it_tells_for_how_long_the_oldest_event_has_waited_while_nothing_is_published(
    database: Database, housekeeping: Housekeeping
) -> None:
    assert housekeeping.outbox_age_ms() == 0
    row = {"aggregate_id": "br_1", "type": "t", "body": b"", "traceparent": ""}
    with database.work(system("organisation")) as work:
        for minutes in (5, 1):
            at = clock.now() - timedelta(minutes=minutes)
            values = {**row, "event_id": uuid4(), "occurred_at": at}
            work.connection.execute(insert(outbox).values(values))

    assert 300_000 <= housekeeping.outbox_age_ms() < 360_000


def test_a_store_that_is_away_keeps_nothing_else_from_being_tidied(
    database: Database, store: ObjectStore
) -> None:
    key = upload(database, store, days_ago=2)
    note = {"subscription": "s", "event_id": uuid4(), "handled_at": clock.now() - 31 * DAY}
    with database.work(system("organisation")) as work:
        work.connection.execute(insert(inbox).values(note))
    nowhere = _settings(
        s3_url="http://a:b@127.0.0.1:9/none", amqp_url="amqp://a:b@127.0.0.1:9/none"
    )

    assert not Housekeeping("organisation", database, nowhere).turn()

    assert known(database) == [key]
    with database.snapshot() as connection:
        assert connection.execute(select(func.count()).select_from(inbox)).scalar() == 0


def test_it_counts_the_dead_letters(platform: MessagePlatform) -> None:
    platform.post(DEAD, b"")
    settings = _settings(amqp_url=platform.amqp_url)

    assert Housekeeping("listener", platform.organisation, settings).dead_letters_waiting() == 1


def test_a_running_worker_does_all_of_it_by_itself(platform: MessagePlatform) -> None:
    with platform.listener.begin() as connection:
        row = {"subscription": "s", "event_id": uuid4(), "handled_at": clock.now() - 31 * DAY}
        connection.execute(insert(inbox), row)

    platform.platform.restart("listener-worker")

    question = "SELECT count(*) FROM inbox WHERE subscription = 's'"
    assert eventually(lambda: platform.ask(question) == 0)
    assert "timer failed" not in (platform.var / "logs" / "listener-worker.log").read_text()


def _settings(*, amqp_url: str = "", s3_url: str = "") -> ServiceSettings:
    none = SecretStr("")
    return ServiceSettings(
        database_url=none,
        secret=none,
        data_key=none,
        amqp_url=SecretStr(amqp_url),
        s3_url=SecretStr(s3_url),
    )
