"""A refraction: what the eyes measured, signed by who examined them. Never what is supplied."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from chassis.errors import Refused
from chassis.records.kinds import Kind, Reviewed, Transitions, moves
from chassis.roles import Role
from clinical.appointment import VisitPurpose
from clinical.places import Places
from clinical.value import NOT_MEASURED, Eye, Measured, ValueState
from clinical.visual_acuity import AcuityCondition, VisualAcuity
from clinical.visual_acuity import check as check_acuities

EIGHTH_STEP = 12
HUNDREDTH_STEP = 1
HALF_TURN = 180


class NotTheExaminer(Refused):
    """Only who examined may sign."""

    reason = "NOT_THE_EXAMINER"


class ValuesUnconfirmed(Refused):
    """Values of an untouched dial wait for the examiner's word."""

    reason = "VALUES_UNCONFIRMED"


class RefractionIncomplete(Refused):
    """Values that this kind of visit requires were not measured."""

    reason = "REFRACTION_INCOMPLETE"


@dataclass(frozen=True, kw_only=True)
class EyeRefraction:
    """What one eye measured. Absent values are kept as not measured; axis 0 is kept as 180."""

    sphere_centidioptres: Measured = NOT_MEASURED
    cylinder_centidioptres: Measured = NOT_MEASURED
    axis_degrees: Measured = NOT_MEASURED
    add_centidioptres: Measured = NOT_MEASURED
    prism_in_centi_prism_dioptres: Measured = NOT_MEASURED
    prism_up_centi_prism_dioptres: Measured = NOT_MEASURED
    not_examined_reason: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) is None:
                object.__setattr__(self, field.name, NOT_MEASURED)
        axis = self.axis_degrees
        if axis.amount == 0:
            object.__setattr__(self, "axis_degrees", replace(axis, amount=HALF_TURN))

    def values(self) -> dict[str, Measured]:
        """Return the values by name."""
        return {
            f.name: getattr(self, f.name) for f in fields(self) if f.name != "not_examined_reason"
        }

    def confirmed(self) -> EyeRefraction:
        """Return the eye as the examiner's signature makes it; without cylinder it has no axis."""
        made: dict[str, Any] = {name: value.confirmed() for name, value in self.values().items()}
        if not made["cylinder_centidioptres"].amount:
            made["axis_degrees"] = NOT_MEASURED
        return replace(self, **made)


@dataclass(frozen=True, kw_only=True)
class BothEyes:
    """Both eyes by one method."""

    od: EyeRefraction | None = None
    os: EyeRefraction | None = None

    def eyes(self) -> tuple[tuple[Eye, EyeRefraction], ...]:
        """Return the eyes that were examined, right before left."""
        both = ((Eye.OD, self.od), (Eye.OS, self.os))
        return tuple((eye, part) for eye, part in both if part is not None)

    def confirmed(self) -> BothEyes:
        """Return both eyes as the examiner's signature makes them."""
        return BothEyes(
            od=self.od.confirmed() if self.od else None,
            os=self.os.confirmed() if self.os else None,
        )


@dataclass(frozen=True, kw_only=True)
class Refraction:
    """Objective and subjective refraction, acuities, and the readings they rest on."""

    visit_id: str
    objective: BothEyes | None = None
    subjective: BothEyes | None = None
    visual_acuities: tuple[VisualAcuity, ...] = ()
    is_cycloplegic: bool = False
    cycloplegia: str = ""
    is_within_ortho_k_wear: bool = False
    back_vertex_distance_micrometres: int | None = None
    dominant_eye: Eye | None = None
    binocular_checks: str = ""
    history: str = ""
    reading_ids: tuple[str, ...] = ()

    def parts(self) -> tuple[tuple[str, Eye, EyeRefraction], ...]:
        """Return (place, eye, values) of everything that was examined."""
        methods = (("objective", self.objective), ("subjective", self.subjective))
        return tuple(
            (f"{name}.{eye}", eye, part)
            for name, both in methods
            if both is not None
            for eye, part in both.eyes()
        )

    def unconfirmed(self) -> list[str]:
        """Return the places of values that the examiner has not confirmed."""
        return [
            f"{place}.{name}"
            for place, _eye, part in self.parts()
            for name, value in part.values().items()
            if value.state is ValueState.UNCONFIRMED
        ]

    def missing(self, required: dict[str, list[str]]) -> list[str]:
        """Return what the rule of this kind of visit requires and nobody measured."""
        return [*self._missing_values(required), *self._missing_acuities(required)]

    def _missing_values(self, required: dict[str, list[str]]) -> list[str]:
        found = []
        for method in ("objective", "subjective"):
            names = required.get(method, [])
            both: BothEyes | None = getattr(self, method)
            for eye in (Eye.OD, Eye.OS) if names else ():
                part: EyeRefraction = (both and getattr(both, eye)) or EyeRefraction()
                if not part.not_examined_reason:
                    values = part.values()
                    found += [
                        f"{method}.{eye}.{name}" for name in names if not values[name].is_measured
                    ]
        return found

    def _missing_acuities(self, required: dict[str, list[str]]) -> list[str]:
        excused = {eye for _place, eye, part in self.parts() if part.not_examined_reason}
        tested = {(one.eye, one.condition) for one in self.visual_acuities}
        return [
            f"visual_acuities.{eye}.{condition}"
            for condition in required.get("acuities", [])
            for eye in (Eye.OD, Eye.OS)
            if eye not in excused and (eye, AcuityCondition(condition)) not in tested
        ]


REFRACTION = Kind(
    "clinical.refraction",
    "ref",
    Refraction,
    Transitions("recorded", moves(sign={"recorded": "signed"})),
    readers=frozenset({Role.OPTOMETRIST, Role.OPHTHALMOLOGIST, Role.OPTICIAN, Role.AUDITOR}),
    reviewed=Reviewed(),
)


def require_valid(refraction: Refraction) -> None:
    """Refuse values outside their range or step, an axis without a cylinder or the reverse, and
    acuities that cannot be read. Raises Invalid naming each place."""
    places = Places()
    for place, _eye, part in refraction.parts():
        step = EIGHTH_STEP if place.startswith("subjective") else HUNDREDTH_STEP
        _check_eye(places, place, part, step)
    check_acuities(places, refraction.visual_acuities)
    places.number(
        "back_vertex_distance_micrometres",
        refraction.back_vertex_distance_micrometres,
        "back_vertex_distance",
        100,
    )
    if refraction.is_cycloplegic != bool(refraction.cycloplegia.strip()):
        places.refuse("cycloplegia", "required", "is given exactly when the eyes were cycloplegic")
    places.require_none()


def required_for(purpose: VisitPurpose, body: dict[str, Any]) -> dict[str, list[str]]:
    """Return what the rule asks of a refraction at a visit of that purpose."""
    required: dict[str, list[str]] = body.get(str(purpose), {})
    return required


def _check_eye(places: Places, place: str, eye: EyeRefraction, step: int) -> None:
    places.measured(f"{place}.sphere_centidioptres", eye.sphere_centidioptres, "sphere", step)
    places.measured(f"{place}.cylinder_centidioptres", eye.cylinder_centidioptres, "cylinder", step)
    places.measured(f"{place}.axis_degrees", eye.axis_degrees, "axis")
    _check_size(places, f"{place}.add_centidioptres", eye.add_centidioptres, "addition", step)
    for name in ("prism_in_centi_prism_dioptres", "prism_up_centi_prism_dioptres"):
        _check_size(places, f"{place}.{name}", eye.values()[name], "prism", HUNDREDTH_STEP)
    cylinder, axis = eye.cylinder_centidioptres.amount, eye.axis_degrees.amount
    if cylinder and axis is None:
        places.refuse(f"{place}.axis_degrees", "axis", "is required when there is a cylinder")
    if not cylinder and eye.axis_degrees.is_measured:
        places.refuse(f"{place}.axis_degrees", "axis", "must be absent when there is no cylinder")


def _check_size(places: Places, place: str, value: Measured, field: str, step: int) -> None:
    """Look at an addition or a prism: zero is none, and the sign of a prism is a direction."""
    if value.contradiction:
        places.refuse(place, "measured_state", value.contradiction)
    elif value.amount:
        size = abs(value.amount) if field == "prism" else value.amount
        places.number(place, size, field, step)
