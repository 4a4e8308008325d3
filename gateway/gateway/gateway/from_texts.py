"""Path and query texts into the JSON they stand for, so that an address is read as strictly as a
body."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from chassis.errors import FieldProblem
from gateway.into_message import INTEGERS, LONGEST_NAME, Problems

_INTEGER = re.compile(r"-?[0-9]{1,20}")


def from_texts(descriptor: Any, pairs: Iterable[tuple[str, str]], problems: Problems) -> Any:
    """Return the JSON object that path or query texts stand for; fields of a nested message are
    named with a dot."""
    found: dict[str, Any] = {}
    for name, text in pairs:
        *outer, last = name.split(".")
        owner, within = descriptor, found
        for part in outer:
            field = owner.fields_by_name.get(part) if owner is not None else None
            owner = field.message_type if field is not None and not field.is_repeated else None
            inner = within.setdefault(part, {})
            within = inner if isinstance(inner, dict) else {}
        field = owner.fields_by_name.get(last) if owner is not None else None
        if field is None:
            problems.append(FieldProblem(name[:LONGEST_NAME], "unknown", "is no field here"))
            _forget(found, outer)
        elif field.is_repeated:
            within.setdefault(last, []).append(_from_text(field, text))
        elif last in within:
            problems.append(FieldProblem(name, "once", "is given more than once"))
        else:
            within[last] = _from_text(field, text)
    return found


def _forget(found: dict[str, Any], outer: list[str]) -> None:
    """Drop an outer object that was only made for an unknown field."""
    if outer and not found.get(outer[0]):
        found.pop(outer[0], None)


def _from_text(field: Any, text: str) -> Any:
    if field.cpp_type in INTEGERS and _INTEGER.fullmatch(text):
        return int(text)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL and text in ("true", "false"):
        return text == "true"
    return text
