"""The two forbidden things: going on after the prescription was superseded, and after it was
amended."""

from __future__ import annotations

from local_platform.demo import dispensing, front, making
from local_platform.demo.shop import Shop
from local_platform.instruments import Eye

SECOND_LOOK = (Eye(-250, -75, 90, acuity_hundredths=120), front.SUBJECTIVE[1])
CORRECTED_AXIS = 95


def release_on_a_superseded_prescription(shop: Shop) -> None:
    """After approval a new test supersedes the prescription; release is refused, then mended
    lawfully."""
    older = shop.glasses.prescription["envelope"]["id"]
    front.examine(shop, SECOND_LOOK, readings=4)
    front.prescribe(shop, SECOND_LOOK, supersedes_id=older)
    shop.forbidden("labjob.ReleaseJob", lambda: dispensing.try_release(shop))
    dispensing.specify_lens(shop)
    dispensing.reserve_lenses(shop)
    dispensing.requote(shop, "A second test changed the right lens.")
    dispensing.approve(shop)


def edge_on_an_amended_axis(shop: Shop) -> None:
    """While the job waits the axis is corrected; the edger is refused, then goes on with the new
    one."""
    prescription = shop.glasses.prescription
    od = {**front.prescribed(SECOND_LOOK[0]), "axis_degrees": CORRECTED_AXIS}
    shop.glasses.prescription = shop.desk("optometrist.ja1").do(
        "clinical.AmendPrescription",
        prescription_id=prescription["envelope"]["id"],
        revision=prescription["envelope"]["revision"],
        reason_code="RX_TRANSCRIPTION",
        reason="The axis was read from the wrong line.",
        od=od,
    )["prescription"]
    shop.forbidden("labjob.StartStation edging", lambda: making.start_edging(shop))
    dispensing.specify_lens(shop)
    dispensing.requote(shop, "The axis was corrected.")
    dispensing.approve(shop)
    optician = shop.desk("optician.ja1")
    job = optician.do("labjob.GetJob", job_id=shop.glasses.job_id)["job"]
    optician.do(
        "labjob.ReviseJob",
        job_id=shop.glasses.job_id,
        revision=job["envelope"]["revision"],
        reason="The axis was corrected.",
    )
    making.accept(shop)
    making.draw_and_prepare(shop)
