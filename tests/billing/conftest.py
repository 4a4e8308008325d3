"""A shop for billing's tests: prices and terms published, and an order taken as far as a test
needs, by the commands themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from billing import commands_approving as approving
from billing import commands_making as making
from billing import commands_paying as paying
from billing import commands_publishing as publishing
from billing import commands_quoting as quoting
from billing import queries
from billing.money.payment import PaymentMeans
from billing.money.price_list import Price
from billing.order.approval import ReadBack
from billing.order.basis import Basis, Goods, Held
from billing.order.lens import Eye, LensPower
from billing.order.order import ORDER, Order
from chain import Chain, Person
from chassis import actor, evidence
from chassis.actor import Scope
from chassis.db import Reading
from chassis.ids import new_id
from chassis.money import Money
from chassis.records.envelope import Evidence, Record
from chassis.roles import Role

FRAME_PRICE, LENS_PRICE, EDGING_PRICE = 60_000, 45_000, 3_000
TOTAL = FRAME_PRICE + 2 * LENS_PRICE
MINUS_TWO = LensPower(sphere_centidioptres=-200, cylinder_centidioptres=-50)
EVERYTHING = ReadBack(
    price=True,
    specification=True,
    measurements=True,
    promise=True,
    warranty=True,
    redo=True,
    limits=True,
)


@dataclass
class Shop:
    """A branch with its people, its goods, and the commands of billing in their names."""

    chain: Chain
    optician: Person
    cashier: Person
    manager: Person
    office: Person
    frame_id: str
    lens_id: str
    price_list_id: str = ""
    terms_id: str = ""

    @property
    def today(self) -> date:
        """Today where the shop is."""
        return (datetime.now(UTC) + timedelta(hours=8)).date()

    def publish_prices(self, valid_from: date = date(2026, 1, 1)) -> None:
        """Publish what is sold."""
        prices = (
            Price(product_id=self.frame_id, service_code="", name="", amount_minor=FRAME_PRICE),
            Price(product_id=self.lens_id, service_code="", name="", amount_minor=LENS_PRICE),
            Price(product_id="", service_code="edging", name="加工", amount_minor=EDGING_PRICE),
        )
        with self.chain.work("billing", self.office.actor) as work:
            price_list = publishing.publish_price_list(
                work,
                edition=f"from {valid_from}",
                valid_from=valid_from,
                currency="CNY",
                prices=prices,
            )
        self.price_list_id = price_list.id

    def publish_terms(self, valid_from: date = date(2026, 1, 1)) -> None:
        """Publish on which terms it is sold."""
        with self.chain.work("billing", self.office.actor) as work:
            terms = publishing.publish_terms(
                work,
                edition=f"from {valid_from}",
                valid_from=valid_from,
                warranty_days=365,
                warranty_text="镜架镜片质保一年",
                redo_days=30,
                redo_attempts=1,
                redo_text="三十天内不适应可重做一次",
                price_text="定金三成",
                limits_text="渐进镜片需要适应",
            )
        self.terms_id = terms.id

    def basis(self, **changed: Any) -> Basis:
        """Return a frame of the display and two lenses, all held for the case."""
        usual = Basis(
            frame_product_id=self.frame_id,
            is_own_frame=False,
            is_frame_here=True,
            lens_product_id=self.lens_id,
            lenses={Eye.OD: MINUS_TWO, Eye.OS: MINUS_TWO},
            goods={
                self.frame_id: Goods(name="暴龙 BL1001", unit_cost_minor=20_000),
                self.lens_id: Goods(name="明月 1.60", unit_cost_minor=9_000),
            },
            set_asides=[],
            reservations=[],
            pins=[],
        )
        return replace(usual, **changed)

    def quote(self, *, by: Person | None = None, **changed: Any) -> Record[Order]:
        """Quote a pair, held for the case as it should be."""
        set_aside_id, lenses = new_id("sta"), pair()
        basis = changed.pop("basis", None) or self.held(set_aside_id, *lenses)
        asked: dict[str, Any] = {
            "case_id": new_id("case"),
            "customer_id": new_id("cus"),
            "frame_selection_id": new_id("fsl"),
            "lens_specification_id": new_id("lsp"),
            "set_aside_id": set_aside_id,
            "reservation_ids": lenses,
            "services": (),
            "discount_minor": 0,
            "discount_reason": "",
            "basis": basis,
            **changed,
        }
        with self.chain.work("billing", (by or self.optician).actor) as work:
            order: Record[Order] = quoting.quote_order(work, **asked)["order"]
        return order

    def held(self, set_aside_id: str, *reservation_ids: str, became_id: str = "") -> Basis:
        """Return a basis with these held."""
        return self.basis(
            set_asides=[
                Held(
                    id=set_aside_id,
                    product_id=self.frame_id,
                    state="reserved" if became_id else "set_aside",
                    became_id=became_id,
                )
            ],
            reservations=self.reserved(*reservation_ids),
        )

    def reserved(self, *reservation_ids: str) -> list[Held]:
        """Return the lenses of a pair as reserved, right before left."""
        return [
            Held(id=one, product_id=self.lens_id, state="reserved", eye=eye, power=MINUS_TWO)
            for one, eye in zip(reservation_ids, Eye, strict=False)
        ]

    def own_frame(self) -> dict[str, Any]:
        """Return what is asked for lenses in the customer's own frame."""
        lenses = pair()
        own = self.basis(
            frame_product_id="",
            is_own_frame=True,
            is_frame_here=False,
            reservations=self.reserved(*lenses),
        )
        return {"basis": own, "set_aside_id": "", "reservation_ids": lenses}

    def requote(self, order_id: str, **changed: Any) -> Record[Order]:
        """Quote the order anew with other lenses reserved and the same frame."""
        kept = self.order(order_id).content
        lenses = pair()
        asked: dict[str, Any] = {
            "revision": 0,
            "frame_selection_id": kept.frame_selection_id,
            "lens_specification_id": new_id("lsp"),
            "set_aside_id": kept.set_aside_id,
            "reservation_ids": lenses,
            "services": (),
            "discount_minor": 0,
            "discount_reason": "",
            "reason": "the prescription was replaced",
            "basis": self.held(kept.set_aside_id, *lenses),
            **changed,
        }
        with self.chain.work("billing", self.optician.actor) as work:
            order: Record[Order] = quoting.requote_order(work, order_id=order_id, **asked)["order"]
        return order

    def signature(self, media_type: str = "image/png") -> str:
        """Return the key of a confirmed signature."""
        key = f"billing/signature/{new_id('obj')}"
        with self.chain.work("billing", self.optician.actor) as work:
            evidence.offered(work.connection, key, media_type, work.actor, work.at)
            shown = Evidence(
                object_key=key,
                sha256=hashlib.sha256(key.encode()).hexdigest(),
                media_type=media_type,
                size_bytes=100,
            )
            evidence.confirmed(work.connection, shown, work.at)
        return key

    def approve(self, order_id: str, **changed: Any) -> Record[Order]:
        """Have the customer approve an order, to be collected in a week."""
        asked: dict[str, Any] = {
            "revision": 0,
            "fitting_measurement_id": new_id("fmm"),
            "terms_id": self.terms_id,
            "promised_on": self.today + timedelta(days=7),
            "promise_reason": "",
            "read_back": EVERYTHING,
            "signature_object_key": changed.pop("signature", "") or self.signature(),
            "measurement_pins": (),
            **changed,
        }
        with self.chain.work("billing", self.optician.actor) as work:
            answer = approving.approve_order(work, order_id=order_id, **asked)
        order: Record[Order] = answer["order"]
        return order

    def pay(
        self,
        order_id: str,
        amount_minor: int,
        means: str = "cash",
        reference: str = "",
        by: Person | None = None,
        currency: str = "CNY",
    ) -> Record[Order]:
        """Take money at the till, and confirm the order when its deposit is paid."""
        till = _everywhere(by or self.cashier)
        with self.chain.work("billing", till) as work:
            answer = paying.take_payment(
                work,
                order_id=order_id,
                amount=Money(amount_minor, currency),
                means=PaymentMeans(means),
                reference=reference,
            )
        with self.chain.work("billing", till) as work:
            answer = paying.confirm_order(work, order_id=order_id, payment_id=answer["payment"].id)
        order: Record[Order] = answer["order"]
        return order

    def confirmed(self) -> Record[Order]:
        """Return an order with its deposit paid."""
        order = self.approve(self.quote().id)
        return self.pay(order.id, order.content.deposit_minor)

    def hear(self, order_id: str, *said: str, job_id: str, at: datetime | None = None) -> None:
        """Let billing hear of a job: released, ready, informed, collected."""
        for what in said:
            told_at = at or datetime.now(UTC)
            with self.chain.work("billing", actor.system("billing")) as work:
                named = {"order_id": order_id, "job_id": job_id}
                match what:
                    case "released":
                        making.note_job_released(work, **named, lab_id=new_id("br"))
                    case "revised":
                        making.note_job_revised(work, **named, lab_id=new_id("br"))
                    case "ready":
                        making.note_job_ready(work, **named, ready_at=told_at)
                    case "informed":
                        making.note_informed(work, order_id=order_id, informed_at=told_at)
                    case "collected":
                        making.note_job_collected(work, **named, collected_at=told_at)

    def order(self, order_id: str) -> Record[Order]:
        """Return an order as it stands."""
        with self.chain.database("billing").snapshot() as connection:
            found: Record[Order] = queries.read(connection, ORDER, order_id)
        return found

    def whole(self, order_id: str, by: Person | None = None) -> dict[str, Any]:
        """Return everything that GetOrder says."""
        with self.chain.database("billing").snapshot() as connection:
            reading = Reading(connection, (by or self.optician).actor)
            return queries.get_order(reading, order_id=order_id)

    def told(self) -> Sequence[str]:
        """Return the names of the facts told so far, oldest first."""
        with self.chain.database("billing").snapshot() as connection:
            rows = connection.exec_driver_sql("SELECT type FROM outbox ORDER BY seq").scalars()
            return [name.rpartition(".")[2] for name in rows]


def pair() -> tuple[str, str]:
    """Return the ids of two reserved lenses."""
    return new_id("rsv"), new_id("rsv")


def _everywhere(person: Person) -> Any:
    return replace(person.actor, scope=Scope.CHAIN)


@pytest.fixture
def new_shop(chain: Chain) -> Shop:
    """A shop for which nothing is published yet."""
    chain.database("billing")
    branch_id = new_id("br")
    return Shop(
        chain=chain,
        optician=chain.person(Role.OPTICIAN, branch_id=branch_id),
        cashier=chain.person(Role.CASHIER, branch_id=branch_id),
        manager=chain.person(Role.BRANCH_MANAGER, branch_id=branch_id),
        office=chain.person(Role.HEAD_OFFICE),
        frame_id=new_id("prd"),
        lens_id=new_id("prd"),
    )


@pytest.fixture
def shop(new_shop: Shop) -> Shop:
    """A shop with prices and terms."""
    new_shop.publish_prices()
    new_shop.publish_terms()
    return new_shop
