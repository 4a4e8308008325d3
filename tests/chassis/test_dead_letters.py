"""What workers gave up can be read by the person on call, redacted, and sent again once mended."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chassis import dead_letters
from chassis.ids import new_id
from local_platform.__main__ import app
from message_platform import DEAD, HEARS, MessagePlatform, eventually
from optichain.organisation.v1 import events_pb2

pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning"  # kombu leaves closing its sockets to the collector
)


def test_a_dead_letter_says_what_it_is_why_it_died_and_nothing_personal(
    platform: MessagePlatform,
) -> None:
    events: Any = importlib.import_module("optichain.listener.v1.events_pb2")
    event_id = platform.post(HEARS, events.PairHeard(branch_id="br_1", customer_name="Lin Meihua"))
    assert eventually(lambda: platform.length(DEAD) == 1)

    found = dead_letters.buried(platform.amqp_url, "listener")
    [letter] = found.letters
    text = dead_letters.as_text(found)

    assert (letter.queue, letter.reason, letter.deaths) == (HEARS, "rejected", 1)
    assert letter.event_id == event_id
    assert letter.died_at is not None
    assert "optichain.listener.v1.PairHeard" in text
    assert "branch_id: 'br_1'" in text
    assert "died once" in text
    assert "Lin Meihua" not in text


def test_reading_dead_letters_leaves_them_where_they_are(platform: MessagePlatform) -> None:
    for _ in range(3):
        platform.post(HEARS, b"\xff")
    assert eventually(lambda: platform.length(DEAD) == 3)

    for _ in range(2):
        assert dead_letters.buried(platform.amqp_url, "listener").total == 3
    assert platform.length(DEAD) == 3


def test_replayed_after_the_mending_a_dead_letter_takes_effect_once(
    platform: MessagePlatform,
) -> None:
    name = f"mended {new_id('br')}"
    platform.fail_for(name)
    platform.post(HEARS, events_pb2.BranchOpened(branch_id=new_id("br"), name=name))
    assert eventually(lambda: platform.length(DEAD) == 1, 30)
    platform.fail_for("")

    replayed = dead_letters.replay(platform.amqp_url, "listener")

    assert replayed == dead_letters.Replayed(sent=1, left=0)
    assert eventually(lambda: platform.heard(name) == 1, 5)
    assert platform.length(DEAD) == 0


def test_a_letter_that_dies_again_is_counted_and_had_all_its_deliveries(
    platform: MessagePlatform,
) -> None:
    platform.fail_for("hopeless")
    platform.post(HEARS, events_pb2.BranchOpened(branch_id=new_id("br"), name="hopeless"))
    assert eventually(lambda: platform.length(DEAD) == 1, 30)
    log = platform.var / "logs" / "listener-worker.log"
    first = log.read_text().count('"tries": 0')

    dead_letters.replay(platform.amqp_url, "listener")
    assert eventually(lambda: platform.length(DEAD) == 1, 30)
    [letter] = dead_letters.buried(platform.amqp_url, "listener").letters

    assert letter.deaths == 2
    assert log.read_text().count('"tries": 0') == first + 1


def test_a_letter_whose_queue_is_gone_stays(platform: MessagePlatform) -> None:
    headers = {"x-death": [{"queue": "listener.gone", "reason": "rejected", "count": 1}]}
    platform.post(DEAD, b"", **headers)
    platform.post(DEAD, b"")

    assert dead_letters.replay(platform.amqp_url, "listener") == dead_letters.Replayed(0, 2)
    assert eventually(lambda: platform.length(DEAD) == 2)


def test_a_service_without_dead_letters_says_so(platform: MessagePlatform) -> None:
    found = dead_letters.buried(platform.amqp_url, "organisation")

    assert dead_letters.as_text(found) == "organisation: no dead letters"


def dead(*words: str) -> tuple[int, str]:
    """Run the command; return its exit code and what it printed."""
    result = CliRunner().invoke(app, ["dead", *words])
    return result.exit_code, result.output


def test_the_command_lists_every_service_and_replays_one(
    platform: MessagePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTICHAIN_AMQP_URL", platform.amqp_url)
    home = {"x-death": [{"queue": HEARS, "reason": "rejected", "count": 1}]}
    name = f"by hand {new_id('br')}"
    event = events_pb2.BranchOpened(branch_id=new_id("br"), name=name)
    platform.post("organisation.dead", event, **home)

    code, listed = dead()
    assert code == 0
    assert "organisation: 1 dead letters" in listed
    assert "labjob: no dead letters" in listed
    assert dead("--replay", "organisation") == (
        0,
        "organisation: 1 dead letters were sent to their queues again\n",
    )
    assert eventually(lambda: platform.heard(name) == 1)


def test_the_command_says_in_one_line_what_keeps_it_from_working(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPTICHAIN_AMQP_URL", "amqp://a:b@127.0.0.1:9//")
    assert dead("--replay", "kitchen")[1].startswith("no service is called kitchen: there are ")
    away = f"the broker of {tmp_path} cannot be reached; does the platform run?\n"
    assert dead("--var", str(tmp_path)) == (1, away)

    monkeypatch.delenv("OPTICHAIN_AMQP_URL")
    assert dead("--var", str(tmp_path)) == (1, f"no platform has run in {tmp_path}\n")
