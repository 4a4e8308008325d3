"""Whether a blank covers the rim at the wearer's decentration, and the height suffices for the
design."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.errors import Refused
from clinical.dispensing.fitting_measurement import EyeFitting, FittingMeasurement
from clinical.dispensing.frame_selection import FrameBox
from clinical.dispensing.lens_product import LensDesign
from clinical.dispensing.lens_specification import (
    LensSpecification,
    SpecifiedLens,
    is_centred_for_near,
)
from clinical.prescription import PrescriptionPurpose
from clinical.value import Eye
from optics.centration import (
    minimum_blank_size_micrometres,
    monocular_decentration_micrometres,
)
from optics.dispensing_rules import load_dispensing_rules


class BlankTooSmall(Refused):
    """The blank does not reach the rim once it is decentred."""

    reason = "BLANK_TOO_SMALL"


class HeightTooSmall(Refused):
    """The frame leaves the design less height than it needs."""

    reason = "HEIGHT_TOO_SMALL"


@dataclass(frozen=True, kw_only=True)
class LensFit:
    """How one lens sits in the frame, micrometres; decentration inwards is plus."""

    eye: Eye
    decentration_micrometres: int
    minimum_blank_micrometres: int
    blank_diameter_micrometres: int


def fits(
    specification: LensSpecification,
    measurement: FittingMeasurement,
    box: FrameBox,
    purpose: PrescriptionPurpose,
) -> tuple[LensFit, ...]:
    """Return how each lens sits, centred for far or for near as use and purpose ask.

    Raises BlankTooSmall, HeightTooSmall naming the eyes.
    """
    for_near = is_centred_for_near(specification.use, purpose)
    found = []
    for eye, lens in specification.lenses():
        part = measurement.of(eye)
        pd = part.pd_micrometres(is_for_near=for_near) if part is not None else None
        if pd is not None:
            found.append(_fit(eye, lens, pd, box))
    small = [one for one in found if one.minimum_blank_micrometres > one.blank_diameter_micrometres]
    if small:
        raise BlankTooSmall(
            "the blank does not cover the decentration",
            missing=[
                f"blank of {one.minimum_blank_micrometres} micrometres for {one.eye},"
                f" the product has {one.blank_diameter_micrometres}"
                for one in small
            ],
        )
    _require_heights(specification, measurement)
    return tuple(found)


def _fit(eye: Eye, lens: SpecifiedLens, monocular_pd_micrometres: int, box: FrameBox) -> LensFit:
    decentration = monocular_decentration_micrometres(
        box.geometric_centre_distance_micrometres, monocular_pd_micrometres
    )
    allowance = load_dispensing_rules().minimum_blank_allowance_micrometres.value
    return LensFit(
        eye=eye,
        decentration_micrometres=decentration,
        minimum_blank_micrometres=minimum_blank_size_micrometres(
            box.effective_diameter_micrometres, decentration, allowance
        ),
        blank_diameter_micrometres=lens.blank_diameter_micrometres,
    )


def _require_heights(specification: LensSpecification, measurement: FittingMeasurement) -> None:
    least = specification.minimum_fitting_height_micrometres
    if least is None:
        return
    low = []
    for eye, _lens in specification.lenses():
        height = _height(specification.design, measurement.of(eye))
        if height is not None and height < least:
            low.append(eye)
    if low:
        raise HeightTooSmall(
            "the design needs more height than was measured",
            missing=[f"height of {least} micrometres for {eye}" for eye in low],
        )


def _height(design: LensDesign, part: EyeFitting | None) -> int | None:
    if part is None:
        return None
    if design is LensDesign.BIFOCAL:
        return part.segment_height_micrometres.amount
    return part.fitting_height_micrometres.amount
