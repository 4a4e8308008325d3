"""Starts one role of one service: `python -m chassis api labjob`, `worker labjob`, `migrate labjob
billing`, `purge-drill labjob billing`; `--drill=ID` purges that one at once."""

from __future__ import annotations

import sys
import warnings

_DRILL = "--drill="
_USAGE = "usage: python -m chassis api|worker|migrate|purge-drill SERVICE... [--drill=ID]"


def main(arguments: list[str]) -> int:
    """Run the role; returns the exit code. A missing setting or a taken port is one clear line."""
    if len(arguments) < 2 or arguments[0] not in ("api", "worker", "migrate", "purge-drill"):
        print(_USAGE, file=sys.stderr)  # noqa: T201  # the usage line
        return 2
    role, services = arguments[0], arguments[1:]
    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
    if role == "worker":
        from chassis import worker_main

        return _clearly(lambda: worker_main.run(services[0]))
    if role == "migrate":
        from chassis import migrate

        return _clearly(lambda: migrate.all_of(services))
    if role == "purge-drill":
        from chassis import drill_purge

        named = [one for one in services if one.startswith(_DRILL)]
        drill = named[-1].removeprefix(_DRILL) if named else ""
        return _clearly(
            lambda: drill_purge.all_of([one for one in services if one not in named], drill)
        )
    from chassis import api_main

    return _clearly(lambda: api_main.run(services[0]))


def _clearly(run: object) -> int:
    from chassis.errors import SettingMissing

    try:
        run()  # type: ignore[operator]  # a plain callable
    except SettingMissing as missing:
        print(f"cannot start: {missing}", file=sys.stderr)  # noqa: T201  # before logs exist
        return 3
    except OSError as problem:
        print(f"cannot start: {problem}", file=sys.stderr)  # noqa: T201  # before logs exist
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
