"""A real api process: what it says of itself, what it writes down of a call, and how it stops."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chain import Chain, Person
from chassis.errors import AlreadyThere, NotPermitted, Unavailable
from chassis.roles import Role
from listener_api import DESCRIPTOR, ListenerApi, database_of
from local_platform.platform import Platform
from message_platform import eventually
from small_contract import Caller

SECRET = "王强 1988-04-01"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SERVING, NOT_SERVING = (
    health_pb2.HealthCheckResponse.SERVING,
    health_pb2.HealthCheckResponse.NOT_SERVING,
)


@pytest.fixture(scope="module")
def running(parts: Platform, whole_chain: Chain) -> Iterator[ListenerApi]:
    whole_chain.serve()
    with (
        tempfile.TemporaryDirectory(prefix="optichain-listener-") as folder,
        database_of("listener", parts.part_url("postgres"), Path(folder)) as environment,
    ):
        found = ListenerApi(environment, Path(folder))
        yield found
        found.close()


@pytest.fixture
def listener(running: ListenerApi) -> ListenerApi:
    running.forget()
    return running


@pytest.fixture
def optician(chain: Chain) -> Person:
    return chain.person(Role.OPTICIAN)


@pytest.fixture
def caller(listener: ListenerApi, optician: Person) -> Iterator[Caller]:
    with Caller(listener.address, DESCRIPTOR, optician.token) as found:
        yield found


def test_a_call_is_one_log_line_which_says_who_and_how_long_and_nothing_of_what_was_asked(
    listener: ListenerApi, caller: Caller, optician: Person
) -> None:
    caller.call(
        "NoteName",
        name=SECRET,
        request_id="till-1",
        sent=(("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"),),
    )

    (line,) = listener.said("call")
    assert line.pop("timestamp")
    assert 0 < line.pop("ms") < 20_000
    assert line == {
        "event": "call",
        "level": "info",
        "process": "listener.api",
        "rpc": "/optichain.small.v1.SmallService/NoteName",
        "status": "OK",
        "actor": optician.id,
        "role": "optician",
        "branch": optician.branch_id,
        "trace_id": TRACE,
    }
    log = listener.log.read_text()
    for kept_back in (SECRET, "1988", "till-1", optician.token):
        assert kept_back not in log


def test_a_refused_call_is_one_log_line_with_the_reason(
    listener: ListenerApi, chain: Chain
) -> None:
    instrument = chain.person(Role.INSTRUMENT)
    with (
        Caller(listener.address, DESCRIPTOR, instrument.token) as caller,
        pytest.raises(NotPermitted),
    ):
        caller.call("NoteName", name=SECRET)

    (line,) = listener.said("call")
    assert (line["status"], line["actor"]) == ("ROLE_NOT_PERMITTED", "")
    assert SECRET not in listener.log.read_text()


def test_what_nobody_expected_is_told_to_nobody_and_its_place_is_in_the_log(
    listener: ListenerApi, caller: Caller, optician: Person
) -> None:
    listener.fails_for(SECRET)
    with pytest.raises(grpc.RpcError) as failed:
        caller.call("NoteName", name=SECRET)

    failure = failed.value
    assert isinstance(failure, grpc.Call)
    assert failure.code() == grpc.StatusCode.INTERNAL
    assert failure.details() == "something went wrong here; it has been recorded"
    assert "ValueError" not in str(failure.trailing_metadata())

    (recorded,) = listener.said("call failed")
    kind, *places = recorded["exception"].splitlines()
    assert kind == "ValueError"
    assert places[-1].split(":")[0].endswith("listener/api.py")
    assert places[-1].endswith("note_name")
    (line,) = listener.said("call")
    assert (line["status"], line["actor"]) == ("INTERNAL", optician.id)
    assert line["trace_id"] == recorded["trace_id"]
    assert "1988" not in listener.log.read_text()
    assert listener.heard(SECRET) == 0
    assert caller.call("NoteName", name="the next one").name == "the next one"


def test_a_request_that_comes_again_while_the_first_is_served_has_one_effect_and_one_answer(
    listener: ListenerApi, caller: Caller
) -> None:
    with listener.held_up():
        asked = [caller.begin("NoteName", name="once", request_id="r1") for _ in range(4)]
        assert listener.waits(calls=4)

    assert [one.result().name for one in asked] == ["once"] * 4
    assert listener.heard("once") == 1


def test_another_body_under_the_same_request_id_is_refused_while_the_first_is_served_and_after(
    listener: ListenerApi, caller: Caller
) -> None:
    names = ("one", "other")
    with listener.held_up():
        asked = {name: caller.begin("NoteName", name=name, request_id="r1") for name in names}
        assert listener.waits(calls=2)

    outcome = {name: call.exception() for name, call in asked.items()}
    (served,) = [name for name, error in outcome.items() if error is None]
    (refused,) = [name for name, error in outcome.items() if error is not None]
    assert outcome[refused].code() == grpc.StatusCode.ALREADY_EXISTS
    assert (listener.heard(served), listener.heard(refused)) == (1, 0)
    with pytest.raises(AlreadyThere) as again:
        caller.call("NoteName", name=refused, request_id="r1")
    assert again.value.code == "REQUEST_ID_REUSED"
    assert caller.call("NoteName", name=served, request_id="r1").name == served


def test_a_request_id_is_the_callers_own(
    listener: ListenerApi, caller: Caller, chain: Chain
) -> None:
    caller.call("NoteName", name="mine", request_id="r1")
    colleague = chain.person(Role.OPTICIAN)
    with Caller(listener.address, DESCRIPTOR, colleague.token) as other:
        assert other.call("NoteName", name="theirs", request_id="r1").name == "theirs"
    assert (listener.heard("mine"), listener.heard("theirs")) == (1, 1)


def test_a_call_under_way_when_the_process_is_told_to_stop_is_answered_and_no_other_begins(
    listener: ListenerApi, caller: Caller, optician: Person
) -> None:
    """The last of these tests: the process ends."""
    with grpc.insecure_channel(listener.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == SERVING
        with listener.held_up():
            under_way = caller.begin("NoteName", name="under way")
            assert listener.waits(calls=1)
            listener.tell_to_stop()
            assert next(watch).status == NOT_SERVING
            assert eventually(lambda: refuses(listener, optician), 3)
            assert not under_way.done()

    assert under_way.result().name == "under way"
    assert listener.process.wait(10) == 0
    assert (listener.heard("under way"), listener.heard("too late")) == (1, 0)


def refuses(listener: ListenerApi, optician: Person) -> bool:
    """Tell whether somebody who calls now is turned away."""
    with Caller(listener.address, DESCRIPTOR, optician.token) as late:
        try:
            late.call("NoteName", name="too late", seconds=0.5)
        except Unavailable:
            return True
    return False
