"""The contract's messages into JSON: whole numbers as numbers, enums as lower-case words without
their prefix, instants as RFC 3339 in UTC. What is absent or unspecified is left out."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from google.protobuf.message import Message

from chassis.wire import enum_words
from gateway.into_message import TIMESTAMP, is_map, reader_of

_Write = Callable[[Any], Any]
_Add = Callable[[Message, dict[str, Any]], None]


def json_of(message: Message) -> dict[str, Any]:
    """Return the message as a JSON object."""
    found: dict[str, Any] = {}
    for add in adders_of(message.DESCRIPTOR):
        add(message, found)
    return found


@cache
def adders_of(descriptor: Any) -> tuple[_Add, ...]:
    """Return what adds each field of a message. Raises RouteUnfit for a field that JSON cannot
    carry here."""
    return tuple(_adder(field) for field in descriptor.fields)


def is_always_given(field: Any) -> bool:
    """Tell whether a field stands in every answer, even when it is empty or zero."""
    return field.is_repeated or not (field.has_presence or field.enum_type is not None)


def _adder(field: Any) -> _Add:
    name = field.name
    if is_map(field):
        write_value = _writer(field.message_type.fields_by_name["value"])

        def add_map(message: Message, found: dict[str, Any]) -> None:
            entries = getattr(message, name)
            found[name] = {key: write_value(entries[key]) for key in sorted(entries)}

        return add_map
    write = _writer(field)
    if field.is_repeated:

        def add_list(message: Message, found: dict[str, Any]) -> None:
            found[name] = [write(one) for one in getattr(message, name)]

        return add_list
    if is_always_given(field):

        def add(message: Message, found: dict[str, Any]) -> None:
            found[name] = write(getattr(message, name))

        return add
    has_presence = field.has_presence

    def add_given(message: Message, found: dict[str, Any]) -> None:
        value = getattr(message, name)
        if message.HasField(name) if has_presence else value:
            found[name] = write(value)

    return add_given


def _writer(field: Any) -> _Write:
    if field.enum_type is not None:
        words = enum_words(field.enum_type)
        return lambda number: words.get(number, str(number))
    if field.message_type is None:
        reader_of(field)  # refuses what JSON does not carry
        return lambda value: value
    if field.message_type.full_name == TIMESTAMP:
        return lambda stamp: stamp.ToJsonString()
    return json_of
