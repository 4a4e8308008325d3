"""A fitting measurement: where the eyes stand behind the chosen frame, once it was adjusted to the
face."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from chassis.errors import Refused, invalid
from chassis.records.kinds import Kind, Transitions
from chassis.roles import Role
from clinical.dispensing.lens_product import LensDesign
from clinical.places import Places
from clinical.prescription import PlausibilityFinding
from clinical.value import NOT_MEASURED, Eye, Measured, ValueState
from optics.centration import near_distance_micrometres
from optics.dispensing_rules import load_dispensing_rules

_TENTH_MILLIMETRE = 100
_TENTH_DEGREE = 1

_FIELDS = {
    "monocular_pd_micrometres": "monocular_distance",
    "near_pd_micrometres": "monocular_distance",
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
    """How the frame was shaped to the face. A point that is false was not looked at, or is not
    so."""

    adjusted_at: datetime | None
    is_front_level: bool = False
    is_temple_spread_even: bool = False
    is_pad_fit_even: bool = False
    is_without_rock: bool = False
    is_vertex_equal: bool = False
    is_without_pressure_marks: bool = False
    note: str = ""
    is_nothing_needed: bool = False

    @property
    def is_told(self) -> bool:
        """Tell whether it says what was done, how the frame sits, or that nothing was needed."""
        points = (
            self.is_front_level,
            self.is_temple_spread_even,
            self.is_pad_fit_even,
            self.is_without_rock,
            self.is_vertex_equal,
            self.is_without_pressure_marks,
        )
        return any(points) or self.is_nothing_needed or bool(self.note.strip())


@dataclass(frozen=True, kw_only=True)
class EyeFitting:
    """What was measured for one eye, micrometres. Absent values are kept as not measured; the
    distance for near is derived when nobody measured it, and says so."""

    monocular_pd_micrometres: Measured = NOT_MEASURED
    fitting_height_micrometres: Measured = NOT_MEASURED
    segment_height_micrometres: Measured = NOT_MEASURED
    back_vertex_distance_micrometres: Measured = NOT_MEASURED
    near_pd_micrometres: Measured = NOT_MEASURED
    is_near_pd_derived: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) is None:
                object.__setattr__(self, field.name, NOT_MEASURED)

    def with_near_pd(self, work_distance_micrometres: int) -> EyeFitting:
        """Return the eye with its distance for near at the lens: as measured, else derived from the
        one for far."""
        far = self.monocular_pd_micrometres
        if self.near_pd_micrometres.is_measured or not far.amount:
            return replace(self, is_near_pd_derived=False)
        derived = near_distance_micrometres(
            far.amount,
            work_distance_micrometres,
            load_dispensing_rules().rotation_centre_micrometres.value,
        )
        near = Measured(state=ValueState.MEASURED, amount=derived)
        return replace(self, near_pd_micrometres=near, is_near_pd_derived=True)

    def pd_micrometres(self, *, is_for_near: bool) -> int | None:
        """Return the distance a lens is centred on; None when it is not known."""
        pd = self.near_pd_micrometres if is_for_near else self.monocular_pd_micrometres
        return pd.amount


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
    work_distance_micrometres: int | None = None
    findings: tuple[PlausibilityFinding, ...] = ()
    supersedes_id: str = ""

    def __post_init__(self) -> None:
        if self.od is None and self.os is None:
            raise invalid("od", "required", "one eye at least must be measured")

    def of(self, eye: Eye) -> EyeFitting | None:
        """Return what was measured for one eye."""
        return self.od if eye is Eye.OD else self.os

    def with_near_pd(self, work_distance_micrometres: int) -> FittingMeasurement:
        """Return the measurement with both distances for near at that work distance."""
        return replace(
            self,
            od=self.od and self.od.with_near_pd(work_distance_micrometres),
            os=self.os and self.os.with_near_pd(work_distance_micrometres),
            work_distance_micrometres=work_distance_micrometres,
        )

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
    if not adjustment.is_told:
        raise NotAdjusted(
            "say how the frame was adjusted",
            missing=["what was adjusted, or that nothing was needed"],
        )
    return adjustment


def require_valid(measurement: FittingMeasurement) -> None:
    """Refuse values outside their range or step. Raises Invalid naming each place."""
    places = Places()
    for eye in (Eye.OD, Eye.OS):
        part = measurement.of(eye)
        if part is None:
            continue
        for name, field in _FIELDS.items():
            places.answered(f"{eye}.{name}", getattr(part, name), field, _TENTH_MILLIMETRE)
        far, near = part.monocular_pd_micrometres.amount, part.near_pd_micrometres.amount
        if far is not None and near is not None and near > far:
            places.refuse(f"{eye}.near_pd_micrometres", "near", "must not be above the one for far")
    for name in ("pantoscopic_tilt", "face_form_wrap"):
        value = getattr(measurement, f"{name}_decidegrees")
        places.answered(f"{name}_decidegrees", value, name, _TENTH_DEGREE)
    places.require_none()
