"""Which room may import what. The checker itself is seen failing first, so that it cannot sleep."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "organisation": ROOT / "gateway/organisation/organisation",
    "customer": ROOT / "services/customer/customer",
    "inventory": ROOT / "services/inventory/inventory",
    "clinical": ROOT / "services/clinical/clinical",
    "billing": ROOT / "services/billing/billing",
    "labjob": ROOT / "services/labjob/labjob",
    "device_bridge": ROOT / "services/device-bridge/device_bridge",
}
LIBRARIES_OF_ONE = {
    "grpc": ("chassis/rpc/", "gateway/gateway/gateway/clients"),
    "grpc_status": ("chassis/rpc/", "gateway/gateway/gateway/clients"),
    "nameko": ("chassis/amqp", "chassis/worker_main"),
    "eventlet": ("chassis/amqp", "chassis/worker_main", "chassis/outbox"),
    "kombu": (
        "chassis/amqp",
        "chassis/outbox",
        "chassis/migrate",
        "chassis/dead_letters",
        "chassis/housekeeping",
    ),
    "minio": ("chassis/objects", "local/local_platform/"),
    "serial": ("device_bridge/ports",),
}


def room_of(path: Path) -> str:
    """Return the kind of room a module is, by its name."""
    stem = path.stem
    for room in ("commands", "queries", "store", "tables", "wire", "api", "worker", "settings"):
        if stem == room or stem.startswith(f"{room}_") or room in path.parts:
            return room
    return "noun"


MUST_NOT_IMPORT = {
    "noun": (
        "sqlalchemy",
        "google",
        "optichain",
        "fastapi",
        "chassis.db",
        "chassis.rpc",
        "chassis.amqp",
    ),
    "commands": ("google", "optichain", "chassis.rpc", "chassis.amqp", "grpc", "nameko"),
    "worker": ("chassis.rpc", "grpc"),
    "store": ("optichain", "chassis.rpc", "chassis.amqp"),
    "tables": ("optichain", "chassis.rpc", "chassis.amqp"),
}
"""What each room must not import; the rest of what it does not need, reviewers see."""

OUTSIDE_THE_DOMAIN = {
    "organisation": {"founding", "keys", "login"},
    "device_bridge": {"listening", "delivery", "spool", "ports", "support", "profiles", "ranges"},
    "billing": {"receipt_pdf", "printing", "accounts", "sharing"},
}
"""Modules that are neither nouns nor one of the fixed roles; their docstrings say why."""


def imports(source: str) -> Iterator[str]:
    """Yield every module that a source imports when it is loaded."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


def trespasses(service: str, path: Path, source: str) -> list[str]:
    """Return what a module of a service imports though its room must not."""
    others = tuple(name for name in PACKAGES if name != service)
    room = room_of(path)
    forbidden = MUST_NOT_IMPORT.get(room, ())
    if room == "noun" and path.stem in OUTSIDE_THE_DOMAIN.get(service, set()):
        forbidden = ()
    found = []
    for name in imports(source):
        top = name.split(".")[0]
        if top in others:
            found.append(f"{name}: another service")
        if any(name == one or name.startswith(f"{one}.") for one in forbidden):
            found.append(f"{name}: not from a {room}")
    return found


@pytest.mark.parametrize("service", PACKAGES)
def test_no_room_reaches_where_it_must_not(service: str) -> None:
    found = {
        str(path.relative_to(ROOT)): wrong
        for path in PACKAGES[service].rglob("*.py")
        if (wrong := trespasses(service, path, path.read_text()))
    }
    assert found == {}


@pytest.mark.parametrize("library", LIBRARIES_OF_ONE)
def test_a_library_of_one_room_is_known_nowhere_else(library: str) -> None:
    homes = LIBRARIES_OF_ONE[library]
    strangers = []
    for folder in ("services", "gateway", "local"):
        for path in (ROOT / folder).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            known = any(home in name for home in homes)
            if not known and any(m.split(".")[0] == library for m in imports(path.read_text())):
                strangers.append(name)
    assert strangers == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("job.py", "from sqlalchemy import select"),
        ("job.py", "import optichain.labjob.v1.job_pb2"),
        ("commands.py", "from chassis.rpc import Call"),
        ("worker.py", "import grpc"),
        ("queries.py", "import billing.order"),
    ],
)
def test_the_walls_are_seen_failing(room: str, source: str) -> None:
    assert trespasses("labjob", Path(room), source)


@pytest.mark.parametrize("service", PACKAGES)
def test_a_worker_loads_no_grpc_and_an_api_no_nameko(service: str) -> None:
    for module, stranger in ((f"{service}.worker", "grpc"), (f"{service}.api", "nameko")):
        code = f"import sys, {module}; sys.exit('{stranger}' in sys.modules)"
        done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False)
        assert done.returncode == 0, f"{module} loads {stranger}"
