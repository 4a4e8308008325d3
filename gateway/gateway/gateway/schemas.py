"""JSON schemas of the contract's messages: what a client may send, and what it gets.

A message that is sent and one that is given differ: what is given has all its fields, what is sent
only those that the contract requires, and no others. Both come from the descriptors and their
border rules, so the API page cannot drift from the contract.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from gateway.comments import comment_on, comments
from gateway.into_json import is_always_given
from gateway.into_message import INTEGERS, TIMESTAMP, is_map, words_of
from optichain.field.v1 import rule_pb2

Schema = dict[str, Any]

DATE = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_ID_TAIL = "[0-7][0-9a-hjkmnp-tv-z]{25}"
_LONGEST_TEXT, _MOST_ITEMS = 2_000, 200
"""As chassis.contract holds a text or list that has no rule of its own."""


class Schemas:
    """Collects the schemas that the operations refer to."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def given(self, descriptor: Any) -> Schema:
        """Return a reference to what an answer holds."""
        return self._reference(descriptor, _name(descriptor), sent=False)

    def sent(self, descriptor: Any, *, without: frozenset[str] = frozenset()) -> Schema:
        """Return the schema of a request body, without the fields that stand elsewhere."""
        return self._object(descriptor, sent=True, without=without)

    def parameter(self, field: Any) -> Schema:
        """Return the schema of a path or query parameter."""
        return self._field(field, sent=True)

    def _reference(self, descriptor: Any, name: str, *, sent: bool) -> Schema:
        if name not in self.components:
            self.components[name] = {}
            self.components[name] = self._object(descriptor, sent=sent)
        return {"$ref": f"#/components/schemas/{name}"}

    def _object(
        self, descriptor: Any, *, sent: bool, without: frozenset[str] = frozenset()
    ) -> Schema:
        fields = [field for field in descriptor.fields if field.name not in without]
        needed = [f.name for f in fields if (is_required(f) if sent else is_always_given(f))]
        schema: Schema = {
            "type": "object",
            "properties": {field.name: self._field(field, sent=sent) for field in fields},
        }
        if needed:
            schema["required"] = needed
        if sent:
            schema["additionalProperties"] = False
            choices = _choices(descriptor, without)
            if choices:
                schema["allOf"] = choices
        return _described(schema, comment_on(descriptor))

    def _field(self, field: Any, *, sent: bool) -> Schema:
        text = comment_on(field)
        if is_map(field):
            value = self._one(field.message_type.fields_by_name["value"], sent=sent)
            return _described({"type": "object", "additionalProperties": value}, text)
        one = self._one(field, sent=sent)
        if not field.is_repeated:
            return _described(one, text)
        schema: Schema = {"type": "array", "items": one}
        if sent:
            rule = rule_of_field(field)
            schema["maxItems"] = rule.max_items or _MOST_ITEMS
            if rule.required:
                schema["minItems"] = 1
        return _described(schema, text)

    def _one(self, field: Any, *, sent: bool) -> Schema:
        if field.enum_type is not None:
            return self._words(field.enum_type)
        if field.message_type is not None:
            if field.message_type.full_name == TIMESTAMP:
                return {"type": "string", "format": "date-time"}
            name = _name(field.message_type) + ("Input" if sent else "")
            return self._reference(field.message_type, name, sent=sent)
        if field.cpp_type in INTEGERS:
            return _number(field, sent=sent)
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            must = sent and rule_of_field(field).required and not field.has_presence
            return {"type": "boolean", "const": True} if must else {"type": "boolean"}
        return _text(field) if sent else {"type": "string"}

    def _words(self, enum: Any) -> Schema:
        name = _name(enum)
        if name not in self.components:
            lines = _word_comments(enum)
            schema: Schema = {"type": "string", "enum": list(words_of(enum))}
            text = "\n".join([comment_on(enum), *lines]).strip()
            self.components[name] = _described(schema, text)
        return {"$ref": f"#/components/schemas/{name}"}


def is_required(field: Any) -> bool:
    """Tell whether a sent message must have the field."""
    return bool(rule_of_field(field).required)


def rule_of_field(field: Any) -> Any:
    """Return a field's border rule."""
    return field.GetOptions().Extensions[rule_pb2.rule]


def _name(descriptor: Any) -> str:
    """Return a short name that is unique in the contract, such as clinical.Prescription."""
    package, _, name = descriptor.full_name.removeprefix("optichain.").partition(".v1.")
    return f"{package}.{name}"


def _choices(descriptor: Any, without: frozenset[str]) -> list[Schema]:
    """Say of each choice that two of its fields never stand together."""
    return [
        {"not": {"required": [one.name, other.name]}}
        for choice in descriptor.oneofs
        for index, one in enumerate(choice.fields)
        for other in choice.fields[index + 1 :]
        if one.name not in without and other.name not in without
    ]


def _number(field: Any, *, sent: bool) -> Schema:
    lowest, highest = INTEGERS[field.cpp_type]
    schema: Schema = {"type": "integer"}
    if not sent:
        return schema
    rule = rule_of_field(field)
    schema["minimum"] = rule.min if rule.HasField("min") else lowest
    schema["maximum"] = rule.max if rule.HasField("max") else highest
    if rule.required and not field.has_presence:
        schema["not"] = {"const": 0}
    return schema


def _text(field: Any) -> Schema:
    rule = rule_of_field(field)
    schema: Schema = {"type": "string"}
    if rule.id:
        kind = "[a-z]([a-z_]{0,61}[a-z])?" if rule.id == "any" else rule.id
        empty = "" if rule.required else "|"
        schema["pattern"] = f"^({kind}_{_ID_TAIL}{empty})$"
    elif rule.date:
        schema |= {"format": "date", "pattern": DATE}
    elif rule.sha256:
        schema["pattern"] = "^[0-9a-f]{64}$"
    else:
        schema["maxLength"] = rule.max_length or _LONGEST_TEXT
        if rule.required:
            schema |= {"minLength": 1, "pattern": r"\S"}
    return schema


def _word_comments(enum: Any) -> list[str]:
    words = words_of(enum)
    values = [value for value in enum.values if value.number]
    outer = enum.full_name.rpartition(".")[0]
    return [
        f"- `{word}`: {comments()[f'{outer}.{value.name}']}"
        for word, value in zip(words, values, strict=True)
        if f"{outer}.{value.name}" in comments()
    ]


def _described(schema: Schema, text: str) -> Schema:
    return {**schema, "description": text} if text else schema
