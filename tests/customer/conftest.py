"""Who stands at the counter in the tests of customer."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from chain import Chain
from chassis.roles import Role

sys.path.append(str(Path(__file__).parent))

from counter import Counter  # beside this file


@pytest.fixture
def counter(chain: Chain) -> Counter:
    """A counter of one shop, with nobody known yet."""
    chain.serve("customer")
    return Counter(chain, chain.person(Role.RECEPTION))
