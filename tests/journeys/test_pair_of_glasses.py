"""One pair of glasses through the whole platform, while processes are killed under it."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from local_platform.demo import journey
from local_platform.demo.command import load_chain
from local_platform.demo.desk import Desk, operations_of
from local_platform.demo.loading import SampleChain
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


DEAD_PROXY = "http://127.0.0.1:9"
"""A proxy as a laptop may have in its environment, when it is out of reach."""

INTERRUPTED_AFTER = (1, 5, 25)
"""How many things of the sample chain were made when its load was interrupted, each time."""


@dataclass
class Walked:
    """A journey that was walked, and what it left behind."""

    shop: Shop
    handovers: list[dict[str, Any]]
    reviews: list[dict[str, Any]]
    order: dict[str, Any]
    ledger: dict[str, Any]
    branches: list[dict[str, Any]]
    staff: list[dict[str, Any]]
    instruments: list[dict[str, Any]]
    spans: list[dict[str, Any]]
    texts: dict[str, str]
    object_keys: list[str]
    dead: int


@pytest.fixture(scope="module")
def walked(as_given: None) -> Iterator[Walked]:
    """Walk the journey once, with the kills, on a platform of its own behind a dead proxy."""
    with (
        tempfile.TemporaryDirectory(prefix="optichain-journey-") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            patch.setenv(name, DEAD_PROXY)
        for name in ("no_proxy", "NO_PROXY"):
            patch.delenv(name, raising=False)
        with Platform(var=Path(folder), ports=Ports.free(), fast=True, passing=True) as platform:
            left = _walk(platform)
        yield Walked(**left, spans=_spans(Path(folder) / "telemetry"), texts=_texts(Path(folder)))


def _walk(platform: Platform) -> dict[str, Any]:
    chain = _loaded_at_last(platform)
    operations = operations_of(platform.gateway_url)
    shop = Shop(platform.gateway_url, operations, chain, lambda line: None)

    def kill(step: journey.Step) -> None:
        if step.n in KILLED_BEFORE:
            platform.kill(KILLED_BEFORE[step.n])  # type: ignore[index]  # numbered steps only

    journey.walk(shop, before=kill)
    order_id = shop.glasses.order_id
    manager, office = shop.desk("manager.ja1"), shop.desk("head.office")
    shop_id = chain.branches["JA1"]
    left = {
        "shop": shop,
        "handovers": handovers_of(shop),
        "reviews": _reviews(shop),
        "order": shop.desk("optician.ja1").do("billing.GetOrder", order_id=order_id),
        "ledger": manager.do("billing.GetLedger", order_id=order_id),
        "branches": office.do("organisation.ListBranches")["branches"],
        "staff": office.do("organisation.ListStaff", page_size=100)["staff"],
        "instruments": manager.do("device_bridge.ListInstruments", branch_id=shop_id)[
            "instruments"
        ],
        "object_keys": _object_keys(platform),
        "dead": _dead_letters(platform),
    }
    shop.close()
    return left


def _reviews(shop: Shop) -> list[dict[str, Any]]:
    case_id = shop.glasses.case_id
    found = shop.desk("optician.ja1").do("gateway.ListCaseReviews", case_id=case_id)
    reviews: list[dict[str, Any]] = found["reviews"]
    return reviews


def _loaded_at_last(platform: Platform) -> SampleChain:
    """Load the sample chain as somebody does who presses Ctrl-C again and again, each time when
    something was made whose answer is not yet kept."""
    do = Desk.once
    for patience in INTERRUPTED_AFTER:
        made = count(1)

        def once(desk: Desk, key: str, operation: str, **fields: Any) -> Any:
            answer = do(desk, key, operation, **fields)
            if next(made) == patience:  # noqa: B023  # called in this round only
                raise KeyboardInterrupt
            return answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Desk, "once", once)
            with pytest.raises(KeyboardInterrupt):
                load_chain(platform)
        assert SampleChain.kept(platform.var) is None
    return load_chain(platform)


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


def test_each_change_asked_whoever_relied_on_it_and_lawful_work_answered(walked: Walked) -> None:
    told = {(one["holder_kind"], one["record_kind"], one["what"]): one for one in walked.reviews}
    for holder, what in (
        ("billing.order", "superseded"),
        ("billing.order", "amended"),
        ("labjob.job", "amended"),
    ):
        one = told[holder, "clinical.prescription", what]
        assert (one["envelope"]["state"], one["decision"]) == ("closed", "adopt")
        assert one["decided_by"].startswith("stf_")
    assert {one["envelope"]["state"] for one in walked.reviews} == {"closed"}


def test_nothing_was_lost_or_doubled_though_processes_died(walked: Walked) -> None:
    balance = walked.order["balance"]
    assert balance["paid"] == balance["total"]
    assert balance["due"].get("amount_minor", 0) == 0
    assert len(walked.order["order"]["jobs"]) == 1
    entries = [entry for one in walked.ledger["postings"] for entry in one["entries"]]
    assert sum(entry.get("amount_minor", 0) for entry in entries) == 0
    assert walked.dead == 0


def test_a_load_of_the_sample_chain_that_was_interrupted_goes_on_where_it_ended(
    walked: Walked,
) -> None:
    chain = walked.shop.chain
    branches = [one["envelope"]["id"] for one in walked.branches]
    assert sorted(branches) == sorted(chain.branches.values())
    assert len({one["login"] for one in walked.staff}) == len(walked.staff)
    assert {one["login"] for one in walked.staff} == set(chain.passwords)


def test_no_instrument_stays_in_service_on_a_line_that_is_gone(walked: Walked) -> None:
    assert [one["envelope"]["state"] for one in walked.instruments] == ["out_of_service"] * 3


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
