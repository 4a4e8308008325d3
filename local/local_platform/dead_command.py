"""`python -m local_platform dead`: the messages that every service has given up, and sending them
again once what killed them is mended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from chassis import dead_letters
from chassis.errors import Unavailable
from local_platform.parts.rabbitmq import USER
from local_platform.ports import SERVICES, Ports
from local_platform.safe import Safe


def dead(
    replay: Annotated[
        str, typer.Option(metavar="SERVICE", help="Send this service's dead letters again.")
    ] = "",
    var: Annotated[Path, typer.Option(help="Folder of the running platform.")] = Path("var"),
) -> None:
    """List the dead letters of every service, redacted; or replay those of one."""
    service = replay.replace("-", "_")
    if service and service not in SERVICES:
        _fail(f"no service is called {replay}: there are {', '.join(SERVICES)}")
    try:
        if service:
            _replay(_amqp_url(var), service)
        else:
            _list(_amqp_url(var))
    except Unavailable:
        _fail(f"the broker of {var} cannot be reached; does the platform run?")


def _list(amqp_url: str) -> None:
    for service in SERVICES:
        typer.echo(dead_letters.as_text(dead_letters.buried(amqp_url, service)))


def _replay(amqp_url: str, service: str) -> None:
    done = dead_letters.replay(amqp_url, service)
    typer.echo(f"{service}: {done.sent} dead letters were sent to their queues again")
    if done.left:
        _fail(f"{service}: {done.left} stay, because the queue they came from is not there")


def _amqp_url(var: Path) -> str:
    """Return where the broker is: where the environment says, else the one started in `var`."""
    elsewhere = os.environ.get("OPTICHAIN_AMQP_URL", "")
    if elsewhere:
        return elsewhere
    if not (var / "secrets.json").exists():
        _fail(f"no platform has run in {var}")
    password = Safe(var / "secrets.json").password("rabbitmq")
    return f"amqp://{USER}:{password}@{Ports.standard().address('amqp')}//"


def _fail(line: str) -> None:
    typer.echo(line, err=True)
    raise typer.Exit(1)
