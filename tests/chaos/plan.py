"""What happens in a run, made from its seed alone: commands in beats, some at once, and how events
are delivered meanwhile. The same seed gives the same plan; thread timing is not promised."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from random import Random

JOURNEY = (
    "release",
    "send_tray",
    "accept",
    "draw",
    "tracing",
    "picking",
    "blocking",
    "edging",
    "finish_edging",
    "assembly",
    "inspect",
    "ship",
    "receive",
    "check",
    "mark_ready",
    "fit",
    "pay_rest",
    "collect",
)
"""The straight way of a pair from a confirmed order to its wearer."""

GATES = frozenset({"release", "accept", "edging", "ship", "mark_ready", "collect", "approve"})
_STARTS = (0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 6, 7, 7, 9, 11, 13, 14)
"""Where runs begin: how many steps were taken before, the early ones more often."""

_CHANGES = (
    "amend_axis",
    "amend_axis",
    "amend_axis",
    "amend_sphere",
    "amend_note",
    "supersede",
    "revoke",
    "requote",
)
_ANSWERS = (
    ("keep", "agree"),
    ("keep", "agree"),
    ("adopt", "respecify", "revise"),
    ("respecify", "revise"),
    ("cancel",),
    ("rework",),
    ("adopt",),
)
_STALLED = ("labjob-api", "billing-api", "clinical-api", "labjob-worker", "billing-worker")
_AT_BILLING = frozenset({"requote", "respecify", "pay_rest", "void"})
_DELIVERED = ("once", "twice", "late copy", "held", "swapped")
_DELIVERED_WEIGHTS = (62, 12, 10, 10, 6)
_LONGEST_HOLD_MS = 900


@dataclass(frozen=True)
class Command:
    """One thing that somebody does. `pick` (0 to 999) settles what it leaves open: which axis,
    which of several reviews."""

    name: str
    pick: int = 0


@dataclass(frozen=True)
class Stall:
    """A process that stands still for a while, in the middle of what it does."""

    process: str
    after_ms: int
    for_ms: int


@dataclass(frozen=True)
class Beat:
    """What happens at once: each hand does its commands one after the other."""

    hands: tuple[tuple[Command, ...], ...]
    stall: Stall | None = None


@dataclass(frozen=True)
class Plan:
    """One run."""

    seed: int
    start: int
    beats: tuple[Beat, ...]
    answers_at_the_end: bool

    def without(self, beat: int, hand: int | None = None) -> Plan:
        """Return the plan without one beat, or without one hand of it."""
        if hand is None:
            return replace(self, beats=self.beats[:beat] + self.beats[beat + 1 :])
        kept = self.beats[beat]
        hands = kept.hands[:hand] + kept.hands[hand + 1 :]
        beats = (*self.beats[:beat], replace(kept, hands=hands), *self.beats[beat + 1 :])
        return replace(self, beats=beats)


@dataclass
class Delivery:
    """How one event reaches one queue: after how long, and copies after how long more."""

    how: str
    hold_ms: int = 0
    copies_after_ms: tuple[int, ...] = field(default=())


def plan_of(seed: int) -> Plan:
    """Return the plan of a seed."""
    chance = Random(f"plan {seed}")
    start = chance.choice(_STARTS)
    at, beats = start, list[Beat]()
    is_asked = False
    for _ in range(chance.randint(4, 8)):
        beat, at, is_asked = _beat(chance, at, is_asked)
        beats.append(beat)
    return Plan(seed, start, tuple(beats), chance.random() < 0.4)


def delivery_of(seed: int, queue: str, number: int) -> Delivery:
    """Return how the nth event of a run for a queue is delivered."""
    chance = Random(f"delivery {seed} {queue} {number}")
    [how] = chance.choices(_DELIVERED, _DELIVERED_WEIGHTS)
    wait = chance.randint(20, _LONGEST_HOLD_MS)
    if how == "twice":
        return Delivery(how, 0, (0,))
    if how == "late copy":
        return Delivery(how, 0, (wait, wait + chance.randint(20, _LONGEST_HOLD_MS)))
    return Delivery(how, wait if how == "held" else 0)


def digest(plans: list[Plan]) -> str:
    """Return what tells one set of plans from another."""
    return hashlib.sha256(repr(plans).encode()).hexdigest()[:16]


def _beat(chance: Random, at: int, is_asked: bool) -> tuple[Beat, int, bool]:
    """Return the next beat, how far the pair is meant to be after it, and whether somebody has been
    asked by then."""
    if is_asked and chance.random() < 0.6:
        answers = tuple(_command(chance, name) for name in chance.choice(_ANSWERS))
        hands: tuple[tuple[Command, ...], ...] = (answers,)
        if chance.random() < 0.3:
            hands = (*hands, (_change(chance),))
        return Beat(hands, _stall(chance, answers[-1].name)), at, len(hands) > 1
    step = _command(chance, JOURNEY[min(at, len(JOURNEY) - 1)])
    then = min(at + 1, len(JOURNEY))
    shape = chance.random()
    if shape < 0.35:
        racing = (_command(chance, "pause"), _change(chance))[chance.randrange(2) :]
        return Beat(((step,), racing), _stall(chance, step.name)), then, True
    if shape < 0.5:
        return Beat(((_change(chance), step),)), then, True
    if shape < 0.6:
        hands = ((_change(chance), _change(chance)), (step,))
        return Beat(hands, _stall(chance, step.name)), then, True
    if shape < 0.68:
        return Beat(((step,), (step,))), then, is_asked
    if shape < 0.74:
        return Beat(((step,), (_command(chance, "void"),))), then, is_asked
    if shape < 0.86:
        watched = tuple(_command(chance, name) for name in ("open_issue", "close_issue"))
        return Beat(((step,), watched)), then, is_asked
    if shape < 0.92:
        return Beat(((step, _command(chance, "close_issue")),)), then, is_asked
    return Beat(((step,),)), then, is_asked


def _command(chance: Random, name: str) -> Command:
    return Command(name, chance.randrange(1000))


def _change(chance: Random) -> Command:
    return _command(chance, chance.choice(_CHANGES))


def _stall(chance: Random, command: str) -> Stall | None:
    """Return who stands still while a command races with a change: most often the api that has just
    asked others and has not yet committed."""
    if chance.random() > 0.5:
        return None
    serving = "billing-api" if command in _AT_BILLING else "labjob-api"
    process = serving if chance.random() < 0.6 else chance.choice(_STALLED)
    return Stall(process, chance.randint(0, 120), chance.randint(60, 300))
