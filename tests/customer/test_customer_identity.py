"""Who a person is stands in history under a key of the person: unreadable without it, and the chain
of hashes verifies whether the key is there or not."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from chain import Chain
from chassis import settings
from chassis.errors import Refused
from chassis.ids import new_id
from chassis.records import history, person_keys
from chassis.records.person_keys import person_key
from chassis.records.tables import history as history_table
from chassis.records.tables import outbox, record
from chassis.sealing import DataKey, SealBroken
from counter import Counter
from optichain.customer.v1 import contact_pb2, message_pb2
from optichain.customer.v1 import customer_service_pb2 as pb
from optichain.record.v1 import record_service_pb2 as records

PLANTED = ("王芳芳", "13800138000", "1988-05-21", "fang@example.org", "Nanjing Road 7", "met Fang")


def person_of(counter: Counter) -> str:
    """Somebody of whom every kind of record is kept."""
    customer_id = counter.id_of("王芳芳", email="fang@example.org", address="Nanjing Road 7")
    counter.amend(customer_id, wechat_id="fang88")
    counter.answer_all(customer_id)
    counter.verify(customer_id)
    counter.id_of("王芳芳")
    message = pb.RecordMessageRequest(
        customer_id=customer_id,
        purpose=contact_pb2.PURPOSE_ORDER_SERVICE,
        outcome=message_pb2.MESSAGE_OUTCOME_TOLD,
        channel=contact_pb2.CHANNEL_SMS,
        said="met Fang",
    )
    counter.chain.ask(message, pb.RecordMessageResponse, as_=counter.reception)
    return customer_id


def rows_of(chain: Chain) -> list[Any]:
    with chain.database("customer").snapshot() as connection:
        return list(connection.execute(history_table.select()).mappings())


def verifies(chain: Chain) -> bool:
    """Tell whether every chain of hashes holds, up to the head that stands on the record."""
    with chain.database("customer").snapshot() as connection:
        heads = {row.id: bytes(row.head) for row in connection.execute(record.select())}
    ordered = sorted(rows_of(chain), key=lambda row: (row["record_id"], row["revision"]))
    last: dict[Any, bytes] = {}
    for row in ordered:
        previous = last.get(row["record_id"], b"")
        hashed = history.chain(previous, row["body"])
        if (bytes(row["previous"]), bytes(row["hash"])) != (previous, hashed):
            return False
        last[row["record_id"]] = hashed
    return bool(heads) and last == heads


def changes(counter: Counter, record_id: str) -> list[Any]:
    request = records.ListChangesRequest(record_id=record_id)
    answer = counter.chain.ask(
        request, records.ListChangesResponse, as_=counter.reception, of="customer"
    )
    return list(answer.changes)


def test_history_holds_nothing_of_a_person_in_clear_and_its_chain_verifies(
    counter: Counter,
) -> None:
    person_of(counter)

    bodies = "\n".join(row["body"] for row in rows_of(counter.chain))

    assert len(bodies) > 1000
    for planted in (*PLANTED, "fang88", "said at the counter"):
        assert planted not in bodies
    assert verifies(counter.chain)


def test_facts_told_to_others_hold_nothing_of_a_person(counter: Counter) -> None:
    customer_id = person_of(counter)
    other = counter.person(customer_id).duplicates[0].other_id
    counter.resolve(customer_id, other, surviving_id=customer_id)

    with counter.chain.database("customer").snapshot() as connection:
        told = b"\n".join(bytes(row.body) for row in connection.execute(outbox.select()))
    assert len(told) > 100
    for planted in PLANTED:
        assert planted.encode() not in told


def test_a_destroyed_key_takes_the_values_and_leaves_the_chain(counter: Counter) -> None:
    customer_id = person_of(counter)
    before = changes(counter, customer_id)
    assert [field.new_value for field in before[1].fields] == ['"fang88"']

    with counter.chain.work("customer", counter.reception.actor) as work:
        person_keys.destroy(work.connection, customer_id, work.at)

    after = changes(counter, customer_id)
    assert [field.field for field in after[1].fields] == ["wechat_id"]
    assert [field.new_value for field in after[1].fields] == [""]
    assert after[1].reason == ""
    assert [one.version for one in after] == [one.version for one in before]
    assert verifies(counter.chain)


def test_nothing_is_written_of_a_person_whose_key_was_destroyed(counter: Counter) -> None:
    customer_id = counter.id_of()
    with counter.chain.work("customer", counter.reception.actor) as work:
        person_keys.destroy(work.connection, customer_id, work.at)

    with pytest.raises(Refused) as refused:
        counter.amend(customer_id, wechat_id="fang88")
    assert refused.value.code == "PERSON_ERASED"
    assert counter.person(customer_id).person.envelope.revision == 1


def test_each_person_has_a_key_of_their_own_that_opens_no_other(counter: Counter) -> None:
    first, second = counter.id_of(), counter.id_of("王强", birthday="1985-01-01")
    database = counter.chain.database("customer")

    with database.snapshot() as connection:
        rows = connection.execute(person_key.select())
        keys = {row.customer_id: row.sealed_key for row in rows}
        seal: Any = database.seal_in(connection)
        sealed = seal.close(first, "王芳".encode())
        assert seal.open(first, sealed) == "王芳".encode()
        with pytest.raises(SealBroken):
            seal.open(second, sealed)
    assert set(keys) == {first, second}
    assert len(set(keys.values())) == 2


def test_a_key_rests_sealed_and_only_the_data_key_of_the_platform_opens_it(
    counter: Counter,
) -> None:
    customer_id = counter.id_of()
    database = counter.chain.database("customer")
    with database.snapshot() as connection:
        stranger = person_keys.PersonKeys(connection, DataKey(DataKey.fresh()))
        with pytest.raises(SealBroken):
            stranger.close(customer_id, b"x")
        own = DataKey(settings.load("customer").data_key.get_secret_value())
        assert person_keys.PersonKeys(connection, own).close(customer_id, b"x")


def test_two_who_write_first_of_a_person_seal_with_the_same_key(counter: Counter) -> None:
    customer_id = new_id("cus")
    database = counter.chain.database("customer")

    def seal(clear: bytes) -> str:
        with database.work(counter.reception.actor) as work:
            kept: Any = database.seal_in(work.connection)
            sealed = str(kept.close(customer_id, clear))
            time.sleep(0.2)  # the other one writes meanwhile
            return sealed

    with ThreadPoolExecutor(2) as hands:
        one, other = hands.map(seal, (b"one", b"other"))

    with database.snapshot() as connection:
        keys: Any = database.seal_in(connection)
        assert (keys.open(customer_id, one), keys.open(customer_id, other)) == (b"one", b"other")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE history SET body = '{}'",
        "DELETE FROM history",
        "DELETE FROM person_key",
        "UPDATE person_key SET customer_id = customer_id",
        "DELETE FROM import_row",
    ],
)
def test_the_run_time_role_cannot_rewrite_history_keys_or_reports(
    counter: Counter, statement: str
) -> None:
    counter.id_of()
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        counter.chain.database("customer").engine.begin() as connection,
    ):
        connection.execute(text(statement))
