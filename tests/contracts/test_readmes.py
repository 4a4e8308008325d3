"""Each service's README tells its whole contract: every RPC by name, every event it tells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contract import ROOT, SERVICES, files

READMES = {
    service: ROOT
    / ("gateway" if service == "organisation" else "services")
    / service.replace("_", "-")
    / "README.md"
    for service in SERVICES
}


def missing(readme: Path, names: list[str]) -> list[str]:
    """Return the names that stand nowhere in a README as words of their own."""
    words = set(re.findall(r"\w+", readme.read_text()))
    return [name for name in names if name not in words]


@pytest.mark.parametrize("service", SERVICES)
def test_a_readme_names_every_rpc_of_its_service(service: str) -> None:
    rpcs = [
        method.name
        for file in files()
        if file.package == f"optichain.{service}.v1"
        for one in file.services_by_name.values()
        for method in one.methods
    ]

    assert rpcs
    assert missing(READMES[service], rpcs) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_readme_names_every_event_its_service_tells(service: str) -> None:
    events = [
        name
        for file in files()
        if file.name == f"optichain/{service}/v1/events.proto"
        for name in file.message_types_by_name
    ]

    assert events
    assert missing(READMES[service], events) == []
