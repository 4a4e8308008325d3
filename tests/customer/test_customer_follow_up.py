"""After the sale: a follow-up if it is permitted and wanted, done or waived; an order closes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chain import Chain, Person
from chassis import actor, clock
from chassis.errors import AlreadyThere, Invalid, NotPermitted, Outdated, Refused
from chassis.ids import new_id
from chassis.records.tables import outbox
from chassis.roles import Role
from counter import Counter
from customer.worker import CustomerWorker
from optichain.billing.v1 import events_pb2 as billing_events
from optichain.customer.v1 import contact_pb2, events_pb2, follow_up_pb2
from optichain.customer.v1 import customer_service_pb2 as pb

COLLECTED_AT = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)  # 1:30 on the 21st in Shanghai
SMS = contact_pb2.CHANNEL_SMS


@pytest.fixture
def optician(counter: Counter) -> Person:
    return counter.chain.person(Role.OPTICIAN, branch_id=counter.reception.branch_id)


def collect(counter: Counter, customer_id: str) -> str:
    """Let customer's worker hear that an order was collected; returns the order."""
    event = billing_events.OrderCollected(
        order_id=new_id("ord"),
        case_id=new_id("case"),
        customer_id=customer_id,
        branch_id=counter.reception.branch_id,
    )
    event.collected_at.FromDatetime(COLLECTED_AT)
    with counter.chain.work("customer", actor.system("customer")) as work:
        CustomerWorker().follow_up(work, event)
    return event.order_id


def of_order(counter: Counter, person: Person, order_id: str) -> follow_up_pb2.FollowUp:
    request = pb.ListFollowUpsRequest(order_id=order_id)
    answer = counter.chain.ask(request, pb.ListFollowUpsResponse, as_=person)
    (found,) = answer.follow_ups
    return found


def due(counter: Counter, person: Person, **how: str) -> list[str]:
    request = pb.ListFollowUpsRequest(**how)  # type: ignore[arg-type]  # texts only
    answer = counter.chain.ask(request, pb.ListFollowUpsResponse, as_=person)
    return [one.order_id for one in answer.follow_ups]


def closed(chain: Chain) -> list[events_pb2.FollowUpClosed]:
    with chain.database("customer").snapshot() as connection:
        rows = connection.execute(outbox.select().order_by(outbox.c.seq)).mappings().all()
    kind = events_pb2.FollowUpClosed
    return [kind.FromString(r["body"]) for r in rows if r["type"] == kind.DESCRIPTOR.full_name]


def record(
    counter: Counter, person: Person, follow_up: follow_up_pb2.FollowUp, channel: int = SMS
) -> follow_up_pb2.FollowUp:
    request = pb.RecordFollowUpRequest(
        follow_up_id=follow_up.envelope.id,
        revision=follow_up.envelope.revision,
        finding=follow_up_pb2.FOLLOW_UP_FINDING_CONTENT,
        channel=channel,  # type: ignore[arg-type]  # a number of the enum
        said="sees well",
    )
    return counter.chain.ask(request, pb.RecordFollowUpResponse, as_=person).follow_up


def test_a_collected_order_is_followed_up_a_week_later_at_its_branch_when_wanted(
    counter: Counter, optician: Person
) -> None:
    customer_id = counter.id_of()
    counter.answer_all(customer_id, follow_up_wanted=False)
    counter.answer(customer_id, contact_pb2.PURPOSE_ORDER_SERVICE, SMS, follow_up_wanted=True)

    order_id = collect(counter, customer_id)

    planned = of_order(counter, optician, order_id)
    assert (planned.envelope.state, planned.due_on) == ("planned", "2026-11-28")
    assert due(counter, optician, due_by="2026-11-27") == []
    assert due(counter, optician, due_by="2026-11-28") == [order_id]
    assert closed(counter.chain) == []


@pytest.mark.parametrize(
    ("channels", "reason"),
    [
        (None, follow_up_pb2.WAIVER_REASON_NOT_PERMITTED),
        ((), follow_up_pb2.WAIVER_REASON_NOT_PERMITTED),
        ((SMS,), follow_up_pb2.WAIVER_REASON_NOT_WANTED),
    ],
)
def test_a_follow_up_that_is_not_permitted_or_wanted_is_waived_at_once(
    counter: Counter, optician: Person, channels: tuple[int, ...] | None, reason: int
) -> None:
    customer_id = counter.id_of()
    if channels is not None:
        counter.answer(customer_id, contact_pb2.PURPOSE_ORDER_SERVICE, *channels)

    order_id = collect(counter, customer_id)

    waived = of_order(counter, optician, order_id)
    assert (waived.envelope.state, waived.waiver_reason) == ("waived", reason)
    (fact,) = closed(counter.chain)
    assert (fact.order_id, fact.is_done) == (order_id, False)
    assert due(counter, optician) == []


def test_a_follow_up_is_made_once_on_a_channel_permitted_now(
    counter: Counter, optician: Person
) -> None:
    customer_id = counter.id_of()
    counter.answer(customer_id, contact_pb2.PURPOSE_ORDER_SERVICE, SMS, follow_up_wanted=True)
    order_id = collect(counter, customer_id)
    planned = of_order(counter, optician, order_id)

    with pytest.raises(Refused) as refused:
        record(counter, optician, planned, contact_pb2.CHANNEL_PHONE_CALL)
    assert refused.value.code == "CHANNEL_NOT_PERMITTED"
    with pytest.raises(NotPermitted) as elsewhere:
        record(counter, counter.chain.person(Role.OPTICIAN), planned)
    assert elsewhere.value.code == "WRONG_BRANCH"

    done = record(counter, optician, planned)
    assert (done.envelope.state, done.said) == ("done", "sees well")
    assert done.envelope.closure.closed_by == optician.id
    assert [fact.is_done for fact in closed(counter.chain)] == [True]
    with pytest.raises(Outdated):
        record(counter, optician, planned)
    with pytest.raises(Refused) as again:
        record(counter, optician, done)
    assert again.value.code == "MOVE_FORBIDDEN"


def test_a_permission_taken_back_stops_the_follow_up_that_was_planned(
    counter: Counter, optician: Person
) -> None:
    customer_id = counter.id_of()
    counter.answer(customer_id, contact_pb2.PURPOSE_ORDER_SERVICE, SMS, follow_up_wanted=True)
    planned = of_order(counter, optician, collect(counter, customer_id))
    counter.answer(customer_id, contact_pb2.PURPOSE_ORDER_SERVICE)

    with pytest.raises(Refused) as refused:
        record(counter, optician, planned)
    assert refused.value.code == "CHANNEL_NOT_PERMITTED"


def test_a_follow_up_is_waived_with_a_reason_and_for_another_one_with_words(
    counter: Counter, optician: Person
) -> None:
    customer_id = counter.id_of()
    counter.answer(customer_id, contact_pb2.PURPOSE_ORDER_SERVICE, SMS, follow_up_wanted=True)
    planned = of_order(counter, optician, collect(counter, customer_id))
    waive = pb.WaiveFollowUpRequest(
        follow_up_id=planned.envelope.id,
        revision=1,
        waiver_reason=follow_up_pb2.WAIVER_REASON_OTHER,
    )

    with pytest.raises(Invalid) as refused:
        counter.chain.ask(waive, pb.WaiveFollowUpResponse, as_=optician)
    assert refused.value.problems[0].field == "waiver_note"
    waive.waiver_note = "moved abroad"
    waived = counter.chain.ask(waive, pb.WaiveFollowUpResponse, as_=optician).follow_up
    assert waived.envelope.state == "waived"
    assert [fact.is_done for fact in closed(counter.chain)] == [False]


def test_a_follow_up_is_planned_by_hand_for_who_permits_it_and_once_an_order(
    counter: Counter, optician: Person
) -> None:
    customer_id, order_id = counter.id_of(), new_id("ord")
    today = clock.today("Asia/Shanghai")
    plan = pb.PlanFollowUpRequest(
        customer_id=customer_id,
        order_id=order_id,
        due_on=(today + timedelta(days=3)).isoformat(),
        subject="the new frame",
    )

    def reason() -> str:
        with pytest.raises((Refused, Invalid, AlreadyThere)) as refused:
            counter.chain.ask(plan, pb.PlanFollowUpResponse, as_=optician)
        return str(refused.value.code)

    assert reason() == "FOLLOW_UP_NOT_WANTED"
    counter.answer(customer_id, contact_pb2.PURPOSE_ORDER_SERVICE)
    assert reason() == "FOLLOW_UP_NOT_WANTED"
    counter.answer(customer_id, contact_pb2.PURPOSE_ORDER_SERVICE, SMS)
    counter.chain.ask(plan, pb.PlanFollowUpResponse, as_=optician)
    assert reason() == "FOLLOW_UP_PLANNED"
    plan.due_on = (today - timedelta(days=1)).isoformat()
    assert reason() == "INVALID"


def test_follow_ups_come_earliest_first_by_page_and_of_the_own_branch_only(
    counter: Counter, optician: Person
) -> None:
    customer_id = counter.id_of()
    counter.answer(customer_id, contact_pb2.PURPOSE_ORDER_SERVICE, SMS)
    today = clock.today("Asia/Shanghai")
    for days in (5, 1, 3, 4, 2):
        plan = pb.PlanFollowUpRequest(
            customer_id=customer_id, due_on=(today + timedelta(days)).isoformat(), subject="x"
        )
        counter.chain.ask(plan, pb.PlanFollowUpResponse, as_=optician)

    seen: list[str] = []
    request = pb.ListFollowUpsRequest(page_size=2)
    while True:
        page = counter.chain.ask(request, pb.ListFollowUpsResponse, as_=optician)
        seen += [one.due_on for one in page.follow_ups]
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert seen == [(today + timedelta(days)).isoformat() for days in range(1, 6)]
    assert due(counter, counter.chain.person(Role.OPTICIAN)) == []
