"""`python -m local_platform verify`: whether the past of every service is as it was written."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from chassis import boot, evidence_sweep, settings
from chassis.evidence_sweep import EvidenceFlaw
from chassis.objects import ObjectStore
from chassis.records import anchors, proof
from chassis.records.proof import Finding
from chassis.sealing import SigningKey
from local_platform.errors import FolderInUse, PlatformError
from local_platform.platform import Platform
from local_platform.ports import SERVICES, Ports
from local_platform.processes import Plan

_MOST_OBJECTS = 10_000


def verify(
    var: Annotated[Path, typer.Option(help="Data folder of a platform that is stopped.")] = Path(
        "var"
    ),
) -> None:
    """Read every row of history and every anchor, and name each that was changed, removed, inserted
    or cut off, and the objects that the slow look found missing or changed; exit 1 when there is
    one. A platform that runs is asked through its API."""
    if not (var / "secrets.json").exists():
        _fail(f"no platform has run in {var}")
    try:
        with Platform(var=var, ports=Ports.free(), plan=lambda *_: Plan(None, ())) as parts:
            os.environ.update(parts.environment)
            flaws = sum(of_service(service) for service in SERVICES)
    except FolderInUse:
        _fail(f"the platform of {var} runs: stop it, or ask GET /api/v1/<service>/history/flaws")
    except PlatformError as error:
        _fail(str(error))
    if flaws:
        raise typer.Exit(1)


def of_service(service: str) -> int:
    """Print what is wrong with the past of one service, and return how much that is."""
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
        objects_flawed = evidence_sweep.flaws(connection, most=_MOST_OBJECTS)
    database.close()
    until = (
        f"anchored until {anchored[-1].anchor.until:%Y-%m-%d %H:%M}" if anchored else "no anchor"
    )
    flaws = len(found) + len(objects_flawed)
    typer.echo(f"{service}: {records} records, {rows} rows, {until}, {flaws} flaws")
    for one in found:
        typer.echo(f"  {one.record_id} revision {one.revision}: {one.flaw}: {one.text}")
    for flawed in objects_flawed:
        typer.echo(f"  {flawed_line(flawed)}")
    return flaws


def flawed_line(flawed: EvidenceFlaw) -> str:
    """Return what is said of an object that is not as it was confirmed."""
    shown = ", ".join(flawed.record_ids) or "no record"
    found = flawed.found_sha256 or "none"
    return (
        f"{flawed.object_key}: {flawed.flaw} since {flawed.found_since:%Y-%m-%d %H:%M}, evidence of"
        f" {shown}: sha256 {found}, confirmed {flawed.expected_sha256}"
    )


def _fail(line: str) -> None:
    typer.echo(line, err=True)
    raise typer.Exit(1)
