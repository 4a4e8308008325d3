"""The shortest story of a violation: the same seed again with less in it, as long as the same law
is still broken. Threads fall as they fall, so a shorter plan is tried a few times."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from chaos import report
from chaos.plan import Plan
from chaos.session import Run, Session

_TRIES = 3
_STORIES = 2
_SECONDS_A_STORY = 60.0


def shortest(session: Session, *, ends_at: float) -> list[dict[str, Any]]:
    """Return the shortest story found for the first violation of each law."""
    stories = []
    seen: set[str] = set()
    for run in list(session.outcome.bad_runs):
        law = run.found[0].law
        if law in seen or len(stories) == _STORIES:
            continue
        seen.add(law)
        until = min(time.monotonic() + _SECONDS_A_STORY, ends_at)
        stories.append(report.story(_shrunk(session, run, law, until)))
    return stories


def _shrunk(session: Session, run: Run, law: str, ends_at: float) -> Run:
    best = run
    is_shorter = True
    while is_shorter and time.monotonic() < ends_at:
        is_shorter = False
        for plan in _shorter(best.plan):
            again = _again(session, plan, law, ends_at)
            if again is not None:
                best, is_shorter = again, True
                break
    return best


def _shorter(plan: Plan) -> Iterator[Plan]:
    """Return the plan without each beat, then without each hand of a beat that has several."""
    for beat in reversed(range(len(plan.beats))):
        yield plan.without(beat)
    for beat, one in enumerate(plan.beats):
        if len(one.hands) > 1:
            for hand in range(len(one.hands)):
                yield plan.without(beat, hand)


def _again(session: Session, plan: Plan, law: str, ends_at: float) -> Run | None:
    """Play a plan a few times side by side; return a run in which the law is broken, if any."""
    if time.monotonic() > ends_at:
        return None
    for run in session.replay([plan] * _TRIES):
        if any(one.law == law for one in run.found):
            return run
    return None
