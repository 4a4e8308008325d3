"""A fitting measurement: where the eyes stand behind the chosen frame, once it was adjusted to the
face."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from chassis.errors import Refused, invalid
from chassis.records.kinds import Kind, Transitions
from chassis.roles import Role
from clinical.dispensing.lens_product import LensDesign
from clinical.places import Places
from clinical.prescription import PlausibilityFinding
from clinical.value import NOT_MEASURED, Eye, Measured

_TENTH_MILLIMETRE = 100
_TENTH_DEGREE = 1

_FIELDS = {
    "monocular_pd_micrometres": "monocular_distance",
    "fitting_height_micrometres": "fitting_height",
    "segment_height_micrometres": "fitting_height",
    "back_vertex_distance_micrometres": "back_vertex_distance",
}


class MeasuringMethod(StrEnum):
    """With what it was measured."""

    PUPILLOMETER = "pupillometer"
    CAMERA = "camera"
    RULER = "ruler"


class FrameDiffers(Refused):
    """The frame in hand is not the one that was selected."""

    reason = "FRAME_DIFFERS"


class NotAdjusted(Refused):
    """What is measured on a frame that was not adjusted first moves when it is."""

    reason = "NOT_ADJUSTED"


class MeasurementIncomplete(Refused):
    """The lens design requires values that were not measured."""

    reason = "MEASUREMENT_INCOMPLETE"


@dataclass(frozen=True, kw_only=True)
class Adjustment:
    """How the frame was shaped to the face."""

    adjusted_at: datetime | None
    is_front_level: bool = False
    is_temple_spread_even: bool = False
    is_pad_fit_even: bool = False
    is_without_rock: bool = False
    is_vertex_equal: bool = False
    is_without_pressure_marks: bool = False
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class EyeFitting:
    """What was measured for one eye, micrometres. Absent values are kept as not measured."""

    monocular_pd_micrometres: Measured = NOT_MEASURED
    fitting_height_micrometres: Measured = NOT_MEASURED
    segment_height_micrometres: Measured = NOT_MEASURED
    back_vertex_distance_micrometres: Measured = NOT_MEASURED

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) is None:
                object.__setattr__(self, field.name, NOT_MEASURED)


@dataclass(frozen=True, kw_only=True)
class FittingMeasurement:
    """PD, heights and posture on the adjusted frame. Raises Invalid when no eye was measured."""

    visit_id: str
    frame_selection_id: str
    frame_id: str
    design: LensDesign
    adjustment: Adjustment
    measured_at: datetime
    method: MeasuringMethod
    od: EyeFitting | None
    os: EyeFitting | None
    is_individualised: bool = False
    pantoscopic_tilt_decidegrees: Measured = NOT_MEASURED
    face_form_wrap_decidegrees: Measured = NOT_MEASURED
    findings: tuple[PlausibilityFinding, ...] = ()
    supersedes_id: str = ""

    def __post_init__(self) -> None:
        if self.od is None and self.os is None:
            raise invalid("od", "required", "one eye at least must be measured")

    def of(self, eye: Eye) -> EyeFitting | None:
        """Return what was measured for one eye."""
        return self.od if eye is Eye.OD else self.os

    def binocular_pd_micrometres(self) -> int | None:
        """Return the sum of both monocular distances, when both were measured."""
        halves = [eye.monocular_pd_micrometres for eye in (self.od, self.os) if eye is not None]
        if len(halves) < 2 or not all(half.is_measured for half in halves):
            return None
        return sum(half.amount or 0 for half in halves)

    def missing(
        self,
        body: dict[str, Any],
        design: LensDesign,
        *,
        individualised: bool,
        eyes: tuple[Eye, ...],
    ) -> list[str]:
        """Return what the rule asks for that design and nobody measured."""
        rules = [body[str(design)], *([body["individualised"]] if individualised else [])]
        names = [name for rule in rules for name in rule.get("eye", [])]
        found = []
        for eye in eyes:
            part = self.of(eye) or EyeFitting()
            found += [f"{eye}.{name}" for name in names if not getattr(part, name).is_measured]
        front = [name for rule in rules for name in rule.get("front", [])]
        return found + [name for name in front if not getattr(self, name).is_measured]


FITTING_MEASUREMENT = Kind(
    "clinical.fitting_measurement",
    "fmm",
    FittingMeasurement,
    Transitions("measured"),
    readers=frozenset(
        {
            Role.OPTOMETRIST,
            Role.OPHTHALMOLOGIST,
            Role.OPTICIAN,
            Role.LAB_CLERK,
            Role.LAB_TECHNICIAN,
            Role.QC_INSPECTOR,
            Role.AUDITOR,
        }
    ),
)


def require_adjusted(adjustment: Adjustment | None, measured_at: datetime) -> Adjustment:
    """Return the adjustment that came before the measurement. Raises NotAdjusted."""
    if adjustment is None or adjustment.adjusted_at is None:
        raise NotAdjusted(
            "adjust the frame before measuring on it", missing=["adjustment.adjusted_at"]
        )
    if adjustment.adjusted_at > measured_at:
        raise NotAdjusted(
            "the frame was adjusted after it was measured on",
            missing=["adjustment.adjusted_at not after measured_at"],
        )
    return adjustment


def require_valid(measurement: FittingMeasurement) -> None:
    """Refuse values outside their range or step. Raises Invalid naming each place."""
    places = Places()
    for eye in (Eye.OD, Eye.OS):
        part = measurement.of(eye)
        for name, field in _FIELDS.items() if part is not None else ():
            places.answered(f"{eye}.{name}", getattr(part, name), field, _TENTH_MILLIMETRE)
    for name in ("pantoscopic_tilt", "face_form_wrap"):
        value = getattr(measurement, f"{name}_decidegrees")
        places.answered(f"{name}_decidegrees", value, name, _TENTH_DEGREE)
    places.require_none()
