"""`python -m local_platform verify`: whether the past of every service is as it was written."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from chassis import boot, settings
from chassis.objects import ObjectStore
from chassis.records import anchors, proof
from chassis.records.proof import Finding
from chassis.sealing import SigningKey
from local_platform.errors import FolderInUse, PlatformError
from local_platform.platform import Platform
from local_platform.ports import SERVICES, Ports
from local_platform.processes import Plan


def verify(
    var: Annotated[Path, typer.Option(help="Data folder of a platform that is stopped.")] = Path(
        "var"
    ),
) -> None:
    """Read every row of history and every anchor, and name each that was changed, removed, inserted
    or cut off; exit 1 when there is one. A platform that runs is asked through its API."""
    if not (var / "secrets.json").exists():
        _fail(f"no platform has run in {var}")
    try:
        with Platform(var=var, ports=Ports.free(), plan=lambda *_: Plan(None, ())) as parts:
            os.environ.update(parts.environment)
            flaws = [flaw for service in SERVICES for flaw in _of_service(service)]
    except FolderInUse:
        _fail(f"the platform of {var} runs: stop it, or ask GET /api/v1/<service>/history/flaws")
    except PlatformError as error:
        _fail(str(error))
    if flaws:
        raise typer.Exit(1)


def _of_service(service: str) -> list[Finding]:
    loaded = settings.load(service)
    importlib.import_module(f"{service}.api")
    database = boot.database_of(service, loaded)
    key = SigningKey(loaded.data_key.get_secret_value(), f"anchor {service}")
    objects = ObjectStore(loaded.s3_url.get_secret_value())
    found: list[Finding] = []
    records = rows = 0
    page: Any = None
    with database.snapshot() as connection:
        seal = database.seal_in(connection)
        while page is None or page.last is not None:
            page = proof.verify(connection, seal, **({"after": page.last} if page else {}))
            records, rows = records + page.records, rows + page.rows
            found += page.findings
        anchored = list(anchors.read_back(service, objects, key))
        found += proof.verify_anchors(connection, anchored)
    database.close()
    until = (
        f"anchored until {anchored[-1].anchor.until:%Y-%m-%d %H:%M}" if anchored else "no anchor"
    )
    typer.echo(f"{service}: {records} records, {rows} rows, {until}, {len(found)} flaws")
    for one in found:
        typer.echo(f"  {one.record_id} revision {one.revision}: {one.flaw}: {one.text}")
    return found


def _fail(line: str) -> None:
    typer.echo(line, err=True)
    raise typer.Exit(1)
