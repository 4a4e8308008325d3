"""Listener's api as a real process, with a database of its own, and what it wrote."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text

from local_platform.databases import create_databases, drop_databases
from local_platform.safe import Safe
from message_platform import LISTENING, eventually
from small_contract import SERVICE, STAFF, contract

SMALL = contract(NoteName=STAFF)
DESCRIPTOR = SMALL.DESCRIPTOR.services_by_name[SERVICE]
_TESTS = Path(__file__).parent


@contextmanager
def database_of(service: str, admin_url: str, folder: Path) -> Iterator[dict[str, str]]:
    """Make an empty database for a service; yield the environment of its processes."""
    safe = Safe(folder / "safe.json")
    prefix = f"boundary_{safe.label('database')}_"
    urls = create_databases(admin_url, [service], safe, prefix)[service]
    name = service.upper()
    path = (LISTENING, str(_TESTS), str(_TESTS.parent), os.environ.get("PYTHONPATH", ""))
    yield {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        f"{name}_DATABASE_URL": urls.run_time,
        f"{name}_MIGRATE_URL": urls.migrate,
        f"{name}_SECRET": "heard",
    }
    drop_databases(admin_url, prefix)


def chassis(environment: dict[str, str], *words: str, log: Any) -> subprocess.Popen[bytes]:
    """Start a role of a service."""
    argv = (sys.executable, "-m", "chassis", *words)
    return subprocess.Popen(argv, env=environment, stdout=log, stderr=subprocess.STDOUT)


class ListenerApi:
    """The running process."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.log = folder / "listener.log"
        self.owner: Engine = create_engine(environment["LISTENER_MIGRATE_URL"])
        with self.log.open("ab") as log:
            assert chassis(environment, "migrate", "listener", log=log).wait(60) == 0
            told = {**environment, "LISTENER_LISTEN": self.address}
            self.process = chassis(told, "api", "listener", log=log)
        assert eventually(lambda: bool(self.said("ready")), 30), self.log.read_text()

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines of an event."""
        lines = [one for one in self.log.read_text().splitlines() if one.startswith("{")]
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def forget(self) -> None:
        """Begin anew, with nothing heard, nothing answered and nothing logged."""
        with self.owner.begin() as connection:
            connection.execute(text("TRUNCATE heard, reply"))
            connection.execute(text("UPDATE behaviour SET fails = ''"))
        os.truncate(self.log, 0)

    def fails_for(self, name: str) -> None:
        """Let it fail for a name."""
        with self.owner.begin() as connection:
            connection.execute(text("UPDATE behaviour SET fails = :name"), {"name": name})

    def heard(self, name: str) -> int:
        """Return how often a name stands."""
        with self.owner.begin() as connection:
            question = text("SELECT count(*) FROM heard WHERE name = :name")
            return int(connection.execute(question, {"name": name}).scalar_one())

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """Hold up every call that writes, until the block ends."""
        with self.owner.begin() as connection:
            connection.execute(text("LOCK TABLE heard IN SHARE MODE"))
            yield

    def waits(self, calls: int) -> bool:
        """Wait until so many calls are held up."""
        waiting = text(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'heard'::regclass"
        )

        def all_wait() -> bool:
            with self.owner.begin() as connection:
                return int(connection.execute(waiting).scalar_one()) == calls

        return eventually(all_wait)

    def tell_to_stop(self) -> None:
        """Send what the cluster sends before it ends a process."""
        self.process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """End the process, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.owner.dispose()
