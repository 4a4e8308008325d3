"""Who may see whose file: known branches, protection tiers, the breaking of the glass and who
judges it; and the book in which every look stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, text, update

from chain import Chain, Person
from chassis import clock, settings
from chassis.actor import system
from chassis.errors import Invalid, NotPermitted, Outdated, Refused, Unavailable
from chassis.ids import as_uuid, new_id
from chassis.records.kinds import MoveForbidden
from chassis.records.tables import outbox, record
from chassis.roles import Role
from counter import Counter
from customer import commands_protection
from customer.worker import CustomerWorker
from optichain.auth.v1 import access_pb2, role_pb2
from optichain.clinical.v1 import events_pb2 as clinical_events
from optichain.customer.v1 import customer_service_pb2 as pb
from optichain.customer.v1 import events_pb2, protection_pb2
from optichain.record.v1 import look_pb2
from optichain.record.v1 import record_service_pb2 as records

VIP, STAFF = protection_pb2.PROTECTION_TIER_VIP, protection_pb2.PROTECTION_TIER_STAFF
ORDINARY, MINOR = (
    protection_pb2.PROTECTION_TIER_ORDINARY,
    protection_pb2.PROTECTION_TIER_MINOR,
)
CARE, COMPLAINT = access_pb2.ACCESS_PURPOSE_CARE, access_pb2.ACCESS_PURPOSE_COMPLAINT
TRACE = "ab" * 16
JUSTIFIED = protection_pb2.BREAK_GLASS_FINDING_JUSTIFIED


def look_at(counter: Counter, customer_id: str, *, as_: Person, purpose: str = "") -> Any:
    request = pb.GetPersonRequest(customer_id=customer_id)
    said = (("x-purpose", purpose),) if purpose else ()
    said = (*said, ("traceparent", f"00-{TRACE}-{'1' * 16}-01"))
    return counter.chain.ask(request, pb.GetPersonResponse, as_=as_, metadata=said)


def looks(chain: Chain, **wanted: Any) -> list[look_pb2.Look]:
    """Return what the auditor reads in customer's book."""
    request = records.ListAccessRequest(**wanted)
    auditor = chain.person(Role.AUDITOR)
    answer = chain.ask(request, records.ListAccessResponse, as_=auditor, of="customer")
    return list(answer.looks)


def break_glass(counter: Counter, customer_id: str, *, as_: Person, **said: Any) -> Any:
    request = pb.BreakGlassRequest(
        customer_id=customer_id, **{"purpose": COMPLAINT, "reason": "he faints at our desk", **said}
    )
    return counter.chain.ask(request, pb.BreakGlassResponse, as_=as_).break_glass


def judge(counter: Counter, glass: Any, *, as_: Person, revision: int = 0) -> Any:
    request = pb.CloseBreakGlassRequest(
        break_glass_id=glass.envelope.id,
        revision=revision or glass.envelope.revision,
        finding=JUSTIFIED,
        finding_note="the ambulance was called",
    )
    return counter.chain.ask(request, pb.CloseBreakGlassResponse, as_=as_).break_glass


def set_tier(counter: Counter, customer_id: str, tier: int, *, as_: Person | None = None) -> Any:
    request = pb.SetProtectionTierRequest(
        customer_id=customer_id,
        revision=counter_revision(counter, customer_id),
        protection_tier=tier,  # type: ignore[arg-type]  # a number of the enum
        reason="known from television",
    )
    manager = as_ or counter.chain.person(Role.BRANCH_MANAGER)
    return counter.chain.ask(request, pb.SetProtectionTierResponse, as_=manager)


def counter_revision(counter: Counter, customer_id: str) -> int:
    with counter.chain.database("customer").snapshot() as connection:
        found = connection.execute(record.select().where(record.c.id == as_uuid(customer_id))).one()
    return int(found.revision)


def closed_by(refused: pytest.ExceptionInfo[NotPermitted]) -> str:
    assert refused.value.code == "BREAK_GLASS_NEEDED"
    assert "BreakGlass" in refused.value.text, "it tells how"
    return refused.value.details["closed_by"]


@pytest.fixture
def elsewhere(counter: Counter) -> Person:
    """The receptionist of a shop that does not know anybody."""
    return counter.chain.person(Role.RECEPTION)


def test_every_look_at_a_person_stands_in_the_book_with_who_whom_where_and_what_for(
    counter: Counter,
) -> None:
    customer_id = counter.id_of()

    look_at(counter, customer_id, as_=counter.reception, purpose="complaint")

    (look,) = looks(counter.chain, customer_id=customer_id)
    assert (look.actor_id, look.branch_id) == (counter.reception.id, counter.reception.branch_id)
    assert (look.role, look.purpose) == (role_pb2.ROLE_RECEPTION, COMPLAINT)
    assert (look.kind, list(look.customer_ids)) == (access_pb2.ACCESS_KIND_PERSON, [customer_id])
    assert look.rpc.endswith("/GetPerson")
    assert (look.trace_id, look.found, look.refused_with) == (TRACE, 1, "")


def test_a_look_of_no_said_purpose_is_for_the_usual_one_and_an_unknown_purpose_shows_nothing(
    counter: Counter,
) -> None:
    customer_id = counter.id_of()
    look_at(counter, customer_id, as_=counter.reception)

    with pytest.raises(Invalid) as refused:
        look_at(counter, customer_id, as_=counter.reception, purpose="curiosity")

    assert [problem.field for problem in refused.value.problems] == ["x-purpose"]
    assert [one.purpose for one in looks(counter.chain)] == [CARE]


def test_a_look_that_cannot_be_recorded_shows_nothing(counter: Counter) -> None:
    customer_id = counter.id_of()
    owner = create_engine(settings.load("customer").migrate_url.get_secret_value())
    try:
        with owner.begin() as connection:
            connection.execute(text("ALTER TABLE access RENAME TO access_away"))
        with pytest.raises(Unavailable) as refused:
            look_at(counter, customer_id, as_=counter.reception)
        with pytest.raises(Unavailable) as refused_search:
            counter.found("王芳")
    finally:
        with owner.begin() as connection:
            connection.execute(text("ALTER TABLE access_away RENAME TO access"))
        owner.dispose()

    assert {refused.value.code, refused_search.value.code} == {"ACCESS_NOT_RECORDED"}
    assert looks(counter.chain) == []
    assert look_at(counter, customer_id, as_=counter.reception).person.name == "王芳"


def test_a_search_is_recorded_with_whom_it_showed_and_never_with_what_was_asked(
    counter: Counter,
) -> None:
    counter.id_of("王芳", phone="13800138001")
    counter.found("王芳")
    counter.found("13800138001")
    counter.found("李明")

    found = looks(counter.chain)
    with counter.chain.database("customer").snapshot() as connection:
        rows = connection.execute(text("SELECT access::text FROM access")).scalars().all()

    assert [one.found for one in found] == [1, 1, 0], "nobody was found, and it was looked for"
    assert not any(word in row for row in rows for word in ("王芳", "8001", "李明", "1988"))


def test_somebody_shown_beside_a_newcomer_is_a_look_too_and_a_newcomer_alone_is_none(
    counter: Counter,
) -> None:
    first = counter.id_of()
    assert looks(counter.chain) == []

    counter.register(phone="13900139000")

    (look,) = looks(counter.chain)
    assert list(look.customer_ids) == [first]


def test_what_a_service_asks_in_a_commands_course_is_not_a_look(counter: Counter) -> None:
    request = pb.GetPersonRequest(customer_id=counter.id_of())

    counter.chain.ask_as_service(
        "clinical", request, pb.GetPersonResponse, actor=counter.reception.actor
    )

    assert looks(counter.chain) == []


def test_a_branch_that_does_not_know_a_person_sees_no_file_and_is_told_how(
    counter: Counter, elsewhere: Person
) -> None:
    customer_id = counter.id_of()

    with pytest.raises(NotPermitted) as refused:
        look_at(counter, customer_id, as_=elsewhere)

    assert closed_by(refused) == "other_branch"
    (look,) = looks(counter.chain, unusual_only=True)
    assert look.refused_with == "BREAK_GLASS_NEEDED"
    assert look_pb2.UNUSUAL_ACCESS_REFUSED in look.unusual
    assert list(look.customer_ids) == [customer_id]


def hear_visit(chain: Chain, customer_id: str, branch_id: str, opened_at: Any) -> None:
    event = clinical_events.VisitOpened(
        visit_id=new_id("vis"), customer_id=customer_id, branch_id=branch_id
    )
    event.opened_at.FromDatetime(opened_at)
    worker = CustomerWorker()
    with chain.work("customer", system("customer")) as work:
        worker.keep_for_visit(work, event)


def test_a_branch_where_a_visit_was_opened_knows_the_person_for_as_long_as_the_rule_says(
    counter: Counter, elsewhere: Person
) -> None:
    customer_id = counter.id_of()
    now = clock.now()
    hear_visit(counter.chain, customer_id, elsewhere.branch_id, now - timedelta(days=401))
    with pytest.raises(NotPermitted):
        look_at(counter, customer_id, as_=elsewhere)

    hear_visit(counter.chain, customer_id, elsewhere.branch_id, now)
    hear_visit(counter.chain, customer_id, elsewhere.branch_id, now - timedelta(days=401))

    assert look_at(counter, customer_id, as_=elsewhere).person.name == "王芳"


def test_a_visit_of_an_alias_makes_known_who_is_meant_by_it(
    counter: Counter, elsewhere: Person
) -> None:
    goes, stays = counter.id_of(), counter.id_of()
    hear_visit(counter.chain, goes, elsewhere.branch_id, clock.now())
    counter.resolve(goes, stays, surviving_id=stays)

    assert look_at(counter, goes, as_=elsewhere).person.envelope.id == stays


def test_the_broken_glass_opens_one_file_to_one_person_for_some_minutes(
    counter: Counter, elsewhere: Person
) -> None:
    customer_id, other = counter.id_of(), counter.id_of("李明", phone="13900139000")
    colleague = counter.chain.person(Role.RECEPTION, branch_id=elsewhere.branch_id)

    glass = break_glass(counter, customer_id, as_=elsewhere)

    assert look_at(counter, customer_id, as_=elsewhere).person.name == "王芳"
    (look,) = looks(counter.chain, actor_id=elsewhere.id)
    assert look.break_glass_id == glass.envelope.id
    assert {look_pb2.UNUSUAL_ACCESS_BREAK_GLASS, look_pb2.UNUSUAL_ACCESS_OTHER_BRANCH} <= set(
        look.unusual
    )
    for whom, who in ((other, elsewhere), (customer_id, colleague)):
        with pytest.raises(NotPermitted):
            look_at(counter, whom, as_=who)
    expire(counter.chain, glass)
    with pytest.raises(NotPermitted):
        look_at(counter, customer_id, as_=elsewhere)


def expire(chain: Chain, glass: Any, field: str = "valid_until") -> None:
    """Let the minutes of a broken glass, or those of its judge, be over."""
    before = (clock.now() - timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    with chain.work("customer", system("customer")) as work:
        content = work.connection.execute(
            record.select().where(record.c.id == as_uuid(glass.envelope.id))
        ).one()
        work.connection.execute(
            update(record)
            .where(record.c.id == content.id)
            .values(content={**content.content, field: before})
        )


def test_a_broken_glass_asks_the_branchs_manager_to_judge_it_in_time(
    counter: Counter, elsewhere: Person
) -> None:
    glass = break_glass(counter, counter.id_of(), as_=elsewhere)
    manager = counter.chain.person(Role.BRANCH_MANAGER, branch_id=elsewhere.branch_id)
    stranger = counter.chain.person(Role.BRANCH_MANAGER)

    def waiting(who: Person) -> list[str]:
        answer = counter.chain.ask(
            pb.ListBreakGlassesRequest(), pb.ListBreakGlassesResponse, as_=who
        )
        return [one.envelope.id for one in answer.break_glasses]

    assert glass.envelope.responsible_role == role_pb2.ROLE_BRANCH_MANAGER
    assert glass.valid_until.seconds < glass.due_at.seconds
    assert waiting(manager) == [glass.envelope.id]
    assert waiting(stranger) == []
    with pytest.raises(NotPermitted, match="another branch"):
        judge(counter, glass, as_=stranger)
    closed = judge(counter, glass, as_=manager)
    assert (closed.judged_by, closed.envelope.closure.closed_by) == (manager.id, manager.id)
    assert waiting(manager) == []
    with pytest.raises(Refused) as again:
        judge(counter, closed, as_=manager)
    assert again.value.code == MoveForbidden.reason
    with pytest.raises(Outdated):
        judge(counter, glass, as_=manager, revision=1)


def test_nobody_judges_the_glass_that_they_broke_themselves(counter: Counter) -> None:
    manager = counter.chain.person(Role.BRANCH_MANAGER)
    glass = break_glass(counter, counter.id_of(), as_=manager)

    assert glass.envelope.responsible_role == role_pb2.ROLE_QUALITY_MANAGER
    with pytest.raises(Refused) as refused:
        judge(counter, glass, as_=manager)

    assert refused.value.code == "SEPARATION_OF_DUTIES"
    quality = counter.chain.person(Role.QUALITY_MANAGER)
    assert judge(counter, glass, as_=quality).judged_by == quality.id


def test_a_judgement_that_is_late_is_brought_to_the_next_role_up(
    counter: Counter, elsewhere: Person
) -> None:
    glass = break_glass(counter, counter.id_of(), as_=elsewhere)
    assert escalated(counter, glass) == role_pb2.ROLE_BRANCH_MANAGER, "it is not late yet"

    expire(counter.chain, glass, "due_at")

    assert escalated(counter, glass) == role_pb2.ROLE_QUALITY_MANAGER
    assert escalated(counter, glass) == role_pb2.ROLE_QUALITY_MANAGER, "it has as much time again"


def escalated(counter: Counter, glass: Any) -> int:
    with counter.chain.work("customer", system("customer")) as work:
        commands_protection.escalate_break_glasses(work)
    request = records.GetRecordRequest(record_id=glass.envelope.id)
    answer = counter.chain.ask(
        request, records.GetRecordResponse, as_=counter.reception, of="customer"
    )
    return answer.envelope.responsible_role


def test_the_glass_is_broken_for_a_reason_in_words(counter: Counter, elsewhere: Person) -> None:
    with pytest.raises(Invalid) as refused:
        break_glass(counter, counter.id_of(), as_=elsewhere, reason="...")
    assert refused.value.problems[0].field == "reason"


def test_a_vip_is_seen_by_who_must_and_known_to_others_by_name_and_code_alone(
    counter: Counter,
) -> None:
    customer_id = counter.id_of()
    optometrist = counter.chain.person(Role.OPTOMETRIST, branch_id=counter.reception.branch_id)
    set_tier(counter, customer_id, VIP)

    with pytest.raises(NotPermitted) as refused:
        look_at(counter, customer_id, as_=counter.reception)
    found = search(counter, as_=counter.reception)

    assert closed_by(refused) == "protection_tier"
    assert (found.name, bool(found.short_code)) == ("王芳", True)
    assert (found.birthday, found.phone_e164) == ("", "")
    assert search(counter, as_=optometrist).phone_e164
    assert look_at(counter, customer_id, as_=optometrist).person.protection_tier == VIP
    (look,) = looks(counter.chain, actor_id=optometrist.id, unusual_only=True)
    assert look_pb2.UNUSUAL_ACCESS_PROTECTED_TIER in look.unusual
    break_glass(counter, customer_id, as_=counter.reception)
    assert look_at(counter, customer_id, as_=counter.reception).person.phone_e164


def search(counter: Counter, *, as_: Person) -> Any:
    request = pb.SearchPeopleRequest(text="王芳")
    (found,) = counter.chain.ask(request, pb.SearchPeopleResponse, as_=as_).people
    return found


def test_a_colleague_as_a_customer_is_kept_from_colleagues(counter: Counter) -> None:
    customer_id = counter.id_of()
    set_tier(counter, customer_id, STAFF)
    optician = counter.chain.person(Role.OPTICIAN, branch_id=counter.reception.branch_id)
    manager = counter.chain.person(Role.BRANCH_MANAGER, branch_id=counter.reception.branch_id)

    with pytest.raises(NotPermitted):
        look_at(counter, customer_id, as_=optician)
    look_at(counter, customer_id, as_=manager)

    (look,) = looks(counter.chain, actor_id=manager.id)
    assert look_pb2.UNUSUAL_ACCESS_COLLEAGUE in look.unusual


def test_a_minors_file_is_closed_to_who_does_not_care_for_children(counter: Counter) -> None:
    child = counter.id_of("小明", birthday=f"{clock.now().year - 9}-01-01")
    cashier = counter.chain.person(Role.CASHIER, branch_id=counter.reception.branch_id)

    with pytest.raises(NotPermitted) as refused:
        look_at(counter, child, as_=cashier)

    assert closed_by(refused) == "protection_tier"
    assert look_at(counter, child, as_=counter.reception).is_minor


def test_a_tier_is_set_by_who_answers_for_it_with_a_reason_and_others_are_told(
    counter: Counter,
) -> None:
    customer_id = counter.id_of()

    answer = set_tier(counter, customer_id, VIP)

    assert (answer.customer_id, answer.protection_tier) == (customer_id, VIP)
    with counter.chain.database("customer").snapshot() as connection:
        rows = connection.execute(outbox.select().order_by(outbox.c.seq)).mappings().all()
    told = [
        events_pb2.ProtectionTierSet.FromString(row["body"])
        for row in rows
        if row["type"].endswith("ProtectionTierSet")
    ]
    assert [(one.customer_id, one.protection_tier) for one in told] == [(customer_id, VIP)]
    for tier, who, refusal in (
        (VIP, None, Refused),
        (MINOR, None, Invalid),
        (ORDINARY, counter.reception, NotPermitted),
    ):
        with pytest.raises(refusal):
            set_tier(counter, customer_id, tier, as_=who)


def test_who_stays_after_a_merge_is_kept_as_closely_as_either_was(counter: Counter) -> None:
    stays, goes = counter.id_of(), counter.id_of()
    set_tier(counter, goes, VIP)

    counter.resolve(stays, goes, surviving_id=stays)

    manager = counter.chain.person(Role.BRANCH_MANAGER, branch_id=counter.reception.branch_id)
    assert look_at(counter, stays, as_=manager).person.protection_tier == VIP


def test_what_a_person_was_called_before_is_shown_as_closely_as_what_it_is_now(
    counter: Counter, elsewhere: Person
) -> None:
    customer_id = counter.id_of()
    request = records.ListChangesRequest(record_id=customer_id)
    trainer = counter.chain.person(Role.TRAINER)

    def changes(who: Person) -> None:
        counter.chain.ask(request, records.ListChangesResponse, as_=who, of="customer")

    changes(counter.reception)
    changes(trainer)  # sees no values, and so nobody

    with pytest.raises(NotPermitted):
        changes(elsewhere)
    found = [(one.actor_id, one.kind, one.record_id) for one in looks(counter.chain)]
    assert found == [
        (who.id, access_pb2.ACCESS_KIND_CHANGES, customer_id)
        for who in (counter.reception, elsewhere)
    ]


def test_who_looks_at_very_many_people_within_an_hour_is_shown_to_the_auditor(
    counter: Counter,
) -> None:
    ids = [counter.id_of(f"王芳{n}", phone=f"139001390{n:02}") for n in range(3)]
    limit = 60
    with counter.chain.work("customer", system("customer")) as work:
        work.connection.execute(
            text(
                "INSERT INTO access SELECT gen_random_uuid(), now(), :who, 'reception', NULL,"
                " 'person', 'r', 'care', ARRAY[gen_random_uuid()], '', 1, '{}', '', '', ''"
                " FROM generate_series(1, :many)"
            ),
            {"who": counter.reception.id, "many": limit - 1},
        )

    for one in ids:
        look_at(counter, one, as_=counter.reception)

    many = look_pb2.UNUSUAL_ACCESS_MANY_PEOPLE
    told = [many in looks(counter.chain, customer_id=one)[0].unusual for one in ids]
    assert told == [False, True, True]


def test_the_book_is_read_by_page_oldest_first(counter: Counter) -> None:
    customer_id = counter.id_of()
    began = clock.now()
    for _ in range(3):
        look_at(counter, customer_id, as_=counter.reception)
    auditor = counter.chain.person(Role.AUDITOR)

    request = records.ListAccessRequest(customer_id=customer_id, page_size=2)
    request.since.FromDatetime(began)
    first = counter.chain.ask(request, records.ListAccessResponse, as_=auditor, of="customer")
    request.page_token = first.next_page_token
    second = counter.chain.ask(request, records.ListAccessResponse, as_=auditor, of="customer")

    times = [one.looked_at.ToNanoseconds() for one in (*first.looks, *second.looks)]
    assert (len(times), times) == (3, sorted(times))
    assert not second.next_page_token
    with pytest.raises(NotPermitted):
        counter.chain.ask(request, records.ListAccessResponse, as_=counter.reception, of="customer")
