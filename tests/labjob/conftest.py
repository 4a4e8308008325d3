"""Fixtures for labjob's tests."""

from __future__ import annotations

import pytest

from chain import Chain
from labjob_bench import Bench


@pytest.fixture
def bench(chain: Chain) -> Bench:
    """A shop and a lab with goods and prices, on real servers."""
    chain.serve("inventory", "clinical", "billing", "labjob")
    bench = Bench(chain)
    bench.open_places()
    bench.stock_up()
    return bench
