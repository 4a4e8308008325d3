"""A pair of glasses for labjob's tests: ordered at a shop on real stock, a real prescription and a
real order, and taken through the lab as far as a test needs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import pytest
from google.protobuf.message import Message
from sqlalchemy import select

from chain import Chain, Person
from chassis import actor, evidence
from chassis.db import UnitOfWork
from chassis.errors import DomainError
from chassis.ids import new_id
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Evidence, Record
from chassis.records.pins import pin
from chassis.records.tables import outbox
from chassis.roles import Role
from clinical.dispensing.fitting_measurement import (
    FITTING_MEASUREMENT,
    Adjustment,
    EyeFitting,
    FittingMeasurement,
    MeasuringMethod,
)
from clinical.dispensing.frame_selection import (
    FRAME_SELECTION,
    ChosenBy,
    FrameBox,
    FrameSelection,
    FrameSource,
    OwnFrame,
)
from clinical.dispensing.lens_product import LensDesign
from clinical.dispensing.lens_specification import (
    LENS_SPECIFICATION,
    LensSpecification,
    LensUse,
    SpecifiedLens,
)
from clinical.prescription import (
    PRESCRIPTION,
    PrescribedEye,
    Prescription,
    PrescriptionPurpose,
    PupillaryDistance,
)
from clinical.value import NOT_MEASURED, Measured, ValueState
from inventory.commands_order import commit_to_order
from optichain.billing.v1 import approval_pb2, payment_pb2, price_list_pb2
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.inventory.v1 import inventory_service_pb2 as inventory
from optichain.inventory.v1 import product_pb2, reservation_pb2, stock_pb2
from optichain.labjob.v1 import (
    collection_pb2,
    events_pb2,
    inspection_pb2,
    job_pb2,
    lens_pb2,
    shipment_pb2,
)
from optichain.labjob.v1 import labjob_service_pb2 as pb
from optichain.money.v1.money_pb2 import Money
from optichain.organisation.v1 import branch_pb2
from optichain.organisation.v1 import organisation_service_pb2 as organisation

R = TypeVar("R", bound=Message)

FRAME_PRICE, LENS_PRICE = 60_000, 45_000
OD = PrescribedEye(sphere_centidioptres=-300, cylinder_centidioptres=-125, axis_degrees=180)
OS = PrescribedEye(sphere_centidioptres=-275, cylinder_centidioptres=-50, axis_degrees=5)
OD_PD, OS_PD = 31_500, 30_500
TRAY = "T-0042"
COURSES = {Role.LAB_TECHNICIAN: ("lens_making",), Role.QC_INSPECTOR: ("inspection",)}
STATIONS = (
    job_pb2.STATION_TRACING,
    job_pb2.STATION_PICKING,
    job_pb2.STATION_BLOCKING,
    job_pb2.STATION_EDGING,
    job_pb2.STATION_ASSEMBLY,
)
UNTIL_EDGING = STATIONS[:3]


def micrometres(amount: int) -> Measured:
    """Return a measured length."""
    return Measured(state=ValueState.MEASURED, amount=amount)


def found(amount: int) -> lens_pb2.MeasuredValue:
    """Return a value an inspector measured."""
    return lens_pb2.MeasuredValue(state=lens_pb2.MEASURED_STATE_MEASURED, amount=amount)


def measured_pair(job: job_pb2.Job, **od_off: int) -> lens_pb2.MeasuredPair:
    """Return a pair measured as ordered, the right lens off by what is named."""
    ordered, centration = job.ordered, job.ordered.centration

    def lens(power: lens_pb2.VerificationPower, off: dict[str, int]) -> lens_pb2.MeasuredLens:
        values = {
            "sphere_centidioptres": power.sphere_centidioptres,
            "cylinder_centidioptres": power.cylinder_centidioptres,
            "axis_degrees": power.axis_degrees,
        }
        return lens_pb2.MeasuredLens(
            **{name: found(value + off.get(name, 0)) for name, value in values.items()}
        )

    def centre(eye: lens_pb2.EyeCentration) -> lens_pb2.MeasuredEyeCentration:
        return lens_pb2.MeasuredEyeCentration(
            monocular_distance_micrometres=found(eye.monocular_distance_micrometres),
            height_micrometres=found(19_000),
        )

    return lens_pb2.MeasuredPair(
        od=lens(ordered.od, od_off),
        os=lens(ordered.os, {}),
        od_centration=centre(centration.od),
        os_centration=centre(centration.os),
    )


@dataclass
class Bench:
    """A shop, a lab, their people, one customer's case, and what is done with it."""

    chain: Chain
    shop_id: str = ""
    lab_id: str = ""
    frame_id: str = ""
    frame_source: FrameSource = FrameSource.DISPLAY
    lens_id: str = ""
    terms_id: str = ""
    case_id: str = field(default_factory=lambda: new_id("case"))
    customer_id: str = field(default_factory=lambda: new_id("cus"))
    visit_id: str = field(default_factory=lambda: new_id("vis"))
    rx: Record[Prescription] | None = None
    selection: Record[FrameSelection] | None = None
    lsp: Record[LensSpecification] | None = None
    measurement: Record[FittingMeasurement] | None = None
    design: LensDesign = LensDesign.SINGLE_VISION
    set_aside_id: str = ""
    reservation_ids: list[str] = field(default_factory=list)
    order_id: str = ""
    job_id: str = ""
    _people: dict[tuple[Role, str, str], Person] = field(default_factory=dict)

    # -- people and places

    def person(self, role: Role, at: str = "", who: str = "") -> Person:
        """Return the person of that role at a branch (the shop)."""
        place = (role, at or self.shop_id, who)
        if place not in self._people:
            self._people[place] = self.chain.person(role, branch_id=place[1])
            self.chain.qualify(self._people[place], *COURSES.get(role, ()))
        return self._people[place]

    def ask(
        self, role: Role, request: Message, response: type[R], at: str = "", who: str = ""
    ) -> R:
        """Call an RPC as the person of that role at a branch (the shop)."""
        return self.chain.ask(request, response, as_=self.person(role, at, who))

    def open_places(self) -> None:
        """Open the shop and the central lab."""
        self.shop_id = self.open_place("JA1", branch_pb2.BRANCH_KIND_SHOP)
        self.lab_id = self.open_place("LAB", branch_pb2.BRANCH_KIND_CENTRAL_LAB)

    def open_place(self, code: str, kind: Any) -> str:
        """Open a branch of a kind; returns its id."""
        request = organisation.OpenBranchRequest(
            name=code, code=code, branch_kind=kind, time_zone="Asia/Shanghai"
        )
        office = self.chain.person(Role.HEAD_OFFICE)
        answer = self.chain.ask(request, organisation.OpenBranchResponse, as_=office)
        return answer.branch.envelope.id

    @property
    def today(self) -> date:
        """Today where the shop is."""
        return (datetime.now(UTC) + timedelta(hours=8)).date()

    # -- goods and prices

    def stock_up(self) -> None:
        """Bring two frames to the shop, lenses to the lab, and publish prices and terms."""
        self.frame_id = self._add_product(
            "F-1",
            frame=product_pb2.Frame(
                a_micrometres=50_000,
                b_micrometres=38_000,
                dbl_micrometres=18_000,
                ed_micrometres=54_000,
                temple_micrometres=145_000,
                material=product_pb2.FRAME_MATERIAL_TITANIUM,
                colour="gun metal",
                rim=product_pb2.RIM_FULL,
            ),
        )
        self.lens_id = self._add_product(
            "L-160",
            lens=product_pb2.Lens(
                design=product_pb2.LENS_DESIGN_SINGLE_VISION,
                index_thousandths=1600,
                material=product_pb2.LENS_MATERIAL_THIOURETHANE,
                coatings=[product_pb2.COATING_HARD],
                supply=product_pb2.LENS_SUPPLY_STOCK,
            ),
            power_ranges=[
                product_pb2.PowerRange(
                    sphere_min_centidioptres=-600,
                    sphere_max_centidioptres=400,
                    cylinder_min_centidioptres=-200,
                    cylinder_max_centidioptres=0,
                    blank_diameter_micrometres=75_000,
                )
            ],
        )
        self.bring_frames("S1", "S2", "S3")
        for eye in (OD, OS):
            self.bring_lenses(eye)
        prices = [
            price_list_pb2.Price(product_id=self.frame_id, amount_minor=FRAME_PRICE),
            price_list_pb2.Price(product_id=self.lens_id, amount_minor=LENS_PRICE),
        ]
        self.ask(
            Role.HEAD_OFFICE,
            billing.PublishPriceListRequest(
                edition="2026", valid_from="2026-01-01", currency="CNY", prices=prices
            ),
            billing.PublishPriceListResponse,
        )
        terms = billing.PublishTermsRequest(
            edition="2026",
            valid_from="2026-01-01",
            warranty_days=365,
            warranty_text="质保一年",
            redo_days=30,
            redo_attempts=1,
            redo_text="三十天内可重做一次",
            price_text="定金三成",
            limits_text="需要适应",
        )
        answer = self.ask(Role.HEAD_OFFICE, terms, billing.PublishTermsResponse)
        self.terms_id = answer.terms.envelope.id

    def _add_product(self, sku: str, **content: Any) -> str:
        request = inventory.AddProductRequest(sku=sku, name=sku, brand="Bund", **content)
        answer = self.ask(Role.PURCHASER, request, inventory.AddProductResponse)
        return answer.product.envelope.id

    def bring_frames(self, *serials: str) -> None:
        """Bring a piece of the frame to the shop for each serial number, which may be empty."""
        self._receive(self.frame_id, self.shop_id, quantity=len(serials), serials=serials)

    def bring_lenses(self, eye: PrescribedEye, lot_number: str = "LN-1") -> str:
        """Bring three lenses of a power to the lab; returns their lot."""
        power = product_pb2.LensPower(
            sphere_centidioptres=eye.sphere_centidioptres,
            cylinder_centidioptres=eye.cylinder_centidioptres,
        )
        lenses = [stock_pb2.StockQuantity(power=power, quantity=3)]
        return self._receive(self.lens_id, self.lab_id, lenses=lenses, lot_number=lot_number)

    def _receive(self, product_id: str, at: str, lot_number: str = "LN-1", **content: Any) -> str:
        line = inventory.ReceiptLine(
            product_id=product_id,
            lot_number=lot_number,
            unit_cost=Money(amount_minor=9_000, currency="CNY"),
            **content,
        )
        request = inventory.ReceiveGoodsRequest(
            supplier="Danyang", delivery_note=new_id("dn"), lines=[line]
        )
        answer = self.ask(Role.RECEIVER, request, inventory.ReceiveGoodsResponse, at)
        lot_id = answer.lots[0].envelope.id
        accept = inventory.AcceptLotRequest(
            lot_id=lot_id, appearance_checked=True, label_checked=True, certificate_checked=True
        )
        self.ask(Role.ACCEPTOR, accept, inventory.AcceptLotResponse, at)
        return lot_id

    # -- clinic

    def clinic(self, role: Role) -> AbstractContextManager[UnitOfWork]:
        """Open a unit of work of clinical in the name of somebody at the shop."""
        return self.chain.work("clinical", self.person(role).actor)

    def prescribe(
        self,
        od: PrescribedEye = OD,
        os: PrescribedEye | None = OS,
        supersedes: bool = False,
    ) -> None:
        """Sign a prescription, in the place of the one before when it supersedes."""
        content = Prescription(
            visit_id=self.visit_id,
            purpose=PrescriptionPurpose.DISTANCE,
            od=od,
            os=os,
            pd=PupillaryDistance(
                od_micrometres=micrometres(OD_PD),
                os_micrometres=micrometres(OS_PD),
                binocular_micrometres=NOT_MEASURED,
            ),
            issued_on=self.today,
            expires_on=self.today + timedelta(days=365),
            source_name="stf",
            recheck_on=self.today + timedelta(days=365),
        )
        with self.clinic(Role.OPTOMETRIST) as work:
            signed = work.records.add(PRESCRIPTION, content, **self._whose())
            if supersedes:
                assert self.rx
                work.records.void(
                    work.records.find(PRESCRIPTION, self.rx.id),
                    ChangeKind.SUPERSEDED,
                    reason_code="NEW_TEST",
                    reason="a new test",
                    successor_id=signed.id,
                    even_expired=True,
                )
        self.rx = signed

    def expire_prescription(self) -> None:
        """Let the days of the prescription run out, and let labjob hear of it."""
        assert self.rx
        with self.chain.work("clinical", actor.system("clinical")) as work:
            kept = work.records.find(PRESCRIPTION, self.rx.id)
            work.records.void(
                kept, ChangeKind.EXPIRED, reason_code="EXPIRED", reason="its days are over"
            )
        self.chain.hears("labjob", kept.id, kept.version, what=ChangeKind.EXPIRED)

    def amend_axis(self, axis: int, reason: str = "axis read off wrongly") -> None:
        """Correct the axis of the right eye."""
        assert self.rx
        with self.clinic(Role.OPTOMETRIST) as work:
            kept = work.records.find(PRESCRIPTION, self.rx.id)
            od = PrescribedEye(
                sphere_centidioptres=OD.sphere_centidioptres,
                cylinder_centidioptres=OD.cylinder_centidioptres,
                axis_degrees=axis,
            )
            self.rx = work.records.amend(kept, reason_code="RX_AXIS", reason=reason, od=od)

    def note_on_prescription(self) -> None:
        """Amend a field that nobody relies on."""
        assert self.rx
        with self.clinic(Role.OPTOMETRIST) as work:
            kept = work.records.find(PRESCRIPTION, self.rx.id)
            self.rx = work.records.amend(
                kept, reason_code="NOTE", reason="a note", notes="drives at night"
            )

    def _whose(self) -> dict[str, Any]:
        return {"customer_id": self.customer_id, "case_id": self.case_id}

    def dispense(self, own_frame: bool = False) -> None:
        """Choose the frame, specify lenses and measure, each on what went before."""
        if self.selection is None:
            self._select(own_frame)
        self.specify()
        if self.measurement is None:
            self._measure()

    def _select(self, own_frame: bool) -> None:
        content = FrameSelection(
            visit_id=self.visit_id,
            source=FrameSource.OWN if own_frame else self.frame_source,
            product_id="" if own_frame else self.frame_id,
            box=FrameBox(
                a_micrometres=50_000,
                b_micrometres=38_000,
                dbl_micrometres=18_000,
                ed_micrometres=54_000,
            ),
            chosen_by=ChosenBy.WEARER,
            own_frame=OwnFrame(description="grey", condition="worn") if own_frame else None,
            is_risk_acknowledged=own_frame,
        )
        with self.clinic(Role.OPTICIAN) as work:
            self.selection = work.records.add(FRAME_SELECTION, content, **self._whose())

    def specify(self) -> None:
        """Specify the lenses of the live prescription, and end the specification before."""
        assert self.rx
        assert self.selection
        before = self.lsp
        with self.clinic(Role.OPTICIAN) as work:
            rx = work.records.find(PRESCRIPTION, self.rx.id)
            content = LensSpecification(
                visit_id=self.visit_id,
                prescription_id=rx.id,
                frame_selection_id=self.selection.id,
                product_id=self.lens_id,
                design=self.design,
                use=LensUse.AS_PRESCRIBED,
                od=self._lens(rx.content.od),
                os=self._lens(rx.content.os),
                index_thousandths=1600,
            )
            self.lsp = work.records.add(
                LENS_SPECIFICATION,
                content,
                relies_on=[
                    pin(rx, "od", "os", "pd", "purpose"),
                    pin(work.records.find(FRAME_SELECTION, self.selection.id)),
                ],
                **self._whose(),
            )
            if before:
                work.records.void(
                    work.records.find(LENS_SPECIFICATION, before.id),
                    ChangeKind.SUPERSEDED,
                    reason_code="NEW_SPECIFICATION",
                    reason="the power changed",
                    successor_id=self.lsp.id,
                )

    def _lens(self, eye: PrescribedEye | None) -> SpecifiedLens | None:
        if eye is None:
            return None
        return SpecifiedLens(
            sphere_centidioptres=eye.sphere_centidioptres,
            cylinder_centidioptres=eye.cylinder_centidioptres,
            axis_degrees=eye.axis_degrees,
            blank_diameter_micrometres=75_000,
        )

    def _measure(self) -> None:
        assert self.selection
        content = FittingMeasurement(
            visit_id=self.visit_id,
            frame_selection_id=self.selection.id,
            frame_id=self.selection.content.product_id or self.selection.id,
            design=self.design,
            adjustment=Adjustment(adjusted_at=datetime.now(UTC)),
            measured_at=datetime.now(UTC),
            method=MeasuringMethod.PUPILLOMETER,
            od=self._fitted(OD_PD),
            os=self._fitted(OS_PD),
        )
        with self.clinic(Role.OPTICIAN) as work:
            selection = work.records.find(FRAME_SELECTION, self.selection.id)
            self.measurement = work.records.add(
                FITTING_MEASUREMENT, content, relies_on=[pin(selection)], **self._whose()
            )

    def _fitted(self, monocular_pd: int) -> EyeFitting:
        """Return an eye as measured: a plain lens needs the distance alone."""
        distance = micrometres(monocular_pd)
        if self.design is LensDesign.SINGLE_VISION:
            return EyeFitting(monocular_pd_micrometres=distance)
        height = micrometres(19_000)
        return EyeFitting(monocular_pd_micrometres=distance, fitting_height_micrometres=height)

    # -- the order

    def hold_stock(self) -> None:
        """Set the frame aside and reserve both lenses."""
        assert self.rx
        if not self.set_aside_id and self.selection and self.selection.content.product_id:
            aside = inventory.SetAsideFrameRequest(
                case_id=self.case_id, customer_id=self.customer_id, product_id=self.frame_id
            )
            answer = self.ask(Role.OPTICIAN, aside, inventory.SetAsideFrameResponse)
            self.set_aside_id = answer.set_aside.envelope.id
        eyes = ((1, self.rx.content.od), (2, self.rx.content.os))
        self.reservation_ids = [self.reserve(number, eye) for number, eye in eyes if eye]

    def reserve(self, eye_number: int, eye: PrescribedEye) -> str:
        """Reserve a lens at the lab."""
        request = inventory.ReserveLensRequest(
            case_id=self.case_id,
            customer_id=self.customer_id,
            product_id=self.lens_id,
            eye=eye_number,  # type: ignore[arg-type]  # an enum by its number
            power=product_pb2.LensPower(
                sphere_centidioptres=eye.sphere_centidioptres,
                cylinder_centidioptres=eye.cylinder_centidioptres,
            ),
            stock_branch_id=self.lab_id,
        )
        answer = self.ask(Role.OPTICIAN, request, inventory.ReserveLensResponse)
        return answer.reservation.envelope.id

    def quote(self) -> None:
        """Quote the order, or quote it anew."""
        assert self.selection
        assert self.lsp
        said: dict[str, Any] = {
            "frame_selection_id": self.selection.id,
            "lens_specification_id": self.lsp.id,
            "set_aside_id": self.set_aside_id,
            "reservation_ids": self.reservation_ids,
        }
        if self.order_id:
            again = billing.RequoteOrderRequest(
                order_id=self.order_id, reason="the power changed", **said
            )
            self.ask(Role.OPTICIAN, again, billing.RequoteOrderResponse)
            return
        request = billing.QuoteOrderRequest(
            case_id=self.case_id, customer_id=self.customer_id, **said
        )
        answer = self.ask(Role.OPTICIAN, request, billing.QuoteOrderResponse)
        self.order_id = answer.order.envelope.id

    def approve(self) -> None:
        """Let the customer approve, to be collected in a week."""
        assert self.measurement
        names = ("price", "specification", "measurements", "promise", "warranty", "redo", "limits")
        request = billing.ApproveOrderRequest(
            order_id=self.order_id,
            fitting_measurement_id=self.measurement.id,
            terms_id=self.terms_id,
            promised_on=(self.today + timedelta(days=7)).isoformat(),
            read_back=approval_pb2.ReadBack(**dict.fromkeys(names, True)),
            signature_object_key=self.upload("billing"),
        )
        self.ask(Role.OPTICIAN, request, billing.ApproveOrderResponse)

    def pay(self, amount_minor: int = 0) -> None:
        """Take money at the till: the whole of it unless said otherwise."""
        due = amount_minor or self.order().balance.due.amount_minor
        request = billing.TakePaymentRequest(
            order_id=self.order_id,
            amount=Money(amount_minor=due, currency="CNY"),
            means=payment_pb2.PAYMENT_MEANS_CASH,
        )
        self.ask(Role.CASHIER, request, billing.TakePaymentResponse)

    def commit_stock(self) -> None:
        """Let inventory hear that the order is confirmed."""
        with self.chain.work("inventory", actor.system("inventory")) as work:
            commit_to_order(
                work,
                order_id=self.order_id,
                revision=self.order().order.envelope.revision,
                set_aside_ids=[self.set_aside_id] if self.set_aside_id else [],
                reservation_ids=self.reservation_ids,
            )

    def order(self) -> billing.GetOrderResponse:
        """Return the order as billing tells it."""
        request = billing.GetOrderRequest(order_id=self.order_id)
        return self.ask(Role.OPTICIAN, request, billing.GetOrderResponse)

    def order_glasses(
        self,
        *,
        own_frame: bool = False,
        deposit_only: bool = False,
        os: PrescribedEye | None = OS,
    ) -> None:
        """Go from the prescription to a confirmed order."""
        self.prescribe(os=os)
        self.dispense(own_frame)
        self.hold_stock()
        self.quote()
        self.approve()
        self.pay(60_000 if deposit_only else 0)
        self.commit_stock()

    def upload(self, service: str, at: str = "", media_type: str = "image/png") -> str:
        """Return the key of a confirmed upload of a service: a picture taken at the shop, unless
        said otherwise."""
        key = f"{service}/photo/{new_id('obj')}"
        with self.chain.work(service, self.person(Role.OPTICIAN, at).actor) as work:
            evidence.offered(work.connection, key, media_type, work.actor, work.at)
            shown = Evidence(
                object_key=key,
                sha256=hashlib.sha256(key.encode()).hexdigest(),
                media_type=media_type,
                size_bytes=100,
            )
            evidence.confirmed(work.connection, shown, work.at)
        return key

    # -- the job

    def release(self, **changed: Any) -> job_pb2.Job:
        """Release the job."""
        request = pb.ReleaseJobRequest(order_id=self.order_id, lab_id=self.lab_id, **changed)
        job = self.ask(Role.OPTICIAN, request, pb.ReleaseJobResponse).job
        self.job_id = job.envelope.id
        return job

    def job(self) -> job_pb2.Job:
        """Return the job as it stands."""
        return self.ask(Role.OPTICIAN, pb.GetJobRequest(job_id=self.job_id), pb.GetJobResponse).job

    def steps(self) -> pb.ListJobStepsResponse:
        """Return every step of the job."""
        request = pb.ListJobStepsRequest(job_id=self.job_id)
        return self.ask(Role.OPTICIAN, request, pb.ListJobStepsResponse)

    def frame_reservation(self) -> str:
        """Return the newest reservation of the frame."""
        return self._reserved_frames()[-1].envelope.id

    def _reserved_frames(self) -> list[Any]:
        request = inventory.ListCaseReservationsRequest(case_id=self.case_id)
        held = self.ask(Role.OPTICIAN, request, inventory.ListCaseReservationsResponse)
        return [one for one in held.reservations if one.product_id == self.frame_id]

    def lens_reservation(self, eye: int) -> reservation_pb2.Reservation:
        """Return the reservation of a lens, the right one first."""
        request = inventory.GetReservationRequest(reservation_id=self.reservation_ids[eye])
        answer = self.ask(Role.OPTICIAN, request, inventory.GetReservationResponse)
        return answer.reservation

    def frame_serial(self) -> str:
        """Return the serial number of the piece reserved last; a customer's own frame has one
        that nobody keeps."""
        reserved = [one.piece_id for one in self._reserved_frames()]
        return next((p.serial for p in self.pieces() if p.id in reserved[-1:]), "OWN-1")

    def pieces(self) -> list[stock_pb2.Piece]:
        """Return every piece of the frame."""
        request = inventory.ListPiecesRequest(product_id=self.frame_id)
        return list(self.ask(Role.OPTICIAN, request, inventory.ListPiecesResponse).pieces)

    def send_tray(self, **changed: Any) -> str:
        """Send the tray; returns the shipment."""
        said = {
            "frame_product_id": self.frame_id,
            "frame_serial": self.frame_serial(),
            "tray_code": TRAY,
        }
        request = pb.SendTrayRequest(job_id=self.job_id, **(said | changed))
        answer = self.ask(Role.FRAME_CONTROLLER, request, pb.SendTrayResponse)
        return answer.shipment.envelope.id

    def carry(self, shipment_id: str) -> None:
        """Take a shipment and hand it over."""
        take = pb.TakeShipmentRequest(shipment_id=shipment_id)
        self.ask(Role.COURIER, take, pb.TakeShipmentResponse)
        hand_over = pb.HandOverShipmentRequest(shipment_id=shipment_id)
        self.ask(Role.COURIER, hand_over, pb.HandOverShipmentResponse)

    def receive_tray(self, at: str = "", **changed: Any) -> job_pb2.Job:
        """Receive the tray at the lab."""
        said: dict[str, Any] = {
            "tray_code": TRAY,
            "slip_number": self.job().slip_number,
            "frame_product_id": self.frame_id,
            "frame_serial": self.frame_serial(),
            "condition": shipment_pb2.ARRIVAL_CONDITION_AS_SENT,
            "evidence_keys": [self.upload("labjob", at or self.lab_id)],
        }
        request = pb.ReceiveTrayRequest(job_id=self.job_id, **(said | changed))
        answer = self.ask(Role.LAB_CLERK, request, pb.ReceiveTrayResponse, at or self.lab_id)
        return answer.job

    def tray_to_lab(self) -> None:
        """Send, carry and receive the tray."""
        self.carry(self.send_tray())
        self.receive_tray()

    def accept(self, days: int = 2) -> job_pb2.Job:
        """Accept the job, to be done in so many days."""
        eta = (self.today + timedelta(days=days)).isoformat()
        request = pb.AcceptJobRequest(job_id=self.job_id, eta_date=eta)
        return self.ask(Role.LAB_CLERK, request, pb.AcceptJobResponse, self.lab_id).job

    def draw(self, **changed: Any) -> job_pb2.Job:
        """Draw the lenses."""
        request = pb.DrawLensesRequest(job_id=self.job_id, **changed)
        return self.ask(Role.LAB_TECHNICIAN, request, pb.DrawLensesResponse, self.lab_id).job

    def start(self, station: Any, who: str = "", **changed: Any) -> pb.StartStationResponse:
        """Start a station."""
        request = pb.StartStationRequest(job_id=self.job_id, station=station, **changed)
        return self.ask(Role.LAB_TECHNICIAN, request, pb.StartStationResponse, self.lab_id, who=who)

    def finish(self, station: Any) -> pb.FinishStationResponse:
        """Finish a station."""
        request = pb.FinishStationRequest(job_id=self.job_id, station=station)
        return self.ask(Role.LAB_TECHNICIAN, request, pb.FinishStationResponse, self.lab_id)

    def work_stations(self, *stations: Any) -> None:
        """Start and finish stations in order."""
        for station in stations:
            self.start(station)
            self.finish(station)

    def take_to_lab(self) -> None:
        """Order, release, send, accept and draw."""
        self.order_glasses()
        self.release()
        self.tray_to_lab()
        self.accept()
        self.draw()

    def make(self) -> None:
        """Take a fresh order to the end of the last station."""
        self.take_to_lab()
        self.work_stations(*STATIONS)

    def inspect(self, **changed: Any) -> pb.RecordQcResultResponse:
        """Inspect the pair: as ordered, unless said otherwise."""
        start = pb.StartInspectionRequest(job_id=self.job_id)
        self.ask(Role.QC_INSPECTOR, start, pb.StartInspectionResponse, self.lab_id)
        said: dict[str, Any] = {
            "measured": self.measured(),
            "surface": inspection_pb2.LOOKED_OVER_PASSED,
            "mounting": inspection_pb2.LOOKED_OVER_PASSED,
        }
        request = pb.RecordQcResultRequest(job_id=self.job_id, **(said | changed))
        return self.ask(Role.QC_INSPECTOR, request, pb.RecordQcResultResponse, self.lab_id)

    def ship(self) -> pb.ShipJobResponse:
        """Give the pair to the courier."""
        ship = pb.ShipJobRequest(job_id=self.job_id)
        return self.ask(Role.LAB_CLERK, ship, pb.ShipJobResponse, self.lab_id)

    def ship_back(self, condition: Any = shipment_pb2.ARRIVAL_CONDITION_AS_SENT) -> job_pb2.Job:
        """Ship the pair, carry it and receive it at the shop: as sent, unless said otherwise."""
        self.carry(self.ship().shipment.envelope.id)
        receive = pb.ReceiveJobRequest(
            job_id=self.job_id,
            slip_number=self.job().slip_number,
            frame_product_id=self.frame_id,
            condition=condition,
        )
        return self.ask(Role.RECEPTION, receive, pb.ReceiveJobResponse).job

    def check(self, appearance: Any = inspection_pb2.LOOKED_OVER_PASSED) -> job_pb2.Job:
        """Check the pair at the branch."""
        request = pb.CheckAtBranchRequest(
            job_id=self.job_id,
            as_ordered=inspection_pb2.LOOKED_OVER_PASSED,
            appearance=appearance,
        )
        return self.ask(Role.OPTICIAN, request, pb.CheckAtBranchResponse).job

    def make_ready(self) -> None:
        """Make a pair, from a fresh order to ready."""
        self.make()
        self.inspect()
        self.ship_back()
        self.check()
        self.mark_ready()

    def mark_ready(self) -> pb.MarkReadyResponse:
        """Say that the pair may be collected."""
        request = pb.MarkReadyRequest(job_id=self.job_id)
        return self.ask(Role.OPTICIAN, request, pb.MarkReadyResponse)

    def fit(self, **changed: Any) -> pb.RecordFittingCheckResponse:
        """Try the pair on the wearer: it fits, unless said otherwise."""
        acuity = collection_pb2.GlassesAcuity(
            notation=collection_pb2.ACUITY_NOTATION_DECIMAL, od="1.0", os="1.0", ou="1.2"
        )
        said: dict[str, Any] = {"acuity": acuity, "passed": True}
        request = pb.RecordFittingCheckRequest(job_id=self.job_id, **(said | changed))
        return self.ask(Role.OPTICIAN, request, pb.RecordFittingCheckResponse)

    def collect(self, **changed: Any) -> pb.CollectJobResponse:
        """Hand the pair over to the wearer, unless said otherwise."""
        said: dict[str, Any] = {
            "slip_number": self.job().slip_number,
            "collected_by": collection_pb2.COLLECTOR_RELATION_WEARER,
            "identity_proof": collection_pb2.IDENTITY_PROOF_PHONE,
            "is_care_explained": True,
            "is_warranty_told": True,
            "signature_key": self.upload("labjob"),
        }
        request = pb.CollectJobRequest(job_id=self.job_id, **(said | changed))
        return self.ask(Role.OPTICIAN, request, pb.CollectJobResponse)

    def measured(self, **od_off: int) -> lens_pb2.MeasuredPair:
        """Return the pair measured as ordered, the right lens off by what is named."""
        return measured_pair(self.job(), **od_off)

    # -- looking on

    def told(self, name: str) -> list[Any]:
        """Return the facts of a name that labjob told."""
        with self.chain.database("labjob").snapshot() as connection:
            rows = connection.execute(
                select(outbox.c.body)
                .where(outbox.c.type == f"optichain.labjob.v1.{name}")
                .order_by(outbox.c.seq)
            ).scalars()
            return [getattr(events_pb2, name).FromString(bytes(body)) for body in rows]

    def refusal(self, call: Callable[[], object]) -> DomainError:
        """Return what a call is refused with; it must be."""
        with pytest.raises(DomainError) as caught:
            call()
        return caught.value

    def at_once(self, *calls: Callable[[], object]) -> Sequence[object]:
        """Run calls at the same time; returns what each answered, or the reason of its refusal."""

        def outcome(call: Callable[[], object]) -> object:
            try:
                return call()
            except DomainError as refused:
                return refused.code

        with ThreadPoolExecutor(len(calls)) as hands:
            return list(hands.map(outcome, calls))
