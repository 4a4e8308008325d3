"""A session: many runs on one platform, with what breaks meanwhile, and the judgement of all."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos import commands, invariants, whole
from chaos.commands import Told
from chaos.deliveries import Deliveries
from chaos.faults import Fault, Faults
from chaos.invariants import Violation
from chaos.line import Line
from chaos.plan import Beat, Command, Plan, plan_of
from chaos.witness import Witness
from local_platform.demo.desk import ApiRefused
from local_platform.demo.loading import SampleChain
from local_platform.demo.shop import DemoFailed
from local_platform.platform import Platform

QUEUES = Path(__file__).parents[1] / "contracts" / "queues.txt"
_SETTLE_SECONDS = 60.0
_GATE_SHUT = ("PIN_STALE", "REVIEW_OPEN")
_RELEASABLE = ("confirmed", "in_work")
_NEXT_GATE = {
    "released": "accept",
    "blocking": "edging",
    "qc_passed": "ship",
    "branch_checked": "mark_ready",
    "ready": "collect",
}


@dataclass
class Run:
    """One run: its plan, the case it was played on, and how it went."""

    plan: Plan
    case: commands.Case
    problem: str = ""
    found: list[Violation] = field(default_factory=list)

    @property
    def told(self) -> list[Told]:
        """What was done, in the order of the clock."""
        return sorted(self.case.told, key=lambda one: one.at)


@dataclass
class Outcome:
    """What a session found."""

    runs: int = 0
    unfinished: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)
    bad_runs: list[Run] = field(default_factory=list)
    lost: int = 0
    doubled: int = 0
    dead_letters: int = 0
    opened_ms: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    sent: int = 0


@dataclass
class Session:
    """Where runs are played: a platform whose processes, chain and queues are ready."""

    platform: Platform
    line: Line
    chain: SampleChain
    witness: Witness
    deliveries: Deliveries
    faults: Faults
    subscriptions: Sequence[str]
    say: Callable[[str], None] = lambda line: None
    at_once: int = 4
    batch: int = 100
    outcome: Outcome = field(default_factory=Outcome)

    def __post_init__(self) -> None:
        self._events = whole.Events(self.witness, list(self.subscriptions))
        self._begun = 0
        self._lock = threading.Lock()
        self._breaking: list[Fault] = []

    def play(self, seeds: Sequence[int], faults: Sequence[Fault], *, ends_at: float) -> Outcome:
        """Play the runs of these seeds, a batch at a time, and judge them; no new batch begins
        after `ends_at` (monotonic seconds)."""
        self._breaking = list(faults)
        for first in range(0, len(seeds), self.batch):
            if time.monotonic() > ends_at:
                self.say(f"out of time after {self.outcome.runs} of {len(seeds)} runs")
                break
            self.play_batch([plan_of(seed) for seed in seeds[first : first + self.batch]])
        self._judge_the_whole()
        return self.outcome

    def play_batch(self, plans: Sequence[Plan]) -> list[Run]:
        """Play runs side by side, wait until every event has arrived, and judge them."""
        began = time.monotonic()
        with ThreadPoolExecutor(self.at_once + 1) as hands:
            breaking = hands.submit(self._break, len(plans))
            playing = [hands.submit(self._play, plan) for plan in plans]
            wait(playing)
            self._batch_is_over = True
            breaking.result()
        runs = [one.result() for one in playing]
        lost = self._settle()
        self._probe(runs)
        lost = self._settle() or lost
        self._judge(runs)
        self.say(
            f"{self.outcome.runs} runs, {len(self.outcome.violations)} violations, {lost} lost "
            f"({time.monotonic() - began:.0f} s)"
        )
        return runs

    def replay(self, plans: Sequence[Plan]) -> list[Run]:
        """Play plans again, to find a shorter story; nothing of it is counted."""
        with ThreadPoolExecutor(self.at_once) as hands:
            runs = list(hands.map(self._play, plans))
        self._settle()
        self._probe(runs)
        self._settle()
        self._judge_cases(runs)
        return runs

    # -- playing

    def _play(self, plan: Plan) -> Run:
        with self._lock:
            self._begun += 1
        run = Run(plan, commands.Case.on(self.line, self.chain))
        run.case.on_opened = lambda case_id: self.deliveries.follow(case_id, plan.seed)
        try:
            commands.order(run.case)
            commands.go(run.case, plan.start)
            for number, beat in enumerate(plan.beats):
                run.case.beat = number
                self._beat(run.case, beat)
        except (ApiRefused, DemoFailed, LookupError, ValueError) as problem:
            run.problem = f"{type(problem).__name__}: {problem}"
        return run

    def _beat(self, case: commands.Case, beat: Beat) -> None:
        hands = [threading.Thread(target=_do_all, args=(case, hand)) for hand in beat.hands]
        if beat.stall is not None:
            hands.append(threading.Thread(target=self.faults.stall, args=(beat.stall,)))
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()

    def _break(self, runs: int) -> None:
        """Let happen what is to happen while this batch plays."""
        self._batch_is_over = False
        last = self._begun + runs
        while not self._batch_is_over:
            while self._breaking and self._breaking[0].after_runs <= self._begun:
                self.faults.happen(self._breaking.pop(0))
            if not self._breaking or self._breaking[0].after_runs > last:
                return
            time.sleep(0.05)

    # -- judging

    def _settle(self) -> int:
        """Wait until every event has taken effect; returns how many have not by then."""
        ends = time.monotonic() + _SETTLE_SECONDS
        before = -1
        while True:
            missing = self._events.missing()
            if missing == 0 and self.deliveries.is_idle:
                return 0
            if missing != before:  # it goes on
                before, ends = missing, time.monotonic() + _SETTLE_SECONDS
            if time.monotonic() > ends:
                return missing
            time.sleep(0.2)

    def _probe(self, runs: Sequence[Run]) -> None:
        """Answer every open review by keeping what stands, where the plan says so: afterwards no
        gate may be shut for what was kept."""
        asked = [
            run for run in runs if run.plan.answers_at_the_end and run.case.shop.glasses.order_id
        ]
        with ThreadPoolExecutor(self.at_once) as hands:
            list(hands.map(_answer_all, asked))
        self._settle()
        with ThreadPoolExecutor(self.at_once) as hands:
            list(hands.map(_try_next_gate, asked))

    def _judge(self, runs: Sequence[Run]) -> None:
        for run in runs:
            self.outcome.runs += 1
            self.outcome.unfinished += bool(run.problem)
            if run.problem:
                self.outcome.problems[run.problem] += 1
                self.say(f"seed {run.plan.seed} could not go on: {run.problem}")
            self.outcome.answers.update(f"{one.command} {one.answer}" for one in run.told)
        self.outcome.opened_ms += invariants.opened_after_ms(self._judge_cases(runs))
        for run in runs:
            self.outcome.violations += run.found
            if run.found:
                self.outcome.bad_runs.append(run)

    def _judge_cases(self, runs: Sequence[Run]) -> list[invariants.Case]:
        """Judge runs that have come to rest; what is found is kept with each."""
        known = [run for run in runs if run.case.id]
        by_case = {
            invariants.plain(run.case.id): invariants.Case(run.case.id, attempts=run.case.attempts)
            for run in known
        }
        facts = self.witness.facts([run.case.id for run in known])
        facts.share_among({case_id: one.facts for case_id, one in by_case.items()})
        for run in known:
            case = by_case[invariants.plain(run.case.id)]
            run.found += invariants.violations(case)
            run.found += invariants.passed_while_away(case, self.faults.away)
        return list(by_case.values())

    def _judge_the_whole(self) -> None:
        self.outcome.lost = self._settle()
        self.outcome.sent = self._events.sent
        for one in self._events.told():
            self.say(f"lost: {one}")
        sums = list(whole.wrong_sums(self.witness))
        self.outcome.doubled = sum("twice" in one.law for one in (*sums, *self.outcome.violations))
        self.outcome.violations += [*sums, *whole.broken_history(self.witness)]
        self.outcome.violations += self._flaws_by_the_product()
        services = list(self.witness.services())
        dead = whole.dead_letters(self.platform.environment["OPTICHAIN_AMQP_URL"], services)
        self.outcome.dead_letters = sum(dead.values()) - self.faults.poisoned.total()
        for name, number in dead.items():
            if number != self.faults.poisoned[name]:
                text = f"{name} has {number} dead letters, {self.faults.poisoned[name]} were poison"
                self.outcome.violations.append(
                    Violation("a dead letter that was no poison", "", text)
                )

    def _flaws_by_the_product(self) -> list[Violation]:
        """Ask every service whether its history is as it was written."""
        from optichain.record.v1 import record_service_pb2 as records

        auditor: Any = self._desk("auditor.hq")
        found = []
        for service in self.witness.services():
            token = ""
            while True:
                request = records.ListHistoryFlawsRequest(page_size=1000, page_token=token)
                answer = auditor.records(service, request)
                found += [
                    Violation("history does not verify", "", f"{service}: {flaw}")
                    for flaw in answer.flaws
                ]
                token = answer.next_page_token
                if not token:
                    break
        return found

    def _desk(self, login: str) -> Any:
        return self.line.desk("", {}, login, self.chain.passwords[login], self.chain.roles[login])


def _do_all(case: commands.Case, hand: Sequence[Command]) -> None:
    for command in hand:
        case.do(command)


def _answer_all(run: Run) -> None:
    with suppress(ApiRefused):
        commands.answer_all(run.case)


def _try_next_gate(run: Run) -> None:
    """Try the gate that comes next, once everything that changed was kept."""
    with suppress(ApiRefused):
        _try_gate(run, run.case)


def _try_gate(run: Run, case: commands.Case) -> None:
    name = "release" if commands.order_state(case) in _RELEASABLE else ""
    if case.shop.glasses.job_id:
        desk, job_id = case.shop.desk("optician.ja1"), case.shop.glasses.job_id
        job = desk.do("labjob.GetJob", job_id=job_id)
        name = _NEXT_GATE.get(job["job"]["envelope"]["state"], "")
    if not name:
        return
    open_reviews = [one for one in commands.reviews(case) if one["envelope"]["state"] != "closed"]
    answer = case.do(Command(name))
    if answer in _GATE_SHUT and not open_reviews:
        law = "keep shuts the gate for ever"
        run.found.append(Violation(law, case.id, f"{name} was refused with {answer}"))
