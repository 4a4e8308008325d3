"""What the state machines of the aggregates have in common: an attempt is either done as the table
allows or refused as it must be, and nothing lies in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from chassis.errors import DomainError

FEW = settings(
    max_examples=8,
    stateful_step_count=14,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
"""Real services are slow: few stories, each of many steps."""

MANY = settings(FEW, max_examples=12, stateful_step_count=18)
"""Of what is pure, or nearly."""

Table = Mapping[str, Mapping[str, str]]
"""State after a verb, by verb and state before: the trade's words, written again here."""


def play(make: Callable[[], RuleBasedStateMachine], how: settings = FEW) -> None:
    """Play random stories on a machine."""
    run_state_machine_as_test(make, settings=how)


def outcome(attempt: Callable[[], Any]) -> tuple[Any, str]:
    """Return what an attempt answered, or the reason of its refusal."""
    try:
        return attempt(), ""
    except DomainError as refused:
        return None, refused.code


def require_by_table(
    table: Table, verb: str, before: str, after: str, refused: str, lawful: set[str]
) -> None:
    """Require that a verb led where the table says, or was refused: for its state, or for a reason
    that may stop it even there."""
    allowed = table[verb].get(before)
    if refused:
        assert after == before, f"{verb} was refused ({refused}) and yet led to {after}"
        assert allowed is None or refused in lawful, f"{verb} from {before}: {refused}"
    else:
        assert allowed is not None, f"{verb} must not be done from {before}"
        assert after == allowed, f"{verb} led from {before} to {after}, not to {allowed}"
