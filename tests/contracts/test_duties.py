"""What is said about duties that nobody does both of is what commands hold, no more and no less."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import yaml

import chassis
from chassis.records import duties
from chassis.records.kinds import kind_named
from contract import SERVICES

RULES = Path(str(chassis.__file__)).parent / "rules/separation_of_duties.yaml"
(EDITION,) = yaml.safe_load_all(RULES.read_text())
BODY: dict[str, Any] = EDITION["body"]


def named() -> set[str]:
    return {one[side] for one in BODY["rules"] for side in ("duty", "other")}


def test_a_rule_stands_only_between_duties_that_a_command_does_and_every_duty_has_one() -> None:
    for service in SERVICES:
        importlib.import_module(f"{service}.api")
        importlib.import_module(f"{service}.worker")
    assert named() == duties.DECLARED


def test_history_can_show_every_duty_that_was_done_earlier() -> None:
    for rule in BODY["rules"]:
        if duties.Across(rule["across"]) is duties.Across.STEP:
            continue
        done = BODY["done"][rule["other"]]
        assert done["states"]
        if rule["across"] == duties.Across.CASE:
            kind = kind_named(done["kind"])
            ends = {state for table in kind.transitions.moves.values() for state in table.values()}
            assert set(done["states"]) <= ends | {kind.transitions.start}
