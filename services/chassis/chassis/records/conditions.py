"""Typed closure conditions: what must be true in the live records before an issue ends.

A single condition is a question to the service that keeps a record; `all` and `any` join several. A
service answers questions of its own trade by declaring them:

    @answers(ConditionType.QC_PASSED_AGAINST_LIVE)
    def qc_passed(connection: Connection, asked: Asked) -> Finding: ...

What every service can answer about its records stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import Connection

from chassis import clock
from chassis.errors import invalid
from chassis.records.envelope import Record
from chassis.records.kinds import owner_of
from chassis.records.pins import Pin
from chassis.records.queries import record_at

MALFORMED, TOO_WEAK = "CONDITION_MALFORMED", "CONDITION_TOO_WEAK"

_DEEPEST, _MOST_LEAVES = 4, 20


class ConditionType(StrEnum):
    """What is asked of the live records."""

    RECORD_IN_STATE = "record_in_state"
    QC_PASSED_AGAINST_LIVE = "qc_passed_against_live"
    REFUND_POSTED = "refund_posted"
    CUSTOMER_INFORMED = "customer_informed"
    EVIDENCE_PRESENT = "evidence_present"
    REVIEW_DECIDED = "review_decided"
    ALL = "all"
    ANY = "any"


_JOINED = (ConditionType.ALL, ConditionType.ANY)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A single condition on a record, or several joined. Raises Invalid (CONDITION_MALFORMED)."""

    type: ConditionType
    record_id: str = ""
    record_kind: str = ""
    states: tuple[str, ...] = ()
    at_least: int = 0
    amount_minor: int = 0
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        if self.type in _JOINED:
            _require(bool(self.conditions), "conditions", f"{self.type} joins none")
            return
        _require(not self.conditions, "conditions", f"{self.type} joins no others")
        is_own = self.type is ConditionType.EVIDENCE_PRESENT and not self.record_kind
        _require(bool(self.record_id) or is_own, "record_id", f"{self.type} asks about no record")
        _require(bool(self.record_kind) == bool(self.record_id), "record_kind", "goes with its id")
        is_state = self.type is ConditionType.RECORD_IN_STATE
        _require(bool(self.states) == is_state, "states", "are for record_in_state, and only there")

    @property
    def owner(self) -> str:
        """The service that answers; empty for the issue's own evidence."""
        return owner_of(self.record_kind)

    def leaves(self) -> Iterator[Condition]:
        """Yield the single conditions in the order they stand in."""
        if self.type not in _JOINED:
            yield self
        for one in self.conditions:
            yield from one.leaves()

    def certain(self) -> set[ConditionType]:
        """Return the types that cannot be left out: those that hold whenever the whole does."""
        if self.type is ConditionType.ANY:
            return set.intersection(*(one.certain() for one in self.conditions))
        return {self.type}.union(*(one.certain() for one in self.conditions)) - set(_JOINED)

    def in_words(self) -> str:
        """Return the condition as text, such as all(record_in_state(collected), ...)."""
        inside = [one.in_words() for one in self.conditions] or list(self.states)
        return f"{self.type}({', '.join(inside)})"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A single condition, and the issue it is asked for."""

    condition: Condition
    case_id: str
    opened_at: datetime


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found for a single condition; it holds only while its pins are not stale."""

    type: ConditionType
    record_id: str
    holds: bool
    missing: str = ""
    state: str = ""
    version: int = 0
    revision: int = 0
    pins: tuple[Pin, ...] = ()
    found_at: datetime


Answer = Callable[[Connection, Asked], Finding]
F = TypeVar("F", bound=Answer)

_EVERY_SERVICE = "chassis"

_answers: dict[tuple[str, ConditionType], Answer] = {}
"""By service and type; what every service answers stands here."""


def answers(type: ConditionType) -> Callable[[F], F]:
    """Declare the function that answers a type of condition in this service."""

    def declare(function: F) -> F:
        _answers[function.__module__.partition(".")[0], type] = function
        return function

    return declare


def look(connection: Connection, asked: Asked) -> Finding:
    """Answer a single condition from the live record. Raises Unknown, Invalid
    (CONDITION_MALFORMED) for a type that this service does not answer."""
    condition = asked.condition
    answer = _answers.get((_EVERY_SERVICE, condition.type))
    answer = answer or _answers.get((condition.owner, condition.type))
    if answer is None:
        raise malformed("type", f"{condition.owner} does not answer {condition.type}")
    return answer(connection, asked)


def found(asked: Asked, record: Record[Any], missing: str, pins: Sequence[Pin] = ()) -> Finding:
    """Return what a record answers; `missing` is empty when the condition holds."""
    return Finding(
        type=asked.condition.type,
        record_id=record.id,
        holds=not missing,
        missing=missing,
        state=record.state,
        version=record.version,
        revision=record.revision,
        pins=tuple(pins),
        found_at=clock.now(),
    )


def holds(condition: Condition, findings: Iterator[Finding]) -> bool:
    """Tell whether a condition holds by the findings of its leaves, in their order."""
    if condition.type not in _JOINED:
        return next(findings).holds
    each = [holds(one, findings) for one in condition.conditions]
    return all(each) if condition.type is ConditionType.ALL else any(each)


def check_shape(condition: Condition) -> None:
    """Refuse a condition too deep or too long to be understood. Raises Invalid
    (CONDITION_MALFORMED)."""
    _require(_depth(condition) <= _DEEPEST, "conditions", f"nests more than {_DEEPEST} deep")
    _require(
        len(list(condition.leaves())) <= _MOST_LEAVES,
        "conditions",
        f"asks more than {_MOST_LEAVES} questions",
    )


def malformed(field: str, text: str) -> Exception:
    """Return the refusal of a condition."""
    return invalid(f"condition.{field}", "condition", text, reason=MALFORMED)


def _depth(condition: Condition) -> int:
    return 1 + max(map(_depth, condition.conditions), default=0)


def _require(is_right: bool, field: str, text: str) -> None:
    if not is_right:
        raise malformed(field, text)


@answers(ConditionType.RECORD_IN_STATE)
def _record_in_state(connection: Connection, asked: Asked) -> Finding:
    record = record_at(connection, asked.condition.record_id)
    states = asked.condition.states
    is_there = record.state in states
    text = f"{record.id} is {record.state}, not {' or '.join(states)}"
    return found(asked, record, "" if is_there else text)


@answers(ConditionType.EVIDENCE_PRESENT)
def _evidence_present(connection: Connection, asked: Asked) -> Finding:
    record = record_at(connection, asked.condition.record_id)
    wanted = asked.condition.at_least or 1
    lacking = wanted - len(record.evidence)
    return found(
        asked,
        record,
        f"{record.id} lacks {lacking} of {wanted} objects as evidence" if lacking > 0 else "",
    )


@answers(ConditionType.REVIEW_DECIDED)
def _review_decided(connection: Connection, asked: Asked) -> Finding:
    record = record_at(connection, asked.condition.record_id)
    if not record.kind.name.endswith(".review"):
        raise malformed("record_id", "must be a review")
    return found(
        asked, record, "" if record.state == "closed" else f"{record.id} is {record.state}"
    )
