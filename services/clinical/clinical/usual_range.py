"""Shows what lies beyond the usual in a prescription or on a frame. Nothing is asked: it is for the
eye of who writes it. The ranges are those of optics."""

from __future__ import annotations

from collections.abc import Iterator

from clinical.dispensing.fitting_measurement import FittingMeasurement
from clinical.prescription import (
    FindingSeverity,
    PlausibilityFinding,
    PrescribedEye,
    Prescription,
)
from clinical.value import Eye, Measured
from optics import field_range
from optics.field_range import RangeProblem

RULE = "RANGE"


def in_prescription(
    prescription: Prescription, *, is_adult: bool
) -> tuple[PlausibilityFinding, ...]:
    """Return what is unusual in powers and distances; the usual distance is an adult's."""
    found = [one for eye, part in prescription.eyes() for one in _of_eye(eye, part)]
    pd = prescription.pd
    found += _of_halves(pd.od_micrometres, pd.os_micrometres)
    binocular = pd.binocular()
    if is_adult and binocular is not None:
        found += _shown(Eye.OU, field_range.unusual("binocular_distance", binocular))
    return tuple(found)


def on_frame(measurement: FittingMeasurement) -> tuple[PlausibilityFinding, ...]:
    """Return what is unusual in what was measured on a frame."""
    found: list[PlausibilityFinding] = []
    for eye in (Eye.OD, Eye.OS):
        part = measurement.of(eye)
        if part is not None:
            found += _of_value(eye, "fitting_height", part.fitting_height_micrometres)
    od, os = measurement.od, measurement.os
    if od is not None and os is not None:
        found += _of_halves(od.monocular_pd_micrometres, os.monocular_pd_micrometres)
    for name in ("pantoscopic_tilt", "face_form_wrap"):
        found += _of_value(Eye.OU, name, getattr(measurement, f"{name}_decidegrees"))
    return tuple(found)


def _of_eye(eye: Eye, part: PrescribedEye) -> Iterator[PlausibilityFinding]:
    power = part.power().in_minus_cylinder()
    amounts = {
        "sphere": power.sphere_centidioptres,
        "cylinder": power.cylinder_centidioptres,
        "addition": part.add_centidioptres,
        "prism": part.prism().resultant().amount_centi_prism_dioptres,
    }
    for field, amount in amounts.items():
        if amount is not None:
            yield from _shown(eye, field_range.unusual(field, amount))


def _of_halves(od: Measured, os: Measured) -> Iterator[PlausibilityFinding]:
    if od.amount is not None and os.amount is not None:
        apart = field_range.unusual_difference("monocular_distance", od.amount, os.amount)
        yield from _shown(Eye.OU, apart)


def _of_value(eye: Eye, field: str, value: Measured) -> Iterator[PlausibilityFinding]:
    if value.amount is not None:
        yield from _shown(eye, field_range.unusual(field, value.amount))


def _shown(eye: Eye, problem: RangeProblem | None) -> Iterator[PlausibilityFinding]:
    if problem is not None:
        yield PlausibilityFinding(
            rule=RULE,
            severity=FindingSeverity.WARN,
            eye=eye,
            field=problem.field,
            text=f"{problem.rule} {problem.unit}",
        )
