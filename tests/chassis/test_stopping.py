"""A process that is told to stop ends within seconds, whatever it waits for."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from chassis.ids import new_id
from message_platform import HEARS, MessagePlatform, eventually
from optichain.organisation.v1 import events_pb2

pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning"  # kombu leaves closing its sockets to the collector
)


@pytest.fixture
def stopped(platform: MessagePlatform) -> Iterator[list[str]]:
    """Processes a test has stopped; started again when it ends."""
    names: list[str] = []
    yield names
    for name in names:
        platform.platform.restart(name)


def seconds_to_stop(platform: MessagePlatform, name: str) -> float:
    began = time.monotonic()
    platform.platform.stop_process(name)
    took = time.monotonic() - began
    sys.stdout.write(f"{name} stopped in {took:.2f} s\n")
    return took


def test_an_idle_api_stops_at_once(platform: MessagePlatform, stopped: list[str]) -> None:
    stopped.append("organisation-api")

    assert seconds_to_stop(platform, "organisation-api") < 3  # tests share their machine


def test_idle_workers_stop_within_seconds(platform: MessagePlatform, stopped: list[str]) -> None:
    stopped += ["organisation-worker", "listener-worker"]

    assert seconds_to_stop(platform, "organisation-worker") < 6
    assert seconds_to_stop(platform, "listener-worker") < 6


def test_a_worker_whose_broker_is_away_stops_too(
    platform: MessagePlatform, stopped: list[str]
) -> None:
    stopped.append("listener-worker")
    platform.platform.stop_part("rabbitmq")
    time.sleep(1)
    took = seconds_to_stop(platform, "listener-worker")
    platform.platform.start_part("rabbitmq")

    assert took < 8


def test_a_worker_that_holds_a_fact_because_its_database_is_away_stops_and_loses_nothing(
    platform: MessagePlatform, stopped: list[str]
) -> None:
    stopped.append("listener-worker")
    name = f"stopped {new_id('br')}"
    platform.platform.stop_part("postgres")
    platform.post(HEARS, events_pb2.BranchOpened(branch_id=new_id("br"), name=name))
    assert eventually(lambda: platform.length(HEARS) == 0)
    took = seconds_to_stop(platform, "listener-worker")
    platform.platform.start_part("postgres")
    platform.platform.restart("listener-worker")

    assert took < 8
    assert eventually(lambda: platform.heard(name) == 1, 30)


def test_a_signal_is_never_lost_however_close_to_the_wait_it_comes() -> None:
    """What the pipe is for: with an Event, one in some hundreds of such waits never returned."""
    program = """
import os, signal, threading
from chassis.stopping import StopSignal
told = StopSignal()
for _ in range(300):
    threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM)).start()
    told.wait()
print("stopped every time")
"""
    done = subprocess.run(
        (sys.executable, "-c", program), capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "stopped every time\n"
