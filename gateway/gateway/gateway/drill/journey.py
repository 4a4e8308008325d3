"""The steps of a pair of glasses as a drill goes through them: journey 1 with the people, the stock
and the customer of the drill alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chassis.wire import enum_words
from gateway.drill.floor import LAB, SHOP, DrillBroken, Floor
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.clinical.v1 import clinical_service_pb2 as clinical
from optichain.customer.v1 import customer_service_pb2 as customer
from optichain.inventory.v1 import inventory_service_pb2 as inventory
from optichain.inventory.v1 import product_pb2
from optichain.labjob.v1 import labjob_service_pb2 as labjob
from optichain.organisation.v1 import organisation_service_pb2 as organisation

_PRICES_LOOKED_AT = 50
_PURPOSES = ("order_service", "recall", "marketing")
_READ_BACK = ("price", "specification", "measurements", "promise", "warranty", "redo", "limits")
_BEFORE_CUTTING = ("tracing", "picking", "blocking")
_TRAY = "T-DRILL"
_SEEN_AS = {
    "od": {"sphere_centidioptres": -300, "cylinder_centidioptres": 0},
    "os": {"sphere_centidioptres": -100, "cylinder_centidioptres": 0},
}
"""What the drill's customer needs: two common powers without a cylinder."""
SECOND_TEST = {**_SEEN_AS, "od": {"sphere_centidioptres": -325, "cylinder_centidioptres": 0}}
"""What a second test, or a correction, finds instead."""
_POWERS = [_SEEN_AS["od"], _SEEN_AS["os"], SECOND_TEST["od"]]


def measured(amount: int) -> dict[str, Any]:
    """Return a value as it was measured."""
    return {"state": "measured", "amount": amount}


async def choose_goods(floor: Floor) -> None:
    """Find a frame and a stock lens that the chain sells, and its terms: what a drill sells is what
    the chain sells, its pieces are the drill's own. Raises DrillBroken."""
    listed = await floor.do("optician", billing.ListPricesRequest, page_size=_PRICES_LOOKED_AT)
    for price in listed.prices:
        if price.product_id and not {"frame_id", "lens_id"} <= floor.known.keys():
            await _look_at(floor, price.product_id)
    missing = [name for name in ("frame", "lens") if f"{name}_id" not in floor.known]
    if missing:
        raise DrillBroken(f"the price list in force sells no {' and no '.join(missing)}")
    terms = await floor.do("optician", billing.GetTermsRequest)
    floor.known["terms_id"] = terms.terms.envelope.id


async def _look_at(floor: Floor, product_id: str) -> None:
    found = await floor.do("optician", inventory.GetProductRequest, product_id=product_id)
    product = found.product
    if product.product_kind == product_pb2.PRODUCT_KIND_FRAME:
        floor.known.setdefault("frame_id", product_id)
        floor.known.setdefault("box", product.frame)
    elif product.product_kind == product_pb2.PRODUCT_KIND_LENS and _is_fit(product):
        floor.known.setdefault("lens_id", product_id)
        floor.known.setdefault("lens_options", [])


def _is_fit(product: Any) -> bool:
    """Tell whether a lens is a single vision lens off the shelf, made in the drill's powers."""
    lens = product.lens
    is_simple = (
        lens.design == product_pb2.LENS_DESIGN_SINGLE_VISION
        and lens.supply == product_pb2.LENS_SUPPLY_STOCK
    )
    return is_simple and all(
        any(
            one.sphere_min_centidioptres
            <= power["sphere_centidioptres"]
            <= one.sphere_max_centidioptres
            and one.cylinder_min_centidioptres <= 0 <= one.cylinder_max_centidioptres
            for one in product.power_ranges
        )
        for power in _POWERS
    )


async def receive_goods(floor: Floor) -> None:
    """Two frames at the drill's shop, lenses in its lab."""
    mark = floor.report.drill_id[-8:]
    frames = {"serials": [f"DRILL-{mark}-{n}" for n in (1, 2)], "quantity": 2}
    lenses = {
        "lenses": [{"power": power, "quantity": 4} for power in _POWERS],
        "quantity": 4 * len(_POWERS),
    }
    floor.known["frame_lot_id"] = await _receive(floor, SHOP, "frame_id", frames)
    floor.known["lens_lot_id"] = await _receive(floor, LAB, "lens_id", lenses)


async def _receive(floor: Floor, place: str, product: str, line: dict[str, Any]) -> str:
    named = {
        **line,
        "product_id": floor.known[product],
        "lot_number": f"DRILL-{floor.report.drill_id[-8:]}",
        "unit_cost": {"amount_minor": 1, "currency": "CNY"},
    }
    received = await floor.do(
        "receiver",
        inventory.ReceiveGoodsRequest,
        at=place,
        supplier="DRILL",
        delivery_note="DRILL",
        lines=[named],
    )
    lot_id = str(received.lots[0].envelope.id)
    await floor.do(
        "acceptor",
        inventory.AcceptLotRequest,
        at=place,
        lot_id=lot_id,
        appearance_checked=True,
        label_checked=True,
        certificate_checked=True,
    )
    return lot_id


async def arrive(floor: Floor) -> None:
    """Register the drill's customer and open the visit."""
    registered = await floor.do(
        "reception",
        customer.RegisterPersonRequest,
        name=f"DRILL {floor.report.drill_id[-6:]}",
        sex="not_said",
        birthday="1985-05-05",
        phone="13800000000",
    )
    customer_id = floor.known["customer_id"] = registered.person.envelope.id
    await floor.do(
        "reception",
        customer.VerifyContactRequest,
        customer_id=customer_id,
        channel="phone_call",
        method="said_in_person",
    )
    for purpose in _PURPOSES:
        await floor.do(
            "reception",
            customer.RecordContactPermissionRequest,
            customer_id=customer_id,
            purpose=purpose,
            answer="no",
        )
    opened = await floor.do(
        "reception", clinical.OpenVisitRequest, customer_id=customer_id, purpose="spectacles"
    )
    floor.known["visit_id"] = opened.visit.envelope.id
    floor.known["case_id"] = floor.report.case_id = opened.visit.envelope.case_id


async def refract(floor: Floor, powers: dict[str, dict[str, int]] | None = None) -> None:
    """Examine the customer and sign the refraction."""
    found = {
        eye: {name: measured(amount) for name, amount in power.items()}
        for eye, power in (powers or _SEEN_AS).items()
    }
    recorded = await floor.do(
        "optometrist",
        clinical.RecordRefractionRequest,
        visit_id=floor.known["visit_id"],
        subjective=found,
        visual_acuities=[
            {
                "eye": eye,
                "condition": "best_corrected",
                "distance_micrometres": 5_000_000,
                "scale": "decimal",
                "written": "1.0",
            }
            for eye in ("od", "os")
        ],
        history="Drill.",
    )
    signed = await floor.do(
        "optometrist",
        clinical.SignRefractionRequest,
        refraction_id=recorded.refraction.envelope.id,
        revision=recorded.refraction.envelope.revision,
    )
    floor.known["refraction_id"] = signed.refraction.envelope.id


async def prescribe(
    floor: Floor, powers: dict[str, dict[str, int]] | None = None, *, supersedes_id: str = ""
) -> None:
    """Sign the prescription."""
    signed = await floor.do(
        "optometrist",
        clinical.SignPrescriptionRequest,
        refraction_id=floor.known["refraction_id"],
        purpose="distance",
        od=(powers or _SEEN_AS)["od"],
        os=(powers or _SEEN_AS)["os"],
        pd={
            "od_micrometres": measured(31_500),
            "os_micrometres": measured(31_000),
            "binocular_micrometres": measured(62_500),
        },
        notes="Drill.",
        supersedes_id=supersedes_id,
    )
    floor.known["prescription"] = signed.prescription


async def choose_frame(floor: Floor) -> None:
    """Needs, a frame set aside, the selection."""
    needs = await floor.do(
        "optician",
        clinical.RecordNeedsAnalysisRequest,
        visit_id=floor.known["visit_id"],
        activities=["reading"],
        screen_hours=1,
        working_distance_micrometres=600_000,
        wishes="Drill.",
        outcomes_shown="Drill.",
    )
    floor.known["needs_id"] = needs.needs_analysis.envelope.id
    await set_aside(floor)


async def set_aside(floor: Floor) -> None:
    """Hold a piece of the frame, and select it."""
    held = await floor.do(
        "optician",
        inventory.SetAsideFrameRequest,
        case_id=floor.known["case_id"],
        customer_id=floor.known["customer_id"],
        product_id=floor.known["frame_id"],
        branch_id=floor.shop_id,
    )
    floor.known["set_aside_id"] = held.set_aside.envelope.id
    floor.known["piece_id"] = held.set_aside.piece_id
    frame = floor.known["box"]
    sizes = ("a", "b", "dbl", "ed", "temple")
    box = {f"{one}_micrometres": getattr(frame, f"{one}_micrometres") for one in sizes}
    selected = await floor.do(
        "optician",
        clinical.SelectFrameRequest,
        visit_id=floor.known["visit_id"],
        source="display",
        product_id=floor.known["frame_id"],
        piece_id=floor.known["piece_id"],
        box=box,
        tried=[{"product_id": floor.known["frame_id"], "remark": "drill"}],
        chosen_by="wearer",
        needs_analysis_id=floor.known["needs_id"],
    )
    floor.known["frame_selection_id"] = selected.frame_selection.envelope.id


async def specify_and_reserve(floor: Floor) -> None:
    """The lens that carries the live prescription, one reserved for each eye in the drill's lab."""
    prescription = floor.known["prescription"]
    specified = await floor.do(
        "optician",
        clinical.SpecifyLensRequest,
        visit_id=floor.known["visit_id"],
        prescription_id=prescription.envelope.id,
        frame_selection_id=floor.known["frame_selection_id"],
        product_id=floor.known["lens_id"],
        use="as_prescribed",
        supersedes_id=floor.known.get("lens_specification_id", ""),
    )
    floor.known["lens_specification_id"] = specified.lens_specification.envelope.id
    floor.known["reservation_ids"] = [
        await _reserve(floor, eye, getattr(prescription, eye)) for eye in ("od", "os")
    ]


async def _reserve(floor: Floor, eye: str, power: Any) -> str:
    reserved = await floor.do(
        "optician",
        inventory.ReserveLensRequest,
        case_id=floor.known["case_id"],
        customer_id=floor.known["customer_id"],
        product_id=floor.known["lens_id"],
        eye=eye,
        power={
            "sphere_centidioptres": power.sphere_centidioptres,
            "cylinder_centidioptres": power.cylinder_centidioptres,
        },
        quantity=1,
        stock_branch_id=floor.lab_id,
    )
    return str(reserved.reservation.envelope.id)


def _wanted(floor: Floor) -> dict[str, Any]:
    names = ("frame_selection_id", "lens_specification_id", "set_aside_id", "reservation_ids")
    return {name: floor.known[name] for name in names}


async def quote(floor: Floor) -> None:
    """Price the glasses; anew when the order is there."""
    if "order_id" in floor.known:
        quoted = await floor.do(
            "optician",
            billing.RequoteOrderRequest,
            order_id=floor.known["order_id"],
            reason="Drill.",
            **_wanted(floor),
        )
    else:
        quoted = await floor.do(
            "optician",
            billing.QuoteOrderRequest,
            case_id=floor.known["case_id"],
            customer_id=floor.known["customer_id"],
            **_wanted(floor),
        )
        floor.known["order_id"] = quoted.order.envelope.id
    floor.known["total_minor"] = quoted.quotation.total_minor
    floor.known["currency"] = quoted.quotation.currency


async def measure(floor: Floor) -> None:
    """Adjust the frame, then measure on it, with a photo."""
    photo = await floor.upload("optician", "clinical", "photo")
    eye = {"fitting_height_micrometres": measured(20_000)}
    even = ("front_level", "temple_spread_even", "pad_fit_even", "vertex_equal")
    taken = await floor.do(
        "optician",
        clinical.RecordFittingMeasurementRequest,
        visit_id=floor.known["visit_id"],
        frame_selection_id=floor.known["frame_selection_id"],
        frame_id=floor.known["piece_id"],
        design="single_vision",
        adjustment={
            "adjusted_at": datetime.now(UTC) - timedelta(minutes=3),
            **{f"is_{one}": True for one in even},
            "is_without_rock": True,
            "is_without_pressure_marks": True,
        },
        method="pupillometer",
        od={**eye, "monocular_pd_micrometres": measured(31_500)},
        os={**eye, "monocular_pd_micrometres": measured(31_000)},
        evidence_keys=[photo],
    )
    floor.known["measurement_id"] = taken.fitting_measurement.envelope.id


async def approve(floor: Floor, *, in_days: int = 5) -> None:
    """Read back and sign; the promise is kept once it is made."""
    signature = await floor.upload("optician", "billing", "signature")
    floor.known.setdefault("promised_on", (await today(floor)) + timedelta(days=in_days))
    await floor.do(
        "optician",
        billing.ApproveOrderRequest,
        order_id=floor.known["order_id"],
        fitting_measurement_id=floor.known["measurement_id"],
        terms_id=floor.known["terms_id"],
        promised_on=floor.known["promised_on"].isoformat(),
        read_back=dict.fromkeys(_READ_BACK, True),
        signature_object_key=signature,
    )


async def pay(floor: Floor) -> None:
    """Take the whole price, and wait until the order has its stock."""
    await floor.do(
        "cashier",
        billing.TakePaymentRequest,
        order_id=floor.known["order_id"],
        amount={"amount_minor": floor.known["total_minor"], "currency": floor.known["currency"]},
        means="card",
        reference=f"DRILL/{floor.known['order_id']}",
    )

    async def reserved() -> bool:
        held = await floor.do(
            "optician", inventory.GetSetAsideRequest, set_aside_id=floor.known["set_aside_id"]
        )
        return bool(held.set_aside.envelope.state == "reserved")

    await floor.require("the frame is reserved for the order", reserved)


async def release(floor: Floor) -> None:
    """Hand the order to the drill's lab."""
    released = await floor.do(
        "optician",
        labjob.ReleaseJobRequest,
        order_id=floor.known["order_id"],
        lab_id=floor.lab_id,
    )
    floor.known["job_id"] = released.job.envelope.id
    floor.known["slip_number"] = released.job.slip_number


async def send_tray(floor: Floor) -> None:
    """The frame travels to the lab in its tray."""
    job_id = floor.known["job_id"]
    frame = {
        "frame_product_id": floor.known["frame_id"],
        "frame_serial": floor.known["piece_id"],
    }
    await floor.do(
        "frame_controller", labjob.SendTrayRequest, job_id=job_id, tray_code=_TRAY, **frame
    )
    job = await job_now(floor)
    for request in (labjob.TakeShipmentRequest, labjob.HandOverShipmentRequest):
        await floor.do("courier", request, shipment_id=job.shipment_id)
    photo = await floor.upload("lab_clerk", "labjob", "photo")
    await floor.do(
        "lab_clerk",
        labjob.ReceiveTrayRequest,
        job_id=job_id,
        tray_code=_TRAY,
        slip_number=floor.known["slip_number"],
        condition="as_sent",
        evidence_keys=[photo],
        **frame,
    )


async def job_now(floor: Floor) -> Any:
    """Return the job as it stands."""
    found = await floor.do("lab_clerk", labjob.GetJobRequest, job_id=floor.known["job_id"])
    return found.job


async def accept(floor: Floor, *, in_days: int = 2) -> None:
    """The lab takes the job with its own estimate."""
    eta = (await today(floor)) + timedelta(days=in_days)
    await floor.do(
        "lab_clerk",
        labjob.AcceptJobRequest,
        job_id=floor.known["job_id"],
        eta_date=eta.isoformat(),
    )


async def draw(floor: Floor) -> None:
    """Draw the lenses to the job."""
    await floor.do("lab_technician", labjob.DrawLensesRequest, job_id=floor.known["job_id"])


async def prepare(floor: Floor) -> None:
    """Draw the lenses and take the stations before the first cut, as far as they are not done."""
    job = await job_now(floor)
    if not job.drawn_lenses:
        await draw(floor)
        job = await job_now(floor)  # what was done with other lenses is to be done again
    words = enum_words(job.DESCRIPTOR.fields_by_name["stations"].enum_type)
    to_do = [words[one] for one in job.stations if one not in job.done_stations]
    for name in to_do:
        if name in _BEFORE_CUTTING:
            await start(floor, name)
            await floor.do(
                "lab_technician",
                labjob.FinishStationRequest,
                job_id=floor.known["job_id"],
                station=name,
            )


async def start(floor: Floor, station: str) -> None:
    """Press start at a machine."""
    await floor.do(
        "lab_technician",
        labjob.StartStationRequest,
        job_id=floor.known["job_id"],
        station=station,
        machine=f"M-{station}",
    )


async def revise(floor: Floor) -> None:
    """Let the job stand on the new approval."""
    job = await job_now(floor)
    await floor.do(
        "optician",
        labjob.ReviseJobRequest,
        job_id=floor.known["job_id"],
        revision=job.envelope.revision,
        reason="Drill.",
    )


async def today(floor: Floor) -> date:
    """Return the day it is at the drill's shop."""
    if "zone" not in floor.known:
        shop = await floor.do("optician", organisation.GetBranchRequest, branch_id=floor.shop_id)
        floor.known["zone"] = shop.branch.time_zone
    return datetime.now(ZoneInfo(floor.known["zone"])).date()


async def up_to_prescription(floor: Floor) -> None:
    """Go through the journey until the refraction is signed."""
    await choose_goods(floor)
    await receive_goods(floor)
    await arrive(floor)
    await refract(floor)


async def up_to_quotation(floor: Floor) -> None:
    """Go through the journey until the order is quoted and measured."""
    await up_to_prescription(floor)
    await prescribe(floor)
    await choose_frame(floor)
    await specify_and_reserve(floor)
    await quote(floor)
    await measure(floor)


async def up_to_confirmed(floor: Floor, *, promised_in_days: int = 5) -> None:
    """Go through the journey until the order is paid and has its stock."""
    await up_to_quotation(floor)
    await approve(floor, in_days=promised_in_days)
    await pay(floor)


async def up_to_lab(floor: Floor, *, promised_in_days: int = 5) -> None:
    """Go through the journey until the lab has the tray."""
    await up_to_confirmed(floor, promised_in_days=promised_in_days)
    await release(floor)
    await send_tray(floor)


async def order_anew(floor: Floor) -> None:
    """Specify, quote and approve again upon what changed."""
    await specify_and_reserve(floor)
    await quote(floor)
    await approve(floor)
