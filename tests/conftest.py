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


@pytest.fixture(scope="session")
def parts() -> Iterator[Platform]:
    """The three parts, started once, with a database for every service and no process yet."""
    with tempfile.TemporaryDirectory(prefix="optichain-tests-") as folder:
        platform = Platform(
            var=Path(folder),
            ports=Ports.free(),
            fast=True,
            plan=lambda _names, _ports, _environment: Plan(None, ()),
        )
        with platform:
            os.environ.update(platform.environment)
            yield platform


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
