"""What breaks while people work: processes killed, broker and database restarted, an owner that
cannot be asked, an outbox that is full, poison. When, is settled by the seed; in how many runs'
time, not in seconds."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from kombu import Connection, Producer

from chaos.plan import Stall
from chaos.witness import Witness
from chassis.ids import new_id
from local_platform.errors import PlatformError
from local_platform.platform import Platform

FLOOD_ROWS = 100_000
_AWAY_SECONDS = 4.0
_AFTER_STOP_SECONDS = 0.3
_KILL_EVERY_RUNS = 9

_FLOOD = """
INSERT INTO outbox (event_id, aggregate_id, type, body, traceparent, occurred_at)
SELECT uuidv7(), 'flood', 'optichain.clinical.v1.NobodyHears', ''::bytea, '', now()
FROM generate_series(1, %(rows)s)
"""


@dataclass(frozen=True)
class Fault:
    """Something that breaks once so many runs have begun."""

    after_runs: int
    kind: str
    target: str = ""


def faults_of(
    seed: int, runs: int, processes: Sequence[str], *, parts: bool, flood: bool
) -> list[Fault]:
    """Return what breaks in a session of so many runs: every process is killed in turn, in an order
    of the seed's, and with `parts` broker and database go down as well."""
    chance = Random(f"faults {seed}")
    found: list[Fault] = []
    names: list[str] = []
    for after in range(_KILL_EVERY_RUNS // 2, runs, _KILL_EVERY_RUNS):
        names = names or chance.sample(list(processes), len(processes))
        found.append(Fault(after + chance.randrange(3), "kill", names.pop()))
    for kind, target, times in (
        ("restart", "rabbitmq", 2 if parts else 0),
        ("restart", "postgres", 3 if parts else 0),
        ("kill part", "rabbitmq", 1 if parts else 0),
        ("kill part", "postgres", 1 if parts else 0),
        ("owner away", "clinical-api", 3 if parts else 0),
        ("owner away", "billing-api", 2 if parts else 0),
        ("poison", "labjob.clinical.RecordChanged", 2),
        ("poison", "billing.labjob.JobReleased", 1),
        ("unsent rows", "clinical", 1 if flood else 0),
    ):
        found += [
            Fault(chance.randrange(runs // 10, max(runs - 5, 2)), kind, target)
            for _ in range(times)
        ]
    return sorted(found, key=lambda one: (one.after_runs, one.kind, one.target))


class Faults:
    """Breaks things on a platform, one after the other, in a thread of its own."""

    def __init__(
        self,
        platform: Platform,
        witness: Witness,
        processes: Sequence[str],
        say: Callable[[str], None],
    ) -> None:
        self.counted: Counter[str] = Counter()
        self.away: list[tuple[str, float, float]] = []
        """Which owner could not be asked, from when to when."""
        self.poisoned: Counter[str] = Counter()
        self._platform, self._witness, self._say = platform, witness, say
        self._processes = frozenset(processes)
        self._lock = threading.Lock()

    def happen(self, fault: Fault) -> None:
        """Let it happen; returns when what was broken serves again."""
        self._say(f"fault after {fault.after_runs} runs: {fault.kind} {fault.target}")
        with self._lock:
            _HAPPENS[fault.kind](self, fault.target)
        self.counted[f"{fault.kind} {fault.target}"] += 1

    def stall(self, stall: Stall) -> None:
        """Let a process stand still for a while."""
        if stall.process not in self._processes:
            return
        time.sleep(stall.after_ms / 1000)
        pid = self._platform.pid(stall.process)
        if pid is None:
            return
        with suppress(PlatformError):  # it may die meanwhile
            self._platform.kill(stall.process, signal.SIGSTOP)
            time.sleep(stall.for_ms / 1000)
            self._platform.kill(stall.process, signal.SIGCONT)
        self.counted["stall"] += 1

    def _kill(self, name: str) -> None:
        self._platform.kill(name)
        time.sleep(_AFTER_STOP_SECONDS)
        self._platform.wait_ready(name)

    def _restart(self, part: str) -> None:
        self._platform.stop_part(part)
        self._platform.start_part(part)

    def _away(self, name: str) -> None:
        began = time.time()
        self._platform.stop_process(name)
        stopped = time.time()
        time.sleep(_AWAY_SECONDS)
        self.away.append((name.removesuffix("-api"), stopped, time.time()))
        self._platform.restart(name)
        self._say(f"{name} was away for {time.time() - began:.1f} s")

    def _flood(self, service: str) -> None:
        self._platform.kill(f"{service}-worker", signal.SIGSTOP)
        self._witness.execute(service, _FLOOD, rows=FLOOD_ROWS)
        self._platform.kill(f"{service}-worker", signal.SIGCONT)

    def _poison(self, queue: str) -> None:
        with Connection(self._platform.environment["OPTICHAIN_AMQP_URL"]) as broker:
            Producer(broker.channel()).publish(
                b"\xff\xfe poison",
                routing_key=queue,
                content_type="application/x-protobuf",
                content_encoding="binary",
                headers={"event-id": new_id("psn")},
            )
        self.poisoned[queue.partition(".")[0]] += 1


_HAPPENS: dict[str, Callable[[Faults, str], None]] = {
    "kill": Faults._kill,
    "kill part": Faults._kill,
    "restart": Faults._restart,
    "owner away": Faults._away,
    "unsent rows": Faults._flood,
    "poison": Faults._poison,
}
