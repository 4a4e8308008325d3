"""Values of a reply that are not for the person who asked are covered as the reply leaves.

The contract says on a field whom its value is for (an audience) and what of a text may still be
read; the rule `masking` says which roles belong to an audience. What must be covered is worked out
once for each type of message and set of audiences withheld. A service that asks gets everything:
its commands need the values, and it covers them in its own reply.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from google.protobuf.message import Message

from chassis.roles import Role
from optichain.field.v1 import rule_pb2

COVERED = "***"
"""What stands for the part of a text that may not be read; never a value, so that requests refuse
it where they take one."""

_SHOWN_AT_THE_END = 4
_SHORTEST_WITH_AN_END = 8
"""A text so short that its end would tell most of it is covered whole."""

Audiences = frozenset[int]
_Step = Callable[[Any, str, set[str]], None]

ALL: Audiences = frozenset(rule_pb2.Audience.values()) - {rule_pb2.AUDIENCE_UNSPECIFIED}


def withheld_from(roles: frozenset[Role], sees: dict[str, list[str]]) -> Audiences:
    """Return the audiences that none of the roles belongs to, by an edition of `masking`. Who has
    no role belongs to none, and an audience that the edition does not name has nobody."""
    return frozenset(
        number for number in ALL if roles.isdisjoint(sees.get(audience_of(number), ()))
    )


def audience_of(number: Any) -> str:
    """Return the name of an audience as the rule data spells it."""
    return rule_pb2.Audience.Name(number).removeprefix("AUDIENCE_").lower()


def has_audiences(descriptor: Any) -> bool:
    """Tell whether a message may hold a value that is not for everybody."""
    return bool(_plan(descriptor, ALL, is_withheld=False))


def cover(message: Message, withheld: Audiences) -> set[str]:
    """Cover in a message what is for the audiences withheld; return the paths of the covered
    fields, such as `people.phone_e164`, without places in lists."""
    covered: set[str] = set()
    for step in _plan(message.DESCRIPTOR, withheld, is_withheld=False):
        step(message, "", covered)
    return covered


@cache
def _plan(descriptor: Any, withheld: Audiences, *, is_withheld: bool) -> tuple[_Step, ...]:
    """Return what covers the fields of a message; nothing when there is nothing to cover.
    `is_withheld` says that the whole message is for an audience withheld."""
    return tuple(
        _step(field, withheld, is_withheld=is_hidden)
        for field in descriptor.fields
        for is_hidden in [is_withheld or rule_of(field).audience in withheld]
        if _reaches(field, withheld, is_hidden, ())
    )


def rule_of(field: Any) -> Any:
    """Return the border rule of a field."""
    return field.GetOptions().Extensions[rule_pb2.rule]


def _reaches(field: Any, withheld: Audiences, is_withheld: bool, above: tuple[str, ...]) -> bool:
    """Tell whether a field, or one below it, would be covered."""
    if _is_leaf(field):
        # Below a withheld message only what is personal or clinical: not ids, states and times.
        is_value = field.GetOptions().debug_redact or rule_of(field).audience
        return bool(is_withheld and is_value)
    nested = field.message_type
    if nested.full_name in above:
        return False
    above = (*above, nested.full_name)
    return any(
        _reaches(one, withheld, is_withheld or rule_of(one).audience in withheld, above)
        for one in nested.fields
    )


def _is_leaf(field: Any) -> bool:
    """Tell whether a field is covered as one value."""
    return field.message_type is None or field.GetOptions().debug_redact


def _step(field: Any, withheld: Audiences, *, is_withheld: bool) -> _Step:
    if _is_leaf(field):
        return _covering(field)
    return _descending(field, withheld, is_withheld=is_withheld)


def _descending(field: Any, withheld: Audiences, *, is_withheld: bool) -> _Step:
    name, nested = field.name, field.message_type
    is_map = nested.GetOptions().map_entry
    below = nested.fields_by_name["value"].message_type if is_map else nested

    def descend(message: Any, prefix: str, covered: set[str]) -> None:
        value = getattr(message, name)
        if is_map:
            found = value.values()
        elif field.is_repeated:
            found = value
        else:
            found = (value,) if message.HasField(name) else ()
        for one in found:
            for step in _plan(below, withheld, is_withheld=is_withheld):
                step(one, f"{prefix}{name}.", covered)

    return descend


def _covering(field: Any) -> _Step:
    name = field.name
    is_text = field.type == field.TYPE_STRING
    is_told = _is_told(field)
    how = rule_of(field).cover

    def hide(message: Any, prefix: str, covered: set[str]) -> None:
        if not is_told(message):
            return
        covered.add(prefix + name)
        if not is_text or field.is_repeated:
            message.ClearField(name)
        else:
            setattr(message, name, covered_text(getattr(message, name), how))

    return hide


def _is_told(field: Any) -> Callable[[Any], bool]:
    """Return what tells whether a message says anything in a field: a number that cannot be absent
    always does, zero too."""
    name = field.name
    if field.has_presence:
        return lambda message: bool(message.HasField(name))
    if field.is_repeated or field.enum_type is not None or field.type == field.TYPE_STRING:
        return lambda message: bool(getattr(message, name))
    return lambda message: True


def covered_text(text: str, how: int = rule_pb2.COVER_UNSPECIFIED) -> str:
    """Return a text of which only as much can be read as people need to go on: nothing, the first
    letter, or the last four characters. Empty stays empty."""
    if not text or how == rule_pb2.COVER_EMPTY:
        return ""
    if how == rule_pb2.COVER_FIRST_LETTER:
        return text[0] + COVERED
    if how == rule_pb2.COVER_LAST_FOUR and len(text) >= _SHORTEST_WITH_AN_END:
        return COVERED + text[-_SHOWN_AT_THE_END:]
    return COVERED
