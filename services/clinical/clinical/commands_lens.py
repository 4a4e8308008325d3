"""The lenses of a pair, specified on a live prescription for a selected frame."""

from __future__ import annotations

from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.records.book import RecordVoid
from chassis.records.envelope import Record
from chassis.records.pins import Pin, pin
from clinical import store, store_records
from clinical.commands_case import add_to_case, require_case
from clinical.dispensing import frame_selection as frames
from clinical.dispensing.frame_selection import FRAME_SELECTION
from clinical.dispensing.lens_fit import fits
from clinical.dispensing.lens_product import LensProduct
from clinical.dispensing.lens_specification import (
    LENS_SPECIFICATION,
    LensSpecification,
    LensUse,
    lenses_for,
)
from clinical.prescription import PRESCRIPTION, RELIED_ON, Prescription
from clinical.value import Eye
from clinical.visit import VISIT, CustomerDiffers, Visit


def specify_lens(
    work: UnitOfWork,
    *,
    visit_id: str,
    prescription_id: str,
    frame_selection_id: str,
    product_id: str,
    use: LensUse,
    is_individualised: bool = False,
    options: tuple[str, ...] = (),
    supersedes_id: str = "",
    product: LensProduct,
    product_pin: Pin,
) -> Record[LensSpecification]:
    """Specify the lenses of a pair and pin prescription, frame selection and product.

    Raises Unknown, RecordVoid, PrescriptionExpired, CustomerDiffers, CaseDiffers, PowerNotCovered,
    AddMissing, PrismNotCovered, BlankTooSmall, HeightTooSmall, Invalid, PinOutdated.
    """
    visit = work.records.get(VISIT, visit_id)
    prescription = _live_prescription(work, visit, prescription_id)
    selection = work.records.live(FRAME_SELECTION, frame_selection_id)
    require_case(visit, selection)
    unknown = sorted(set(options) - set(product.options()))
    if unknown:
        raise invalid("options", "options", f"the product has no {', '.join(unknown)}")
    lenses = lenses_for(prescription.content, product, use)
    content = LensSpecification(
        visit_id=visit_id,
        prescription_id=prescription_id,
        frame_selection_id=frame_selection_id,
        product_id=product_id,
        design=product.design,
        use=use,
        od=lenses.get(Eye.OD),
        os=lenses.get(Eye.OS),
        index_thousandths=product.index_thousandths,
        is_individualised=is_individualised,
        options=options or product.options(),
        minimum_fitting_height_micrometres=product.minimum_fitting_height_micrometres,
        supersedes_id=supersedes_id,
    )
    measured = store_records.measurement_on(work.connection, frame_selection_id)
    if measured is not None:
        fits(content, measured.content, selection.content.box, prescription.content.purpose)
    return add_to_case(
        work,
        LENS_SPECIFICATION,
        content,
        visit,
        relies_on=[
            pin(prescription, *RELIED_ON),
            pin(selection, *frames.RELIED_ON),
            product_pin,
        ],
    )


def _live_prescription(
    work: UnitOfWork, visit: Record[Visit], prescription_id: str
) -> Record[Prescription]:
    """Return a prescription that may be dispensed today, from whichever branch it came."""
    prescription = work.records.find(PRESCRIPTION, prescription_id)
    today = store.day_at(work.connection, work.actor.branch_id, work.at)
    prescription.content.require_in_force(today)
    if prescription.void:
        raise RecordVoid(
            f"{prescription_id} is {prescription.void}",
            id=prescription_id,
            state=prescription.void,
        )
    if prescription.customer_id != visit.customer_id:
        raise CustomerDiffers("the prescription is somebody else's", id=prescription_id)
    return prescription
