"""Of every table of every service it is said what a drill leaves in it, so that none is forgotten
by the purge."""

from __future__ import annotations

import pytest

from chain import Chain
from chassis import drill_purge
from contract import SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_of_every_table_it_is_said_what_a_drill_leaves_in_it(chain: Chain, service: str) -> None:
    with chain.database(service).snapshot() as connection:
        drill_purge.require_declared(connection, service)


@pytest.mark.parametrize("service", SERVICES)
def test_every_condition_of_a_purge_is_sound(chain: Chain, service: str) -> None:
    found = drill_purge.Found("drl_none", [], [])
    chain.database(service)
    with chain.owner(service).begin() as connection:
        for table, condition in drill_purge.purged_in(service).items():
            assert drill_purge.delete_from(connection, table, condition, found) == 0
