"""`make bench`: starts the platform on a fresh data folder and prints one JSON document."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from chassis.ids import as_uuid
from local_platform.bench import (
    comparing,
    decoding,
    floor,
    gate_cost,
    machine,
    orders,
    people,
    reviews,
    spans,
)
from local_platform.bench.load import Timed, percentiles, run_many
from local_platform.demo.command import load_chain
from local_platform.demo.desk import Desk, operations_of
from local_platform.demo.shop import FAILURES, Glasses, Shop, why
from local_platform.platform import Platform
from local_platform.ports import Ports

CONCURRENCY = (1, 4, 16)
_ORDERS = {1: 12, 4: 24, 16: 48}
_PEOPLE = {1: 40, 4: 120, 16: 240}
_SEARCHES = 100
_GATES = 30
_CHANGES = 60
_FRAME_LOTS = 1

_numbers = count(int(time.time()) % 1_000_000 * 50)
Report = dict[str, Any]


def bench(var: Path, *, customers: int, before: Path | None = None) -> int:
    """Measure and print, beside what an earlier report says if one is given; returns the exit code,
    1 when nothing could be measured. Whatever goes wrong is one line on standard error."""
    try:
        earlier = comparing.earlier(before) if before else None
        told = _measured(var, customers)
        if earlier is not None:
            told["against_before"] = comparing.ratios(earlier, told)
    except (*FAILURES, psycopg.Error) as error:
        _say(f"stopped: {why(error)}")
        return 1
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    return 0


def _measured(var: Path, customers: int) -> Report:
    began = time.monotonic()
    with Platform(var=var, ports=Ports.free(), anew=True, passing=True, report=_say) as run:
        told: Report = {"cold_start_s": round(time.monotonic() - began, 1)}
        shops, ids = _shops(run), list[str]()
        orders.stock_frames(shops[0], _FRAME_LOTS)
        placed = [orders.place(shops[0], next(_numbers))]
        measure(
            told,
            {
                "place_order": lambda: _place_orders(run, shops, told, placed),
                "gate_cost": lambda: gate_cost.measure(run, shops[0], placed[0], _GATES),
                "review_open": lambda: reviews.measure(run, shops[0], placed, _CHANGES),
                "create_customer": lambda: _create_customers(shops, ids),
                "read_customer": lambda: _read_customers(shops, ids),
                "customer_search_ms": lambda: _search(run, shops[0], customers),
            },
        )
        told["decode_per_s"] = decoding.per_second()
        told["rss_mib"] = machine.rss_mib(run)
        for shop in shops:
            shop.close()
    return told


def measure(told: Report, measurements: dict[str, Callable[[], Report]]) -> None:
    """Make measurements one after the other; one that fails is said, and the others stay. Raises
    what the last one raised when all failed."""
    failures = 0
    for name, measured in measurements.items():
        try:
            told[name] = measured()
        except (*FAILURES, psycopg.Error) as error:
            failures += 1
            if failures == len(measurements):
                raise
            _say(f"{name}: {why(error)}")


def _many(what: str, work: Callable[[int], object], wanted: int, concurrency: int) -> Timed:
    """Run something many times and say which runs failed."""
    timed = run_many(work, wanted, concurrency)
    if timed.failures:
        first = why(timed.failures[0])
        _say(f"{what}, {concurrency} at once: {len(timed.failures)} of {wanted} failed: {first}")
    return timed


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201  # standard output is the document alone


def _shops(run: Platform) -> list[Shop]:
    """One shop, with desks of its own, for each of the most people at work at once."""
    chain = load_chain(run)
    operations = operations_of(run.gateway_url)
    return [
        Shop(run.gateway_url, operations, chain, lambda line: None) for _ in range(max(CONCURRENCY))
    ]


def _sign_in(shops: list[Shop], logins: Sequence[str]) -> None:
    """Let people sign in before the clock starts."""
    for shop in shops:
        for login in logins:
            shop.desk(login).sign_in()


def _place_orders(run: Platform, shops: list[Shop], told: Report, placed: list[Glasses]) -> Report:
    """Place orders, one and several at once; each is added to `placed`."""
    found: Report = told.setdefault("place_order", {})
    databases = floor.databases_of(run)
    admin_url = run.part_url("postgres")
    for concurrency in CONCURRENCY:
        waiting = shops[:concurrency]
        wanted = _ORDERS[concurrency]
        _sign_in(waiting, orders.AT_WORK)
        rows = floor.written(admin_url, databases) if concurrency == 1 else 0
        cpu = machine.cpu_ms(run)
        start_ns = time.time_ns()

        def place(_number: int, waiting: list[Shop] = waiting) -> None:
            shop = waiting.pop()
            try:
                placed.append(orders.place(shop, next(_numbers)))
            finally:
                waiting.append(shop)

        timed = _many("place_order", place, wanted, concurrency)
        count_placed = len(timed.each_ms)
        end_ns = time.time_ns()
        time.sleep(spans.ARRIVE_SECONDS)
        used = machine.cpu_ms(run)
        each = {group: round((used[group] - cpu[group]) / count_placed, 1) for group in used}
        own = round(sum(each[group] for group in machine.OWN), 1)
        figures: Report = {**timed.figures(), "cpu_ms_per_order": {**each, "own": own}}
        found[str(concurrency)] = figures
        if concurrency == 1:
            seen = spans.between(run.var / "telemetry", start_ns, end_ns)
            figures["per_order"] = spans.per_order(seen, count_placed)
            told["handover_latency_ms"] = percentiles(spans.handover_ms(seen))
            told["floor"] = floor.measure(
                run.environment["BILLING_MIGRATE_URL"],
                (floor.written(admin_url, databases) - rows) // count_placed,
                int(figures["per_order"]["transactions"]) or 1,
                20,
            )
    return found


def _create_customers(shops: list[Shop], ids: list[str]) -> Report:
    def create(desk: Desk, _number: int) -> None:
        ids.append(orders.register(desk, next(_numbers)))

    return _at_the_reception("create_customer", shops, create)


def _read_customers(shops: list[Shop], ids: list[str]) -> Report:
    def look(desk: Desk, number: int) -> None:
        desk.do("customer.GetPerson", customer_id=ids[number % max(len(ids), 1)])

    return _at_the_reception("read_customer", shops, look)


def _at_the_reception(what: str, shops: list[Shop], work: Callable[[Desk, int], None]) -> Report:
    _sign_in(shops, ["reception.ja1"])
    found: Report = {}
    for concurrency in CONCURRENCY:
        desks = [shop.desk("reception.ja1") for shop in shops[:concurrency]]

        def run(number: int, desks: list[Desk] = desks) -> None:
            work(desks[number % len(desks)], number)

        found[str(concurrency)] = _many(what, run, _PEOPLE[concurrency], concurrency).figures()
    return found


def _search(run: Platform, shop: Shop, customers: int) -> Report:
    found: Report = {}
    branch = str(as_uuid(shop.chain.branches["JA1"]))
    loaded = 0
    reception = shop.desk("reception.ja1")
    for size in (10_000, customers):
        people.fill(run.environment["CUSTOMER_MIGRATE_URL"], branch, loaded + 1, size)
        loaded = size
        step = max(size // _SEARCHES, 1)
        asked = {
            "name_prefix": lambda n, step=step: ("name", f"Sample {n * step + 1}"),
            "phone_last_four": lambda n, step=step: ("phone", f"{n * step % 10_000:04}"),
            "phone_whole": lambda n, step=step: ("phone", f"137{n * step + 1:08}"),
        }
        for name, words in asked.items():

            def search(number: int, words: Any = words) -> None:
                by, text = words(number)
                reception.do("customer.SearchPeople", text=text, by=by)

            timed = _many(name, search, _SEARCHES, 1)
            found.setdefault(str(size), {})[name] = percentiles(timed.each_ms)
    return found
