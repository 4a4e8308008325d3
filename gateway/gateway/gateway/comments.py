"""The comments of the contract, read from the descriptor set that generation leaves beside the
messages, so that the API page says what the protos say. Without the file there are none."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet

_MESSAGE, _ENUM, _SERVICE = 4, 5, 6
_FIELD, _NESTED, _NESTED_ENUM, _VALUE, _METHOD = 2, 3, 4, 2, 2
"""Field numbers of FileDescriptorProto, DescriptorProto, EnumDescriptorProto and
ServiceDescriptorProto, which is how source locations name a place."""


@cache
def comments() -> dict[str, str]:
    """Return comment by full name of message, field, enum, value, service and RPC."""
    path = files("optichain").joinpath("contract.binpb")
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    for file in FileDescriptorSet.FromString(path.read_bytes()).file:
        said = {
            tuple(location.path): _flow(location.leading_comments)
            for location in file.source_code_info.location
            if location.leading_comments
        }
        for name, place in _places(file):
            if place in said:
                found[name] = said[place]
    return found


def comment_on(descriptor: Any) -> str:
    """Return the comment on a message, field, enum, service or RPC, or empty text."""
    return comments().get(descriptor.full_name, "")


def _flow(text: str) -> str:
    """Join the lines of a comment; a line that begins a new sentence of errors stays apart."""
    return " ".join(line.strip() for line in text.strip().splitlines())


def _places(file: Any) -> list[tuple[str, tuple[int, ...]]]:
    found: list[tuple[str, tuple[int, ...]]] = []
    for number, service in enumerate(file.service):
        name = f"{file.package}.{service.name}"
        found.append((name, (_SERVICE, number)))
        found += [
            (f"{name}.{method.name}", (_SERVICE, number, _METHOD, index))
            for index, method in enumerate(service.method)
        ]
    for number, message in enumerate(file.message_type):
        found += _of_message(message, file.package, (_MESSAGE, number))
    for number, enum in enumerate(file.enum_type):
        found += _of_enum(enum, file.package, (_ENUM, number))
    return found


def _of_message(
    message: Any, outer: str, place: tuple[int, ...]
) -> list[tuple[str, tuple[int, ...]]]:
    name = f"{outer}.{message.name}"
    found = [(name, place)]
    found += [
        (f"{name}.{field.name}", (*place, _FIELD, index))
        for index, field in enumerate(message.field)
    ]
    for index, nested in enumerate(message.nested_type):
        found += _of_message(nested, name, (*place, _NESTED, index))
    for index, enum in enumerate(message.enum_type):
        found += _of_enum(enum, name, (*place, _NESTED_ENUM, index))
    return found


def _of_enum(enum: Any, outer: str, place: tuple[int, ...]) -> list[tuple[str, tuple[int, ...]]]:
    name = f"{outer}.{enum.name}"
    values = [
        # The scope of an enum value is the enum's own: full names leave the enum's name out.
        (f"{outer}.{value.name}", (*place, _VALUE, index))
        for index, value in enumerate(enum.value)
    ]
    return [(name, place), *values]
