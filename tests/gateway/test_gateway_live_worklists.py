"""Who is signed in hears at once what comes to them and what leaves them, and nothing of others."""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from kombu import Connection, Exchange

from chain import Chain, Person
from chassis.ids import new_id
from chassis.roles import Role
from gateway_door import Door, problem
from optichain.auth.v1 import role_pb2
from optichain.record.v1 import events_pb2

PATH = "/api/v1/worklists/live"
OPTICIAN, MANAGER = role_pb2.ROLE_OPTICIAN, role_pb2.ROLE_BRANCH_MANAGER


class Heard:
    """What came along a stream, event by event."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.ended = threading.Event()
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()

    def _read(self, lines: Iterator[str]) -> None:
        name = ""
        try:
            for line in lines:
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    self._events.put((name, json.loads(value)))
        except httpx.HTTPError:
            pass
        self.ended.set()

    def next(self) -> tuple[str, Any]:
        """Wait for the next event."""
        return self._events.get(timeout=20)


@contextmanager
def listening(door: Door, token: str) -> Iterator[Heard]:
    headers = {"Authorization": f"Bearer {token}"}
    with (
        httpx.Client(base_url=door.url, timeout=60, trust_env=False) as client,
        client.stream("GET", PATH, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Heard(answer.iter_lines())


def tell(**said: Any) -> str:
    """Publish as labjob's relay would; returns the id of the issue."""
    event = events_pb2.WorklistChanged(
        record_id=new_id("labjob_issue"), kind="labjob.issue", state="open", **said
    )
    with Connection(os.environ["OPTICHAIN_AMQP_URL"]) as broker:
        exchange = Exchange("labjob.events", type="topic", durable=True)
        producer = broker.Producer()
        producer.publish(
            event.SerializeToString(),
            exchange=exchange,
            declare=[exchange],
            routing_key="WorklistChanged",
            content_type="application/octet-stream",
            content_encoding="binary",
            serializer=None,
        )
    return event.record_id


def ready(heard: Heard) -> None:
    """Wait until the stream has begun."""
    assert heard.next() == ("reload", {})


@pytest.fixture
def optician(chain: Chain) -> Person:
    return chain.person(Role.OPTICIAN)


def test_who_is_signed_in_hears_what_comes_to_their_role_or_to_themselves(
    door: Door, optician: Person
) -> None:
    with listening(door, optician.token) as heard:
        ready(heard)
        here = {"held_at_id": optician.branch_id}
        tell(responsible_role=MANAGER, **here)  # another role
        tell(responsible_role=OPTICIAN, held_at_id=new_id("br"))  # another branch
        ours = tell(responsible_role=OPTICIAN, **here)
        mine = tell(responsible_role=MANAGER, owner=optician.id, held_at_id=new_id("br"))
        left = tell(responsible_role=MANAGER, earlier_role=OPTICIAN, **here)

        told = [heard.next() for _ in range(3)]
        assert [name for name, _ in told] == ["changed"] * 3
        assert [(one["record_id"], one["worklists"]) for _, one in told] == [
            (ours, ["role"]),
            (mine, ["mine"]),
            (left, ["role"]),
        ]


def test_a_stream_says_ids_only_and_is_for_who_is_signed_in(door: Door, optician: Person) -> None:
    problem(door.call("GET", "/worklists/live"), 401, "TOKEN_MISSING")
    problem(door.call("GET", "/worklists/live", token="no.such.token"), 401, "TOKEN_REFUSED")
    with listening(door, optician.token) as heard:
        ready(heard)
        tell(responsible_role=OPTICIAN, held_at_id=optician.branch_id)
        _, told = heard.next()
        assert set(told) <= {"record_id", "kind", "state", "case_id", "due_at", "worklists"}


def test_a_gateway_that_stops_ends_its_streams_at_once(
    chain: Chain, folder: Path, optician: Person
) -> None:
    chain.serve()
    own = Door(folder)
    with listening(own, optician.token) as heard:
        ready(heard)
        begun = time.monotonic()
        assert own.stop() == 0
        assert time.monotonic() - begun < 8
        assert heard.ended.wait(5)


def test_a_broker_that_cannot_be_reached_keeps_nobody_from_their_lists(
    chain: Chain, folder: Path, optician: Person
) -> None:
    chain.serve()
    own = Door(folder, OPTICHAIN_AMQP_URL="amqp://guest:guest@127.0.0.1:1/")
    try:
        with listening(own, optician.token) as heard:
            ready(heard)
        assert own.call("GET", "/issues", token=optician.token).status_code == 200
    finally:
        own.stop()
