"""What a drill reports: every telling and every gate that its case expects, and whether it came."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Telling:
    """Somebody who had to be told of the change: what was expected, and what was found."""

    expected: str
    is_told: bool
    role: str = ""
    branch_id: str = ""
    record_id: str = ""
    at: str = ""
    after_ms: int = 0
    within_ms: int = 0


@dataclass(frozen=True, kw_only=True)
class GateTried:
    """A step that had to be refused: with which reason, and what became of it. `reason` is empty
    when the step passed although it must not."""

    gate: str
    expected_reason: str
    is_held: bool
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Injected:
    """What was changed under those who rely on it."""

    what: str
    record_id: str
    at: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that somebody did, and how long it took."""

    role: str
    what: str
    ms: float


@dataclass
class Report:
    """A drill as it went; `problem` says why it could not be gone through with."""

    drill_id: str
    drill_case: str
    text: str
    began_at: str
    injected: list[Injected] = field(default_factory=list)
    tellings: list[Telling] = field(default_factory=list)
    gates: list[GateTried] = field(default_factory=list)
    went_on: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    case_id: str = ""
    problem: str = ""
    seconds: float = 0.0

    @property
    def is_held(self) -> bool:
        """Whether all were told in time and every gate held: a drill in which nothing was tried
        has shown nothing."""
        tried = bool(self.gates) and bool(self.tellings)
        told = all(one.is_told for one in self.tellings)
        return tried and told and all(one.is_held for one in self.gates) and not self.problem

    def as_json(self) -> dict[str, Any]:
        """Return the report as it is told."""
        return {"is_held": self.is_held, **asdict(self)}


def instant(at: datetime) -> str:
    """Return an instant as the report writes it."""
    return at.isoformat(timespec="milliseconds")
