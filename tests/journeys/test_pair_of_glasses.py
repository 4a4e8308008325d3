"""One pair of glasses through the whole platform, while processes are killed under it."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_platform.demo import journey
from local_platform.demo.command import load_chain
from local_platform.demo.desk import operations_of
from local_platform.demo.shop import Shop
from local_platform.demo.summary import handovers_of
from local_platform.platform import Platform
from local_platform.ports import Ports

KILLED_BEFORE = {
    6: "clinical-api",
    10: "inventory-worker",
    12: "gateway",
    14: "labjob-api",
    15: "billing-worker",
}
"""Which process dies by kill -9 just before which step."""

EDGES = (
    ("gateway", "organisation.api"),
    ("gateway", "customer.api"),
    ("gateway", "inventory.api"),
    ("gateway", "clinical.api"),
    ("gateway", "billing.api"),
    ("gateway", "labjob.api"),
    ("clinical.api", "customer.api"),
    ("clinical.api", "inventory.api"),
    ("clinical.api", "organisation.api"),
    ("billing.api", "clinical.api"),
    ("billing.api", "inventory.api"),
    ("labjob.api", "billing.api"),
    ("labjob.api", "clinical.api"),
    ("labjob.api", "inventory.api"),
    ("device_bridge.api", "clinical.api"),
    ("billing.worker", "inventory.worker"),
    ("labjob.worker", "billing.worker"),
    ("labjob.worker", "clinical.worker"),
    ("customer.worker", "billing.worker"),
    ("billing.worker", "customer.worker"),
    ("clinical.worker", "labjob.worker"),
)
"""Who calls or tells whom in this journey, as its traces must show."""

PLANTED = ("欧阳静", "13916000199", "139 1600 0199", "李小明", "愚园路")
"""Names, phones and addresses of the imported customers."""

PLANTED_POWERS = re.compile(r"(?<![\w.-])-(225|250|2\.25|2\.50)(?![\w.])")
"""What was prescribed, as an integer or as people write it."""


@dataclass
class Walked:
    """A journey that was walked, and what it left behind."""

    shop: Shop
    handovers: list[dict[str, Any]]
    order: dict[str, Any]
    ledger: dict[str, Any]
    spans: list[dict[str, Any]]
    texts: dict[str, str]
    object_keys: list[str]
    dead: int


@pytest.fixture(scope="module")
def walked() -> Iterator[Walked]:
    """Walk the journey once, with the kills, on a platform of its own."""
    kept = {
        name: os.environ.pop(name) for name in list(os.environ) if name.startswith("OPTICHAIN_")
    }
    with tempfile.TemporaryDirectory(prefix="optichain-journey-") as folder:
        platform = Platform(var=Path(folder), ports=Ports.free(), fast=True)
        with platform:
            shop = _shop(platform)
            journey.prepare(shop)
            for step in journey.STEPS:
                if step.n in KILLED_BEFORE:
                    platform.kill(KILLED_BEFORE[step.n])  # type: ignore[index]  # numbered steps only
                with shop.step(step.n, step.role, step.what):
                    step.take(shop)
            optician = shop.desk("optician.ja1")
            order = optician.do("billing.GetOrder", order_id=shop.glasses.order_id)
            ledger = shop.desk("manager.ja1").do(
                "billing.GetLedger", order_id=shop.glasses.order_id
            )
            handovers = handovers_of(shop)
            keys = _object_keys(platform)
            dead = _dead_letters(platform)
            shop.close()
        yield Walked(
            shop=shop,
            handovers=handovers,
            order=order,
            ledger=ledger,
            spans=_spans(Path(folder) / "telemetry"),
            texts=_texts(Path(folder)),
            object_keys=keys,
            dead=dead,
        )
    os.environ.update(kept)


def _shop(platform: Platform) -> Shop:
    chain = load_chain(platform)
    return Shop(platform.gateway_url, operations_of(platform.gateway_url), chain, lambda line: None)


def _spans(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in folder.glob("*.spans.jsonl")
        for line in path.read_text().splitlines()
        if line.endswith("}")
    ]


def _texts(var: Path) -> dict[str, str]:
    paths = [*(var / "logs").glob("*.log"), *(var / "telemetry").glob("*.jsonl")]
    return {path.name: path.read_text(errors="replace") for path in paths}


def _object_keys(platform: Platform) -> list[str]:
    from chassis.objects import ObjectStore

    store = ObjectStore(platform.environment["OPTICHAIN_S3_URL"])
    return store.keys()


def _dead_letters(platform: Platform) -> int:
    from kombu import Connection

    from local_platform.ports import SERVICES

    with Connection(platform.environment["OPTICHAIN_AMQP_URL"]) as broker:
        channel = broker.channel()
        return sum(
            channel.queue_declare(f"{service}.dead", passive=True).message_count
            for service in SERVICES
        )


def test_every_step_was_taken_and_the_order_is_closed(walked: Walked) -> None:
    assert [step.n for step in walked.shop.steps] == [step.n for step in journey.STEPS]
    assert walked.order["order"]["envelope"]["state"] == "closed"
    assert all(step.trace_id for step in walked.shop.steps)


def test_both_forbidden_things_were_refused_with_versions_fields_and_reason(
    walked: Walked,
) -> None:
    superseded, amended = walked.shop.stale_attempts
    assert superseded.refused
    assert amended.refused
    (rx,) = superseded.stale
    assert (rx["what"], rx["settled_version"], rx["successor_version"]) == ("superseded", 1, 1)
    assert (rx["reason_code"], bool(rx["reason"])) == ("NEW_PRESCRIPTION", True)
    differing = {one["field"]: (one["old"], one["new"]) for one in rx["fields"]}
    old, new = differing["od"]
    assert (old["sphere_centidioptres"], new["sphere_centidioptres"]) == (-225, -250)
    (axis,) = amended.stale
    assert (axis["what"], axis["settled_version"], axis["live_version"]) == ("amended", 1, 2)
    (od,) = axis["fields"]
    assert (od["field"], od["old"]["axis_degrees"], od["new"]["axis_degrees"]) == ("od", 90, 95)
    assert axis["reason_code"] == "RX_TRANSCRIPTION"


def test_nothing_was_lost_or_doubled_though_processes_died(walked: Walked) -> None:
    balance = walked.order["balance"]
    assert balance["paid"] == balance["total"]
    assert balance["due"].get("amount_minor", 0) == 0
    assert len(walked.order["order"]["jobs"]) == 1
    entries = [entry for one in walked.ledger["postings"] for entry in one["entries"]]
    assert sum(entry.get("amount_minor", 0) for entry in entries) == 0
    assert walked.dead == 0


def test_every_handover_says_who_when_and_on_which_versions(walked: Walked) -> None:
    pairs = [(one["from_role"], one["to_role"]) for one in walked.handovers]
    for expected in (
        ("reception", "technician"),
        ("technician", "optometrist"),
        ("optometrist", "optician"),
        ("optician", "cashier"),
        ("cashier", "optician"),
        ("frame_controller", "courier"),
        ("courier", "lab_clerk"),
        ("lab_clerk", "lab_technician"),
        ("lab_technician", "qc_inspector"),
        ("courier", "reception"),
        ("reception", "optician"),
    ):
        assert expected in pairs
    assert any(one.get("pins") for one in walked.handovers)


@pytest.mark.parametrize("edge", EDGES, ids="->".join)
def test_a_handover_is_an_edge_of_a_trace(walked: Walked, edge: tuple[str, str]) -> None:
    process_of = {span["span_id"]: span["process"] for span in walked.spans}
    seen = {(process_of.get(span["parent_id"]), span["process"]) for span in walked.spans}
    assert edge in seen


def test_a_step_that_takes_up_a_handover_links_to_the_step_that_gave_it(walked: Walked) -> None:
    clicked = set(walked.shop.trace_ids)
    linked = {link for span in walked.spans for link in span["links"]}
    assert len(linked & clicked) >= 5


@pytest.mark.parametrize("planted", PLANTED)
def test_no_name_phone_or_address_reached_a_log_trace_or_object_key(
    walked: Walked, planted: str
) -> None:
    found = [name for name, text in walked.texts.items() if planted in text]
    assert found == []
    escaped = json.dumps(planted).strip('"')
    assert [name for name, text in walked.texts.items() if escaped in text] == []
    assert [key for key in walked.object_keys if planted in key] == []


def test_no_power_reached_a_log_or_trace(walked: Walked) -> None:
    found = {
        name: hit.group()
        for name, text in walked.texts.items()
        if (hit := PLANTED_POWERS.search(text))
    }
    assert found == {}
