"""The platform of one run: parts, databases, migration, processes. `run`, the demo, the bench and
the tests all stand on it."""

import errno
import os
import signal
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from local_platform.databases import create_databases
from local_platform.environment import environment
from local_platform.errors import DiskFull, PlatformError
from local_platform.folder import DataFolder
from local_platform.parts.choice import choose_parts
from local_platform.parts.rooms import database_prefix
from local_platform.parts.together import Parts
from local_platform.ports import SERVICES, Ports
from local_platform.processes import Plan, standard_plan
from local_platform.safe import Safe
from local_platform.supervisor import Supervisor

_MIGRATION_SECONDS, _PROCESS_SECONDS = 300.0, 120.0
_LAUNCHER_ONLY = ("OPTICHAIN_ADMIN_DATABASE_URL",)
_KILLED_RUN_SECONDS = 15.0
"""How long the processes of a run whose launcher was killed may take to free their ports."""


class Platform:
    """Everything a run needs, from `with Platform(var=...) as platform:` to the end of the block.

    `environment` (the variables of `local_platform.environment`) and `gateway_url` are for those
    who use the run; the rest is for those who disturb it.
    """

    def __init__(
        self,
        *,
        var: Path,
        ports: Ports | None = None,
        fast: bool = False,
        only: Collection[str] | None = None,
        anew: bool = False,
        passing: bool = False,
        plan: Callable[[Collection[str], Ports, Mapping[str, str]], Plan] = standard_plan,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Describe a run; nothing is started yet.

        `var`: data folder. `ports`: standard ones unless given. `fast`: a database without crash
        safety. `only`: the services (and `gateway`) to start, all unless given. `anew`:
        empty the folder once it is held. `passing`: on servers that run already, work in rooms of
        its own (databases, a virtual host, a bucket) and take them away when it stops. `plan`: what
        to start once the parts are ready. `report`: is told, a line each, how the start goes on and
        what is restarted.
        """
        self.ports = ports or Ports.standard()
        self.names = tuple(only) if only is not None else (*SERVICES, "gateway")
        self.environment: dict[str, str] = {}
        self._folder = DataFolder(var)
        self._fast, self._anew, self._passing = fast, anew, passing
        self._make_plan, self._report = plan, report
        self._plan = Plan(None, ())
        self._parts: Parts | None = None
        self._supervisor: Supervisor | None = None
        unknown = sorted(set(self.names) - {*SERVICES, "gateway"})
        if unknown:
            raise PlatformError(f"only: no service is called {unknown[0]}")

    @property
    def var(self) -> Path:
        """The data folder, absolute."""
        return self._folder.path

    @property
    def gateway_url(self) -> str:
        """`http://127.0.0.1:port` of the gateway."""
        return f"http://{self.ports.address('gateway')}"

    @property
    def given(self) -> list[str]:
        """The parts of the running platform that run elsewhere already, by name."""
        return self._running_parts.given

    @property
    def _running_parts(self) -> Parts:
        if self._parts is None:
            raise PlatformError("the platform does not run")
        return self._parts

    @property
    def supervisor(self) -> Supervisor:
        """The supervisor of the running platform."""
        if self._supervisor is None:
            raise PlatformError("the platform does not run")
        return self._supervisor

    def __enter__(self) -> Self:
        """Start everything."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything."""
        self.stop()

    def start(self) -> None:
        """Start everything and return when it serves.

        Raises PlatformError with one clear line; then nothing is left running.
        """
        try:
            self._folder.take(anew=self._anew)
            self._start_all()
        except OSError as error:
            self.stop()
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(f"the disk of {self.var} is full") from error
            raise PlatformError(f"{error.filename or self.var}: {error.strerror}") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the gateway, then the workers, the apis and the parts; leave no process."""
        if self._supervisor is not None:
            for role in ("gateway", "worker", "api"):
                names = [one.name for one in self._plan.processes if one.role == role]
                self._supervisor.stop(*names)
            if self._parts is not None:
                self._parts.stop()
            self._supervisor.close()
            self._supervisor = None
        self._folder.leave()

    def wait(self) -> None:
        """Serve until the run fails, then raise ProcessFailed."""
        self.supervisor.wait_failed()

    def pid(self, name: str) -> int | None:
        """Return the process id of process `name` (such as `labjob-api`, `gateway`, `rabbitmq`),
        or None while it does not run."""
        return self.supervisor.pid(name)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send signal `number` to process `name`, which is restarted if it dies of it."""
        self.supervisor.kill(name, number)

    def wait_ready(self, name: str, timeout_seconds: float = _PROCESS_SECONDS) -> None:
        """Wait until process `name` is ready again."""
        self.supervisor.wait_ready(name, timeout_seconds)

    def stop_process(self, name: str) -> None:
        """Stop process `name` and leave it stopped."""
        self.supervisor.stop(name)

    def restart(self, name: str) -> None:
        """Stop process `name` of the plan if it runs, start it and wait until it is ready."""
        process = next((one for one in self._plan.processes if one.name == name), None)
        if process is None:
            raise PlatformError(f"no process of this run is called {name}")
        self.supervisor.stop(name)
        self.supervisor.start(process)
        self.wait_ready(name)

    def part_url(self, name: str) -> str:
        """Return the URL of the part `postgres` (the administrator's), `rabbitmq` or
        `object_store`, with its credentials."""
        return self._running_parts[name].url

    def stop_part(self, name: str) -> None:
        """Stop the part `postgres`, `rabbitmq` or `object_store` and leave it stopped."""
        self._running_parts[name].stop()

    def start_part(self, name: str) -> None:
        """Start the stopped part `name` and wait until it is ready."""
        self._running_parts.restart(name)

    def _start_all(self) -> None:
        supervisor = self._supervisor = Supervisor(self.var / "logs", self._report)
        safe = Safe(self.var / "secrets.json")
        rooms = f"optichain-passing-{safe.label('rooms')}" if self._passing else ""
        chosen = choose_parts(
            self.var, self.ports, safe, supervisor, os.environ, fast=self._fast, rooms=rooms
        )
        parts = self._parts = Parts(chosen, self._report)
        patience = _KILLED_RUN_SECONDS if self._folder.was_left_in_haste else 0.0
        self.ports.check_free((*self.names, *parts.listeners), patience)
        services = [service for service in SERVICES if service in self.names]
        prefix = database_prefix(rooms) if rooms and "postgres" in parts.given else ""
        databases = parts.start(
            lambda admin_url: create_databases(admin_url, services, safe, prefix),
            give_up=supervisor.close,
        )
        self.environment = environment(
            ports=self.ports,
            safe=safe,
            databases=databases,
            amqp_url=parts["rabbitmq"].url,
            s3_url=parts["object_store"].url,
            var=self.var,
        )
        self._start_processes(supervisor)

    def _start_processes(self, supervisor: Supervisor) -> None:
        # The administrator's key to all databases is the launcher's alone.
        seen = {name: value for name, value in os.environ.items() if name not in _LAUNCHER_ONLY}
        self._plan = self._make_plan(self.names, self.ports, seen | self.environment)
        if self._plan.migration is not None:
            began = time.monotonic()
            supervisor.run(self._plan.migration, _MIGRATION_SECONDS)
            self._report(f"databases are up to date ({time.monotonic() - began:.1f} s)")
        began = time.monotonic()
        for process in self._plan.processes:
            supervisor.start(process)
        for process in self._plan.processes:
            supervisor.wait_ready(process.name, _PROCESS_SECONDS)
            self._report(f"{process.name} is ready ({time.monotonic() - began:.1f} s)")
