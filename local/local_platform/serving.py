"""A run at the console: shows how the start goes on, says where the chain serves and who may sign
in, and ends everything when it is told to or cannot go on."""

import json
import signal
from collections.abc import Callable
from types import FrameType

from rich.console import Console
from rich.table import Table

from local_platform.errors import PlatformError
from local_platform.platform import Platform

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FAILED, _INTERRUPTED = 1, 130


def serve(
    make_platform: Callable[[Callable[[str], None]], Platform],
    prepare: Callable[[Platform, Callable[[str], None]], None] = lambda _platform, _report: None,
) -> int:
    """Start the platform that `make_platform` makes of a function that shows a line, `prepare` it,
    serve until a signal or a failure, stop everything; return the exit code.

    0: stopped by a signal while it served; 130: by a signal before; 1: failed, and the last line
    says why.
    """
    console = Console(highlight=False, markup=False, soft_wrap=True)
    _on_signals(_end)
    platform: Platform | None = None
    exit_code = _INTERRUPTED
    try:
        platform = make_platform(console.print)
        with console.status("starting"):
            platform.start()
            prepare(platform, console.print)
        exit_code = 0
        _welcome(console, platform)
        platform.wait()
    except KeyboardInterrupt:
        console.print("stopping")
    except (PlatformError, OSError) as error:
        exit_code = _FAILED
        console.print(f"stopped: {error}", style="bold red")
    finally:
        _on_signals(signal.SIG_IGN)
        if platform is not None:
            platform.stop()
    return exit_code


def _on_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in _ENDING_SIGNALS:
        is_nohup = number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
        if not is_nohup:
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> None:
    # Once: who presses Ctrl-C again must not interrupt the stopping, which has an end of its own.
    _on_signals(signal.SIG_IGN)
    raise KeyboardInterrupt


def _welcome(console: Console, platform: Platform) -> None:
    console.print(f"\nOptichain serves at {platform.gateway_url}", style="bold")
    console.print(f"the API is described at {platform.gateway_url}/api/docs")
    logins = platform.var / "logins.json"
    if logins.exists():
        columns = ("name", "role", "branch", "password")
        table = Table(title="logins", title_justify="left")
        for column in columns:
            table.add_column(column, overflow="fold")
        for login in json.loads(logins.read_text()):
            table.add_row(*(str(login.get(column, "")) for column in columns))
        console.print(table)
    console.print("Ctrl-C stops everything")
