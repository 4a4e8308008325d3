"""JSON into the contract's messages. What does not fit is named, all of it at once: its place in
the request, the rule it breaks, in words.

Whole numbers are JSON numbers, enums lower-case words, instants RFC 3339. An absent field is left
out, never null. Border rules (lengths, ranges, kinds of id) stay with the services.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from chassis.errors import FieldProblem
from chassis.wire import enum_numbers, instant
from gateway.route import RouteUnfit

Problems = list[FieldProblem]
Read = Callable[[Any, str, Problems], Any]
"""Turns a JSON value at a place into a proto value; None, with a problem added, when it cannot."""
Fill = Callable[[Message, Any, str, Problems], None]

TIMESTAMP = "google.protobuf.Timestamp"
INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
LONGEST_NAME = 64
_DEEPEST = 32
_KINDS = {
    type(None): "null (leave the field out)",
    bool: "true or false",
    str: "text",
    float: "a number with a point or an exponent",
    list: "a list",
    dict: "an object",
}
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def fill(
    message: Message,
    given: Any,
    problems: Problems,
    *,
    place: str = "",
    outside: Collection[str] = (),
) -> None:
    """Set the message's fields from a JSON object; `outside` are fields that must not stand in it
    because the path names them."""
    if not isinstance(given, dict):
        problems.append(FieldProblem(place, "type", f"must be an object, not {_kind(given)}"))
        return
    if place.count(".") == _DEEPEST:
        problems.append(FieldProblem(place, "depth", f"stands more than {_DEEPEST} deep"))
        return
    fields = filler_of(message.DESCRIPTOR)
    prefix = f"{place}." if place else ""
    for name, value in given.items():
        at = prefix + name[:LONGEST_NAME]
        if name in outside:
            problems.append(FieldProblem(at, "path", "stands in the path already"))
        elif name not in fields:
            problems.append(FieldProblem(at, "unknown", "is no field here"))
        else:
            fields[name](message, value, at, problems)
    for names in _choices(message.DESCRIPTOR):
        both = [name for name in names if name in given]
        if len(both) > 1:
            text = f"only one of {', '.join(names)} may be given"
            problems.append(FieldProblem(prefix + both[1], "oneof", text))


@cache
def filler_of(descriptor: Any) -> Mapping[str, Fill]:
    """Return what sets each field of a message. Raises RouteUnfit for a field that JSON cannot
    carry here."""
    return {field.name: _filler(field) for field in descriptor.fields}


@cache
def _choices(descriptor: Any) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(field.name for field in choice.fields)
        for choice in descriptor.oneofs
        if len(choice.fields) > 1
    )


def _filler(field: Any) -> Fill:
    if is_map(field):
        return _map_filler(field)
    read = reader_of(field)
    if field.is_repeated:
        return _list_filler(field, read)
    if is_nested(field):
        return _nested_filler(field)
    name = field.name

    def fill_one(message: Message, value: Any, place: str, problems: Problems) -> None:
        found = read(value, place, problems)
        if found is None:
            return
        if isinstance(found, Message):
            getattr(message, name).CopyFrom(found)
        else:
            setattr(message, name, found)

    return fill_one


def _nested_filler(field: Any) -> Fill:
    name = field.name

    def fill_nested(message: Message, value: Any, place: str, problems: Problems) -> None:
        child = getattr(message, name)
        child.SetInParent()
        fill(child, value, problems, place=place)

    return fill_nested


def _list_filler(field: Any, read: Read) -> Fill:
    name = field.name
    nested = is_nested(field)

    def fill_list(message: Message, value: Any, place: str, problems: Problems) -> None:
        if not isinstance(value, list):
            problems.append(FieldProblem(place, "type", f"must be a list, not {_kind(value)}"))
            return
        target = getattr(message, name)
        for index, one in enumerate(value):
            at = f"{place}[{index}]"
            if nested:
                fill(target.add(), one, problems, place=at)
            elif (found := read(one, at, problems)) is not None:
                target.append(found)

    return fill_list


def _map_filler(field: Any) -> Fill:
    name = field.name
    read = reader_of(field.message_type.fields_by_name["value"])
    if field.message_type.fields_by_name["key"].cpp_type != FieldDescriptor.CPPTYPE_STRING:
        raise RouteUnfit(f"{field.full_name}: only maps by text travel as JSON")

    def fill_map(message: Message, value: Any, place: str, problems: Problems) -> None:
        if not isinstance(value, dict):
            problems.append(FieldProblem(place, "type", f"must be an object, not {_kind(value)}"))
            return
        target = getattr(message, name)
        for key, one in value.items():
            at = f"{place}.{key[:LONGEST_NAME]}"
            found = read(one, at, problems)
            if found is not None and _text(key, at, problems) is not None:
                target[key] = found

    return fill_map


def reader_of(field: Any) -> Read:
    """Return what reads one value of a field. Raises RouteUnfit for bytes and fractions."""
    if field.type == FieldDescriptor.TYPE_BYTES:
        raise RouteUnfit(f"{field.full_name}: bytes do not travel as JSON; use the object store")
    if field.enum_type is not None:
        return _word_reader(field.enum_type)
    if field.message_type is not None:
        return _instant
    if field.cpp_type in INTEGERS:
        return _integer_reader(*INTEGERS[field.cpp_type])
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return _yes_or_no
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return _text
    raise RouteUnfit(f"{field.full_name}: the contract has no fractions")


def is_map(field: Any) -> bool:
    """Tell whether a field is a map."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def is_nested(field: Any) -> bool:
    """Tell whether a field holds a message with fields of its own."""
    return field.message_type is not None and field.message_type.full_name != TIMESTAMP


def words_of(enum: Any) -> tuple[str, ...]:
    """Return the words a client may use for an enum, in the order of the contract."""
    numbers = enum_numbers(enum)
    return tuple(word for word, number in numbers.items() if number)


def _word_reader(enum: Any) -> Read:
    numbers = {word: enum_numbers(enum)[word] for word in words_of(enum)}
    known = ", ".join(numbers)

    def read(value: Any, place: str, problems: Problems) -> int | None:
        number = numbers.get(value) if isinstance(value, str) else None
        if number is None:
            problems.append(FieldProblem(place, "enum", f"must be one of {known}"))
        return number

    return read


def _integer_reader(lowest: int, highest: int) -> Read:
    def read(value: Any, place: str, problems: Problems) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int):
            text = f"must be a whole number, not {_kind(value)}"
            problems.append(FieldProblem(place, "type", text))
        elif not lowest <= value <= highest:
            text = f"must lie from {lowest} to {highest}"
            problems.append(FieldProblem(place, "range", text))
        else:
            return value
        return None

    return read


def _yes_or_no(value: Any, place: str, problems: Problems) -> bool | None:
    if isinstance(value, bool):
        return value
    problems.append(FieldProblem(place, "type", f"must be true or false, not {_kind(value)}"))
    return None


def _text(value: Any, place: str, problems: Problems) -> str | None:
    if not isinstance(value, str):
        problems.append(FieldProblem(place, "type", f"must be text, not {_kind(value)}"))
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        problems.append(FieldProblem(place, "text", "holds half of a surrogate pair"))
        return None
    return value


def _instant(value: Any, place: str, problems: Problems) -> Message | None:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            return instant(datetime.fromisoformat(value).astimezone(UTC))
        except (ValueError, OverflowError):
            pass
    text = "must be an instant such as 2026-11-22T09:30:00Z"
    problems.append(FieldProblem(place, "timestamp", text))
    return None


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "a number")
