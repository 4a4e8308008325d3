"""What is known of each model of instrument: its line, its grammar, its quirks, and how surely."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from device_bridge.framing import Frame, Framer
from device_bridge.grammar import CR, EOT, LF, Format

Parity = Literal["none", "even", "odd"]


@dataclass(frozen=True)
class LineSettings:
    """The settings of a serial line, as set in the instrument's menu."""

    baud: int
    data_bits: int
    parity: Parity
    stop_bits: int

    def __str__(self) -> str:
        return f"{self.baud} {self.data_bits}-{self.parity[0].upper()}-{self.stop_bits}"


@dataclass(frozen=True)
class Profile:
    """One model. `untouched` lists per field the amounts the model sends for an untouched dial.

    `reprint_minutes`: how long equal bytes are the same print; None when the bytes themselves say
    which print they are (running number, time of day).
    """

    model: str
    maker: str
    reads: str
    grammar: Format
    line: LineSettings
    other_lines: tuple[LineSettings, ...]
    line_confidence: str
    checksum_expected: bool
    idle_milliseconds: int
    reprint_minutes: int | None
    untouched: Mapping[str, tuple[int, ...]]
    quirks: tuple[str, ...]
    evidence: str
    confidence: str
    source: str

    @property
    def lines(self) -> tuple[LineSettings, ...]:
        """The settings its menu is known to have, those of the factory first."""
        return (self.line, *self.other_lines)

    def framer(self, line: LineSettings | None = None) -> Framer:
        """A framer for one line to an instrument of this model, set as `line` or by the factory."""
        return Framer(
            self.grammar,
            idle_seconds=self.idle_milliseconds / 1000,
            seven_bit=(line or self.line).data_bits == 7,
        )


@cache
def load_profiles() -> Mapping[str, Profile]:
    """The profiles shipped with the bridge (`rules/instruments.yaml`), by model."""
    return {row["model"]: _profile(row) for row in _stored()["body"]["instruments"]}


def profiles_edition() -> str:
    """The edition of the profiles shipped with the bridge."""
    return str(_stored()["edition"])


@cache
def _stored() -> Mapping[str, Any]:
    text = (files("device_bridge") / "rules" / "instruments.yaml").read_text(encoding="utf-8")
    stored: Mapping[str, Any] = yaml.safe_load(text)
    return stored


def profile_of(model: str) -> Profile:
    """The profile of `model`; KeyError names a model that is not known."""
    return load_profiles()[model]


def _profile(row: Mapping[str, Any]) -> Profile:
    return Profile(
        **{
            **row,
            "grammar": Format(row["grammar"]),
            "line": LineSettings(**row["line"]),
            "other_lines": tuple(LineSettings(**line) for line in row["other_lines"]),
            "untouched": {name: tuple(amounts) for name, amounts in row["untouched"].items()},
            "quirks": tuple(row["quirks"]),
        }
    )


def idempotency_key(device_serial: str, frame: Frame) -> str:
    """The same for every reprint of one examination on one instrument.

    SHA-256 over the instrument's serial number and what it sent, without the checksum and without
    carriage returns, which a menu switches on and off. The running number and the clock stay: a
    later examination with the same figures is another one. A phoropter sends the day but neither
    number nor time, so its key tells two equal results of one day apart only by the figures.
    """
    body = frame.raw[: frame.raw.rfind(EOT) + 1] or frame.raw
    payload = bytes(byte for byte in body if byte not in (CR, LF))
    return hashlib.sha256(device_serial.encode() + b"\0" + payload).hexdigest()
