"""A pair of glasses with which things go wrong, for the tests of its story: a deposit, a promise
moved, an axis amended at the edger, a lens broken, a message to the customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from chain import Chain, Person
from chassis.roles import Role
from gateway_door import Door, problem
from gateway_shop import appoint
from labjob_bench import UNTIL_EDGING, Bench
from optichain.billing.v1 import approval_pb2
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.customer.v1 import contact_pb2
from optichain.customer.v1 import customer_service_pb2 as customer
from optichain.labjob.v1 import job_pb2, making_pb2
from optichain.labjob.v1 import labjob_service_pb2 as labjob
from optichain.record.v1 import record_service_pb2 as records
from optichain.record.v1 import review_pb2

NAME, PHONE = "欧阳静", "13916000199"
WHY_AMENDED, WHY_LATER = "axis read off wrongly", "the lab is late"
SAID = "a few days more & <b>sorry</b>"
DEPOSIT, TOTAL = 60_000, 150_000


@dataclass
class Tale:
    """The bench on which it happened, and who looks on."""

    bench: Bench
    manager: Person
    login: str
    review: review_pb2.Review
    later_on: str
    trace_of_refusal: str
    trace_of_message: str


def tale_of(chain: Chain, door: Door) -> Tale:
    """Let it happen."""
    bench = Bench(chain)
    bench.open_places()
    bench.stock_up()
    bench.customer_id = _registered(bench)
    bench.order_glasses(deposit_only=True)
    bench.release()
    bench.tray_to_lab()
    bench.accept()
    bench.draw()
    bench.work_stations(*UNTIL_EDGING)
    refused_in = _refused_at_the_edger(bench, door)
    _break_a_lens(bench)
    later_on = _promised_anew(bench)
    told_in = _told(bench, door)
    office = chain.person(Role.HEAD_OFFICE)
    appoint(door, office, bench.shop_id, "wu.min", "branch_manager")
    manager = chain.person(Role.BRANCH_MANAGER, branch_id=bench.shop_id)
    return Tale(bench, manager, "wu.min", _review(bench), later_on, refused_in, told_in)


def _registered(bench: Bench) -> str:
    person = customer.RegisterPersonRequest(name=NAME, phone=PHONE, birthday="1988-05-21")
    answer = bench.ask(Role.RECEPTION, person, customer.RegisterPersonResponse)
    customer_id = answer.person.envelope.id
    allowed = customer.RecordContactPermissionRequest(
        customer_id=customer_id,
        purpose=contact_pb2.PURPOSE_ORDER_SERVICE,
        answer=contact_pb2.PERMISSION_ANSWER_YES,
        channels=[contact_pb2.CHANNEL_SMS],
        follow_up_wanted=True,
    )
    bench.ask(Role.RECEPTION, allowed, customer.RecordContactPermissionResponse)
    return customer_id


def _refused_at_the_edger(bench: Bench, door: Door) -> str:
    """Start edging on the old axis by way of the gateway; returns the trace of the refusal."""
    bench.amend_axis(90, reason=WHY_AMENDED)
    technician = bench.person(Role.LAB_TECHNICIAN, bench.lab_id)
    path = f"/jobs/{bench.job_id}/start-station"
    answer = door.call("POST", path, token=technician.token, json={"station": "edging"})
    return str(problem(answer, 409, "PIN_STALE")["trace_id"])


def _review(bench: Bench) -> review_pb2.Review:
    answer = bench.chain.ask(
        records.ListReviewsRequest(),
        records.ListReviewsResponse,
        as_=bench.person(Role.OPTICIAN),
        of="labjob",
    )
    (review,) = answer.reviews
    return review


def _break_a_lens(bench: Bench) -> None:
    broken = labjob.RecordBreakageRequest(
        job_id=bench.job_id,
        part=job_pb2.JOB_PART_LENS_OD,
        reason_code="L08",
        fault_side=making_pb2.FAULT_SIDE_LAB,
        note="chipped",
    )
    bench.ask(Role.LAB_TECHNICIAN, broken, labjob.RecordBreakageResponse, bench.lab_id)


def _promised_anew(bench: Bench) -> str:
    later_on = (bench.today + timedelta(days=12)).isoformat()
    request = billing.RePromiseRequest(
        order_id=bench.order_id,
        promised_on=later_on,
        reason=WHY_LATER,
        informed_how=approval_pb2.INFORMED_HOW_TELEPHONE,
    )
    bench.ask(Role.OPTICIAN, request, billing.RePromiseResponse)
    return later_on


def _told(bench: Bench, door: Door) -> str:
    """Tell the customer by way of the gateway; returns the trace of the step."""
    message = {
        "purpose": "order_service",
        "outcome": "told",
        "channel": "sms",
        "said": SAID,
        "case_id": bench.case_id,
        "order_id": bench.order_id,
    }
    path = f"/customers/{bench.customer_id}/messages"
    answer = door.call("POST", path, token=bench.person(Role.OPTICIAN).token, json=message)
    assert answer.status_code == 200, answer.text
    return answer.headers["trace-id"]
