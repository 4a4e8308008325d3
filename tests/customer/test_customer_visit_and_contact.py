"""How people may be reached, by whose answer, and whether a visit may begin."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from chain import Chain
from chassis import clock
from chassis.errors import AlreadyThere, Invalid, NotPermitted, Refused
from chassis.ids import as_uuid, new_id
from chassis.records.tables import outbox, record
from chassis.roles import Role
from counter import PHONE, Counter
from customer.contact import Channel, Purpose
from customer.message import MessageOutcome
from optichain.customer.v1 import contact_pb2, events_pb2, message_pb2
from optichain.customer.v1 import customer_service_pb2 as pb

ORDER_SERVICE = contact_pb2.PURPOSE_ORDER_SERVICE
SMS, CALL = contact_pb2.CHANNEL_SMS, contact_pb2.CHANNEL_PHONE_CALL
YES, NO = contact_pb2.PERMISSION_ANSWER_YES, contact_pb2.PERMISSION_ANSWER_NO


def years_ago(years: int, days: int = 0) -> str:
    day = clock.today("Asia/Shanghai") + timedelta(days=days)
    if (day.month, day.day) == (2, 29):
        day += timedelta(days=1 if days > 0 else -1)
    return day.replace(year=day.year - years).isoformat()


def told(chain: Chain, kind: type) -> list[str]:
    """Return the bodies of the facts of a kind that were told."""
    with chain.database("customer").snapshot() as connection:
        rows = connection.execute(outbox.select().order_by(outbox.c.seq)).mappings().all()
    name = kind.DESCRIPTOR.full_name  # type: ignore[attr-defined]  # a message class
    return [kind.FromString(row["body"]) for row in rows if row["type"] == name]  # type: ignore[attr-defined]  # as above


def test_a_visit_may_begin_for_an_adult_asked_about_everything_and_reachable(
    counter: Counter,
) -> None:
    customer_id = counter.id_of()
    counter.answer_all(customer_id)
    counter.verify(customer_id)

    ready = counter.ready(customer_id)

    assert (ready.person_id, ready.is_minor) == (customer_id, False)
    assert ready.age_years >= 38


def test_everything_that_stands_against_a_visit_is_told_at_once(counter: Counter) -> None:
    customer_id = counter.id_of()
    counter.id_of()

    with pytest.raises(Refused) as refused:
        counter.ready(customer_id)

    assert refused.value.code == "DUPLICATE_UNRESOLVED"
    duplicate = counter.person(customer_id).duplicates[0].envelope.id
    assert refused.value.missing == (
        f"decision on {duplicate}",
        "answer for order_service",
        "answer for recall",
        "answer for marketing",
        "contact verified as it stands now",
    )
    assert "王" not in refused.value.text


def test_each_thing_that_is_missing_has_its_own_reason(counter: Counter) -> None:
    def reason(customer_id: str) -> str:
        with pytest.raises(Refused) as refused:
            counter.ready(customer_id)
        return refused.value.code

    customer_id = counter.id_of(birthday="")
    assert reason(customer_id) == "BIRTHDAY_UNKNOWN"
    counter.amend(customer_id, birthday="1988-05-21")
    assert reason(customer_id) == "PERMISSION_UNASKED"
    counter.answer_all(customer_id)
    assert reason(customer_id) == "CONTACT_UNVERIFIED"
    counter.verify(customer_id)
    counter.ready(customer_id)
    counter.amend(customer_id, phone="13911112222")
    assert reason(customer_id) == "CONTACT_UNVERIFIED"
    assert not counter.person(customer_id).HasField("last_verification")


def test_a_contact_is_verified_again_after_a_year(counter: Counter) -> None:
    customer_id = counter.id_of()
    counter.answer_all(customer_id)
    counter.verify(customer_id)
    verification = counter.person(customer_id).last_verification
    assert verification.contact == "+8613800138000"

    long_ago = {"channel": "phone_call", "contact": verification.contact}
    long_ago |= {"method": "called", "verified_on": years_ago(1, days=-1)}
    with counter.chain.work("customer", counter.reception.actor) as work:
        row = record.c.id == as_uuid(verification.envelope.id)
        work.connection.execute(update(record).where(row).values(content=long_ago))

    with pytest.raises(Refused) as refused:
        counter.ready(customer_id)
    assert refused.value.code == "CONTACT_UNVERIFIED"


def test_a_minor_needs_a_guardian_who_answers_and_can_be_reached(counter: Counter) -> None:
    mother = counter.id_of()
    child = counter.id_of("王小明", birthday=years_ago(18, days=1), phone="")
    with pytest.raises(Refused) as refused:
        counter.ready(child)
    assert refused.value.code == "GUARDIAN_MISSING"
    with pytest.raises(Refused) as unanswered:
        counter.answer(child, ORDER_SERVICE, SMS)
    assert unanswered.value.code == "GUARDIAN_MISSING"

    counter.link(child, mother)
    counter.answer_all(child, answered_by_id=mother)
    with pytest.raises(Refused) as unverified:
        counter.ready(child)
    assert unverified.value.code == "CONTACT_UNVERIFIED"
    counter.verify(mother)

    ready = counter.ready(child)
    assert (ready.is_minor, ready.age_years, list(ready.guardian_ids)) == (True, 17, [mother])


def test_who_turns_eighteen_today_answers_alone(counter: Counter) -> None:
    grown = counter.id_of(birthday=years_ago(18))
    counter.answer_all(grown)
    counter.verify(grown)

    assert not counter.ready(grown).is_minor


def test_a_guardian_is_another_person_an_adult_and_linked_once(counter: Counter) -> None:
    mother, brother = counter.id_of(), counter.id_of("王大明", birthday=years_ago(12))
    child = counter.id_of("王小明", birthday=years_ago(8))

    def reason(ward: str, guardian: str) -> str:
        with pytest.raises((Refused, Invalid, AlreadyThere)) as refused:
            counter.link(ward, guardian)
        return str(refused.value.code)

    assert reason(child, child) == "INVALID"
    assert reason(child, brother) == "GUARDIAN_NOT_ADULT"
    assert reason(mother, child) == "WARD_NOT_MINOR"
    link = counter.link(child, mother).link
    assert reason(child, mother) == "GUARDIAN_LINKED"

    end = pb.EndGuardianLinkRequest(link_id=link.envelope.id, revision=1, reason="wrong child")
    counter.chain.ask(end, pb.EndGuardianLinkResponse, as_=counter.reception)
    assert not counter.person(child).guardians
    assert counter.link(child, mother)


def test_a_household_is_found_from_any_of_its_members(counter: Counter) -> None:
    mother, father = counter.id_of(), counter.id_of("王强", birthday="1985-01-01", phone="")
    one = counter.id_of("王大明", birthday=years_ago(12))
    two = counter.id_of("王小明", birthday=years_ago(8))
    counter.link(one, mother)
    counter.link(two, mother)
    counter.link(two, father)
    counter.id_of("李雷", phone="13911112222")

    for member in (mother, father, one, two):
        request = pb.ListHouseholdRequest(customer_id=member)
        answer = counter.chain.ask(request, pb.ListHouseholdResponse, as_=counter.reception)
        assert answer.members[0].person.customer_id == member
        seen = {m.person.customer_id: set(m.guardian_ids) for m in answer.members}
        assert seen[two] == {mother, father}
        assert {mother, two} <= set(seen)
        assert [m.is_minor for m in answer.members if m.person.customer_id == two] == [True]


def test_a_household_and_its_answers_outlive_a_merge(counter: Counter) -> None:
    mother, again = counter.id_of(), counter.id_of()
    child = counter.id_of("王小明", birthday=years_ago(8), phone="")
    counter.link(child, again)
    counter.answer_all(child, answered_by_id=again)
    counter.verify(again)
    counter.answer_all(again)

    counter.resolve(mother, again, surviving_id=mother)

    assert list(counter.ready(child).guardian_ids) == [mother]
    assert counter.ready(again).person_id == mother
    counter.answer(child, ORDER_SERVICE, answered_by_id=mother)
    request = pb.ListHouseholdRequest(customer_id=mother)
    answer = counter.chain.ask(request, pb.ListHouseholdResponse, as_=counter.reception)
    assert [m.person.customer_id for m in answer.members] == [mother, child]


def test_unanswered_is_not_yes_and_an_answer_takes_the_place_of_the_earlier(
    counter: Counter,
) -> None:
    customer_id = counter.id_of()
    request = pb.GetContactPermissionRequest(customer_id=customer_id, purpose=ORDER_SERVICE)

    def standing() -> contact_pb2.PurposeAnswer:
        answer = counter.chain.ask_as_service("billing", request, pb.GetContactPermissionResponse)
        return answer.permission

    assert standing().answer == contact_pb2.PERMISSION_ANSWER_UNASKED
    first = counter.answer(customer_id, ORDER_SERVICE, SMS, CALL, follow_up_wanted=True)
    assert list(standing().channels) == [SMS, CALL]
    assert standing().follow_up_wanted
    second = counter.answer(customer_id, ORDER_SERVICE)

    assert standing().answer == contact_pb2.PERMISSION_ANSWER_NO
    assert standing().contact_permission_id == second.envelope.id
    with counter.chain.database("customer").snapshot() as connection:
        row = connection.execute(
            record.select().where(record.c.id == as_uuid(first.envelope.id))
        ).mappings()
        assert row.one()["void"] == "superseded"


def test_two_answers_at_once_leave_one_in_force(counter: Counter) -> None:
    customer_id = counter.id_of()

    def answer(channels: tuple[int, ...]) -> None:
        counter.answer(customer_id, ORDER_SERVICE, *channels)

    with ThreadPoolExecutor(4) as hands:
        list(hands.map(answer, [(SMS,), (), (CALL,), (SMS, CALL)]))

    with counter.chain.database("customer").snapshot() as connection:
        live = connection.execute(
            record.select().where(
                record.c.kind == "customer.contact_permission", record.c.void == ""
            )
        ).all()
    assert len(live) == 1


@pytest.mark.parametrize(
    ("field", "answer", "channels", "follow_up_wanted"),
    [
        ("channels", YES, [], False),
        ("channels", NO, [SMS], False),
        ("answer", contact_pb2.PERMISSION_ANSWER_UNASKED, [], False),
        ("channels", YES, [SMS, SMS], False),
        ("follow_up_wanted", NO, [], True),
        ("follow_up_wanted", YES, [SMS], True),
    ],
)
def test_an_answer_that_contradicts_itself_is_refused(
    counter: Counter,
    field: str,
    answer: contact_pb2.PermissionAnswer.ValueType,
    channels: list[contact_pb2.Channel.ValueType],
    follow_up_wanted: bool,
) -> None:
    request = pb.RecordContactPermissionRequest(
        customer_id=counter.id_of(),
        purpose=contact_pb2.PURPOSE_RECALL,
        answer=answer,
        channels=channels,
        follow_up_wanted=follow_up_wanted,
    )
    with pytest.raises(Invalid) as refused:
        counter.chain.ask(request, pb.RecordContactPermissionResponse, as_=counter.reception)
    assert [problem.field for problem in refused.value.problems] == [field]


def test_nobody_answers_for_another_adult(counter: Counter) -> None:
    customer_id, husband = counter.id_of(), counter.id_of("王强", birthday="1985-01-01")

    with pytest.raises(Invalid) as refused:
        counter.answer(customer_id, ORDER_SERVICE, SMS, answered_by_id=husband)
    assert refused.value.problems[0].field == "answered_by_id"


def test_a_contact_that_is_not_there_or_not_afar_cannot_be_verified(counter: Counter) -> None:
    customer_id = counter.id_of()

    def verify(channel: contact_pb2.Channel.ValueType) -> None:
        request = pb.VerifyContactRequest(
            customer_id=customer_id,
            channel=channel,
            method=contact_pb2.VERIFICATION_METHOD_CALLED,
        )
        counter.chain.ask(request, pb.VerifyContactResponse, as_=counter.reception)

    with pytest.raises(Refused) as refused:
        verify(contact_pb2.CHANNEL_EMAIL)
    assert refused.value.code == "CONTACT_MISSING"
    with pytest.raises(Invalid):
        verify(contact_pb2.CHANNEL_IN_PERSON)


def says_none(counter: Counter, customer_id: str, channel: contact_pb2.Channel.ValueType) -> str:
    request = pb.VerifyContactRequest(
        customer_id=customer_id,
        channel=channel,
        method=contact_pb2.VERIFICATION_METHOD_SAID_TO_HAVE_NONE,
    )
    answer = counter.chain.ask(request, pb.VerifyContactResponse, as_=counter.reception)
    return answer.verification.envelope.id


def test_an_adult_without_any_contact_may_be_seen_once_that_is_recorded(counter: Counter) -> None:
    customer_id = counter.id_of(phone="")
    for purpose in (ORDER_SERVICE, contact_pb2.PURPOSE_RECALL, contact_pb2.PURPOSE_MARKETING):
        counter.answer(customer_id, purpose)
    with pytest.raises(Refused) as unverified:
        counter.ready(customer_id)
    assert unverified.value.code == "CONTACT_UNVERIFIED"

    recorded = says_none(counter, customer_id, contact_pb2.CHANNEL_IN_PERSON)
    assert counter.ready(customer_id).person_id == customer_id
    assert counter.person(customer_id).last_verification.envelope.id == recorded

    counter.amend(customer_id, wechat_id="wang_fang")
    with pytest.raises(Refused) as reachable:
        counter.ready(customer_id)
    assert reachable.value.code == "CONTACT_UNVERIFIED"
    assert not counter.person(customer_id).HasField("last_verification")


def test_nobody_with_a_contact_is_recorded_as_having_none(counter: Counter) -> None:
    with pytest.raises(Refused) as there:
        says_none(counter, counter.id_of(), contact_pb2.CHANNEL_IN_PERSON)
    assert there.value.code == "CONTACT_THERE"
    with pytest.raises(Invalid) as channel:
        says_none(counter, counter.id_of(phone=""), SMS)
    assert channel.value.problems[0].field == "method"


def tell(counter: Counter, customer_id: str, **words: object) -> message_pb2.Message:
    details: dict[str, object] = {
        "purpose": ORDER_SERVICE,
        "outcome": message_pb2.MESSAGE_OUTCOME_TOLD,
        "channel": SMS,
        "said": "the glasses are ready",
        **words,
    }
    request = pb.RecordMessageRequest(customer_id=customer_id, **details)  # type: ignore[arg-type]  # texts, enums
    answer = counter.chain.ask(request, pb.RecordMessageResponse, as_=counter.reception)
    return answer.message


def test_a_customer_is_told_on_a_permitted_channel_and_the_others_hear_of_it(
    counter: Counter,
) -> None:
    customer_id, order_id, case_id = counter.id_of(), new_id("ord"), new_id("case")
    counter.answer(customer_id, ORDER_SERVICE, SMS)

    message = tell(counter, customer_id, order_id=order_id, case_id=case_id)

    assert message.envelope.recorded_by == counter.reception.id
    (fact,) = told(counter.chain, events_pb2.CustomerInformed)
    assert fact == events_pb2.CustomerInformed(
        customer_id=customer_id,
        case_id=case_id,
        order_id=order_id,
        purpose=ORDER_SERVICE,
        outcome=message_pb2.MESSAGE_OUTCOME_TOLD,
        channel=SMS,
        message_id=message.envelope.id,
    )
    listed = counter.chain.ask(
        pb.ListMessagesRequest(customer_id=customer_id, order_id=order_id),
        pb.ListMessagesResponse,
        as_=counter.reception,
    )
    assert [one.envelope.id for one in listed.messages] == [message.envelope.id]


def test_a_message_keeps_to_what_was_answered(counter: Counter) -> None:
    customer_id = counter.id_of()
    none: dict[str, object] = {
        "outcome": message_pb2.MESSAGE_OUTCOME_NONE_WANTED,
        "channel": 0,
        "said": "",
    }

    def reason(**words: object) -> str:
        with pytest.raises((Refused, Invalid)) as refused:
            tell(counter, customer_id, **words)
        return str(refused.value.code)

    assert reason() == "PERMISSION_UNASKED"
    assert reason(**none) == "PERMISSION_UNASKED"
    counter.answer(customer_id, ORDER_SERVICE, SMS)
    assert reason(channel=CALL) == "CHANNEL_NOT_PERMITTED"
    assert reason(**none) == "MESSAGE_WANTED"
    assert reason(channel=0) == "INVALID"
    assert reason(said=" ") == "INVALID"
    tell(counter, customer_id, channel=contact_pb2.CHANNEL_IN_PERSON)
    counter.answer(customer_id, ORDER_SERVICE)
    assert reason() == "CHANNEL_NOT_PERMITTED"
    tell(counter, customer_id, **none)
    outcomes = [one.outcome for one in told(counter.chain, events_pb2.CustomerInformed)]  # type: ignore[attr-defined]  # told returns objects
    assert outcomes == [1, 2]


def test_messages_come_newest_first_by_page(counter: Counter) -> None:
    customer_id = counter.id_of()
    counter.answer(customer_id, ORDER_SERVICE, SMS)
    sent = [tell(counter, customer_id, said=f"word {n}").envelope.id for n in range(5)]

    seen: list[str] = []
    request = pb.ListMessagesRequest(customer_id=customer_id, page_size=2)
    while True:
        page = counter.chain.ask(request, pb.ListMessagesResponse, as_=counter.reception)
        seen += [one.envelope.id for one in page.messages]
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert seen == sent[::-1]


def test_only_clinical_may_ask_whether_a_visit_may_begin(counter: Counter) -> None:
    request = pb.RequireReadyForVisitRequest(customer_id=new_id("cus"))
    with pytest.raises(NotPermitted) as refused:
        counter.chain.ask_as_service("billing", request, pb.RequireReadyForVisitResponse)
    assert refused.value.code == "SERVICE_NOT_PERMITTED"
    with pytest.raises(NotPermitted):
        counter.chain.ask(
            request, pb.RequireReadyForVisitResponse, as_=counter.chain.person(Role.RECEPTION)
        )


def test_the_words_of_customer_are_those_of_the_contract() -> None:
    for ours, theirs, prefix in (
        (Channel, contact_pb2.Channel, "CHANNEL_"),
        (Purpose, contact_pb2.Purpose, "PURPOSE_"),
        (MessageOutcome, message_pb2.MessageOutcome, "MESSAGE_OUTCOME_"),
    ):
        words = {name.removeprefix(prefix).lower() for name in theirs.keys()}  # noqa: SIM118  # an enum wrapper
        assert words - {"unspecified"} == {str(one) for one in ours}
    assert PHONE
