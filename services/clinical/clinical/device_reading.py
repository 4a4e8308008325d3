"""A device reading: what an instrument said, raw and parsed, bound to the visit it is about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from chassis.errors import Refused
from chassis.records.kinds import Kind, Transitions, moves
from chassis.roles import Role
from clinical.places import Places
from clinical.value import Eye, ValueState, contradiction


class ReadingKind(StrEnum):
    """What was measured; the two phoropter kinds tell the test from its result."""

    LENSMETER = "lensmeter"
    AUTOREFRACTION = "autorefraction"
    WAVEFRONT_REFRACTION = "wavefront_refraction"
    CONTACT_LENS_POWER = "contact_lens_power"
    TRIAL_LENS = "trial_lens"
    DAY_NIGHT_DIFFERENCE = "day_night_difference"
    PHOROPTER_SUBJECTIVE = "phoropter_subjective"
    PHOROPTER_FINAL = "phoropter_final"
    UNAIDED_ACUITY = "unaided_acuity"
    KERATOMETRY = "keratometry"
    SAGITTAL_KERATOMETRY = "sagittal_keratometry"
    PUPILLARY_DISTANCE = "pupillary_distance"
    VERTEX_DISTANCE = "vertex_distance"
    WORKING_DISTANCE = "working_distance"
    CORNEAL_SIZE = "corneal_size"
    PUPIL_SIZE = "pupil_size"


class GazeDistance(StrEnum):
    """The distance the eye looked at."""

    FAR = "far"
    NEAR = "near"


class Lighting(StrEnum):
    """Day or night."""

    PHOTOPIC = "photopic"
    MESOPIC = "mesopic"


class Statistic(StrEnum):
    """One shot, the representative value, the result, or a calculated value."""

    SINGLE = "single"
    MEDIAN = "median"
    DEVICE_FINAL = "device_final"
    CALCULATED = "calculated"


class ReadingBound(Refused):
    """The reading belongs to another visit; moving it needs a reason."""

    reason = "READING_BOUND"


class ReadingOfAnotherVisit(Refused):
    """A refraction may rest on readings of its own visit only."""

    reason = "READING_OF_ANOTHER_VISIT"


@dataclass(frozen=True, kw_only=True)
class ReadingValue:
    """One number as sent; `field` ends with the unit of `amount`."""

    field: str
    state: ValueState
    amount: int | None = None
    qualifier: str = ""
    raw: str = ""
    offset: int = 0


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One reading of one eye; `eye` is None where the instrument named none."""

    kind: ReadingKind
    statistic: Statistic
    eye: Eye | None = None
    distance: GazeDistance | None = None
    lighting: Lighting | None = None
    sequence: int = 1
    confidence: str = ""
    section: str = ""
    values: tuple[ReadingValue, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DeviceReading:
    """One transmission. `visit_id` is empty while nobody has claimed it."""

    instrument_id: str
    model: str
    serial_number: str
    station_code: str
    measured_at: datetime
    observations: tuple[Observation, ...]
    is_partial: bool = False
    is_clock_off: bool = False
    visit_id: str = ""
    claimed_by: str = ""

    def with_unnamed_eye(self, eye: Eye | None) -> tuple[Observation, ...]:
        """Return the observations, those without an eye given this one."""
        if eye is None:
            return self.observations
        return tuple(replace(one, eye=eye) if one.eye is None else one for one in self.observations)


DEVICE_READING = Kind(
    "clinical.device_reading",
    "drd",
    DeviceReading,
    Transitions("unclaimed", moves(claim={"unclaimed": "bound"})),
    progress=frozenset({"visit_id", "claimed_by", "observations"}),
    readers=frozenset(
        {Role.TECHNICIAN, Role.OPTOMETRIST, Role.OPHTHALMOLOGIST, Role.OPTICIAN, Role.AUDITOR}
    ),
)


@dataclass(frozen=True, kw_only=True)
class ReadingRecorded:
    """A reading came: bound to the armed visit, or waiting unclaimed."""

    reading_id: str
    instrument_id: str
    branch_id: str
    visit_id: str
    case_id: str


def require_whole(observations: tuple[Observation, ...]) -> None:
    """Refuse observations that do not say what they are. Raises Invalid naming each place."""
    places = Places()
    for number, one in enumerate(observations):
        place = f"observations[{number}]"
        if not one.kind:
            places.refuse(f"{place}.kind", "required", "must be given")
        if not one.statistic:
            places.refuse(f"{place}.statistic", "required", "must be given")
        for index, value in enumerate(one.values):
            where = f"{place}.values[{index}]"
            if not value.field:
                places.refuse(f"{where}.field", "required", "must be given")
            text = contradiction(value.state, value.amount)
            if text:
                places.refuse(where, "measured_state", text)
    places.require_none()
