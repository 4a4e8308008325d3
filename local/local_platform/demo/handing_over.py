"""Steps 14 to 17: back to the branch, ready, collected, and what comes after."""

from __future__ import annotations

from local_platform.demo.making import TRAY, carry
from local_platform.demo.shop import Shop, picture


def ship_back(shop: Shop) -> None:
    """Step 14."""
    shop.desk("clerk.lab").do("labjob.ShipJob", job_id=shop.glasses.job_id, tray_code=TRAY)
    carry(shop)
    shop.desk("reception.ja1").do(
        "labjob.ReceiveJob",
        job_id=shop.glasses.job_id,
        slip_number=shop.glasses.slip_number,
        frame_product_id=shop.chain.frame_id,
        condition="as_sent",
    )


def make_ready(shop: Shop) -> None:
    """Step 15: looked over, and she is told on a channel she permits."""
    optician = shop.desk("optician.ja1")
    optician.do(
        "labjob.CheckAtBranch",
        job_id=shop.glasses.job_id,
        as_ordered="passed",
        appearance="passed",
    )
    optician.do("labjob.MarkReady", job_id=shop.glasses.job_id)
    optician.do(
        "customer.RecordMessage",
        customer_id=shop.glasses.customer_id,
        purpose="order_service",
        outcome="told",
        channel="sms",
        said="Your glasses are ready.",
        case_id=shop.glasses.case_id,
        order_id=shop.glasses.order_id,
    )
    shop.until("the order is ready", lambda: order_state(shop) == "ready")


def order_state(shop: Shop) -> str:
    """Return the order's state."""
    order = shop.desk("optician.ja1").do("billing.GetOrder", order_id=shop.glasses.order_id)
    return str(order["order"]["envelope"]["state"])


def collect(shop: Shop) -> None:
    """Step 16: she sees through them, pays the rest and signs."""
    optician = shop.desk("optician.ja1")
    optician.do(
        "labjob.RecordFittingCheck",
        job_id=shop.glasses.job_id,
        acuity={"notation": "decimal", "od": "1.0", "os": "1.0", "ou": "1.2"},
        adjustment="Temples shortened by a little.",
        passed=True,
    )
    balance = optician.do("billing.GetOrder", order_id=shop.glasses.order_id)["balance"]
    shop.desk("cashier.ja1").do(
        "billing.TakePayment",
        order_id=shop.glasses.order_id,
        amount={"amount_minor": balance["due"]["amount_minor"], "currency": "CNY"},
        means="cash",
    )
    receipt = shop.desk("cashier.ja1").do("billing.GetReceipt", order_id=shop.glasses.order_id)
    shop.say(f"     receipt {receipt['receipt']['receipt_number']}")
    signature = optician.upload(
        "labjob", "signature", "image/png", picture("collected"), "collected"
    )
    optician.do(
        "labjob.CollectJob",
        job_id=shop.glasses.job_id,
        slip_number=shop.glasses.slip_number,
        collected_by="wearer",
        identity_proof="known_wearer",
        is_care_explained=True,
        is_warranty_told=True,
        signature_key=signature,
    )
    shop.until("the order is collected", lambda: order_state(shop) == "collected")


def follow_up(shop: Shop) -> None:
    """Step 17: a follow-up because she wants one, a recheck by rule, and the order is closed."""
    optician = shop.desk("optician.ja1")
    planned = shop.until("a follow-up is planned", lambda: _follow_up(shop))
    optician.do(
        "customer.RecordFollowUp",
        follow_up_id=planned["envelope"]["id"],
        revision=planned["envelope"]["revision"],
        finding="content",
        channel="phone_call",
        said="Sees well, no headaches.",
    )
    shop.until("a recheck is planned", lambda: _recheck(shop))
    optician.do(
        "billing.CloseOrder",
        order_id=shop.glasses.order_id,
        follow_up_id=planned["envelope"]["id"],
    )


def _follow_up(shop: Shop) -> dict[str, dict[str, str]] | None:
    listed = (
        shop.desk("optician.ja1")
        .do("customer.ListFollowUps", order_id=shop.glasses.order_id)
        .get("follow_ups", ())
    )
    return listed[0] if listed else None


def _recheck(shop: Shop) -> bool:
    file = shop.desk("optometrist.ja1").do(
        "clinical.GetVisionFile", customer_id=shop.glasses.customer_id
    )
    return bool(file["vision_file"].get("recheck_plans"))
