"""Billing over gRPC beside the real clinical, inventory and customer: pins, races, receipts."""

from __future__ import annotations

import io
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from billing import commands_paying as paying
from chain import Chain, Person
from chassis import evidence, settings
from chassis.actor import Scope, system
from chassis.errors import (
    DomainError,
    Invalid,
    NotPermitted,
    Refused,
    Unauthenticated,
    Unavailable,
)
from chassis.ids import as_uuid, new_id
from chassis.objects import ObjectStore
from chassis.records.changes import ChangeKind
from chassis.records.envelope import Evidence
from chassis.records.pins import StalePins
from chassis.records.tables import outbox, refusal
from chassis.roles import Role
from chassis.rpc import Call
from chassis.rpc.peers import Peers, rpc_of
from clinical.prescription import PRESCRIPTION
from optichain.billing.v1 import billing_service_pb2 as pb
from optichain.billing.v1 import payment_pb2
from optichain.billing.v1.approval_pb2 import INFORMED_HOW_TELEPHONE, ReadBack
from optichain.billing.v1.price_list_pb2 import Price
from optichain.clinical.v1 import appointment_pb2, value_pb2
from optichain.clinical.v1 import clinical_service_pb2 as clinical
from optichain.clinical.v1 import fitting_measurement_pb2 as fitting
from optichain.clinical.v1 import frame_selection_pb2 as frames
from optichain.clinical.v1 import lens_specification_pb2 as lenses
from optichain.clinical.v1 import prescription_pb2 as rx
from optichain.customer.v1 import contact_pb2
from optichain.customer.v1 import customer_service_pb2 as customer
from optichain.inventory.v1 import inventory_service_pb2 as inventory
from optichain.inventory.v1 import product_pb2, reservation_pb2, stock_pb2
from optichain.labjob.v1 import labjob_service_pb2 as labjob
from optichain.money.v1.money_pb2 import Money
from optichain.organisation.v1 import branch_pb2
from optichain.organisation.v1 import organisation_service_pb2 as organisation
from optichain.record.v1 import pin_pb2

FRAME_PRICE, LENS_PRICE = 60_000, 45_000
TOTAL = FRAME_PRICE + 2 * LENS_PRICE
NAME = "欧阳静怡"
TODAY = (datetime.now(UTC) + timedelta(hours=8)).date()
"""Today where the shop is."""


@dataclass
class Counter:
    """A counter of a shop, and the customer who stands before it."""

    chain: Chain
    branch_id: str
    people: dict[Role, Person]
    frame_id: str = ""
    lens_id: str = ""
    customer_id: str = ""
    visit_id: str = ""
    case_id: str = ""
    rx_id: str = ""
    frame_selection_id: str = ""
    lens_specification_id: str = ""
    measurement_id: str = ""
    set_aside_id: str = ""
    reservation_ids: tuple[str, ...] = ()
    terms_id: str = ""

    def ask(self, role: Role, request: Any) -> Any:
        """Ask as the person of a role; the response's type is named like the request's."""
        name = type(request).__name__.removesuffix("Request") + "Response"
        module = {one.DESCRIPTOR.package: one for one in _MODULES}[
            type(request).DESCRIPTOR.file.package
        ]
        return self.chain.ask(request, getattr(module, name), as_=self.people[role])

    def image(self, service: str, role: Role) -> str:
        """Return the key of a confirmed image."""
        key = f"{service}/photo/{new_id('obj')}"
        with self.chain.work(service, self.people[role].actor) as work:
            evidence.offered(work.connection, key, "image/png", work.actor, work.at)
            shown = Evidence(object_key=key, sha256="0" * 64, media_type="image/png", size_bytes=9)
            evidence.confirmed(work.connection, shown, work.at)
        return key


_MODULES = (pb, clinical, customer, inventory, labjob, organisation)
_ROLES = (
    Role.RECEPTION,
    Role.OPTOMETRIST,
    Role.OPTICIAN,
    Role.CASHIER,
    Role.BRANCH_MANAGER,
    Role.HEAD_OFFICE,
    Role.RECEIVER,
    Role.ACCEPTOR,
    Role.LAB_CLERK,
    Role.AUDITOR,
)


@pytest.fixture
def counter(chain: Chain) -> Counter:
    """A customer with a prescription, a frame set aside, lenses reserved, and a measurement."""
    chain.serve("customer", "inventory", "clinical", "billing")
    office = chain.person(Role.HEAD_OFFICE)
    opened = chain.ask(
        organisation.OpenBranchRequest(
            name="静安店",
            code="JA1",
            branch_kind=branch_pb2.BRANCH_KIND_SHOP,
            time_zone="Asia/Shanghai",
            address="南京西路 1 号",
            telephone="021-5555",
        ),
        organisation.OpenBranchResponse,
        as_=office,
    )
    branch_id = opened.branch.envelope.id
    people = {role: chain.person(role, branch_id=branch_id) for role in _ROLES}
    made = Counter(chain, branch_id, people)
    _stock(made)
    _customer(made)
    _prescribe(made)
    _dispense(made)
    _publish(made)
    return made


def _stock(made: Counter) -> None:
    frame = product_pb2.Frame(
        a_micrometres=52_000,
        b_micrometres=38_000,
        dbl_micrometres=17_000,
        temple_micrometres=140_000,
        material=product_pb2.FRAME_MATERIAL_TITANIUM,
        colour="black",
        rim=product_pb2.RIM_FULL,
    )
    lens = product_pb2.Lens(
        design=product_pb2.LENS_DESIGN_SINGLE_VISION,
        index_thousandths=1600,
        material=product_pb2.LENS_MATERIAL_THIOURETHANE,
        supply=product_pb2.LENS_SUPPLY_STOCK,
    )
    powers = product_pb2.PowerRange(
        sphere_min_centidioptres=-800,
        sphere_max_centidioptres=400,
        cylinder_min_centidioptres=-200,
        cylinder_max_centidioptres=0,
        blank_diameter_micrometres=75_000,
    )
    made.frame_id = made.ask(
        Role.HEAD_OFFICE,
        inventory.AddProductRequest(sku="F1", name="暴龙 BL1001", brand="暴龙", frame=frame),
    ).product.envelope.id
    made.lens_id = made.ask(
        Role.HEAD_OFFICE,
        inventory.AddProductRequest(
            sku="L1", name="明月 1.60 非球面", brand="明月", lens=lens, power_ranges=[powers]
        ),
    ).product.envelope.id
    cost = Money(amount_minor=20_000, currency="CNY")
    lines = [
        inventory.ReceiptLine(
            product_id=made.frame_id, lot_number="F-1", unit_cost=cost, quantity=2
        ),
        inventory.ReceiptLine(
            product_id=made.lens_id,
            lot_number="L-1",
            unit_cost=Money(amount_minor=9_000, currency="CNY"),
            lenses=[
                stock_pb2.StockQuantity(
                    power=product_pb2.LensPower(sphere_centidioptres=-200), quantity=8
                )
            ],
        ),
    ]
    received = made.ask(
        Role.RECEIVER,
        inventory.ReceiveGoodsRequest(supplier="明月镜片", delivery_note="N1", lines=lines),
    )
    for lot in received.lots:
        made.ask(
            Role.ACCEPTOR,
            inventory.AcceptLotRequest(
                lot_id=lot.envelope.id,
                appearance_checked=True,
                label_checked=True,
                certificate_checked=True,
            ),
        )


def _customer(made: Counter) -> None:
    made.customer_id = made.ask(
        Role.RECEPTION,
        customer.RegisterPersonRequest(name=NAME, birthday="1990-05-01", phone="13916000188"),
    ).person.envelope.id
    made.ask(
        Role.RECEPTION,
        customer.VerifyContactRequest(
            customer_id=made.customer_id,
            channel=contact_pb2.CHANNEL_SMS,
            method=contact_pb2.VERIFICATION_METHOD_SAID_IN_PERSON,
        ),
    )
    for purpose in contact_pb2.Purpose.values()[1:]:
        made.ask(
            Role.RECEPTION,
            customer.RecordContactPermissionRequest(
                customer_id=made.customer_id,
                purpose=purpose,
                answer=contact_pb2.PERMISSION_ANSWER_NO,
            ),
        )


def _prescribe(made: Counter) -> None:
    made.chain.qualify(made.people[Role.OPTOMETRIST], "refraction")
    made.chain.qualify(made.people[Role.OPTICIAN], "dispensing")
    visit = made.ask(
        Role.RECEPTION,
        clinical.OpenVisitRequest(
            customer_id=made.customer_id, purpose=appointment_pb2.VISIT_PURPOSE_SPECTACLES
        ),
    ).visit
    made.visit_id, made.case_id = visit.envelope.id, visit.envelope.case_id
    made.rx_id = prescribe(made)


def measured(amount: int) -> value_pb2.MeasuredNumber:
    return value_pb2.MeasuredNumber(state=value_pb2.VALUE_STATE_MEASURED, amount=amount)


def prescribe(made: Counter, supersedes_id: str = "") -> str:
    eye = rx.PrescribedEye(sphere_centidioptres=-200)
    answer = made.ask(
        Role.OPTOMETRIST,
        clinical.RecordExternalPrescriptionRequest(
            visit_id=made.visit_id,
            purpose=rx.PRESCRIPTION_PURPOSE_DISTANCE,
            od=eye,
            os=eye,
            pd=rx.PupillaryDistance(
                od_micrometres=measured(31_500),
                os_micrometres=measured(31_500),
                binocular_micrometres=measured(63_000),
            ),
            issued_on=TODAY.isoformat(),
            source_name="市眼科医院",
            evidence_keys=[made.image("clinical", Role.OPTOMETRIST)],
            supersedes_id=supersedes_id,
        ),
    )
    return str(answer.prescription.envelope.id)


def _dispense(made: Counter) -> None:
    made.frame_selection_id = made.ask(
        Role.OPTICIAN,
        clinical.SelectFrameRequest(
            visit_id=made.visit_id,
            source=frames.FRAME_SOURCE_DISPLAY,
            product_id=made.frame_id,
            chosen_by=frames.CHOSEN_BY_WEARER,
        ),
    ).frame_selection.envelope.id
    made.set_aside_id = made.ask(
        Role.OPTICIAN,
        inventory.SetAsideFrameRequest(
            case_id=made.case_id, customer_id=made.customer_id, product_id=made.frame_id
        ),
    ).set_aside.envelope.id
    made.lens_specification_id = specify(made)
    made.reservation_ids = reserve(made)
    adjusted = fitting.Adjustment(
        is_front_level=True,
        is_temple_spread_even=True,
        is_pad_fit_even=True,
        is_without_rock=True,
        is_vertex_equal=True,
        is_without_pressure_marks=True,
    )
    adjusted.adjusted_at.GetCurrentTime()
    request = clinical.RecordFittingMeasurementRequest(
        visit_id=made.visit_id,
        frame_selection_id=made.frame_selection_id,
        frame_id=made.frame_id,
        design=lenses.LENS_DESIGN_SINGLE_VISION,
        adjustment=adjusted,
        method=fitting.MEASURING_METHOD_PUPILLOMETER,
        od=fitting.EyeFitting(monocular_pd_micrometres=measured(31_500)),
        os=fitting.EyeFitting(monocular_pd_micrometres=measured(31_500)),
    )
    made.measurement_id = made.ask(Role.OPTICIAN, request).fitting_measurement.envelope.id


def specify(made: Counter) -> str:
    answer = made.ask(
        Role.OPTICIAN,
        clinical.SpecifyLensRequest(
            visit_id=made.visit_id,
            prescription_id=made.rx_id,
            frame_selection_id=made.frame_selection_id,
            product_id=made.lens_id,
            use=lenses.LENS_USE_AS_PRESCRIBED,
            supersedes_id=made.lens_specification_id,
        ),
    )
    return str(answer.lens_specification.envelope.id)


def reserve(made: Counter) -> tuple[str, ...]:
    ids = []
    for eye in (reservation_pb2.EYE_OD, reservation_pb2.EYE_OS):
        answer = made.ask(
            Role.OPTICIAN,
            inventory.ReserveLensRequest(
                case_id=made.case_id,
                customer_id=made.customer_id,
                product_id=made.lens_id,
                eye=eye,
                power=product_pb2.LensPower(sphere_centidioptres=-200),
                stock_branch_id=made.branch_id,
            ),
        )
        ids.append(answer.reservation.envelope.id)
    return tuple(ids)


def _publish(made: Counter) -> None:
    made.ask(
        Role.HEAD_OFFICE,
        pb.PublishPriceListRequest(
            edition="2026",
            valid_from="2026-01-01",
            currency="CNY",
            prices=[
                Price(product_id=made.frame_id, amount_minor=FRAME_PRICE),
                Price(product_id=made.lens_id, amount_minor=LENS_PRICE),
            ],
        ),
    )
    made.terms_id = made.ask(
        Role.HEAD_OFFICE,
        pb.PublishTermsRequest(
            edition="2026",
            valid_from="2026-01-01",
            warranty_days=365,
            warranty_text="镜架镜片质保一年",
            redo_days=30,
            redo_attempts=1,
            redo_text="三十天内不适应可重做一次",
            price_text="定金三成",
            limits_text="夜间驾驶请注意眩光",
        ),
    ).terms.envelope.id


def quote_request(made: Counter, **changed: Any) -> pb.QuoteOrderRequest:
    asked: dict[str, Any] = {
        "case_id": made.case_id,
        "customer_id": made.customer_id,
        "frame_selection_id": made.frame_selection_id,
        "lens_specification_id": made.lens_specification_id,
        "set_aside_id": made.set_aside_id,
        "reservation_ids": made.reservation_ids,
        **changed,
    }
    return pb.QuoteOrderRequest(**asked)


def quoted(made: Counter, **changed: Any) -> Any:
    return made.ask(Role.OPTICIAN, quote_request(made, **changed)).order


def approval_request(made: Counter, order_id: str, **changed: Any) -> pb.ApproveOrderRequest:
    asked: dict[str, Any] = {
        "order_id": order_id,
        "fitting_measurement_id": made.measurement_id,
        "terms_id": made.terms_id,
        "promised_on": (TODAY + timedelta(days=8)).isoformat(),
        "read_back": ReadBack(
            price=True,
            specification=True,
            measurements=True,
            promise=True,
            warranty=True,
            redo=True,
            limits=True,
        ),
        "signature_object_key": made.image("billing", Role.OPTICIAN),
        **changed,
    }
    return pb.ApproveOrderRequest(**asked)


def approved(made: Counter) -> Any:
    order = quoted(made)
    return made.ask(Role.OPTICIAN, approval_request(made, order.envelope.id)).order


def payment(order_id: str, amount_minor: int, **named: Any) -> pb.TakePaymentRequest:
    asked: dict[str, Any] = {"means": payment_pb2.PAYMENT_MEANS_CASH, **named}
    amount = Money(amount_minor=amount_minor, currency="CNY")
    return pb.TakePaymentRequest(order_id=order_id, amount=amount, **asked)


def test_an_order_stands_on_everything_under_its_quotation_and_measurement(
    counter: Counter,
) -> None:
    order = approved(counter)
    answer = counter.ask(Role.BRANCH_MANAGER, pb.GetOrderRequest(order_id=order.envelope.id))

    with counter.chain.work("billing", counter.people[Role.OPTICIAN].actor) as work:
        pinned = {one.record_id: one for one in work.records.pins_of(order.envelope.id)}
    assert {
        counter.rx_id,
        counter.frame_selection_id,
        counter.lens_specification_id,
        counter.measurement_id,
        order.quotation_id,
        order.approval_id,
        counter.terms_id,
    } <= set(pinned)
    assert set(pinned[counter.rx_id].fields) == {"od", "os", "pd", "purpose"}
    assert answer.margin.margin.amount_minor == TOTAL - 20_000 - 2 * 9_000
    assert answer.order.lens_product_ids == [counter.lens_id]
    assert answer.quotation.lines[0].description == "暴龙 BL1001"


def test_the_optician_gets_the_order_without_its_margin(counter: Counter) -> None:
    order = quoted(counter)
    answer = counter.ask(Role.OPTICIAN, pb.GetOrderRequest(order_id=order.envelope.id))
    assert not answer.HasField("margin")


def amend(made: Counter) -> None:
    """Correct the power of the right eye in the prescription that stands."""
    made.ask(
        Role.OPTOMETRIST,
        clinical.AmendPrescriptionRequest(
            prescription_id=made.rx_id,
            revision=_revision(made),
            reason_code="RX_TRANSCRIPTION",
            reason="read wrongly",
            od=rx.PrescribedEye(sphere_centidioptres=-225),
        ),
    )


def standing(made: Counter, order_id: str) -> tuple[str, int]:
    """Return the state of an order and what was paid for it, as GetOrder says."""
    answer = made.ask(Role.CASHIER, pb.GetOrderRequest(order_id=order_id))
    return answer.order.envelope.state, answer.balance.paid.amount_minor


def refusals(made: Counter) -> list[tuple[str, str, str]]:
    """Return which gates of billing held, for which holder and role."""
    with made.chain.database("billing").snapshot() as connection:
        rows = connection.execute(select(refusal.c.gate, refusal.c.holder_id, refusal.c.role))
        return [(row.gate, str(row.holder_id), row.role) for row in rows]


def test_a_payment_stands_when_the_prescription_was_amended_and_the_order_is_not_confirmed(
    counter: Counter,
) -> None:
    order_id = approved(counter).envelope.id
    amend(counter)

    answer = counter.ask(Role.CASHIER, payment(order_id, 50_000))

    assert answer.payment.amount_minor == 50_000
    assert answer.balance.paid.amount_minor == 50_000
    assert answer.order.envelope.state == "approved"
    assert answer.confirmation_refused.reason == "PIN_STALE"
    [stale] = [
        one for one in answer.confirmation_refused.stale if one.pin.record_id == counter.rx_id
    ]
    assert (stale.pin.relied_version, stale.live_version) == (1, 2)
    assert [one.field for one in stale.change.fields] == ["od"]
    assert stale.change.reason == "***"  # words on a prescription are not for the till
    assert standing(counter, order_id) == ("approved", 50_000)
    assert refusals(counter) == [("confirm order", str(as_uuid(order_id)), "cashier")]


def test_a_payment_on_a_superseded_prescription_names_its_successor(counter: Counter) -> None:
    order_id = approved(counter).envelope.id
    newer = prescribe(counter, supersedes_id=counter.rx_id)

    answer = counter.ask(Role.CASHIER, payment(order_id, 50_000))

    stale = {one.pin.record_id: one.change for one in answer.confirmation_refused.stale}
    assert stale[counter.rx_id].what == pin_pb2.CHANGE_KIND_SUPERSEDED
    assert stale[counter.rx_id].successor_id == newer
    assert standing(counter, order_id) == ("approved", 50_000)


def test_a_payment_below_the_deposit_asks_nobody_whether_the_order_may_go_on(
    counter: Counter,
) -> None:
    order_id = approved(counter).envelope.id
    amend(counter)

    answer = counter.ask(Role.CASHIER, payment(order_id, 100))

    assert not answer.HasField("confirmation_refused")
    assert answer.order.envelope.state == "approved"
    assert refusals(counter) == []


def test_a_stale_payment_repeated_under_its_id_pays_once_and_is_refused_again(
    counter: Counter,
) -> None:
    order_id = approved(counter).envelope.id
    amend(counter)
    request = payment(order_id, 50_000, request_id="till-1")

    first = counter.ask(Role.CASHIER, request)
    again = counter.ask(Role.CASHIER, request)

    assert again == first
    assert again.confirmation_refused.stale
    assert standing(counter, order_id) == ("approved", 50_000)


def test_a_payment_stands_while_clinical_is_away_and_its_repeat_confirms_the_order(
    counter: Counter,
) -> None:
    order_id = approved(counter).envelope.id
    request = payment(order_id, TOTAL, request_id="till-1")
    counter.chain.stop("clinical")
    try:
        first = counter.ask(Role.CASHIER, request)
    finally:
        counter.chain.serve("clinical")
    assert first.confirmation_refused.reason == "UNAVAILABLE"
    assert standing(counter, order_id) == ("approved", TOTAL)

    again = until_confirmed(counter, request)

    assert again.payment == first.payment
    assert standing(counter, order_id) == ("confirmed", TOTAL)
    # From now on a repeat is answered as the step that ended well, whatever changes after it.
    amend(counter)
    assert counter.ask(Role.CASHIER, request) == again


def until_confirmed(made: Counter, request: pb.TakePaymentRequest) -> Any:
    """Repeat a payment until clinical, which has just come back, can be asked."""
    for _ in range(50):
        answer = made.ask(Role.CASHIER, request)
        if not answer.HasField("confirmation_refused"):
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not confirmed: {answer.confirmation_refused.reason}")


@pytest.fixture
def cut_off(counter: Counter) -> tuple[str, pb.TakePaymentRequest]:
    """An order whose deposit was committed by a process that was killed before it could confirm:
    only what that transaction committed is left."""
    order_id = approved(counter).envelope.id
    request = payment(order_id, 50_000, request_id="till-1")
    loaded = settings.load("billing")
    peers = Peers(loaded, service="billing", secret=loaded.secret.get_secret_value())
    killed = Call(
        rpc=rpc_of(pb.TakePaymentRequest).path,
        request=request,
        response=pb.TakePaymentResponse,
        actor=replace(counter.people[Role.CASHIER].actor, scope=Scope.CHAIN),
        database=counter.chain.database("billing"),
        peers=peers,
        objects=ObjectStore(loaded.s3_url.get_secret_value()),
        settings=loaded,
    )
    killed.run(paying.take_payment)
    peers.close()
    assert standing(counter, order_id) == ("approved", 50_000)
    return order_id, request


def test_a_repeat_after_a_crash_between_payment_and_confirmation_pays_once_and_confirms(
    counter: Counter, cut_off: tuple[str, pb.TakePaymentRequest]
) -> None:
    order_id, request = cut_off

    answer = counter.ask(Role.CASHIER, request)

    assert answer.order.envelope.state == "confirmed"
    assert standing(counter, order_id) == ("confirmed", 50_000)
    assert counter.ask(Role.CASHIER, request) == answer


def test_four_repeats_at_once_after_a_crash_pay_once_and_confirm_once(
    counter: Counter, cut_off: tuple[str, pb.TakePaymentRequest]
) -> None:
    order_id, request = cut_off

    with ThreadPoolExecutor(4) as tills:
        answers = list(tills.map(lambda _: counter.ask(Role.CASHIER, request), range(4)))

    assert {one.payment.envelope.id for one in answers} == {answers[0].payment.envelope.id}
    assert standing(counter, order_id) == ("confirmed", 50_000)
    with counter.chain.database("billing").snapshot() as connection:
        told = connection.execute(select(outbox.c.type)).scalars().all()
    assert len([one for one in told if one.endswith(".OrderConfirmed")]) == 1


def test_the_next_payment_confirms_what_a_crash_left_unconfirmed(
    counter: Counter, cut_off: tuple[str, pb.TakePaymentRequest]
) -> None:
    order_id, _request = cut_off

    answer = counter.ask(Role.CASHIER, payment(order_id, 100))

    assert answer.order.envelope.state == "confirmed"
    assert standing(counter, order_id) == ("confirmed", 50_100)


def test_an_order_paid_in_full_and_cut_off_is_confirmed_by_itself_and_only_once(
    counter: Counter,
) -> None:
    order_id = approved(counter).envelope.id
    confirm = pb.ConfirmOrderRequest(order_id=order_id)
    with pytest.raises(Refused) as unpaid:
        counter.ask(Role.CASHIER, confirm)
    assert unpaid.value.code == "NOT_CONFIRMABLE"
    counter.chain.stop("clinical")
    try:
        counter.ask(Role.CASHIER, payment(order_id, TOTAL))
        with pytest.raises(Unavailable):
            counter.ask(Role.CASHIER, confirm)
    finally:
        counter.chain.serve("clinical")

    confirmed = _patiently(counter, confirm)

    assert confirmed.order.envelope.state == "confirmed"
    with pytest.raises(Refused) as again:
        counter.ask(Role.CASHIER, confirm)
    assert again.value.code == "NOT_CONFIRMABLE"


def _patiently(made: Counter, request: pb.ConfirmOrderRequest) -> Any:
    """Ask until clinical, which has just come back, can be asked."""
    for _ in range(50):
        try:
            return made.ask(Role.CASHIER, request)
        except Unavailable:
            time.sleep(0.1)
    return made.ask(Role.CASHIER, request)


def test_labjob_releases_no_job_before_the_order_is_confirmed(counter: Counter) -> None:
    counter.chain.serve("labjob")
    order_id = approved(counter).envelope.id
    release = labjob.ReleaseJobRequest(order_id=order_id, lab_id=counter.branch_id)

    with pytest.raises(Refused) as unpaid:
        counter.ask(Role.OPTICIAN, release)
    assert unpaid.value.code == "ORDER_NOT_CONFIRMED"

    amend(counter)
    counter.ask(Role.CASHIER, payment(order_id, 50_000))
    with pytest.raises(StalePins) as refused:
        counter.ask(Role.OPTICIAN, release)
    assert counter.rx_id in {one.pin.record_id for one in refused.value.stale}


def test_a_prescription_amended_after_the_quotation_stops_the_approval(counter: Counter) -> None:
    order_id = quoted(counter).envelope.id
    amend(counter)

    with pytest.raises(StalePins) as refused:
        counter.ask(Role.OPTICIAN, approval_request(counter, order_id))

    (stale,) = [one for one in refused.value.stale if one.pin.record_id == counter.rx_id]
    assert [one.field for one in stale.change.fields] == ["od"]
    assert (stale.pin.relied_version, stale.live_version) == (1, 2)


def test_a_prescription_that_expired_after_the_quotation_stops_the_approval(
    counter: Counter,
) -> None:
    order_id = quoted(counter).envelope.id
    with counter.chain.work("clinical", system("clinical")) as work:
        work.records.void(
            work.records.find(PRESCRIPTION, counter.rx_id),
            ChangeKind.EXPIRED,
            reason_code="EXPIRED",
            reason="its last day is over",
        )

    with pytest.raises(StalePins) as refused:
        counter.ask(Role.OPTICIAN, approval_request(counter, order_id))

    changes = {one.pin.record_id: one.change.what for one in refused.value.stale}
    assert changes[counter.rx_id] == ChangeKind.EXPIRED


def test_a_note_added_to_the_prescription_stops_nobody(counter: Counter) -> None:
    order_id = quoted(counter).envelope.id
    counter.ask(
        Role.OPTOMETRIST,
        clinical.AmendPrescriptionRequest(
            prescription_id=counter.rx_id,
            revision=_revision(counter),
            reason_code="RX_TRANSCRIPTION",
            reason="a note",
            notes="wears them for driving",
        ),
    )
    counter.chain.hears("billing", counter.rx_id, 2, "notes")

    order = counter.ask(Role.OPTICIAN, approval_request(counter, order_id)).order
    assert order.envelope.state == "approved"


def _revision(made: Counter) -> int:
    answer = made.ask(Role.OPTOMETRIST, clinical.GetPrescriptionRequest(prescription_id=made.rx_id))
    return int(answer.prescription.envelope.revision)


def test_after_a_new_prescription_the_order_goes_on_by_a_new_quotation_and_approval(
    counter: Counter,
) -> None:
    order_id = approved(counter).envelope.id
    counter.rx_id = prescribe(counter, supersedes_id=counter.rx_id)
    counter.lens_specification_id = specify(counter)
    old = counter.reservation_ids
    counter.reservation_ids = reserve(counter)
    requoted = counter.ask(
        Role.OPTICIAN,
        pb.RequoteOrderRequest(
            order_id=order_id,
            frame_selection_id=counter.frame_selection_id,
            lens_specification_id=counter.lens_specification_id,
            set_aside_id=counter.set_aside_id,
            reservation_ids=counter.reservation_ids,
            reason="a new prescription",
        ),
    )
    assert requoted.order.envelope.state == "quoted"

    counter.ask(Role.OPTICIAN, approval_request(counter, order_id))
    paid = counter.ask(Role.CASHIER, payment(order_id, 50_000))

    assert paid.order.envelope.state == "confirmed"
    assert not paid.HasField("confirmation_refused")
    assert set(old).isdisjoint(paid.order.reservation_ids)


def test_money_taken_on_a_stale_order_confirms_it_when_the_customer_approves_anew(
    counter: Counter,
) -> None:
    order_id = approved(counter).envelope.id
    newer = prescribe(counter, supersedes_id=counter.rx_id)
    counter.ask(Role.CASHIER, payment(order_id, 50_000))
    counter.rx_id = newer
    counter.lens_specification_id = specify(counter)
    counter.reservation_ids = reserve(counter)
    counter.ask(
        Role.OPTICIAN,
        pb.RequoteOrderRequest(
            order_id=order_id,
            frame_selection_id=counter.frame_selection_id,
            lens_specification_id=counter.lens_specification_id,
            set_aside_id=counter.set_aside_id,
            reservation_ids=counter.reservation_ids,
            reason="a new prescription",
        ),
    )

    counter.ask(Role.OPTICIAN, approval_request(counter, order_id))

    assert standing(counter, order_id) == ("confirmed", 50_000)


def test_a_quotation_on_a_superseded_specification_is_refused(counter: Counter) -> None:
    old = counter.lens_specification_id
    counter.rx_id = prescribe(counter, supersedes_id=counter.rx_id)
    counter.lens_specification_id = specify(counter)

    with pytest.raises(StalePins):
        quoted(counter, lens_specification_id=old)


def test_lenses_for_one_eye_alone_are_not_quoted_for_two(counter: Counter) -> None:
    with pytest.raises(Refused) as refused:
        quoted(counter, reservation_ids=counter.reservation_ids[:1])
    assert refused.value.code == "STOCK_NOT_HELD"
    assert refused.value.missing == ("lens reserved: os",)


def test_the_old_lenses_are_not_quoted_on_a_specification_of_another_power(
    counter: Counter,
) -> None:
    amend(counter)
    counter.lens_specification_id = specify(counter)

    with pytest.raises(Refused) as refused:
        quoted(counter)
    assert refused.value.code == "LENS_NOT_AS_SPECIFIED"
    assert refused.value.missing == ("reservation_ids[0]: od sphere_centidioptres as specified",)


def test_a_selection_of_another_case_is_not_quoted(counter: Counter) -> None:
    with pytest.raises(Refused) as refused:
        quoted(counter, case_id=new_id("case"))
    assert refused.value.code == "OTHER_CASE"


def test_two_cashiers_who_take_the_same_balance_at_once_never_take_it_twice(
    counter: Counter,
) -> None:
    order_id = approved(counter).envelope.id
    request = payment(order_id, TOTAL - 1)

    def take(_turn: int) -> str:
        try:
            counter.ask(Role.CASHIER, request)
        except DomainError as refused:
            return refused.code
        return "taken"

    with ThreadPoolExecutor(4) as tills:
        answers = sorted(tills.map(take, range(4)))

    assert answers.count("taken") == 1
    assert set(answers) <= {"taken", "OVERPAYMENT"}
    ledger = counter.ask(Role.CASHIER, pb.GetLedgerRequest(order_id=order_id))
    assert ledger.balance.paid.amount_minor == TOTAL - 1
    assert sum(e.amount_minor for p in ledger.postings for e in p.entries) == 0


def test_many_small_payments_at_once_are_all_kept_and_never_pass_the_total(
    counter: Counter,
) -> None:
    order_id = approved(counter).envelope.id
    share = TOTAL // 5

    def take(turn: int) -> str:
        request = payment(order_id, share)
        request.request_id = f"till-{turn}"
        try:
            counter.ask(Role.CASHIER, request)
        except DomainError as refused:
            return refused.code
        return "taken"

    with ThreadPoolExecutor(7) as tills:
        answers = sorted(tills.map(take, range(7)))

    assert answers == ["OVERPAYMENT"] * 2 + ["taken"] * 5
    settled = counter.ask(Role.CASHIER, pb.RequireSettledRequest(order_id=order_id))
    assert settled.balance.due.amount_minor == 0
    assert standing(counter, order_id) == ("confirmed", TOTAL)


def test_a_payment_repeated_under_its_id_is_taken_once(counter: Counter) -> None:
    order_id = approved(counter).envelope.id
    request = payment(order_id, 100)
    request.request_id = "till-1"

    first = counter.ask(Role.CASHIER, request)
    again = counter.ask(Role.CASHIER, request)

    assert first == again
    assert again.balance.paid.amount_minor == 100


def test_glasses_are_not_handed_over_while_something_is_due(counter: Counter) -> None:
    order_id = approved(counter).envelope.id
    counter.ask(Role.CASHIER, payment(order_id, 50_000))

    with pytest.raises(Refused) as refused:
        counter.chain.ask_as_service(
            "labjob",
            pb.RequireSettledRequest(order_id=order_id),
            pb.RequireSettledResponse,
        )
    assert refused.value.code == "BALANCE_DUE"
    assert refused.value.details["due_minor"] == str(TOTAL - 50_000)


@pytest.fixture
def printed(counter: Counter) -> Any:
    order_id = approved(counter).envelope.id
    counter.ask(
        Role.CASHIER,
        payment(
            order_id, 50_000, means=payment_pb2.PAYMENT_MEANS_CARD, reference="6222020000119911"
        ),
    )
    return order_id, counter.ask(Role.CASHIER, pb.GetReceiptRequest(order_id=order_id))


def test_a_receipt_is_a_pdf_whose_chinese_can_be_read_and_found(
    counter: Counter, printed: Any
) -> None:
    _order_id, answer = printed
    with urllib.request.urlopen(answer.url) as read:
        pdf = read.read()

    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    for said in ("收据", NAME, "静安店", "南京西路", "暴龙", "明月", "镜架镜片质保一年"):
        assert said in text
    for amount in ("1,500.00", "500.00", "1,000.00", "…9911"):
        assert amount in text
    assert "6222020000119911" not in text
    assert answer.evidence.media_type == "application/pdf"
    assert answer.evidence.size_bytes == len(pdf)


def test_a_receipt_of_the_same_ledger_is_the_same_and_the_name_stays_out_of_billing(
    counter: Counter, printed: Any
) -> None:
    order_id, first = printed
    again = counter.ask(Role.CASHIER, pb.GetReceiptRequest(order_id=order_id))
    assert again.receipt == first.receipt

    counter.ask(Role.CASHIER, payment(order_id, 1_000))
    later = counter.ask(Role.CASHIER, pb.GetReceiptRequest(order_id=order_id))
    assert later.receipt.receipt_number != first.receipt.receipt_number
    assert later.receipt.paid_minor == 51_000
    with counter.chain.database("billing").snapshot() as connection:
        kept = connection.exec_driver_sql(
            "SELECT count(*) FROM history WHERE position(%s IN body) > 0", (NAME,)
        ).scalar_one()
    assert kept == 0


def test_no_receipt_is_printed_before_anything_is_paid(counter: Counter) -> None:
    order_id = quoted(counter).envelope.id
    with pytest.raises(Refused) as refused:
        counter.ask(Role.CASHIER, pb.GetReceiptRequest(order_id=order_id))
    assert refused.value.code == "NOTHING_PAID"


def test_a_void_gives_the_money_back_and_leaves_an_empty_ledger(counter: Counter) -> None:
    order_id = approved(counter).envelope.id
    counter.ask(Role.CASHIER, payment(order_id, 50_000))
    answer = counter.ask(
        Role.BRANCH_MANAGER,
        pb.VoidOrderRequest(order_id=order_id, reason_code="CUSTOMER_CHANGE", reason="mistake"),
    )

    assert answer.order.envelope.state == "cancelled"
    assert [one.amount_minor for one in answer.given_back] == [50_000]
    ledger = counter.ask(Role.BRANCH_MANAGER, pb.GetLedgerRequest(order_id=order_id))
    accounts: dict[int, int] = {}
    for posting in ledger.postings:
        for entry in posting.entries:
            accounts[entry.account] = accounts.get(entry.account, 0) + entry.amount_minor
    assert set(accounts.values()) == {0}


def test_the_promise_moves_only_when_the_customer_was_informed(counter: Counter) -> None:
    order_id = approved(counter).envelope.id
    later = (TODAY + timedelta(days=20)).isoformat()
    request = pb.RePromiseRequest(order_id=order_id, promised_on=later, reason="the lab is late")

    with pytest.raises(Invalid) as refused:
        counter.ask(Role.OPTICIAN, request)
    assert refused.value.problems[0].field == "informed_how"
    request.informed_how = INFORMED_HOW_TELEPHONE
    answer = counter.ask(Role.OPTICIAN, request)

    assert (answer.promise.number, answer.order.promised_on) == (2, later)
    assert answer.order.first_promised_on != later


def test_an_edition_is_published_by_head_office_alone_and_nobody_calls_without_a_token(
    counter: Counter,
) -> None:
    request = pb.PublishPriceListRequest(
        edition="mine",
        valid_from="2026-01-01",
        currency="CNY",
        prices=[Price(product_id=counter.frame_id, amount_minor=1)],
    )
    with pytest.raises(NotPermitted) as refused:
        counter.ask(Role.BRANCH_MANAGER, request)
    assert refused.value.code == "ROLE_NOT_PERMITTED"
    with pytest.raises(Unauthenticated):
        counter.chain.ask(request, pb.PublishPriceListResponse)


def test_an_id_of_another_kind_and_an_order_of_another_branch_are_refused(
    counter: Counter,
) -> None:
    with pytest.raises(Invalid) as refused:
        counter.ask(Role.OPTICIAN, pb.GetOrderRequest(order_id=counter.rx_id))
    assert refused.value.code == "ID_OF_WRONG_KIND"

    order_id = quoted(counter).envelope.id
    counter.people[Role.OPTICIAN] = counter.chain.person(Role.OPTICIAN)
    with pytest.raises(NotPermitted) as elsewhere:
        counter.ask(
            Role.OPTICIAN,
            pb.VoidOrderRequest(order_id=order_id, reason_code="CUSTOMER_CHANGE", reason="x"),
        )
    assert elsewhere.value.code == "WRONG_BRANCH"
