"""`make demo`: a platform of its own, the sample chain, one pair of glasses, and the summary."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console

from local_platform.demo import summary
from local_platform.demo.desk import operations_of
from local_platform.demo.journey import walk
from local_platform.demo.loading import Loading, SampleChain
from local_platform.demo.sample_chain import load
from local_platform.demo.shop import FAILURES, Shop, why
from local_platform.demo.summary import Told
from local_platform.environment import FIRST_LOGIN
from local_platform.errors import FolderInUse, PlatformError
from local_platform.platform import Platform
from local_platform.ports import Ports


class SampleChainFailed(PlatformError):
    """The sample chain could not be loaded; a later start goes on with what is missing."""


_WIDE = 160
"""Columns of the table of handovers where there is no terminal to fit into."""

_SPANS_ARRIVE_SECONDS = 1.2
"""Processes write their spans every half second; the last ones need a moment."""


def demo(var: Path) -> int:
    """Run the demo on a fresh data folder; returns the exit code. Whatever goes wrong is one line,
    and in the summary `ok` is false."""
    console = Console(width=None if Console().is_terminal else _WIDE)
    began = time.monotonic()
    told = Told()
    try:
        _run(var, console, told)
    except FolderInUse as error:  # nothing there is ours to write
        return _failed(console, why(error))
    except FAILURES as error:
        told.problem = why(error)
    told.seconds = round(time.monotonic() - began, 1)
    try:
        path = told.write(var)
    except OSError as error:
        return _failed(console, told.problem or why(error))
    if told.problem:
        return _failed(console, told.problem)
    _show(console, told, path)
    return 0


def _run(var: Path, console: Console, told: Told) -> None:
    report = partial(console.print, style="dim", markup=False, highlight=False, soft_wrap=True)
    with Platform(var=var, ports=Ports.free(), anew=True, passing=True, report=report) as run:
        told.is_kept = not run.given
        chain = load_chain(run)
        told.shop = shop = Shop(
            run.gateway_url, operations_of(run.gateway_url), chain, console.print
        )
        try:
            walk(shop)
            told.handovers = summary.handovers_of(shop)
        except FAILURES as error:
            cause = run.supervisor.failure or error
            told.problem = f"the journey ended after {len(shop.steps)} steps: {why(cause)}"
        time.sleep(_SPANS_ARRIVE_SECONDS)
        told.traces = summary.traces_of(shop, run.var / "telemetry")
        shop.close()


def _failed(console: Console, problem: str) -> int:
    line = f"stopped: {problem}"
    console.print(line, style="bold red", markup=False, highlight=False, soft_wrap=True)
    return 1


def _show(console: Console, told: Told, path: Path) -> None:
    summary.print_handovers(console, told.shop.chain, told.handovers)
    released = next(step.trace_id for step in told.shop.steps if step.n == 11)
    summary.print_one_trace(console, told.traces, released)
    if told.is_kept:
        console.print(
            f"look at it: make run VAR={path.parent}, sign in as optician.ja1 "
            f"({path.parent}/logins.json), open /orders/{told.shop.glasses.order_id}/page"
        )
    totals = told.summary()
    console.print(
        f"{len(totals['steps'])} steps, {totals['entries']} entries, "
        f"{totals['handovers']} handovers, {totals['traces']['spans']} spans, "
        f"{totals['seconds']} s: {path}"
    )


def load_once(run: Platform, report: Callable[[str], None]) -> None:
    """Load the sample chain unless this data folder has it; one that was interrupted goes on.
    Raises SampleChainFailed."""
    if SampleChain.kept(run.var) is not None:
        return
    try:
        load_chain(run)
    except FAILURES as error:
        raise SampleChainFailed(f"the sample chain could not be loaded: {why(error)}") from error
    report("the sample chain is loaded")


def show_first_login(run: Platform, report: Callable[[str], None]) -> None:
    """Tell how the first administrator of an empty chain signs in."""
    password = run.environment["ORGANISATION_FIRST_PASSWORD"]
    report(
        f"first administrator: {FIRST_LOGIN}, password {password} until it is changed, which comes"
        " before anything else"
    )


def load_chain(run: Platform) -> SampleChain:
    """Load the sample chain, or what is missing of it, and keep its logins. Raises ApiRefused."""
    chain = SampleChain.begun(run.var)
    loading = Loading(chain, partial(chain.keep_begun, run.var))
    loading.keep()  # the label above all: it makes the keys of what may already be under way
    password = run.environment["ORGANISATION_FIRST_PASSWORD"]
    load(run.gateway_url, operations_of(run.gateway_url), password, loading)
    chain.keep(run.var)
    return chain
