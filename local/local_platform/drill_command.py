"""`python -m local_platform drill`: one drill on the platform that runs, or on one of its own; its
report, and the purge of what it left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from local_platform.demo.command import load_chain
from local_platform.demo.desk import Desk, Json, operations_of
from local_platform.demo.loading import SampleChain
from local_platform.demo.shop import FAILURES, why
from local_platform.environment import FIRST_LOGIN, environment_of_running
from local_platform.errors import PlatformError
from local_platform.folder import is_in_use
from local_platform.platform import Platform
from local_platform.ports import SERVICES, Ports

ALL = "all"
_LONGEST_SECONDS, _LOOKS_AGAIN_SECONDS = 900.0, 0.5


@dataclass(frozen=True)
class Ground:
    """Where a drill takes place: how it is reached, and what its processes are told."""

    url: str
    environment: Mapping[str, str]
    password: str


def drill(
    case: Annotated[str, typer.Option(help="What goes wrong; `all` for every case.")],
    var: Annotated[Path, typer.Option(help="Folder of the running platform.")] = Path("var"),
) -> None:
    """Play a drill, print its report (in words, and as JSON on standard output) and purge it; exit
    1 when somebody was not told or a gate did not hold. Without a platform that runs in VAR it
    starts one of its own."""
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        with _ground(var, console) as ground:
            reports = play(ground, case, console)
    except FAILURES as error:
        console.print(f"stopped: {why(error)}", style="bold red")
        raise typer.Exit(1) from None
    typer.echo(json.dumps(reports if case == ALL else reports[0], ensure_ascii=False, indent=1))
    if not all(one["is_held"] for one in reports):
        raise typer.Exit(1)


def play(ground: Ground, case: str, console: Console) -> list[Json]:
    """Play a case, or every one, on a platform that serves; purge each and return the reports."""
    operations = operations_of(ground.url)
    office = Desk(ground.url, operations, FIRST_LOGIN, ground.password, "head_office")
    try:
        cases = [case]
        if case == ALL:
            cases = [one["code"] for one in office.do("gateway.ListDrillCases")["cases"]]
        return [_one(office, one, ground, console) for one in cases]
    finally:
        office.close()


def _one(office: Desk, case: str, ground: Ground, console: Console) -> Json:
    started = office.do("gateway.RunDrill", drill_case=case)["drill"]
    drill_id = str(started["envelope"]["id"])
    try:
        report = _report_of(office, drill_id)
    finally:
        purge(ground.environment, drill_id)
    show(console, report)
    return report


def _report_of(office: Desk, drill_id: str) -> Json:
    """Wait until a drill has ended, and return its report. Raises PlatformError."""
    ends = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < ends:
        found = office.do("organisation.GetDrill", drill_id=drill_id)["drill"]
        if found["envelope"]["state"] == "ended":
            report: Json = json.loads(found["report_json"])
            return report
        time.sleep(_LOOKS_AGAIN_SECONDS)
    raise PlatformError(f"{drill_id} has not ended after {_LONGEST_SECONDS:.0f} s")


def purge(environment: Mapping[str, str], drill_id: str) -> None:
    """Remove everything that a drill left, in every service. Raises PlatformError."""
    argv = (sys.executable, "-m", "chassis", "purge-drill", *SERVICES, f"--drill={drill_id}")
    done = subprocess.run(
        argv, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise PlatformError(f"{drill_id} could not be purged: {' '.join(last)}")


def show(console: Console, report: Json) -> None:
    """Print a report for people: what was expected, and what came."""
    outcome = "held" if report["is_held"] else "DID NOT HOLD"
    table = Table(title=f"{report['drill_case']}: {outcome}", title_justify="left")
    for column in ("expected", "came", "who or why", "after"):
        table.add_column(column, overflow="fold")
    for one in report["gates"]:
        came = "held" if one["is_held"] else f"NOT HELD ({one['expected_reason']} expected)"
        table.add_row(f"gate: {one['gate']}", came, one["reason"] or "it passed", "")
    for one in report["tellings"]:
        came = "told" if one["is_told"] else "NOT TOLD"
        table.add_row(one["expected"], came, one["role"], f"{one['after_ms']} ms")
    for text in report["went_on"]:
        table.add_row("goes on lawfully", "yes", text, "")
    if report["problem"]:
        table.add_row("the drill is gone through with", "NO", report["problem"], "")
    console.print(table)


@contextmanager
def _ground(var: Path, console: Console) -> Iterator[Ground]:
    """Use the platform that runs in the folder, or start one of its own for the block."""
    if is_in_use(var):
        chain = SampleChain.kept(var.absolute())
        if chain is None:
            raise PlatformError(f"the chain of {var} is not the sample chain: POST /api/v1/drills")
        url = f"http://{Ports.standard().address('gateway')}"
        yield Ground(url, environment_of_running(var.absolute()), chain.passwords[FIRST_LOGIN])
        return
    console.print(f"no platform runs in {var}: one of its own is started", style="dim")
    with Platform(var=var / "drill", ports=Ports.free(), anew=True, passing=True) as run:
        chain = load_chain(run)
        yield Ground(run.gateway_url, run.environment, chain.passwords[FIRST_LOGIN])
