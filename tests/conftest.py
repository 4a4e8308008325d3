"""Fixtures for tests on real parts: one PostgreSQL, RabbitMQ and object store for the whole run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain import Chain
from local_platform.platform import Platform
from local_platform.ports import Ports
from local_platform.processes import Plan

GIVEN = {name: value for name, value in os.environ.items() if name.startswith("OPTICHAIN_")}
"""What the person who started the tests set: servers that run already, ports."""


@pytest.fixture(scope="session")
def parts() -> Iterator[Platform]:
    """The three parts, started once, with a database for every service and no process yet. On
    servers that run already the tests have rooms of their own, which go with them."""
    with tempfile.TemporaryDirectory(prefix="optichain-tests-") as folder:
        platform = Platform(
            var=Path(folder),
            ports=Ports.free(),
            fast=True,
            passing=True,
            plan=lambda _names, _ports, _environment: Plan(None, ()),
        )
        with platform:
            os.environ.update(platform.environment)
            yield platform


@pytest.fixture(scope="module")
def as_given() -> Iterator[None]:
    """The environment as the person set it, for a module with a platform of its own: `parts` tells
    this process where its parts are."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("OPTICHAIN_")]:
            patch.delenv(name)
        for name, value in GIVEN.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def whole_chain(parts: Platform) -> Iterator[Chain]:
    """Every service that a test asks for, served in this process on the real parts."""
    chain = Chain(parts.environment)
    yield chain
    chain.close()


@pytest.fixture
def chain(whole_chain: Chain) -> Chain:
    """The chain with empty tables: `chain.database("labjob")`, `chain.ask(request, as_=...)`."""
    whole_chain.empty()
    return whole_chain
