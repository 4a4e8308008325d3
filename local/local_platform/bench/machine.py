"""What the platform's processes use: CPU time and memory, by group."""

from __future__ import annotations

from collections.abc import Iterator

import psutil

from local_platform.platform import Platform
from local_platform.ports import SERVICES

_PARTS = ("postgres", "rabbitmq", "object_store")


def groups(run: Platform) -> dict[str, list[str]]:
    """Return the names of the processes of each group; a part that runs elsewhere has none
    here."""
    return {
        "gateway": ["gateway"],
        "apis": [f"{service}-api" for service in SERVICES],
        "workers": [f"{service}-worker" for service in SERVICES],
        **{part: [part] for part in _PARTS if part not in run.given},
    }


OWN = ("gateway", "apis", "workers")
"""The groups that run our own code."""


def cpu_ms(run: Platform) -> dict[str, float]:
    """Return the CPU milliseconds each group has used until now."""
    return {
        group: sum(_cpu_ms(run, name) for name in names) for group, names in groups(run).items()
    }


def _cpu_ms(run: Platform, name: str) -> float:
    total = 0.0
    for process in _family(run, name):
        times = process.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total * 1000


def rss_mib(run: Platform) -> dict[str, float]:
    """Return the resident memory of each group in MiB."""
    return {
        group: round(
            sum(process.memory_info().rss for name in names for process in _family(run, name))
            / 2**20
        )
        for group, names in groups(run).items()
    }


def _family(run: Platform, name: str) -> Iterator[psutil.Process]:
    pid = run.pid(name)
    if pid is None:
        return
    parent = psutil.Process(pid)
    for process in (parent, *parent.children(recursive=True)):
        if process.is_running():
            yield process
