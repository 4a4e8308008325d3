"""The gateway of the run, in front of a chain that is served in the test process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chain import Chain, Person
from chassis.roles import Role
from gateway_door import Door


@pytest.fixture(scope="session")
def running_door(whole_chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """The gateway, started once; it must also stop when it is told to."""
    whole_chain.serve()
    door = Door(tmp_path_factory.mktemp("gateway"))
    yield door
    assert door.stop() == 0, door.log.read_text()


@pytest.fixture
def door(chain: Chain, running_door: Door) -> Door:
    """The gateway before an empty chain with organisation served."""
    return running_door


@pytest.fixture
def office(chain: Chain, door: Door) -> Person:
    """Somebody of head office."""
    return chain.person(Role.HEAD_OFFICE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a gateway of a test's own."""
    return tmp_path
