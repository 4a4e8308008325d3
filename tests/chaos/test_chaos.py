"""Fifty randomised runs over real api and worker processes that are killed meanwhile: nothing goes
on from an old assumption. `make chaos` plays thousands, and breaks broker and databases too."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from chain import Chain
from chaos import report
from chaos.faults import faults_of
from chaos.plan import Delivery, delivery_of, digest, plan_of
from chaos.session import Session
from chaos.stage import staged
from chassis import migrate
from local_platform.platform import Platform
from local_platform.ports import Ports
from local_platform.processes import standard_plan

pytestmark = pytest.mark.timeout(900)
"""A minute on two free cores, and many on a machine with other work."""

SEED, RUNS = 7, 50
SERVED = ("organisation", "customer", "inventory", "clinical", "billing", "labjob")


@pytest.fixture(scope="module")
def session(parts: Platform, whole_chain: Chain) -> Iterator[Session]:
    """The apis and workers of six services as processes, on ports of their own, and what fifty runs
    left behind."""
    migrate.all_of(list(SERVED))
    for service in SERVED:
        whole_chain.database(service)
    whole_chain.empty()
    ports = Ports.free()
    addresses = {
        f"{service.upper()}_{what}": ports.address(service)
        for service in SERVED
        for what in ("LISTEN", "ADDRESS")
    }
    given = dict(parts.environment)
    processes = standard_plan(SERVED, ports, dict(os.environ) | given | addresses).processes
    names = [one.name for one in processes]
    try:
        parts.environment = given | addresses
        for one in processes:
            parts.supervisor.start(one)
        for name in names:
            parts.wait_ready(name)
        with staged(parts, seed=SEED, runs=RUNS, processes=names, batch=RUNS) as made:
            seeds = [SEED * 1_000_000 + n for n in range(RUNS)]
            breaks = faults_of(SEED, RUNS, names, parts=False, flood=False)
            made.play(seeds, breaks, ends_at=time.monotonic() + 240)
            yield made
    finally:
        parts.environment = given
        parts.supervisor.stop(*names)
        whole_chain.empty()


def test_fifty_runs_with_kills_and_repeated_deliveries_break_no_law(session: Session) -> None:
    stories = [report.story(run) for run in session.outcome.bad_runs[:2]]
    told = report.document(session, SEED, stories)
    assert told["violations"] == [], told
    assert (told["runs"], told["problems"]) == (RUNS, {})
    assert (told["lost"], told["doubled"], told["dead_letters"]) == (0, 0, 0)
    assert told["reviews"] > RUNS


def test_the_runs_were_disturbed_as_planned(session: Session) -> None:
    happened = session.faults.counted
    assert sum(number for what, number in happened.items() if what.startswith("kill")) >= 5
    assert happened["stall"] > 0
    assert all(session.deliveries.counted[how] for how in ("twice", "late copy", "held", "swapped"))


def test_every_gate_was_tried_and_some_held(session: Session) -> None:
    answers = session.outcome.answers
    for gate in ("release", "accept", "edging", "ship", "mark_ready"):
        assert answers[f"{gate} ok"], answers
    assert any(answer.endswith((" PIN_STALE", " REVIEW_OPEN")) for answer in answers)


def test_a_seed_replays_the_same_plans_and_deliveries() -> None:
    plans = [plan_of(seed) for seed in range(30)]
    assert plans == [plan_of(seed) for seed in range(30)]
    assert digest(plans) != digest([plan_of(seed) for seed in range(30, 60)])

    def delivered(seed: int) -> list[Delivery]:
        return [delivery_of(seed, "labjob.clinical.RecordChanged", n) for n in range(50)]

    assert delivered(1) == delivered(1)
    assert delivered(1) != delivered(2)
