"""The sheet on which the lines of one transmission come together as readings of each eye."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from device_bridge.fields import Notes, any_measured
from device_bridge.readings import (
    Distance,
    Eye,
    Kind,
    Lighting,
    Observation,
    Reason,
    State,
    Statistic,
    Value,
)


@dataclass(frozen=True)
class Heading:
    """What makes two lines part of one reading; `section_offset` tells repeated sections apart."""

    kind: Kind
    eye: Eye | None
    section: str
    section_offset: int
    distance: Distance | None = None
    lighting: Lighting | None = None
    statistic: Statistic = Statistic.DEVICE_FINAL
    sequence: int = 1


class Sheet:
    """Collects values under their headings, in the order the instrument sent them."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._readings: dict[Heading, Observation] = {}

    def enter(
        self,
        heading: Heading,
        values: Iterable[Value],
        raw: str,
        offset: int,
        confidence: str | None = None,
    ) -> None:
        """Add the values of one line to its reading."""
        reading = self._readings.get(heading)
        if reading is None:
            reading = _opened(heading, raw, offset, confidence)
        for value in values:
            reading = self._with(reading, value)
        self._readings[heading] = reading

    def observations(self) -> tuple[Observation, ...]:
        """The readings; one in which every place was empty is only remarked upon."""
        kept = []
        for reading in self._readings.values():
            if any_measured(reading.values):
                kept.append(reading)
            else:
                detail = f"{reading.kind} was not measured"
                self._notes.warn(Reason.NOT_MEASURED, detail, reading.raw, reading.offset)
        return tuple(kept)

    def _with(self, reading: Observation, value: Value) -> Observation:
        earlier = reading.value(value.field)
        if earlier is None:
            return replace(reading, values=(*reading.values, value))
        if _same(earlier, value):
            return reading
        detail = f"{value.field} was sent twice with different values"
        self._notes.reject(Reason.CONTRADICTION, detail, value.raw, value.offset)
        doubtful = replace(earlier, state=State.UNREADABLE, amount=None)
        values = tuple(doubtful if each is earlier else each for each in reading.values)
        return replace(reading, values=values)


def _same(one: Value, other: Value) -> bool:
    return (one.amount, one.state, one.qualifier) == (other.amount, other.state, other.qualifier)


def _opened(heading: Heading, raw: str, offset: int, confidence: str | None) -> Observation:
    return Observation(
        kind=heading.kind,
        eye=heading.eye,
        distance=heading.distance,
        lighting=heading.lighting,
        statistic=heading.statistic,
        values=(),
        section=heading.section,
        raw=raw,
        offset=offset,
        sequence=heading.sequence,
        confidence=confidence,
    )
