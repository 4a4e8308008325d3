"""`python -m local_platform trace ID`: the steps of an order, a job or a slip, as those on call see
them when a pair of glasses is late."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from chassis.errors import Invalid
from labjob.slip_number import check_slip_number
from local_platform import traces


def trace(
    wanted: Annotated[
        str, typer.Argument(metavar="ID", help="Id of a trace, order, job, case or record; a slip.")
    ],
    var: Annotated[Path, typer.Option(help="Folder of the run; its demo is looked at too.")] = Path(
        "var"
    ),
) -> None:
    """Print the traces of an order, job, case, record, slip number or trace id."""
    for folder in _newest_first(var):
        for name in _as_kept(wanted.strip()):
            lines = list(_told(folder, name))
            if lines:
                typer.echo("\n".join([f"from {folder}", *lines]))
                return
    typer.echo(f"no trace of {wanted!r} is kept under {var}", err=True)
    raise typer.Exit(1)


def _as_kept(typed: str) -> list[str]:
    """Return how what was typed may be kept: as it is, or as the slip number it is when spaces and
    hyphens are put right."""
    try:
        return [typed, check_slip_number("id", typed)]
    except Invalid:
        return [typed]


def _told(folder: Path, wanted: str) -> Iterator[str]:
    ids = traces.ids_about(folder, wanted) if wanted else set()
    found = traces.load(folder, only=ids)
    for one in found:
        yield ""
        yield from traces.tree(one)
    if found:
        total = traces.counted(found)
        yield ""
        yield (
            f"{total['traces']} traces, {total['spans']} spans, {total['services']} services, "
            f"{total['amqp_hops']} messages, {total['links']} links"
        )


def _newest_first(var: Path) -> list[Path]:
    folders = [var / "telemetry", var / "demo" / "telemetry"]
    return sorted((one for one in folders if one.is_dir()), key=_last_written, reverse=True)


def _last_written(folder: Path) -> float:
    return max((file.stat().st_mtime for file in folder.glob("*.jsonl")), default=0.0)
