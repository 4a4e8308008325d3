"""An order for the gateway's tests: a shop whose customer has approved one, with a signature that
really lies in the object store."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import httpx
from PIL import Image

from billing import commands_approving as approving
from billing import commands_publishing as publishing
from billing import commands_quoting as quoting
from billing.money.price_list import Price
from billing.order.approval import ReadBack
from billing.order.basis import Basis, Goods, Held
from billing.order.lens import Eye, LensPower
from chain import Chain, Person
from chassis.ids import new_id
from chassis.roles import Role
from gateway_door import Door

FRAME_ID, LENS_ID = new_id("prd"), new_id("prd")
LOGIN, PASSWORD = "lin.wei", "correct horse battery"
FIRST_PASSWORD = "given by head office"
_READ_BACK = ReadBack(
    price=True,
    specification=True,
    measurements=True,
    promise=True,
    warranty=True,
    redo=True,
    limits=True,
)


@dataclass(frozen=True)
class Shop:
    """A branch, its optician (who can also sign in by password), and the order."""

    optician: Person
    branch_id: str
    order_id: str
    case_id: str


def open_shop(chain: Chain, door: Door) -> Shop:
    """Open a branch, appoint an optician, and have an order approved."""
    office = chain.person(Role.HEAD_OFFICE)
    branch = {"name": "静安店", "code": "JA1", "branch_kind": "shop", "time_zone": "Asia/Shanghai"}
    opened = door.call("POST", "/branches", token=office.token, json=branch)
    branch_id = opened.json()["branch"]["envelope"]["id"]
    appoint(door, office, branch_id, LOGIN, "optician", "receiver")
    optician = chain.person(Role.OPTICIAN, branch_id=branch_id)
    case_id = new_id("case")
    _publish(chain, office)
    order_id = quoted(chain, optician, case_id)
    _approved(chain, door, optician, order_id)
    return Shop(optician, branch_id, order_id, case_id)


def appoint(door: Door, office: Person, branch_id: str, login: str, *roles: str) -> None:
    """Appoint somebody, and have the first password changed to one's own."""
    staff = {
        "name": "林薇",
        "roles": roles,
        "branch_ids": [branch_id],
        "login": login,
        "first_password": FIRST_PASSWORD,
    }
    assert door.call("POST", "/staff", token=office.token, json=staff).status_code == 200
    given = {"login": login, "password": FIRST_PASSWORD}
    token = door.call("POST", "/sessions", json=given).json()["session"]["token"]
    own = {"present_password": FIRST_PASSWORD, "new_password": PASSWORD}
    assert door.call("POST", "/password", token=token, json=own).status_code == 200


def _publish(chain: Chain, office: Person) -> None:
    prices = (
        Price(product_id=FRAME_ID, service_code="", name="", amount_minor=60_000),
        Price(product_id=LENS_ID, service_code="", name="", amount_minor=45_000),
    )
    with chain.work("billing", office.actor) as work:
        publishing.publish_price_list(
            work, edition="2026", valid_from=date(2026, 1, 1), currency="CNY", prices=prices
        )
        publishing.publish_terms(
            work,
            edition="2026",
            valid_from=date(2026, 1, 1),
            warranty_days=365,
            warranty_text="质保一年",
            redo_days=30,
            redo_attempts=1,
            redo_text="三十天内可重做一次",
            price_text="定金三成",
            limits_text="需要适应",
        )


def quoted(chain: Chain, by: Person, case_id: str) -> str:
    """Have an order quoted, and return its id."""
    set_aside_id = new_id("sta")
    minus_two = LensPower(sphere_centidioptres=-200)
    basis = Basis(
        frame_product_id=FRAME_ID,
        is_own_frame=False,
        is_frame_here=True,
        lens_product_id=LENS_ID,
        lenses=dict.fromkeys(Eye, minus_two),
        goods={
            FRAME_ID: Goods(name="暴龙 BL1001", unit_cost_minor=20_000),
            LENS_ID: Goods(name="明月 1.60", unit_cost_minor=9_000),
        },
        set_asides=[Held(id=set_aside_id, product_id=FRAME_ID, state="set_aside")],
        reservations=[
            Held(id=new_id("rsv"), product_id=LENS_ID, state="reserved", eye=eye, power=minus_two)
            for eye in Eye
        ],
        pins=[],
    )
    with chain.work("billing", by.actor) as work:
        answer = quoting.quote_order(
            work,
            case_id=case_id,
            customer_id=new_id("cus"),
            frame_selection_id=new_id("fsl"),
            lens_specification_id=new_id("lsp"),
            set_aside_id=set_aside_id,
            reservation_ids=tuple(one.id for one in basis.reservations),
            services=(),
            discount_minor=0,
            discount_reason="",
            basis=basis,
        )
    return str(answer["order"].id)


def _approved(chain: Chain, door: Door, optician: Person, order_id: str) -> None:
    terms = door.call("GET", "/terms", token=optician.token).json()["terms"]
    today = (datetime.now(UTC) + timedelta(hours=8)).date()
    signature = signed(door, optician)
    with chain.work("billing", optician.actor) as work:
        approving.approve_order(
            work,
            order_id=order_id,
            revision=0,
            fitting_measurement_id=new_id("fmm"),
            terms_id=terms["envelope"]["id"],
            promised_on=today + timedelta(days=7),
            promise_reason="",
            read_back=_READ_BACK,
            signature_object_key=signature,
            measurement_pins=(),
        )


def signed(door: Door, optician: Person) -> str:
    """Upload a signature as a browser would, and return its key."""
    picture = io.BytesIO()
    Image.new("RGB", (40, 16), "white").save(picture, "PNG")
    data = picture.getvalue()
    wanted = {"purpose": "signature", "media_type": "image/png"}
    offer = door.call("POST", "/billing/uploads", token=optician.token, json=wanted).json()
    httpx.put(
        offer["url"], content=data, headers={"Content-Type": "image/png"}, trust_env=False
    ).raise_for_status()
    shown = {
        "object_key": offer["object_key"],
        "sha256": hashlib.sha256(data).hexdigest(),
        "note": "signature",
    }
    answer = door.call("POST", "/billing/uploads/confirm", token=optician.token, json=shown)
    return str(answer.json()["evidence"]["object_key"])
