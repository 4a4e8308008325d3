"""The lenses of a pair: a product and the powers ordered of it, on a live prescription, for a
chosen frame."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chassis.errors import Refused
from chassis.records.kinds import Kind, Transitions
from chassis.roles import Role
from clinical.dispensing.lens_product import (
    STOCK,
    WITH_ADDITION,
    LensDesign,
    LensProduct,
    PrismNotCovered,
)
from clinical.prescription import PrescribedEye, Prescription, PrescriptionPurpose
from clinical.value import Eye


class LensUse(StrEnum):
    """What the pair is used for."""

    AS_PRESCRIBED = "as_prescribed"
    NEAR = "near"


def is_centred_for_near(use: LensUse, purpose: PrescriptionPurpose) -> bool:
    """Tell whether lenses are centred for the distance the wearer works at rather than for far."""
    return use is LensUse.NEAR or purpose in (
        PrescriptionPurpose.NEAR,
        PrescriptionPurpose.INTERMEDIATE,
    )


class AddMissing(Refused):
    """The lens or its use needs an addition that is not prescribed."""

    reason = "ADD_MISSING"


@dataclass(frozen=True, kw_only=True)
class SpecifiedLens:
    """What is ordered for one eye, and the blank the product has for it."""

    sphere_centidioptres: int
    cylinder_centidioptres: int = 0
    axis_degrees: int | None = None
    add_centidioptres: int | None = None
    prism_in_centi_prism_dioptres: int = 0
    prism_up_centi_prism_dioptres: int = 0
    blank_diameter_micrometres: int


@dataclass(frozen=True, kw_only=True)
class LensSpecification:
    """Product, design, use and both lenses."""

    visit_id: str
    prescription_id: str
    frame_selection_id: str
    product_id: str
    design: LensDesign
    use: LensUse
    od: SpecifiedLens | None
    os: SpecifiedLens | None
    index_thousandths: int
    is_individualised: bool = False
    options: tuple[str, ...] = ()
    minimum_fitting_height_micrometres: int | None = None
    supersedes_id: str = ""

    def lenses(self) -> tuple[tuple[Eye, SpecifiedLens], ...]:
        """Return the lenses that are made, right before left."""
        both = ((Eye.OD, self.od), (Eye.OS, self.os))
        return tuple((eye, lens) for eye, lens in both if lens is not None)


LENS_SPECIFICATION = Kind(
    "clinical.lens_specification",
    "lsp",
    LensSpecification,
    Transitions("specified"),
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


def lenses_for(
    prescription: Prescription, product: LensProduct, use: LensUse
) -> dict[Eye, SpecifiedLens]:
    """Return the lens ordered for each prescribed eye.

    Raises AddMissing, PowerNotCovered, PrismNotCovered.
    """
    return {eye: _lens(eye, part, product, use) for eye, part in prescription.eyes()}


def _lens(eye: Eye, part: PrescribedEye, product: LensProduct, use: LensUse) -> SpecifiedLens:
    power, addition = part.power(), part.addition()
    has_near_portion = product.design in WITH_ADDITION
    if addition is None and (has_near_portion or use is LensUse.NEAR):
        raise AddMissing(
            f"no addition is prescribed for {eye}", missing=[f"addition for {eye}"], eye=str(eye)
        )
    if use is LensUse.NEAR and addition is not None and not has_near_portion:
        power = addition.near_power(power)
    if part.has_prism and product.supply == STOCK:
        raise PrismNotCovered(
            f"a stock lens cannot have the prism prescribed for {eye}",
            missing=["a lens made to order"],
            eye=str(eye),
        )
    add = addition.centidioptres if addition is not None and has_near_portion else None
    return SpecifiedLens(
        sphere_centidioptres=power.sphere_centidioptres,
        cylinder_centidioptres=power.cylinder_centidioptres,
        axis_degrees=power.axis_degrees,
        add_centidioptres=add,
        prism_in_centi_prism_dioptres=part.prism_in_centi_prism_dioptres,
        prism_up_centi_prism_dioptres=part.prism_up_centi_prism_dioptres,
        blank_diameter_micrometres=product.blank_for(str(eye), power, add),
    )
