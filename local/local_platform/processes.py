"""Which processes make the chain: an api and a worker per service, the gateway in front, and the
one command that brings every database up to date before them."""

import signal
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from local_platform.ports import SERVICES, Ports
from local_platform.probes import accepts, answers_http

Role = Literal["part", "once", "api", "worker", "gateway"]


@dataclass(frozen=True)
class Process:
    """One program to run: what it is called, how it says it is ready and how it is asked to stop.

    It is ready when it has logged the line `{"event": "ready", ...}` (if `says_ready`) and
    `answers` returns true (if given). `environment` is the whole environment it sees.
    `orphan_signal` reaches it when the launcher is killed.
    """

    name: str
    role: Role
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    says_ready: bool = True
    answers: Callable[[], bool] | None = None
    run_as: str | None = None
    folder: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL


@dataclass(frozen=True)
class Plan:
    """What a run starts when its parts are ready: the migration first, then all processes."""

    migration: Process | None
    processes: tuple[Process, ...]


def standard_plan(names: Collection[str], ports: Ports, environment: Mapping[str, str]) -> Plan:
    """Return the migration and processes of the services (and `gateway`) in `names`."""
    services = tuple(service for service in SERVICES if service in names)
    processes = [
        *(_api(service, ports, environment) for service in services),
        *(_worker(service, environment) for service in services),
    ]
    if "gateway" in names:
        processes.append(_gateway(ports, environment))
    return Plan(_migration(services, environment) if services else None, tuple(processes))


def _migration(services: tuple[str, ...], environment: Mapping[str, str]) -> Process:
    argv = (sys.executable, "-m", "chassis", "migrate", *services)
    return Process("migrate", "once", argv, environment, says_ready=False)


def _api(service: str, ports: Ports, environment: Mapping[str, str]) -> Process:
    argv = (sys.executable, "-m", "chassis", "api", service)
    answers = partial(accepts, "127.0.0.1", ports[service])
    return Process(f"{service}-api", "api", argv, environment, answers=answers)


def _worker(service: str, environment: Mapping[str, str]) -> Process:
    argv = (sys.executable, "-m", "chassis", "worker", service)
    return Process(f"{service}-worker", "worker", argv, environment)


def _gateway(ports: Ports, environment: Mapping[str, str]) -> Process:
    answers = partial(answers_http, f"http://{ports.address('gateway')}/api/v1/health")
    argv = (sys.executable, "-m", "gateway")
    return Process("gateway", "gateway", argv, environment, answers=answers)
