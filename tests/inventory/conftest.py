"""A stockroom for inventory's tests: two shops and a lab with their people, and goods that came in
by the real way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from google.protobuf.message import Message
from sqlalchemy import select

from chain import Chain, Person
from chassis import actor
from chassis.db import UnitOfWork
from chassis.errors import DomainError
from chassis.ids import new_id
from chassis.records.tables import outbox
from chassis.roles import Role
from optichain.inventory.v1 import events_pb2, product_pb2, stock_pb2
from optichain.inventory.v1 import inventory_service_pb2 as pb
from optichain.money.v1.money_pb2 import Money

R = TypeVar("R", bound=Message)
MINUS_TWO = product_pb2.LensPower(sphere_centidioptres=-200, cylinder_centidioptres=-50)


@dataclass
class Stockroom:
    """Places, people and what they do with stock."""

    chain: Chain
    shop_id: str = field(default_factory=lambda: new_id("br"))
    other_shop_id: str = field(default_factory=lambda: new_id("br"))
    lab_id: str = field(default_factory=lambda: new_id("br"))
    case_id: str = field(default_factory=lambda: new_id("case"))
    customer_id: str = field(default_factory=lambda: new_id("cus"))
    _people: dict[tuple[Role, str], Person] = field(default_factory=dict)

    def person(self, role: Role, branch_id: str = "") -> Person:
        """Return the person of that role at a branch (the shop)."""
        place = (role, branch_id or self.shop_id)
        if place not in self._people:
            self._people[place] = self.chain.person(role, branch_id=place[1])
        return self._people[place]

    def ask(self, role: Role, request: Any, response: type[R], at: str = "") -> R:
        """Call an RPC as the person of that role at a branch (the shop)."""
        return self.chain.ask(request, response, as_=self.person(role, at))

    def by_rule(self) -> AbstractContextManager[UnitOfWork]:
        """Open a unit of work as inventory's worker does."""
        return self.chain.work("inventory", actor.system("inventory"))

    def add_frame(self, sku: str = "F-100", **changed: Any) -> str:
        """Add a frame to the catalogue."""
        frame = product_pb2.Frame(
            a_micrometres=52_000,
            b_micrometres=38_000,
            dbl_micrometres=18_000,
            ed_micrometres=56_000,
            temple_micrometres=145_000,
            material=product_pb2.FRAME_MATERIAL_TITANIUM,
            colour="gun metal",
            rim=product_pb2.RIM_FULL,
        )
        request = pb.AddProductRequest(sku=sku, name="Bund 52", brand="Suzhou", frame=frame)
        request.MergeFrom(pb.AddProductRequest(**changed))
        answer = self.ask(Role.PURCHASER, request, pb.AddProductResponse)
        return answer.product.envelope.id

    def add_lens(self, sku: str = "L-160") -> str:
        """Add a stock single-vision lens made from -6.00 to +4.00, cylinder to -2.00."""
        lens = product_pb2.Lens(
            design=product_pb2.LENS_DESIGN_SINGLE_VISION,
            index_thousandths=1600,
            material=product_pb2.LENS_MATERIAL_THIOURETHANE,
            coatings=[product_pb2.COATING_HARD, product_pb2.COATING_ANTI_REFLECTION],
            supply=product_pb2.LENS_SUPPLY_STOCK,
        )
        made = product_pb2.PowerRange(
            sphere_min_centidioptres=-600,
            sphere_max_centidioptres=400,
            cylinder_min_centidioptres=-200,
            cylinder_max_centidioptres=0,
            blank_diameter_micrometres=70_000,
        )
        request = pb.AddProductRequest(sku=sku, name="Clear 1.60", lens=lens, power_ranges=[made])
        answer = self.ask(Role.PURCHASER, request, pb.AddProductResponse)
        return answer.product.envelope.id

    def receive(self, line: pb.ReceiptLine, at: str = "") -> str:
        """Receive one lot; returns its id."""
        request = pb.ReceiveGoodsRequest(supplier="Danyang", delivery_note="DN-7", lines=[line])
        answer = self.ask(Role.RECEIVER, request, pb.ReceiveGoodsResponse, at)
        return answer.lots[0].envelope.id

    def accept(self, lot_id: str, at: str = "") -> stock_pb2.Lot:
        """Accept a lot after every check."""
        request = pb.AcceptLotRequest(
            lot_id=lot_id, appearance_checked=True, label_checked=True, certificate_checked=True
        )
        return self.ask(Role.ACCEPTOR, request, pb.AcceptLotResponse, at).lot

    def stock_frames(
        self, product_id: str, count: int, at: str = "", serials: Sequence[str] = ()
    ) -> str:
        """Receive and accept pieces of a frame; returns the lot."""
        line = pb.ReceiptLine(
            product_id=product_id,
            lot_number="FR-1",
            unit_cost=Money(amount_minor=12_000, currency="CNY"),
            quantity=count,
            serials=serials,
        )
        lot_id = self.receive(line, at)
        self.accept(lot_id, at)
        return lot_id

    def lens_line(
        self, product_id: str, count: int, power: product_pb2.LensPower = MINUS_TWO, **more: Any
    ) -> pb.ReceiptLine:
        """Return a line of lenses of one power."""
        return pb.ReceiptLine(
            product_id=product_id,
            lot_number=more.pop("lot_number", "LN-1"),
            unit_cost=Money(amount_minor=more.pop("cost", 3_500), currency="CNY"),
            lenses=[stock_pb2.StockQuantity(power=power, quantity=count)],
            **more,
        )

    def stock_lenses(
        self, product_id: str, count: int, power: product_pb2.LensPower = MINUS_TWO, **more: Any
    ) -> str:
        """Receive and accept lenses of one power at the lab; returns the lot."""
        at = more.pop("at", self.lab_id)
        lot_id = self.receive(self.lens_line(product_id, count, power, **more), at)
        self.accept(lot_id, at)
        return lot_id

    def reserve(self, product_id: str, eye: int = 1, quantity: int = 1, **more: Any) -> str:
        """Reserve lenses at the lab; returns the reservation."""
        request = pb.ReserveLensRequest(
            case_id=more.get("case_id", self.case_id),
            customer_id=self.customer_id,
            product_id=product_id,
            eye=eye,  # type: ignore[arg-type]  # an enum by its number
            power=more.get("power", MINUS_TWO),
            quantity=quantity,
            stock_branch_id=self.lab_id,
        )
        answer = self.ask(Role.OPTICIAN, request, pb.ReserveLensResponse)
        return answer.reservation.envelope.id

    def set_aside(self, product_id: str, **more: Any) -> str:
        """Set a piece of a frame aside; returns the set-aside."""
        request = pb.SetAsideFrameRequest(
            case_id=self.case_id, customer_id=self.customer_id, product_id=product_id, **more
        )
        answer = self.ask(Role.OPTICIAN, request, pb.SetAsideFrameResponse)
        return answer.set_aside.envelope.id

    def draw(self, reservation_id: str, job_id: str) -> Any:
        """Draw a reservation to a job at the lab."""
        request = pb.DrawToJobRequest(reservation_id=reservation_id, job_id=job_id)
        answer = self.ask(Role.LAB_TECHNICIAN, request, pb.DrawToJobResponse, self.lab_id)
        return answer.draw

    def held(self) -> pb.ListCaseReservationsResponse:
        """Return what is held for the case."""
        request = pb.ListCaseReservationsRequest(case_id=self.case_id)
        return self.ask(Role.OPTICIAN, request, pb.ListCaseReservationsResponse)

    def states(self) -> dict[str, str]:
        """Return the state of everything held for the case."""
        held = self.held()
        everything: list[Any] = [*held.reservations, *held.set_asides]
        return {one.envelope.id: one.envelope.state for one in everything}

    def free(self, product_id: str) -> dict[str, int]:
        """Return what is free of a product by branch."""
        request = pb.FindStockRequest(product_id=product_id)
        answer = self.ask(Role.OPTICIAN, request, pb.FindStockResponse)
        return {one.branch_id: one.free for one in answer.branches}

    def told(self, name: str) -> list[Any]:
        """Return the facts of a name that were told."""
        with self.chain.database("inventory").snapshot() as connection:
            rows = connection.execute(
                select(outbox.c.body)
                .where(outbox.c.type == f"optichain.inventory.v1.{name}")
                .order_by(outbox.c.seq)
            ).scalars()
            return [getattr(events_pb2, name).FromString(bytes(body)) for body in rows]

    def refusal(self, call: Callable[[], object]) -> str:
        """Return the reason a call is refused for; it must be."""
        with pytest.raises(DomainError) as refused:
            call()
        return refused.value.code

    def at_once(self, *calls: Callable[[], object]) -> list[object]:
        """Run calls at the same time; returns what each answered, or why it was refused."""

        def outcome(call: Callable[[], object]) -> object:
            try:
                return call()
            except DomainError as refused:
                return refused.code

        with ThreadPoolExecutor(len(calls)) as hands:
            return list(hands.map(outcome, calls))


@pytest.fixture
def stockroom(chain: Chain) -> Stockroom:
    """An empty stockroom behind a real server."""
    chain.serve("inventory")
    return Stockroom(chain)
