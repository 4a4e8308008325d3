"""Running one thing many times at once, and what that took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

Figures = dict[str, float]


@dataclass(frozen=True)
class Timed:
    """How long each of many runs took, in milliseconds, and all of them together, in seconds."""

    each_ms: list[float]
    seconds: float
    failures: list[Exception] = field(default_factory=list)

    def figures(self) -> Figures:
        """Return rate and percentiles."""
        return {
            "count": len(self.each_ms),
            "failed": len(self.failures),
            "per_s": round(len(self.each_ms) / self.seconds, 2),
            **percentiles(self.each_ms),
        }


def percentiles(values: list[float]) -> Figures:
    """Return p50, p95 and p99 of milliseconds; zeros of none."""
    ordered = sorted(values) or [0.0]

    def at(share: float) -> float:
        return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 1)

    return {"p50_ms": at(0.50), "p95_ms": at(0.95), "p99_ms": at(0.99)}


def spread(values: list[float]) -> Figures:
    """Return p50, p95, p99 and the longest of milliseconds; zeros of none."""
    return {**percentiles(values), "max_ms": round(max(values, default=0.0), 1)}


def run_many(work: Callable[[int], object], count: int, concurrency: int) -> Timed:
    """Run `work(0)` to `work(count - 1)` on so many threads; a run that fails is counted apart.
    Raises what the first one raised when all failed."""
    each: list[float] = []
    failures: list[Exception] = []
    lock = threading.Lock()

    def timed(number: int) -> None:
        began = time.perf_counter()
        try:
            work(number)
        except Exception as error:  # told with the figures
            with lock:
                failures.append(error)
            return
        took = (time.perf_counter() - began) * 1000
        with lock:
            each.append(took)

    began = time.perf_counter()
    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(timed, range(count)))
    if failures and not each:
        raise failures[0]
    return Timed(each, time.perf_counter() - began, failures)
