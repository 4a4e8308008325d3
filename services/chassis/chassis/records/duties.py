"""Separation of duties: what nobody does both of, as data, held against what history tells.

A command says which duty it is (`@duties("inspector", on="job_id")`). Before it writes, in the same
unit of work, the chassis looks in the history of the case or of the record whether the same person
did the other duty. Nothing is kept for it: history has a row for whoever did anything, and cannot
be made to forget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, TypeVar, cast

from sqlalchemy import ARRAY, Connection, Text, bindparam, text

from chassis.db import UnitOfWork
from chassis.errors import Refused
from chassis.ids import as_id, as_uuid
from chassis.records.kinds import kind_named
from chassis.rules import Edition, in_force

F = TypeVar("F", bound=Callable[..., Any])

DECLARED: set[str] = set()
"""Every duty that a command of this process does."""

_BY_THE_PERSON = """
    JOIN history h ON h.record_id = r.id
    WHERE h.body::jsonb #>> '{change,changed_by}' = :person
      AND h.body::jsonb #>> '{change,state}' = ANY(:states)
"""
_IN_RECORD = text(
    f"SELECT r.id, r.kind FROM record r {_BY_THE_PERSON} AND r.id = :holder LIMIT 1"
).bindparams(bindparam("states", type_=ARRAY(Text)))
_IN_CASE = text(
    f"""
    SELECT r.id, r.kind FROM record r {_BY_THE_PERSON} AND r.kind = :kind
      AND r.case_id = (SELECT case_id FROM record WHERE id = :holder)
    LIMIT 1
    """
).bindparams(bindparam("states", type_=ARRAY(Text)))


class DutiesNotSeparate(Refused):
    """The same person did, or does, a duty that excludes this one."""

    reason = "SEPARATION_OF_DUTIES"


class Across(StrEnum):
    """Where the other duty counts."""

    CASE = "case"
    RECORD = "record"
    STEP = "step"


@dataclass(frozen=True, kw_only=True)
class SeparationRule:
    """Who does `duty` did not do `other`."""

    duty: str
    other: str
    across: Across
    edition: str

    def refusal(self, record_id: str) -> DutiesNotSeparate:
        """Return the refusal: both duties, the rule, and the record where the other was done."""
        return DutiesNotSeparate(
            f"{_words(self.duty)} is somebody else than {_words(self.other)}",
            missing=[f"{_words(self.duty)} who was not {_words(self.other)} of {record_id}"],
            duty=self.duty,
            other=self.other,
            rule=f"separation_of_duties {self.edition}",
            id=record_id,
        )


def duties(*of_caller: str, on: str = "", **of_others: str) -> Callable[[F], F]:
    """Declare which duties a command does: the caller's, and those of people whom its arguments
    name (`second_person="second_person_id"`); `on` is the argument with the record they are about.

    The command raises DutiesNotSeparate when somebody would do, or did, both duties of a rule.
    """

    def declare(command: F) -> F:
        DECLARED.update(of_caller, of_others)

        @wraps(command)
        def checked(work: UnitOfWork, **arguments: Any) -> Any:
            people = dict.fromkeys(of_caller, work.actor.id)
            people |= {duty: arguments.get(name, "") for duty, name in of_others.items()}
            _require_separate(work, people, str(arguments.get(on, "")))
            return command(work, **arguments)

        return cast(F, checked)

    return declare


def _require_separate(work: UnitOfWork, people: Mapping[str, str], holder_id: str) -> None:
    edition = in_force(work.connection, "separation_of_duties", work.at.date())
    for rule in _rules(edition):
        person = people.get(rule.duty, "")
        if not person:
            continue
        if rule.across is Across.STEP:
            found = holder_id if people.get(rule.other) == person else None
        else:
            done = edition.body["done"][rule.other]
            found = _where_done(work.connection, rule.across, done, person, holder_id)
        if found is not None:
            raise rule.refusal(found)


def _rules(edition: Edition) -> Iterator[SeparationRule]:
    for one in edition.body["rules"]:
        across = Across(one["across"])
        yield SeparationRule(
            duty=one["duty"], other=one["other"], across=across, edition=edition.edition
        )


def _where_done(
    connection: Connection, across: Across, done: Mapping[str, Any], person: str, holder_id: str
) -> str | None:
    """Return the record on which the person did a duty, if there is one."""
    asked = {"holder": as_uuid(holder_id), "person": person, "states": done["states"]}
    if across is Across.CASE:
        row = connection.execute(_IN_CASE, {**asked, "kind": done["kind"]}).first()
    else:
        row = connection.execute(_IN_RECORD, asked).first()
    return as_id(kind_named(row.kind).prefix, row.id) if row is not None else None


def _words(duty: str) -> str:
    return "the " + duty.replace("_", " ")
