"""Runs the platform with stand-ins as `make run` runs it with the services: `launcher.py VAR`; with
`full` after it the disk is full when the sample chain is loaded."""

import errno
import json
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from local_platform.platform import Platform
from local_platform.ports import Ports
from local_platform.processes import Plan
from local_platform.serving import serve
from staging import stand_in_plan


def main() -> int:
    var = Path(sys.argv[1])

    def plan(names: Collection[str], ports: Ports, environment: Mapping[str, str]) -> Plan:
        (var / "environment.json").write_text(json.dumps(dict(environment)))
        return stand_in_plan(var / "diary")(names, ports, environment)

    def prepare(_platform: Platform, _report: Callable[[str], None]) -> None:
        if sys.argv[2:] == ["full"]:
            raise OSError(errno.ENOSPC, "No space left on device", str(var / "logins.json"))

    only = ("labjob", "gateway")
    return serve(
        lambda report: Platform(
            var=var, ports=Ports.free(), fast=True, only=only, plan=plan, report=report
        ),
        prepare,
    )


if __name__ == "__main__":
    sys.exit(main())
