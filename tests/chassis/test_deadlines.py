"""A call ends in time, whoever it asks: what is left of its time is all that others get."""

from __future__ import annotations

import contextvars
import socket
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from chain import Chain
from chassis import settings
from chassis.errors import Outdated, Unavailable
from chassis.ids import new_id
from chassis.roles import Role
from chassis.rpc.peers import Peers, must_end_within
from optichain.record.v1 import record_service_pb2 as pb

_PATIENCE_SECONDS = 1.0


@pytest.fixture
def silent_clinical(chain: Chain) -> Iterator[Peers]:
    """Organisation answers; at clinical's address somebody listens and never says a word."""
    chain.serve("clinical")
    chain.stop("clinical")  # its address is free now, whoever served it before
    loaded = settings.load("labjob")
    host, _, port = loaded.address_of("clinical").rpartition(":")
    with socket.create_server((host, int(port))):
        peers = Peers(loaded, service="labjob", secret=loaded.secret.get_secret_value())
        yield peers
        peers.close()


def test_whom_a_call_asks_second_gets_what_the_first_one_left(silent_clinical: Peers) -> None:
    def ask_twice() -> None:
        must_end_within(_PATIENCE_SECONDS)
        for _ in range(2):
            with pytest.raises(Unavailable):
                silent_clinical.ask(
                    pb.GetRecordRequest(record_id=new_id("rx")), pb.GetRecordResponse, of="clinical"
                )

    began = time.monotonic()
    contextvars.copy_context().run(ask_twice)
    assert time.monotonic() - began < 1.5 * _PATIENCE_SECONDS


def test_a_wait_for_a_lock_ends_and_says_that_somebody_else_writes(chain: Chain) -> None:
    actor = chain.person(Role.OPTICIAN).actor
    lock = text("SELECT pg_advisory_xact_lock(42)")
    with chain.work("labjob", actor) as first:
        first.connection.execute(lock)
        with pytest.raises(Outdated), chain.work("labjob", actor) as second:
            second.connection.execute(text(f"SET LOCAL lock_timeout = 50; {lock}"))


def test_a_statement_that_takes_too_long_is_ended(chain: Chain) -> None:
    with chain.work("labjob", chain.person(Role.OPTICIAN).actor) as work:
        ended_after = work.connection.execute(text("SHOW statement_timeout")).scalar_one()
        assert ended_after == "10s"
    with (
        pytest.raises(Unavailable),
        chain.work("labjob", chain.person(Role.OPTICIAN).actor) as work,
    ):
        work.connection.execute(text("SET LOCAL statement_timeout = 50; SELECT pg_sleep(5)"))
