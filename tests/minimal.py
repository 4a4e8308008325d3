"""The least that the contract and the nouns let pass: requests and contents for tests that go over
all of them and are about something else (who may, which branch, which kind of id)."""

from __future__ import annotations

import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from google.protobuf.message import Message

from chassis import clock
from chassis.ids import new_id
from chassis.wire import message_class_of
from optichain.field.v1 import rule_pb2

DAY = date(2026, 12, 24)


def filled(descriptor: Any, known: dict[str, str]) -> Any:
    """Return a request whose required fields hold something that the border lets pass; `known` has
    values by the name of the field, and ids by kind."""
    message = message_class_of(descriptor)()
    _fill(message, known)
    return message


def _fill(message: Message, known: dict[str, str]) -> None:
    for field in message.DESCRIPTOR.fields:
        rule = field.GetOptions().Extensions[rule_pb2.rule]
        if not rule.required:
            continue
        if field.message_type is not None:
            target = getattr(message, field.name)
            target = target.add() if field.is_repeated else target
            target.SetInParent()
            _fill(target, known)
        elif field.is_repeated:
            getattr(message, field.name).append(_scalar(field, rule, known))
        else:
            setattr(message, field.name, _scalar(field, rule, known))


def _scalar(field: Any, rule: Any, known: dict[str, str]) -> Any:
    if field.cpp_type != field.CPPTYPE_STRING:
        return max(1, rule.min)
    if field.name in known:
        return known[field.name]
    if rule.id:
        return known.get(rule.id) or new_id(rule.id)
    if rule.sha256:
        return "0" * 64
    return DAY.isoformat() if rule.date else "x"


def content_of(wanted: Any, **given: Any) -> Any:
    """Return a content whose fields without default hold the least of their type."""
    hints = typing.get_type_hints(wanted)
    needed = {
        field.name: _least(hints[field.name])
        for field in fields(wanted)
        if field.default is MISSING and field.default_factory is MISSING and field.name not in given
    }
    return wanted(**needed, **given)


def _least(hint: Any) -> Any:
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return None
    origin = typing.get_origin(hint) or hint
    if origin in (tuple, frozenset):
        return origin()
    if is_dataclass(origin):
        return content_of(origin)
    if issubclass(origin, Enum):
        return next(iter(origin))
    plain = {bool: False, int: 1, str: "x", date: DAY, datetime: clock.now()}
    return plain[origin]
