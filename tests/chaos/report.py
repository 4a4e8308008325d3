"""The one JSON document of a session, and a violation told as a story."""

from __future__ import annotations

import time
from typing import Any

from chaos.plan import Beat, Plan
from chaos.session import Run, Session
from local_platform.bench.load import percentiles

_MOST_VIOLATIONS = 20


def document(session: Session, seed: int, stories: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what `make chaos` prints."""
    outcome = session.outcome
    opened = percentiles(outcome.opened_ms)
    delivered = {f"delivered {how}": n for how, n in sorted(session.deliveries.counted.items())}
    return {
        "seed": seed,
        "runs": outcome.runs,
        "unfinished": outcome.unfinished,
        "problems": dict(sorted(outcome.problems.items())),
        "faults": dict(sorted(session.faults.counted.items())) | delivered,
        "violations": [
            {"law": one.law, "case": one.case_id, "text": one.text}
            for one in outcome.violations[:_MOST_VIOLATIONS]
        ],
        "violation_count": len(outcome.violations),
        "lost": outcome.lost,
        "doubled": outcome.doubled,
        "dead_letters": outcome.dead_letters,
        "p99_review_open_ms": opened["p99_ms"],
        "p50_review_open_ms": opened["p50_ms"],
        "reviews": len(outcome.opened_ms),
        "events": outcome.sent,
        "stories": stories,
    }


def story(run: Run) -> dict[str, Any]:
    """Return a run as people read it: what was found, what was planned, what was answered."""
    began = min((one.at for one in run.told), default=time.time())
    return {
        "seed": run.plan.seed,
        "found": [f"{one.law}: {one.text}" for one in run.found],
        "plan": planned(run.plan),
        "told": [
            f"{round((one.at - began) * 1000):>6} ms  beat {one.beat}: {one.command}: {one.answer}"
            for one in run.told
        ],
    }


def planned(plan: Plan) -> list[str]:
    """Return a plan in words, a line for each beat."""
    return [f"from step {plan.start}", *(_beat(beat) for beat in plan.beats)]


def _beat(beat: Beat) -> str:
    hands = [", then ".join(f"{one.name} ({one.pick})" for one in hand) for hand in beat.hands]
    told = "; at the same time ".join(hands) or "nothing"
    if beat.stall is None:
        return told
    stall = beat.stall
    return f"{told}; {stall.process} stands still after {stall.after_ms} ms for {stall.for_ms} ms"
