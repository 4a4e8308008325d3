"""Of every table of every service it is said what a drill leaves in it, so that none is forgotten
by the purge."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from chain import Chain
from chassis import drill_purge
from chassis.actor import system
from chassis.ids import new_id
from chassis.records import issuing
from chassis.records.conditions import Condition, ConditionType
from chassis.records.tables import record
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


def test_the_purge_knows_every_kind_that_a_drill_leaves(chain: Chain) -> None:
    """In a process of its own, which has served nothing before."""
    drill = new_id("drl")
    with chain.work("billing", replace(system("billing"), drill=drill)) as work:
        about_itself = Condition(type=ConditionType.EVIDENCE_PRESENT)
        issuing.open_issue(
            work, service="billing", type="other", summary="late", condition=about_itself
        )
    command = (sys.executable, "-m", "chassis", "purge-drill", "billing", f"--drill={drill}")
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout + done.stderr
    with chain.database("billing").snapshot() as connection:
        left = select(func.count()).select_from(record).where(record.c.drill == drill)
        assert connection.execute(left).scalar() == 0
