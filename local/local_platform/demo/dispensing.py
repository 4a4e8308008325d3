"""Steps 5 to 10: frame, lens, quotation, measurement, approval, deposit and the job's release."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from local_platform.demo.desk import Json
from local_platform.demo.sample_chain import FRAME_BOX
from local_platform.demo.shop import Shop, measured, picture

PROMISED_IN_DAYS = 5
_ACKNOWLEDGED = ("price", "specification", "measurements", "promise", "warranty", "redo", "limits")


def today_in_branch() -> datetime:
    """Return now where the sample chain stands."""
    return datetime.now(UTC) + timedelta(hours=8)


def choose_frame(shop: Shop) -> None:
    """Step 5."""
    optician = shop.desk("optician.ja1")
    needs = optician.do(
        "clinical.RecordNeedsAnalysis",
        visit_id=shop.glasses.visit_id,
        activities=["screen", "reading"],
        screen_hours=8,
        working_distance_micrometres=600_000,
        wishes="Light, and nothing that presses on the nose.",
        outcomes_shown="Thinner edge with index 1.60; fewer reflections with coating.",
    )["needs_analysis"]
    aside = optician.do(
        "inventory.SetAsideFrame",
        case_id=shop.glasses.case_id,
        customer_id=shop.glasses.customer_id,
        product_id=shop.chain.frame_id,
        branch_id=shop.chain.branches["JA1"],
    )["set_aside"]
    shop.glasses.set_aside_id = aside["envelope"]["id"]
    shop.glasses.piece_id = aside["piece_id"]
    selected = optician.do(
        "clinical.SelectFrame",
        visit_id=shop.glasses.visit_id,
        source="display",
        product_id=shop.chain.frame_id,
        piece_id=shop.glasses.piece_id,
        box=FRAME_BOX,
        tried=[{"product_id": shop.chain.frame_id, "remark": "sits well"}],
        chosen_by="wearer",
        needs_analysis_id=needs["envelope"]["id"],
    )["frame_selection"]
    shop.glasses.frame_selection_id = selected["envelope"]["id"]


def specify_lens(shop: Shop) -> None:
    """The lens that carries the live prescription; a newer specification supersedes the old one."""
    older = shop.glasses.lens_specification_id
    specified = shop.desk("optician.ja1").do(
        "clinical.SpecifyLens",
        visit_id=shop.glasses.visit_id,
        prescription_id=shop.glasses.prescription["envelope"]["id"],
        frame_selection_id=shop.glasses.frame_selection_id,
        product_id=shop.chain.lens_id,
        use="as_prescribed",
        options=["anti_reflection"],
        **({"supersedes_id": older} if older else {}),
    )["lens_specification"]
    shop.glasses.lens_specification_id = specified["envelope"]["id"]


def reserve_lenses(shop: Shop) -> None:
    """One lens for each eye from the central lab's shelf."""
    optician = shop.desk("optician.ja1")
    shop.glasses.reservation_ids = [
        optician.do(
            "inventory.ReserveLens",
            case_id=shop.glasses.case_id,
            customer_id=shop.glasses.customer_id,
            product_id=shop.chain.lens_id,
            eye=eye,
            power={
                name: shop.glasses.prescription[eye].get(name, 0)
                for name in ("sphere_centidioptres", "cylinder_centidioptres")
            },
            quantity=1,
            stock_branch_id=shop.chain.branches["LAB"],
        )["reservation"]["envelope"]["id"]
        for eye in ("od", "os")
    ]


def _wanted(shop: Shop) -> Json:
    return {
        "frame_selection_id": shop.glasses.frame_selection_id,
        "lens_specification_id": shop.glasses.lens_specification_id,
        "set_aside_id": shop.glasses.set_aside_id,
        "reservation_ids": shop.glasses.reservation_ids,
        "services": [{"service_code": "FITTING", "quantity": 1}],
    }


def quote(shop: Shop) -> None:
    """Step 6."""
    specify_lens(shop)
    reserve_lenses(shop)
    quoted = shop.desk("optician.ja1").do(
        "billing.QuoteOrder",
        case_id=shop.glasses.case_id,
        customer_id=shop.glasses.customer_id,
        discount_minor=3_000,
        discount_reason="Opening month",
        **_wanted(shop),
    )
    shop.glasses.order_id = quoted["order"]["envelope"]["id"]
    shop.glasses.total_minor = quoted["quotation"]["total_minor"]


def requote(shop: Shop, reason: str) -> None:
    """After a power change: the order is priced again, and the old quotation superseded."""
    quoted = shop.desk("optician.ja1").do(
        "billing.RequoteOrder",
        order_id=shop.glasses.order_id,
        discount_minor=3_000,
        discount_reason="Opening month",
        reason=reason,
        **_wanted(shop),
    )
    shop.glasses.total_minor = quoted["quotation"]["total_minor"]


def measure(shop: Shop) -> None:
    """Step 7: adjusted first, then measured on the chosen frame, with a photo."""
    optician = shop.desk("optician.ja1")
    photo = optician.upload("clinical", "photo", "image/png", picture("fitting photo"), "fitting")
    taken = optician.do(
        "clinical.RecordFittingMeasurement",
        visit_id=shop.glasses.visit_id,
        frame_selection_id=shop.glasses.frame_selection_id,
        frame_id=shop.glasses.piece_id,
        design="single_vision",
        adjustment={
            "adjusted_at": (datetime.now(UTC) - timedelta(minutes=3)).isoformat(),
            "is_front_level": True,
            "is_temple_spread_even": True,
            "is_pad_fit_even": True,
            "is_without_rock": True,
            "is_vertex_equal": True,
            "is_without_pressure_marks": True,
        },
        method="pupillometer",
        od={
            "monocular_pd_micrometres": measured(31_500),
            "fitting_height_micrometres": measured(20_000),
        },
        os={
            "monocular_pd_micrometres": measured(31_000),
            "fitting_height_micrometres": measured(20_000),
        },
        evidence_keys=[photo],
    )["fitting_measurement"]
    shop.glasses.measurement_id = taken["envelope"]["id"]


def approve(shop: Shop, promise_reason: str = "") -> None:
    """Step 8: read back and signed before a witness."""
    optician = shop.desk("optician.ja1")
    signature = optician.upload(
        "billing", "signature", "image/png", picture("approval"), "approval signed before witness"
    )
    promised = (today_in_branch() + timedelta(days=PROMISED_IN_DAYS)).date().isoformat()
    optician.do(
        "billing.ApproveOrder",
        order_id=shop.glasses.order_id,
        fitting_measurement_id=shop.glasses.measurement_id,
        terms_id=shop.chain.terms_id,
        promised_on=promised,
        read_back=dict.fromkeys(_ACKNOWLEDGED, True),
        signature_object_key=signature,
        **({"promise_reason": promise_reason} if promise_reason else {}),
    )


def pay_deposit(shop: Shop) -> None:
    """Step 9: half now, by card."""
    shop.desk("cashier.ja1").do(
        "billing.TakePayment",
        order_id=shop.glasses.order_id,
        amount={"amount_minor": shop.glasses.total_minor // 2, "currency": "CNY"},
        means="card",
        reference=f"TERMINAL-1/{shop.glasses.order_id}",
    )
    shop.until("the frame is reserved", lambda: _frame_is_reserved(shop))


def _frame_is_reserved(shop: Shop) -> bool:
    aside = shop.desk("optician.ja1").do(
        "inventory.GetSetAside", set_aside_id=shop.glasses.set_aside_id
    )["set_aside"]
    return bool(aside["envelope"]["state"] == "reserved")


def try_release(shop: Shop) -> Json:
    """Release the job to the central lab."""
    return shop.desk("optician.ja1").do(
        "labjob.ReleaseJob",
        order_id=shop.glasses.order_id,
        lab_id=shop.chain.branches["LAB"],
    )


def release(shop: Shop) -> None:
    """Step 10."""
    job = try_release(shop)["job"]
    shop.glasses.job_id = job["envelope"]["id"]
    shop.glasses.slip_number = job["slip_number"]
    shop.desk("optician.ja1").do("labjob.PrintTicket", job_id=shop.glasses.job_id)
