"""A message as text that a person on call may read: what the contract marks `debug_redact`, the
personal and the clinical, is left out wherever it stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

REDACTED = "[redacted]"
_INDENT = "  "


def redacted_text(message: Message) -> str:
    """Return the fields that are set, one a line, in the order of their numbers.

    A field marked `debug_redact` is named and its value left out, with all that is under it. Bytes
    are counted, not shown, and what the contract does not know is left out: either may hold
    anything.
    """
    return "\n".join(_lines(message, ""))


def _lines(message: Message, indent: str) -> Iterator[str]:
    for field, value in message.ListFields():
        if field.is_extension or field.GetOptions().debug_redact:
            yield f"{indent}{field.name}: {REDACTED}"
        elif _is_map(field):
            yield from _map_lines(field, value, indent)
        else:
            for one in value if field.is_repeated else (value,):
                yield from _value_lines(field, field.name, one, indent)


def _map_lines(field: Any, entries: Any, indent: str) -> Iterator[str]:
    by_name = field.message_type.fields_by_name
    for key in sorted(entries):
        shown = f"{field.name}[{_scalar(by_name['key'], key)}]"
        yield from _value_lines(by_name["value"], shown, entries[key], indent)


def _value_lines(field: Any, name: str, value: Any, indent: str) -> Iterator[str]:
    if field.message_type is None:
        yield f"{indent}{name}: {_scalar(field, value)}"
    elif field.message_type.full_name == "google.protobuf.Timestamp":
        yield f"{indent}{name}: {value.ToJsonString()}"
    else:
        yield f"{indent}{name}:"
        yield from _lines(value, indent + _INDENT)


def _scalar(field: Any, value: Any) -> str:
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known is not None else str(value)
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    # repr keeps a text on its line, so that no value can pass for a field of its own.
    return repr(value) if isinstance(value, str) else str(value)


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry
