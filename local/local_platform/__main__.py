"""`python -m local_platform run`: the chain on this machine until Ctrl-C, as `make run` starts
it."""

from pathlib import Path
from typing import Annotated

import typer

from local_platform.platform import Platform
from local_platform.serving import serve

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def local_platform() -> None:
    """Optichain on one machine."""


@app.command()
def run(
    var: Annotated[Path, typer.Option(help="Folder that keeps data, secrets and logs.")] = Path(
        "var"
    ),
) -> None:
    """Start parts and processes, and serve until Ctrl-C."""
    raise typer.Exit(serve(lambda report: Platform(var=var, report=report)))


if __name__ == "__main__":
    app()
