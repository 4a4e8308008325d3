"""The whole contract as tests see it: every service, RPC and message that proto/ declares."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pool import Default

ROOT = Path(__file__).parents[2]
SERVICES = (
    "organisation",
    "customer",
    "inventory",
    "clinical",
    "billing",
    "labjob",
    "device_bridge",
)


def files() -> list[Any]:
    """Return the descriptor of every proto of ours."""
    found = []
    for path in sorted((ROOT / "proto" / "optichain").rglob("*.proto")):
        name = path.relative_to(ROOT / "proto").as_posix()
        importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
        found.append(Default().FindFileByName(name))
    return found


def methods() -> Iterator[Any]:
    """Yield the descriptor of every RPC."""
    for file in files():
        for service in file.services_by_name.values():
            yield from service.methods


def messages() -> Iterator[Any]:
    """Yield the descriptor of every top-level message."""
    for file in files():
        yield from file.message_types_by_name.values()


def module_of(message: Any) -> Any:
    """Return the generated module a message stands in."""
    return importlib.import_module(
        message.file.name.removesuffix(".proto").replace("/", ".") + "_pb2"
    )


def class_of(message: Any) -> Any:
    """Return the generated class of a message."""
    return getattr(module_of(message), message.name)
