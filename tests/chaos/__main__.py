"""`make chaos`: a platform of its own, randomised runs on it while it breaks, one JSON document."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from chaos import report
from chaos.faults import faults_of
from chaos.shrink import shortest
from chaos.stage import staged
from local_platform.platform import Platform
from local_platform.ports import SERVICES, Ports

_MINUTES = 37.0
"""When no new batch begins: what runs then may come to its end within 40 minutes."""

PROCESSES = (*(f"{name}-{role}" for name in SERVICES for role in ("api", "worker")), "gateway")


def main(
    seed: Annotated[int, typer.Option(help="The same seed replays the same plans.")] = 1,
    runs: Annotated[int, typer.Option(help="How many runs.")] = 2_000,
    minutes: Annotated[float, typer.Option(help="When no new batch of runs begins.")] = _MINUTES,
    at_once: Annotated[int, typer.Option(help="How many runs at once.")] = 4,
    flood: Annotated[bool, typer.Option(help="Plant 100,000 unsent outbox rows.")] = True,
    breaking: Annotated[bool, typer.Option(help="Let things break meanwhile.")] = True,
    only: Annotated[int, typer.Option(help="Play the plan of this one run alone.")] = -1,
) -> None:
    """Play randomised runs and print one JSON document; exit 1 when a law did not hold."""
    for name in [name for name in os.environ if name.startswith("OPTICHAIN_")]:
        del os.environ[name]  # parts of its own: they are restarted
    ends_at = time.monotonic() + minutes * 60
    with (
        tempfile.TemporaryDirectory(prefix="optichain-chaos-") as folder,
        Platform(var=Path(folder), ports=Ports.free(), fast=True, report=_say) as platform,
        staged(platform, seed=seed, runs=runs, processes=PROCESSES, say=_say) as session,
    ):
        session.at_once = at_once
        seeds = [only] if only >= 0 else [seed * 1_000_000 + n for n in range(runs)]
        breaks = faults_of(seed, len(seeds), PROCESSES, parts=True, flood=flood)
        session.play(seeds, breaks if breaking and only < 0 else (), ends_at=ends_at)
        stories = shortest(session, ends_at=ends_at + 90)
        told = report.document(session, seed, stories)
    for answer, number in sorted(session.outcome.answers.items()):
        _say(f"{number:>6}  {answer}")
    sys.stdout.write(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    raise typer.Exit(1 if told["violation_count"] or told["lost"] else 0)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  # standard output is the document alone


if __name__ == "__main__":
    typer.run(main)
