"""The contract as code reads it: the authorisation rule of every RPC and the border rules of every
field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from google.protobuf.message import Message

from chassis.actor import Scope
from chassis.errors import FieldProblem, Invalid
from chassis.ids import check_id
from chassis.masking import COVERED
from chassis.roles import ACTING_STAFF, STAFF, Role
from optichain.auth.v1 import role_pb2, rule_pb2
from optichain.field.v1 import rule_pb2 as field_pb2

_LONGEST_TEXT = 2_000
_MOST_ITEMS = 200
_SHA256_DIGITS = 64
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
_FIRST_INSTANT = int(datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp())
_AFTER_LAST_INSTANT = int(datetime(_LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp())
"""The years 1900 to 2200: far from where a date in another zone leaves the calendar."""


class RuleMissing(Exception):
    """An RPC carries no authorisation rule, so its server may not start."""


@dataclass(frozen=True)
class Rule:
    """Who may call an RPC, and how far they reach. `chain_roles` are those of the roles that reach
    every branch whatever the scope."""

    roles: tuple[Role, ...]
    chain_roles: frozenset[Role]
    scope: Scope
    services: frozenset[str]
    open: bool
    signed_in: bool
    any_service: bool
    before_password_change: bool = False
    fresh: bool = False


def rule_of(method: Any) -> Rule:
    """Return the rule written on an RPC. Raises RuleMissing when there is none, or one that admits
    nobody."""
    written = method.GetOptions().Extensions[rule_pb2.rule]
    roles = _roles(written)
    people = bool(roles) or written.signed_in
    machines = bool(written.services) or written.any_service
    if not (people or machines or written.open):
        raise RuleMissing(f"{method.full_name} says nobody may call it")
    if not written.open and written.scope == rule_pb2.SCOPE_UNSPECIFIED:
        raise RuleMissing(f"{method.full_name} says no scope")
    if written.fresh and (machines or written.open):
        raise RuleMissing(f"{method.full_name} is a signature, and lets others sign than people")
    return Rule(
        roles=roles,
        chain_roles=frozenset(_role(number) for number in written.chain_roles),
        scope=_scope(written.scope),
        services=frozenset(written.services),
        open=written.open,
        signed_in=written.signed_in,
        any_service=written.any_service,
        before_password_change=written.before_password_change,
        fresh=written.fresh,
    )


def _roles(written: Any) -> tuple[Role, ...]:
    named = (_role(number) for number in (*written.roles, *written.chain_roles))
    staff = STAFF if written.staff else ACTING_STAFF if written.acting_staff else ()
    return tuple(dict.fromkeys((*staff, *named)))


def _role(number: Any) -> Role:
    return Role(role_pb2.Role.Name(number).removeprefix("ROLE_").lower())


def _scope(number: Any) -> Scope:
    if number == rule_pb2.SCOPE_UNSPECIFIED:
        return Scope.CHAIN
    return Scope(rule_pb2.Scope.Name(number).removeprefix("SCOPE_").lower())


def path_of(service: Any, method: Any) -> str:
    """Return the gRPC path of an RPC."""
    return f"/{service.full_name}/{method.name}"


def check(message: Message) -> None:
    """Refuse a request whose fields break their border rules; every problem is named at once.
    Raises Invalid."""
    problems = list(_problems(message, ""))
    if problems:
        codes = {p.rule for p in problems}
        reason = "ID_OF_WRONG_KIND" if codes == {"id"} and "must be" in problems[0].text else None
        raise Invalid(problems, reason=reason)


def _problems(message: Message, path: str) -> Iterator[FieldProblem]:
    for checker in _checkers(message.DESCRIPTOR):
        yield from checker(message, path)


@cache
def _checkers(
    descriptor: Any,
) -> tuple[Callable[[Message, str], Iterator[FieldProblem]], ...]:
    return tuple(_checker(field) for field in descriptor.fields if not _is_map(field))


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _checker(field: Any) -> Callable[[Message, str], Iterator[FieldProblem]]:
    rule = field.GetOptions().Extensions[field_pb2.rule]
    name = field.name
    nested = field.message_type is not None
    is_instant = nested and field.message_type.full_name == "google.protobuf.Timestamp"

    def one(value: Any, place: str) -> Iterator[FieldProblem]:
        if is_instant:
            yield from _instant_problems(value, place)
        elif nested:
            yield from _problems(value, f"{place}.")
        else:
            yield from _scalar_problems(field, rule, value, place)

    def check_field(message: Message, path: str) -> Iterator[FieldProblem]:
        place = path + name
        if field.is_repeated:
            values = getattr(message, name)
            most = rule.max_items or _MOST_ITEMS
            if rule.required and not values:
                yield FieldProblem(place, "required", "must have at least one element")
            if len(values) > most:
                yield FieldProblem(
                    place, "max_items", f"has {len(values)} elements, at most {most}"
                )
                return
            for index, value in enumerate(values):
                yield from one(value, f"{place}[{index}]")
            return
        given = message.HasField(name) if field.has_presence else bool(getattr(message, name))
        if given:
            yield from one(getattr(message, name), place)
        elif rule.required:
            yield FieldProblem(place, "required", "must be given")

    return check_field


def _instant_problems(value: Any, place: str) -> Iterator[FieldProblem]:
    in_range = _FIRST_INSTANT <= value.seconds < _AFTER_LAST_INSTANT
    if not in_range or not 0 <= value.nanos < 1_000_000_000:
        yield FieldProblem(place, "instant", "is no instant of the years 1900 to 2200")


def _scalar_problems(field: Any, rule: Any, value: Any, place: str) -> Iterator[FieldProblem]:
    if field.enum_type is not None:
        if value not in field.enum_type.values_by_number:
            yield FieldProblem(place, "enum", f"{value} is no {field.enum_type.name}")
    elif isinstance(value, str):
        yield from _text_problems(rule, value, place)
    elif isinstance(value, int) and not isinstance(value, bool):
        if rule.HasField("min") and value < rule.min:
            yield FieldProblem(place, "min", f"{value} is below {rule.min}")
        if rule.HasField("max") and value > rule.max:
            yield FieldProblem(place, "max", f"{value} is above {rule.max}")


def _text_problems(rule: Any, value: str, place: str) -> Iterator[FieldProblem]:
    longest = rule.max_length or _LONGEST_TEXT
    if len(value) > longest:
        yield FieldProblem(place, "max_length", f"has {len(value)} characters, at most {longest}")
    elif "\x00" in value:
        yield FieldProblem(place, "text", "holds a NUL character")
    elif rule.id and value:
        try:
            check_id(place, value, rule.id)
        except Invalid as error:
            yield from error.problems
    elif rule.audience and COVERED in value:
        yield FieldProblem(place, "covered", f"holds {COVERED}, which stands for what is masked")
    elif rule.date and value and not _is_date(value):
        yield FieldProblem(place, "date", "is no date such as 2026-11-22, of 1900 to 2200")
    elif rule.sha256 and value and not _is_sha256(value):
        yield FieldProblem(place, "sha256", f"is not {_SHA256_DIGITS} hexadecimal digits")
    elif rule.required and not value.strip():
        yield FieldProblem(place, "required", "must not be blank")


def _is_date(value: str) -> bool:
    try:
        found = date.fromisoformat(value)
        return found.isoformat() == value and _FIRST_YEAR <= found.year <= _LAST_YEAR
    except ValueError:
        return False


def _is_sha256(value: str) -> bool:
    return len(value) == _SHA256_DIGITS and all(c in "0123456789abcdef" for c in value)
