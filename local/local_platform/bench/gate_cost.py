"""What passing a gate costs by the number of live pins that it re-reads, and of the services it
must ask."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local_platform.bench import machine, orders, planting, spans
from local_platform.bench.load import Timed, run_many, spread
from local_platform.bench.planting import Planted
from local_platform.demo.shop import Glasses, Shop
from local_platform.platform import Platform
from local_platform.traces import Span

GATE = "sign_refraction"
_MEASURED = (
    "clinical.SignRefraction over HTTP, one at a time, each of a fresh refraction whose pins were "
    "put into clinical's database: all live, none stale, on copies of an order (billing), a "
    "set-aside (inventory) and a person (customer) that were put into their owners' databases. "
    "gate: the span of the gate, from the loading of the pins to the commit, with what the command "
    "itself does; statements and rpcs: what is inside it, at all services. cpu_ms: of the whole "
    "request and what follows it. No pins: what the same request costs with nothing to re-read."
)
_WARM_UP = (3, 3)
_SETTLED_SECONDS = 0.5
"""Lets what follows a signature be over before CPU time is read."""

CASES = ((0, 0), (1, 1), (5, 3), (10, 3), (20, 1), (20, 2), (20, 3), (50, 3), (100, 3))
"""How many pins, on records of how many services."""

Report = dict[str, Any]
Owned = Sequence[Sequence[Planted]]


@dataclass(frozen=True)
class _Stretch:
    """The signatures with one number of pins: when, how long each took, CPU time by group."""

    pins: int
    owners: int
    start_ns: int
    end_ns: int
    timed: Timed
    cpu_ms: dict[str, float]


def measure(
    run: Platform,
    shop: Shop,
    glasses: Glasses,
    times: int,
    cases: Sequence[tuple[int, int]] = CASES,
) -> Report:
    """Sign so many refractions of one visit for each case. Raises ApiRefused."""
    most = max(-(-pins // max(owners, 1)) for pins, owners in (*cases, _WARM_UP))
    owned = _planted(run, glasses, most)
    _signed(run, shop, glasses, owned, _WARM_UP, 3)
    stretches = [_signed(run, shop, glasses, owned, case, times) for case in cases]
    time.sleep(spans.ARRIVE_SECONDS)
    seen = spans.between(run.var / "telemetry", stretches[0].start_ns, stretches[-1].end_ns)
    told = [_told(one, seen) for one in stretches]
    return {
        "measured": _MEASURED,
        "gate": GATE,
        "by_pins": told,
        "each_further_pin": _each_further(told),
    }


def _planted(run: Platform, glasses: Glasses, each: int) -> Owned:
    originals = {
        "billing": glasses.order_id,
        "inventory": glasses.set_aside_id,
        "customer": glasses.customer_id,
    }
    return [
        planting.copies(run.environment[f"{service.upper()}_MIGRATE_URL"], original, each)
        for service, original in originals.items()
    ]


def spread_over(owned: Owned, pins: int, owners: int) -> list[Planted]:
    """Return so many records, as evenly as can be from the first so many owners."""
    return [owned[number % owners][number // owners] for number in range(pins)]


def _signed(
    run: Platform,
    shop: Shop,
    glasses: Glasses,
    owned: Owned,
    case: tuple[int, int],
    times: int,
) -> _Stretch:
    """Record refractions, let them stand on the pins, and sign each."""
    pins, owners = case
    optometrist = shop.desk("optometrist.ja1")
    optometrist.sign_in()
    waiting = [orders.record_refraction(shop, glasses.visit_id)["envelope"] for _ in range(times)]
    holders = [str(one["id"]) for one in waiting]
    planting.pins(
        run.environment["CLINICAL_MIGRATE_URL"], holders, spread_over(owned, pins, owners)
    )

    def sign(number: int) -> None:
        optometrist.do(
            "clinical.SignRefraction",
            refraction_id=waiting[number]["id"],
            revision=waiting[number]["revision"],
        )

    time.sleep(_SETTLED_SECONDS)
    cpu, start_ns = machine.cpu_ms(run), time.time_ns()
    timed = run_many(sign, times, 1)
    end_ns = time.time_ns()
    time.sleep(_SETTLED_SECONDS)
    used = machine.cpu_ms(run)
    took = {group: used[group] - cpu[group] for group in used}
    return _Stretch(pins, owners, start_ns, end_ns, timed, took)


def _told(stretch: _Stretch, seen: list[Span]) -> Report:
    passed = spans.gates(
        [one for one in seen if stretch.start_ns <= one.start_ns <= stretch.end_ns], GATE
    )
    count = max(len(stretch.timed.each_ms), 1)
    each = {group: round(ms / count, 1) for group, ms in stretch.cpu_ms.items()}
    return {
        "pins": stretch.pins,
        "owners": stretch.owners,
        "count": len(passed),
        "failed": len(stretch.timed.failures),
        "gate": spread([one.ms for one in passed]),
        "request": spread(stretch.timed.each_ms),
        "rpcs": _mean([one.rpcs for one in passed]),
        "sql_statements": _mean([one.statements for one in passed]),
        "cpu_ms": {**each, "own": round(sum(each[group] for group in machine.OWN), 1)},
    }


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / max(len(values), 1), 1)


def _each_further(told: list[Report]) -> Report:
    """Return what a pin more costs between the fewest and the most at the most services: their
    number apart, the cases are alike."""
    most_owners = max(one["owners"] for one in told)
    alike = sorted(
        (one for one in told if one["owners"] == most_owners), key=lambda one: one["pins"]
    )
    few, many = alike[0], alike[-1]
    more = max(many["pins"] - few["pins"], 1)
    return {
        "from_pins": few["pins"],
        "to_pins": many["pins"],
        "gate_p50_ms": round((many["gate"]["p50_ms"] - few["gate"]["p50_ms"]) / more, 3),
        "own_cpu_ms": round((many["cpu_ms"]["own"] - few["cpu_ms"]["own"]) / more, 3),
    }
