"""One order as the bench places it: from a new customer to a released job."""

from __future__ import annotations

from functools import lru_cache

from local_platform.demo import dispensing, front
from local_platform.demo.desk import Desk, Json
from local_platform.demo.shop import Glasses, Shop, measured
from local_platform.instruments import Eye

_PURPOSES = ("order_service", "recall", "marketing")
_EYES = (Eye(-300, 0, 0), Eye(-100, 0, 0))
FRAMES_IN_A_LOT = 200
AT_WORK = ("reception.ja1", "optometrist.ja1", "optician.ja1", "manager.ja1", "cashier.ja1")
"""Who places an order, by login."""


def stock_frames(shop: Shop, lots: int) -> None:
    """Receive and accept frames enough for the orders to come."""
    for lot in range(lots):
        received = shop.desk("receiver.ja1").do(
            "inventory.ReceiveGoods",
            supplier="Sample supplier",
            delivery_note=f"DN-BENCH-{lot}",
            lines=[
                {
                    "product_id": shop.chain.frame_id,
                    "lot_number": f"FR-BENCH-{lot}",
                    "unit_cost": {"amount_minor": 21_000, "currency": "CNY"},
                    "serials": [f"B{lot}-{n:04}" for n in range(FRAMES_IN_A_LOT)],
                    "quantity": FRAMES_IN_A_LOT,
                }
            ],
        )
        for one in received["lots"]:
            shop.desk("acceptor.ja1").do(
                "inventory.AcceptLot",
                lot_id=one["envelope"]["id"],
                appearance_checked=True,
                label_checked=True,
                certificate_checked=True,
            )


def register(reception: Desk, number: int) -> str:
    """Register a new customer and return the id."""
    person = reception.do(
        "customer.RegisterPerson",
        name=f"Customer {number}",
        sex="not_said",
        birthday="1985-05-05",
        phone=f"138{number:08}",
    )["person"]
    return str(person["envelope"]["id"])


def place(shop: Shop, number: int) -> Glasses:
    """Place one order and release its job; returns what is known of the pair."""
    shop.glasses = Glasses()
    arrive(shop, number)
    _examine(shop)
    dispensing.choose_frame(shop)
    dispensing.quote(shop)
    dispensing.measure(shop)
    dispensing.approve(shop)
    dispensing.pay_deposit(shop)
    dispensing.release(shop)
    return shop.glasses


def arrive(shop: Shop, number: int) -> None:
    """Register a new customer, who is asked what must be asked, and open the visit."""
    reception = shop.desk("reception.ja1")
    customer_id = shop.glasses.customer_id = register(reception, number)
    reception.do(
        "customer.VerifyContact",
        customer_id=customer_id,
        channel="phone_call",
        method="said_in_person",
    )
    for purpose in _PURPOSES:
        reception.do(
            "customer.RecordContactPermission",
            customer_id=customer_id,
            purpose=purpose,
            answer="no",
        )
    visit = reception.do("clinical.OpenVisit", customer_id=customer_id, purpose="spectacles")[
        "visit"
    ]
    shop.glasses.visit_id = visit["envelope"]["id"]
    shop.glasses.case_id = visit["envelope"]["case_id"]


@lru_cache(maxsize=1)
def _refracted() -> dict[str, object]:
    return {
        name: {
            "sphere_centidioptres": measured(eye.sphere_centidioptres),
            "cylinder_centidioptres": measured(0),
        }
        for name, eye in zip(("od", "os"), _EYES, strict=True)
    }


def record_refraction(shop: Shop, visit_id: str) -> Json:
    """Record a refraction of a visit, not yet signed."""
    recorded: Json = shop.desk("optometrist.ja1").do(
        "clinical.RecordRefraction",
        visit_id=visit_id,
        subjective=_refracted(),
        visual_acuities=front.acuities(),
        history="None.",
    )["refraction"]
    return recorded


def _examine(shop: Shop) -> None:
    recorded = record_refraction(shop, shop.glasses.visit_id)
    signed = shop.desk("optometrist.ja1").do(
        "clinical.SignRefraction",
        refraction_id=recorded["envelope"]["id"],
        revision=recorded["envelope"]["revision"],
    )["refraction"]
    shop.glasses.refraction_id = signed["envelope"]["id"]
    front.prescribe(shop, _EYES)
