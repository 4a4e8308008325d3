"""One pair of glasses through the whole platform, while processes are killed under it."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Timer
from typing import Any

import httpx
import pytest

from local_platform.demo import journey
from local_platform.demo.command import load_chain
from local_platform.demo.desk import ApiRefused, Desk, operations_of
from local_platform.demo.loading import SampleChain
from local_platform.demo.shop import Shop
from local_platform.demo.summary import handovers_of
from local_platform.ports import Ports
from planted import (
    CONTACTS,
    NAMES,
    Left,
    Watched,
    require_nothing_planted,
    require_told_nothing,
)

KILLED_IN = {
    4: ("clinical-api", 0.010),
    6: ("inventory-api", 0.020),
    9: ("billing-api", 0.030),
    10: ("inventory-worker", 0.0),
    12: ("gateway", 0.015),
    14: ("labjob-api", 0.025),
    15: ("billing-worker", 0.0),
}
"""Which process dies by kill -9 in which step, and how many seconds after the step's first writing
was sent: before it reaches the process, while it is done, when it is done and not yet answered."""

EDGES = {
    "gateway": {
        "organisation.api",
        "customer.api",
        "inventory.api",
        "clinical.api",
        "billing.api",
        "labjob.api",
        "device_bridge.api",
    },
    "organisation.api": {"organisation.worker"},
    "customer.api": {"customer.worker"},
    "inventory.api": {"inventory.worker"},
    "clinical.api": {
        "organisation.api",
        "customer.api",
        "inventory.api",
        "clinical.worker",
    },
    "billing.api": {
        "organisation.api",
        "customer.api",
        "inventory.api",
        "clinical.api",
        "billing.worker",
    },
    "labjob.api": {
        "organisation.api",
        "inventory.api",
        "clinical.api",
        "billing.api",
        "labjob.worker",
    },
    "device_bridge.api": {
        "organisation.api",
        "clinical.api",
        "device_bridge.worker",
    },
    "organisation.worker": {
        "clinical.worker",
        "billing.worker",
    },
    "customer.worker": {"billing.worker"},
    "inventory.worker": {
        "clinical.worker",
        "billing.worker",
        "labjob.worker",
    },
    "clinical.worker": {
        "billing.worker",
        "customer.worker",
        "labjob.worker",
    },
    "billing.worker": {
        "customer.worker",
        "inventory.worker",
        "labjob.worker",
    },
    "labjob.worker": {
        "inventory.worker",
        "clinical.worker",
        "billing.worker",
    },
}
"""Who calls or tells whom in this journey, as its traces must show: all of them and no others."""

SPANS_KEPT_AFTER_SECONDS = 0.7
"""A process that is killed takes the spans of its last half second with it; those from before the
step are looked at."""

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
    stock_taken: dict[str, int]
    ledger: dict[str, Any]
    branches: list[dict[str, Any]]
    staff: list[dict[str, Any]]
    instruments: list[dict[str, Any]]
    spans: list[dict[str, Any]]
    problems: list[dict[str, Any]]
    told: dict[str, Any]
    dead: int
    left: Left


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
        with Watched(var=Path(folder), ports=Ports.free(), fast=True, passing=True) as platform:
            found = _walk(platform)
        spans = _spans(Path(folder) / "telemetry")
        yield Walked(**found, spans=spans, left=platform.left)


def _walk(platform: Watched) -> dict[str, Any]:
    chain = _loaded_at_last(platform)
    operations = operations_of(platform.gateway_url)
    shop = Shop(platform.gateway_url, operations, chain, lambda line: None)

    stock_before = _stock(shop)
    with pytest.MonkeyPatch.context() as patch:
        killing = Killing(platform, patch)
        journey.walk(shop, before=killing.arm)
    order_id = shop.glasses.order_id
    manager, office = shop.desk("manager.ja1"), shop.desk("head.office")
    shop_id = chain.branches["JA1"]
    left = {
        "shop": shop,
        "handovers": handovers_of(shop),
        "reviews": _reviews(shop),
        "order": shop.desk("optician.ja1").do("billing.GetOrder", order_id=order_id),
        "stock_taken": {what: n - _stock(shop)[what] for what, n in stock_before.items()},
        "ledger": manager.do("billing.GetLedger", order_id=order_id),
        "branches": office.do("organisation.ListBranches")["branches"],
        "staff": office.do("organisation.ListStaff", page_size=100)["staff"],
        "instruments": manager.do("device_bridge.ListInstruments", branch_id=shop_id)[
            "instruments"
        ],
        "problems": _problems(shop),
        "told": _told_to_others(platform.gateway_url, shop),
        "dead": platform.dead_letters(),
    }
    shop.close()
    return left


class Killing:
    """Kills the process of a step while the first thing that the step writes is on its way."""

    def __init__(self, platform: Watched, patch: pytest.MonkeyPatch) -> None:
        self._platform = platform
        self._armed: tuple[str, float] | None = None
        send = Desk._patiently

        def patiently(desk: Desk, method: str, path: str, headers: Any, sent: Any) -> Any:
            if method == "POST" and path != "/api/v1/sessions":
                self._strike()
            return send(desk, method, path, headers, sent)

        patch.setattr(Desk, "_patiently", patiently)

    def arm(self, step: journey.Step) -> None:
        """Have the step's process killed in it."""
        self._armed = KILLED_IN.get(step.n)  # type: ignore[call-overload]  # numbered steps only
        if self._armed:
            time.sleep(SPANS_KEPT_AFTER_SECONDS)

    def _strike(self) -> None:
        if self._armed is not None:
            name, after_seconds = self._armed
            self._armed = None
            Timer(after_seconds, self._platform.kill, [name]).start()


def _problems(shop: Shop) -> list[dict[str, Any]]:
    """Return how the platform answers mistakes in what holds planted values."""
    reception, optometrist = shop.desk("reception.ja1"), shop.desk("optometrist.ja1")
    name, whole, spaced, street = NAMES[0], CONTACTS[0], CONTACTS[1], CONTACTS[-1]
    eye = {"sphere_centidioptres": -225, "cylinder_centidioptres": -250, "axis_degrees": 181}
    person = {"name": name, "sex": "not_said", "phone": whole, "birthday": "1985-05-05"}
    signed = {"refraction_id": shop.glasses.refraction_id, "purpose": "distance"}
    prescription = signed | {"od": eye, "os": eye}
    mistakes: list[tuple[Desk, str, dict[str, Any]]] = [
        (reception, "customer.RegisterPerson", person | {"birthday": "2985-05-05"}),
        (reception, "customer.RegisterPerson", person | {"phone": f"{spaced} {street}"}),
        (reception, "customer.RegisterPerson", person | {"sex": name}),
        (reception, "customer.RegisterPerson", person | {"name": name * 100}),
        (reception, "customer.SearchPeople", {"text": whole, "by": street}),
        (reception, "customer.SearchPeople", {"text": spaced, "page_token": name}),
        (reception, "customer.GetPerson", {"customer_id": name}),
        (optometrist, "clinical.SignPrescription", prescription),
        (optometrist, "clinical.SignPrescription", prescription | {"purpose": street}),
    ]
    found = []
    for desk, operation, fields in mistakes:
        with pytest.raises(ApiRefused) as refused:
            desk.do(operation, **fields)
        found.append(refused.value.problem)
    return found


def _stock(shop: Shop) -> dict[str, int]:
    """Return how many frames and lenses of the sample chain are free, wherever they lie."""
    return {
        what: sum(
            one["free"]
            for one in shop.desk("optician.ja1").do("inventory.FindStock", product_id=product_id)[
                "branches"
            ]
        )
        for what, product_id in (("frames", shop.chain.frame_id), ("lenses", shop.chain.lens_id))
    }


def _reviews(shop: Shop) -> list[dict[str, Any]]:
    case_id = shop.glasses.case_id
    found = shop.desk("optician.ja1").do("gateway.ListCaseReviews", case_id=case_id)
    reviews: list[dict[str, Any]] = found["reviews"]
    return reviews


def _loaded_at_last(platform: Watched) -> SampleChain:
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


def _told_to_others(url: str, shop: Shop) -> dict[str, Any]:
    """Return what people who need neither name nor power are shown of the glasses."""
    order_id, job_id = shop.glasses.order_id, shop.glasses.job_id
    courier, frames, cashier = map(shop.desk, ("courier.lab", "frames.ja1", "cashier.ja1"))
    return {
        "job to a courier": courier.do("labjob.GetJob", job_id=job_id),
        "ticket to a courier": courier.do("labjob.GetTicket", slip_number=shop.glasses.slip_number),
        "steps to a courier": courier.do("labjob.ListJobSteps", job_id=job_id),
        "job to a frame controller": frames.do("labjob.GetJob", job_id=job_id),
        "order to a frame controller": frames.do("billing.GetOrder", order_id=order_id),
        "job to a cashier": cashier.do("labjob.GetJob", job_id=job_id),
        "people by phone to a cashier": cashier.do("customer.SearchPeople", text="0199"),
        "order page to a cashier": _page(url, shop, "cashier.ja1", "page"),
        "order story to a cashier": _page(url, shop, "cashier.ja1", "story"),
        "order page to a frame controller": _page(url, shop, "frames.ja1", "page"),
    }


def _page(url: str, shop: Shop, login: str, name: str) -> str:
    """Return a page of the order as somebody's browser shows it."""
    place = f"/orders/{shop.glasses.order_id}/{name}"
    form = {"login": login, "password": shop.chain.passwords[login], "next": place}
    with httpx.Client(base_url=url, timeout=30, trust_env=False, follow_redirects=True) as browser:
        shown = browser.post("/sign-in", data=form, headers={"Origin": url})
    assert shown.url.path == place, shown.text
    return shown.text


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
    posted = Counter(one["posting_kind"] for one in walked.ledger["postings"])
    assert posted["payment"] == 2
    assert walked.stock_taken == {"frames": 1, "lenses": 2}
    given = [(one["trace_id"], one["record_id"], one["to_role"]) for one in walked.handovers]
    assert len(set(given)) == len(given)
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


def test_the_traces_show_who_calls_or_tells_whom_and_nobody_else(walked: Walked) -> None:
    process_of = {span["span_id"]: span["process"] for span in walked.spans}
    seen: dict[str, set[str]] = {}
    for span in walked.spans:
        above = process_of.get(span["parent_id"], span["process"])
        if above != span["process"]:
            seen.setdefault(above, set()).add(span["process"])
    assert seen == EDGES


def test_a_step_that_takes_up_a_handover_links_to_the_step_that_gave_it(walked: Walked) -> None:
    clicked = set(walked.shop.trace_ids)
    linked = {link for span in walked.spans for link in span["links"]}
    assert len(linked & clicked) >= 5


def test_nothing_personal_or_clinical_is_left_where_nobody_guards_it(walked: Walked) -> None:
    require_nothing_planted(walked.left)


def test_no_error_repeats_the_personal_or_clinical_value_it_refuses(walked: Walked) -> None:
    for problem in walked.problems:
        assert problem["fields"], problem
        require_told_nothing(problem)


def test_who_needs_neither_phone_nor_power_is_shown_neither(walked: Walked) -> None:
    (found,) = walked.told.pop("people by phone to a cashier")["people"]
    assert (found["name"], found["phone_e164"]) == (NAMES[0], "***0199")
    assert found["birthday"] == "***"
    for told in walked.told.values():
        require_told_nothing(told)
