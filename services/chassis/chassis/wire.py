"""Between protobuf messages and plain Python, by name: a field is called the same on both sides.

Enums are `StrEnum` members whose value is the proto name without its prefix, in lower case.
Timestamps are aware datetimes, dates are ISO texts on the wire, absent optional fields are None,
repeated fields are tuples. A service's own `wire.py` says only what differs from that.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.records.envelope import Record

M = TypeVar("M", bound=Message)
T = TypeVar("T")


def to_message(value: Any, message_class: type[M]) -> M:
    """Return the message that says the same as a dataclass, a record or a mapping."""
    message = message_class()
    fill(message, value)
    return message


def fill(message: Message, value: Any) -> None:
    """Set every field of the message that the value has an attribute or key for."""
    read = _reader(value)
    for name, put in _setters(message.DESCRIPTOR):
        given = read(name)
        if given is not None:
            put(message, given)


def _reader(value: Any) -> Callable[[str], Any]:
    if isinstance(value, dict):
        return value.get
    if isinstance(value, Record):
        return lambda name: value if name == "envelope" else _of_record(value, name)
    return lambda name: getattr(value, name, None)


def _of_record(record: Record[Any], name: str) -> Any:
    """Look in the content first; `state` and the like come from the record itself."""
    found = getattr(record.content, name, None)
    return found if found is not None else getattr(record, name, None)


Setter = Callable[[Message, Any], None]


@cache
def _setters(descriptor: Any) -> tuple[tuple[str, Setter], ...]:
    """Return how each field of a message is set; what the descriptor says is asked once."""
    return tuple((field.name, _setter(field)) for field in descriptor.fields)


def _setter(field: Any) -> Setter:
    name = field.name
    if _is_map(field):
        return lambda message, given: getattr(message, name).update(given)
    if field.is_repeated:
        return lambda message, given: _extend(getattr(message, name), field, given)
    if field.enum_type is not None:
        numbers = enum_numbers(field.enum_type)
        return lambda message, given: setattr(message, name, numbers[str(given)])
    if field.message_type is None:
        return lambda message, given: setattr(message, name, _scalar(field, given))
    if field.message_type.full_name == "google.protobuf.Timestamp":
        return lambda message, given: getattr(message, name).FromDatetime(given)
    is_envelope = field.message_type.full_name == "optichain.record.v1.Envelope"
    return lambda message, given: _set_message(getattr(message, name), given, is_envelope)


def _set_message(child: Any, given: Any, is_envelope: bool) -> None:
    if isinstance(given, Message):
        child.CopyFrom(given)
    elif is_envelope:
        fill_envelope(child, given)
    else:
        child.SetInParent()
        fill(child, given)


def fill_envelope(message: Any, record: Record[Any]) -> None:
    """Set an Envelope message from a record."""
    fill(message, {**vars(record), "kind": record.kind.name})


def _extend(target: Any, field: Any, given: Any) -> None:
    if field.message_type is None:
        target.extend(_scalar(field, one) for one in given)
        return
    for one in given:
        if isinstance(one, Message):
            target.add().CopyFrom(one)
        else:
            fill(target.add(), one)


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _scalar(field: Any, given: Any) -> Any:
    if field.enum_type is not None:
        return enum_numbers(field.enum_type)[str(given)]
    if isinstance(given, date):
        return given.isoformat()
    return given


@cache
def enum_numbers(enum: Any) -> dict[str, int]:
    """Return value -> number, values without the enum's prefix and in lower case; unspecified is
    empty text."""
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    names = {v.name.removeprefix(prefix).lower(): v.number for v in enum.values}
    return {**names, "": 0}


@cache
def enum_words(enum: Any) -> dict[int, str]:
    """Return number -> value."""
    return {number: name for name, number in enum_numbers(enum).items()} | {0: ""}


def value_of(message: Message, wanted: type[T]) -> T:
    """Return the dataclass of the wanted type that says the same as the message."""
    target: Any = wanted
    return wanted(**_arguments(message, _hints(target)))


def arguments(message: Message, function: Callable[..., Any]) -> dict[str, Any]:
    """Return keyword arguments for a function from the fields of a message that it has parameters
    for."""
    return _arguments(message, _hints(function))


def _arguments(message: Message, hints: dict[str, Any]) -> dict[str, Any]:
    by_name = message.DESCRIPTOR.fields_by_name
    return {
        name: _value(message, by_name[name], hint)
        for name, hint in hints.items()
        if name in by_name
    }


@cache
def _hints(target: Any) -> dict[str, Any]:
    if is_dataclass(target):
        hints = typing.get_type_hints(target)
        return {f.name: hints[f.name] for f in fields(target)}
    return typing.get_type_hints(target)


def _value(message: Message, field: Any, hint: Any) -> Any:
    if field.is_repeated:
        item = (typing.get_args(hint) or (str,))[0]
        return tuple(_one(field, one, item) for one in getattr(message, field.name))
    if field.has_presence and not message.HasField(field.name):
        return None
    return _one(field, getattr(message, field.name), _without_none(hint))


def _one(field: Any, given: Any, hint: Any) -> Any:
    if field.enum_type is not None:
        name = enum_words(field.enum_type)[given]
        return (
            hint(name)
            if name and isinstance(hint, type) and issubclass(hint, StrEnum)
            else (name or None)
        )
    if isinstance(given, Timestamp):
        return given.ToDatetime(tzinfo=UTC)
    if isinstance(given, Message):
        return (
            given if isinstance(hint, type) and issubclass(hint, Message) else value_of(given, hint)
        )
    if hint is date:
        return date.fromisoformat(given) if given else None
    return given


@cache
def _without_none(hint: Any) -> Any:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return next(arg for arg in typing.get_args(hint) if arg is not type(None))
    return hint


def message_class_of(descriptor: Any) -> type[Message]:
    """Return the generated class of a message."""
    return typing.cast(type[Message], descriptor._concrete_class)


def instant(value: datetime) -> Timestamp:
    """Return a Timestamp of an aware datetime."""
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp
