"""`make demo`: a platform of its own, the sample chain, one pair of glasses, and the summary."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from rich.console import Console

from local_platform.demo import summary
from local_platform.demo.desk import ApiRefused, operations_of
from local_platform.demo.journey import walk
from local_platform.demo.sample_chain import SampleChain, load
from local_platform.demo.shop import DemoFailed, Shop
from local_platform.environment import FIRST_LOGIN
from local_platform.errors import PlatformError
from local_platform.platform import Platform
from local_platform.ports import Ports


class SampleChainFailed(PlatformError):
    """The sample chain could not be loaded; the data folder should be made anew."""


_WIDE = 160
"""Columns of the table of handovers where there is no terminal to fit into."""

_SPANS_ARRIVE_SECONDS = 1.2
"""Processes write their spans every half second; the last ones need a moment."""


def demo(var: Path) -> int:
    """Run the demo on a fresh data folder; returns the exit code."""
    console = Console(width=None if Console().is_terminal else _WIDE)
    began = time.monotonic()
    shutil.rmtree(var, ignore_errors=True)
    with Platform(
        var=var, ports=Ports.free(), report=lambda line: console.print(f"[dim]{line}")
    ) as run:
        chain = load_chain(run)
        chain.keep(run.var)
        shop = Shop(run.gateway_url, operations_of(run.gateway_url), chain, console.print)
        problem = _walked(shop)
        handovers = [] if problem else summary.handovers_of(shop)
        time.sleep(_SPANS_ARRIVE_SECONDS)
        traces = summary.traces_of(shop, run.var / "telemetry")
        told = summary.write(
            run.var / "summary.json", shop, handovers, traces, time.monotonic() - began, not problem
        )
        shop.close()
    if problem:
        console.print(f"[red]{problem}")
        return 1
    summary.print_handovers(console, chain, handovers)
    released = next(step.trace_id for step in shop.steps if step.n == 11)
    summary.print_one_trace(console, traces, released)
    console.print(
        f"look at it: make run VAR={var}, sign in as optician.ja1 ({var}/logins.json), "
        f"open /orders/{shop.glasses.order_id}/page"
    )
    console.print(
        f"{len(shop.steps)} steps, {told['entries']} entries, {told['handovers']} handovers, "
        f"{told['traces']['spans']} spans, {told['seconds']} s: {run.var / 'summary.json'}"
    )
    return 0


def load_once(run: Platform, report: Callable[[str], None]) -> None:
    """Load the sample chain unless this data folder has it. Raises SampleChainFailed."""
    if SampleChain.kept(run.var) is not None:
        return
    try:
        load_chain(run).keep(run.var)
    except (ApiRefused, httpx.HTTPError) as error:
        raise SampleChainFailed(f"the sample chain could not be loaded: {error}") from error
    report("the sample chain is loaded")


def show_first_login(run: Platform, report: Callable[[str], None]) -> None:
    """Tell how the first administrator of an empty chain signs in."""
    password = run.environment["ORGANISATION_FIRST_PASSWORD"]
    report(
        f"first administrator: {FIRST_LOGIN}, password {password} until it is changed, which comes"
        " before anything else"
    )


def load_chain(run: Platform) -> SampleChain:
    """Load the sample chain into a platform that has just been made. Raises ApiRefused."""
    operations = operations_of(run.gateway_url)
    return load(run.gateway_url, operations, run.environment["ORGANISATION_FIRST_PASSWORD"])


def _walked(shop: Shop) -> str:
    try:
        walk(shop)
    except (ApiRefused, DemoFailed, httpx.HTTPError) as error:
        return f"the journey ended after {len(shop.steps)} steps: {error}"
    return ""
