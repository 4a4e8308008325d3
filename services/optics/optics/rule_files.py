"""Reads the rule files that lie beside this package, so that every number in a rule is data.

A file with an unknown key, a wrong type or a gap is refused when it is read, not when it is used.
"""

from importlib.resources import files
from typing import TypeVar

import msgspec
import yaml

from optics.errors import ValueRefused


class RuleStruct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a rule file: frozen, and refusing every key it does not know."""


Rules = TypeVar("Rules", bound=RuleStruct)


def names_in(folder: str) -> tuple[str, ...]:
    """The names of the rule files in one folder of this package, sorted."""
    entries = files("optics").joinpath(folder).iterdir()
    return tuple(sorted(e.name.removesuffix(".yaml") for e in entries if e.name.endswith(".yaml")))


def read_rules(folder: str, name: str, kind: type[Rules]) -> Rules:
    """The rule file of that name, checked against `kind`; `ValueRefused` if there is none."""
    if name not in names_in(folder):
        raise ValueRefused("name", f"must be one of {', '.join(names_in(folder))}")
    text = files("optics").joinpath(folder, f"{name}.yaml").read_text(encoding="utf-8")
    return parse_rules(text, kind)


def parse_rules(text: str, kind: type[Rules]) -> Rules:
    """Rules from YAML text; raises `ValueRefused` naming the place that does not fit."""
    try:
        return msgspec.convert(yaml.safe_load(text), kind)
    except (yaml.YAMLError, msgspec.ValidationError) as problem:
        raise ValueRefused("rules", str(problem)) from problem
