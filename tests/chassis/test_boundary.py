"""What every service promises at its door: no RPC without a rule, no call without a token that
holds, and no longer than the caller waits."""

from __future__ import annotations

import contextvars
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from google.protobuf.message import Message

from chain import Chain
from chassis import settings
from chassis.contract import RuleMissing
from chassis.errors import Unavailable
from chassis.ids import new_id
from chassis.rpc import Api, Call
from chassis.rpc.api import RpcUnserved
from chassis.rpc.peers import must_end_within, seconds_left
from message_platform import eventually
from optichain.auth.v1 import role_pb2, rule_pb2
from optichain.record.v1 import record_service_pb2 as record_pb2
from small_contract import ANYBODY, SERVICE, STAFF, Caller, contract, served

NOBODY_SAID = {
    "no rule at all": None,
    "nobody may call": rule_pb2.Rule(scope=rule_pb2.SCOPE_CHAIN),
    "nobody but before a password change": rule_pb2.Rule(
        before_password_change=True, scope=rule_pb2.SCOPE_CHAIN
    ),
    "a role and no scope": rule_pb2.Rule(roles=[role_pb2.ROLE_OPTICIAN]),
    "services and no scope": rule_pb2.Rule(any_service=True),
}


def nothing(_call: Call, _request: Message) -> Message:
    raise AssertionError("nobody calls it")


@pytest.mark.parametrize("rule", NOBODY_SAID.values(), ids=NOBODY_SAID.keys())
def test_an_rpc_that_does_not_say_who_may_call_it_is_not_served(
    rule: rule_pb2.Rule | None,
) -> None:
    api = Api(contract(AcceptJob=rule), SERVICE)
    with pytest.raises(RuleMissing, match=r"SmallService\.AcceptJob"):
        api.asks("AcceptJob")(nothing)


def test_a_server_does_not_start_with_an_rpc_that_nothing_serves(chain: Chain) -> None:
    api = Api(contract(AcceptJob=STAFF, StartJob=STAFF), SERVICE)
    api.asks("AcceptJob")(nothing)
    with pytest.raises(RpcUnserved, match="nothing serves StartJob"), served(api, chain):
        pass


def test_nothing_is_served_that_the_contract_does_not_have() -> None:
    api = Api(contract(AcceptJob=STAFF), SERVICE)
    with pytest.raises(RpcUnserved, match="SmallService has no RPC AcceptJobs"):
        api.commands(AcceptJobs=nothing)


@pytest.fixture
def silent(chain: Chain) -> Iterator[None]:
    """At clinical's address somebody listens and never says a word."""
    chain.serve("clinical")
    chain.stop("clinical")  # its address is free now, whoever served it before
    host, _, port = settings.load("labjob").address_of("clinical").rpartition(":")
    with socket.create_server((host, int(port))):
        yield


def asks_twice(took: list[float]) -> Api:
    """Return an RPC that asks clinical twice and writes down how long each time took."""
    api = Api(contract(AcceptJob=ANYBODY), SERVICE)

    @api.asks("AcceptJob")
    def accept_job(call: Call, _request: Message) -> Message:
        asked = record_pb2.GetRecordRequest(record_id=new_id("rx"))
        for _ in range(2):
            began = time.monotonic()
            with suppress(Unavailable):
                call.ask(asked, record_pb2.GetRecordResponse, of="clinical")
            took.append(time.monotonic() - began)
        return call.reply(None)

    return api


@pytest.mark.usefixtures("silent")
def test_a_call_that_came_with_little_time_asks_others_no_longer_than_that(chain: Chain) -> None:
    took: list[float] = []
    api = asks_twice(took)
    with served(api, chain) as address, Caller(address, api.descriptor) as caller:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            caller.call("AcceptJob", seconds=1.5)
        assert time.monotonic() - began < 2.5
        assert eventually(lambda: len(took) == 2)
    assert sum(took) < 2
    assert took[1] < 0.5, "the first one has used it up"


def test_a_call_whose_time_is_over_when_it_is_looked_at_has_none_left() -> None:
    def begin(seconds: float | None) -> float:
        must_end_within(seconds)
        return seconds_left()

    left = {seconds: contextvars.copy_context().run(begin, seconds) for seconds in (0.0, 4.0, 60.0)}
    assert left[0.0] == 0.0
    assert left[4.0] == pytest.approx(4.0, abs=0.5)
    assert left[60.0] == pytest.approx(10.0, abs=0.5), "nobody's patience is longer than ours"
    unsaid = contextvars.copy_context().run(begin, None)
    assert unsaid == pytest.approx(10.0, abs=0.5)
