"""Fixtures for tests of messages: a platform whose parts and processes a test may stop and kill."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from message_platform import LISTENING, MessagePlatform

_ELSEWHERE = ("OPTICHAIN_ADMIN_DATABASE_URL", "OPTICHAIN_AMQP_URL", "OPTICHAIN_S3_URL")


@pytest.fixture(scope="session")
def messages() -> Iterator[MessagePlatform]:
    """Organisation and listener with their workers, on parts of their own."""
    sys.path.append(LISTENING)
    # Not below pytest's own folder: each run shuts that to other users, PostgreSQL's among them.
    with tempfile.TemporaryDirectory(prefix="optichain-messages-") as folder:
        found = MessagePlatform(Path(folder) / "var")
        with pytest.MonkeyPatch.context() as patch:
            for variable in _ELSEWHERE:  # the parts of other tests are not ours to stop
                patch.delenv(variable, raising=False)
            found.start()
        yield found
        found.stop()
    sys.path.remove(LISTENING)


@pytest.fixture
def platform(messages: MessagePlatform) -> Iterator[MessagePlatform]:
    """The same, in order again after whatever the test before did to it."""
    messages.organisation.engine.dispose()  # the database may have been restarted meanwhile
    messages.fail_for("")
    yield messages
    messages.tap.let_through()
    messages.fail_for("")
    messages.take("listener.dead")
