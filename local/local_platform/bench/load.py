"""Running one thing many times at once, and what that took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

Figures = dict[str, float]


@dataclass(frozen=True)
class Timed:
    """How long each of many runs took, in milliseconds, and all of them together, in seconds."""

    each_ms: list[float]
    seconds: float

    def figures(self) -> Figures:
        """Return rate and percentiles."""
        return {
            "count": len(self.each_ms),
            "per_s": round(len(self.each_ms) / self.seconds, 2),
            **percentiles(self.each_ms),
        }


def percentiles(values: list[float]) -> Figures:
    """Return p50, p95 and p99 of milliseconds; zeros of none."""
    ordered = sorted(values) or [0.0]

    def at(share: float) -> float:
        return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 1)

    return {"p50_ms": at(0.50), "p95_ms": at(0.95), "p99_ms": at(0.99)}


def run_many(work: Callable[[int], object], count: int, concurrency: int) -> Timed:
    """Run `work(0)` to `work(count - 1)` on so many threads. Raises what a run raised."""
    each: list[float] = []
    lock = threading.Lock()

    def timed(number: int) -> None:
        began = time.perf_counter()
        work(number)
        took = (time.perf_counter() - began) * 1000
        with lock:
            each.append(took)

    began = time.perf_counter()
    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(timed, range(count)))
    return Timed(each, time.perf_counter() - began)
