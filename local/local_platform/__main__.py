"""`python -m local_platform …`: the chain on this machine, as the Makefile's commands start it."""

from pathlib import Path
from typing import Annotated

import typer

from local_platform.dead_command import dead
from local_platform.demo import command as commands
from local_platform.demo.command import load_once, show_first_login
from local_platform.drill_command import drill
from local_platform.platform import Platform
from local_platform.serving import serve
from local_platform.trace_command import trace
from local_platform.verify_command import verify

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def local_platform() -> None:
    """Optichain on one machine."""


@app.command()
def run(
    var: Annotated[Path, typer.Option(help="Folder that keeps data, secrets and logs.")] = Path(
        "var"
    ),
    empty: Annotated[bool, typer.Option(help="Without the sample chain.")] = False,
) -> None:
    """Start parts and processes, load the sample chain once, and serve until Ctrl-C.

    With `--empty` the chain has nobody but its first administrator.
    """
    prepare = show_first_login if empty else load_once
    raise typer.Exit(serve(lambda report: Platform(var=var, report=report), prepare))


@app.command()
def demo(
    var: Annotated[Path, typer.Option(help="Folder of the demo; made anew.")] = Path("var/demo"),
) -> None:
    """Walk one pair of glasses through a platform of its own."""
    raise typer.Exit(commands.demo(var))


app.command()(trace)
app.command()(dead)
app.command()(verify)
app.command()(drill)


@app.command()
def bench(
    var: Annotated[Path, typer.Option(help="Folder of the bench; made anew.")] = Path("var/bench"),
    customers: Annotated[int, typer.Option(help="People to search among.")] = 1_000_000,
    before: Annotated[
        Path | None, typer.Option(help="An earlier document, to be set beside this one.")
    ] = None,
) -> None:
    """Measure the platform and print one JSON document."""
    from local_platform.bench import command as measuring  # its decoder is not needed elsewhere

    raise typer.Exit(measuring.bench(var, customers=customers, before=before))


if __name__ == "__main__":
    app()
