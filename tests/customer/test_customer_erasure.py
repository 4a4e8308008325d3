"""A person is erased for good, when somebody else has agreed and nothing keeps the person: what is
left is a tombstone, and a past that verifies and says nothing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, get_type_hints

import pytest
from sqlalchemy import select, text, update

from chain import Chain, Person
from chassis import clock
from chassis.actor import system
from chassis.errors import AlreadyThere, Invalid, NotPermitted, Refused
from chassis.ids import as_uuid, new_id
from chassis.records import proof
from chassis.records.proof import Flaw
from chassis.records.tables import evidence, outbox, reply
from chassis.roles import Role
from counter import PHONE, Counter
from customer import commands_erasure, commands_import
from customer.contact import CONTACT_PERMISSION, CONTACT_VERIFICATION
from customer.duplicate import DUPLICATE
from customer.follow_up import FOLLOW_UP
from customer.import_file import read_chunk
from customer.message import MESSAGE
from customer.person import PERSON
from customer.tables import import_row, person_search
from optichain.customer.v1 import contact_pb2, erasure_pb2, message_pb2
from optichain.customer.v1 import customer_service_pb2 as pb
from optichain.record.v1 import record_service_pb2 as records

PLANTED = (
    "王芳芳",
    "13800138000",
    "1988-05-21",
    "fang@example.org",
    "Nanjing Road 7",
    "met Fang",
    "fang88",
    "asks for Fang",
)
DAY = timedelta(days=1)
APPROVE, REFUSE = erasure_pb2.ERASURE_DECISION_APPROVE, erasure_pb2.ERASURE_DECISION_REFUSE


@pytest.fixture
def manager(counter: Counter) -> Person:
    """Who decides about erasures."""
    return counter.chain.person(Role.QUALITY_MANAGER)


def wang_fangfang(counter: Counter) -> str:
    """Somebody of whom every personal kind of record is kept, with a child and a lookalike."""
    customer_id = counter.id_of("王芳芳", email="fang@example.org", address="Nanjing Road 7")
    counter.amend(customer_id, wechat_id="fang88")
    counter.answer_all(customer_id)
    sms = contact_pb2.CHANNEL_SMS
    counter.answer(customer_id, contact_pb2.PURPOSE_ORDER_SERVICE, sms, follow_up_wanted=True)
    counter.verify(customer_id)
    counter.id_of("王芳芳", birthday="1990-01-01")
    child = counter.id_of("王小明", birthday="2020-01-01", phone="")
    counter.link(child, customer_id)
    counter.chain.ask(
        pb.RecordMessageRequest(
            customer_id=customer_id,
            purpose=contact_pb2.PURPOSE_ORDER_SERVICE,
            outcome=message_pb2.MESSAGE_OUTCOME_TOLD,
            channel=sms,
            said="met Fang",
        ),
        pb.RecordMessageResponse,
        as_=counter.reception,
    )
    counter.chain.ask(
        pb.PlanFollowUpRequest(
            customer_id=customer_id, due_on="2199-01-01", subject="asks for Fang"
        ),
        pb.PlanFollowUpResponse,
        as_=counter.reception,
    )
    return customer_id


def request(counter: Counter, customer_id: str, **given: Any) -> erasure_pb2.Erasure:
    """Ask at the counter that somebody be erased."""
    asked: dict[str, Any] = {
        "ground": erasure_pb2.ERASURE_GROUND_ASKED_BY_PERSON,
        "reason": "said so at the counter",
        "identity_check": erasure_pb2.IDENTITY_CHECK_DOCUMENT_SEEN,
        **given,
    }
    message = pb.RequestErasureRequest(customer_id=customer_id, **asked)
    return counter.chain.ask(message, pb.RequestErasureResponse, as_=counter.reception).erasure


def decide(
    counter: Counter,
    erasure: erasure_pb2.Erasure,
    who: Person,
    decision: int = APPROVE,
    **given: Any,
) -> erasure_pb2.Erasure:
    """Decide about it."""
    message = pb.DecideErasureRequest(
        erasure_id=erasure.envelope.id,
        revision=erasure.envelope.revision,
        decision=decision,  # type: ignore[arg-type]  # a number of the enum
        **{"reason": "nothing keeps it", **given},
    )
    return counter.chain.ask(message, pb.DecideErasureResponse, as_=who).erasure


def carry_out(counter: Counter) -> bool:
    """Let the worker take its turn."""
    with counter.chain.work("customer", system("customer")) as work:
        return commands_erasure.carry_out_next(work)


def erase(counter: Counter, customer_id: str, manager: Person) -> erasure_pb2.Erasure:
    erasure = decide(counter, request(counter, customer_id), manager)
    assert erasure.envelope.state == "approved"
    assert carry_out(counter)
    return get(counter, erasure.envelope.id, manager)


def get(counter: Counter, erasure_id: str, who: Person) -> erasure_pb2.Erasure:
    message = pb.GetErasureRequest(erasure_id=erasure_id)
    return counter.chain.ask(message, pb.GetErasureResponse, as_=who).erasure


def due(counter: Counter, who: Person, **which: Any) -> list[erasure_pb2.Erasure]:
    message = pb.ListErasuresRequest(**which)
    return list(counter.chain.ask(message, pb.ListErasuresResponse, as_=who).erasures)


def seen(counter: Counter, customer_id: str, *, years_ago: float = 0) -> None:
    """Let customer hear that somebody was seen."""
    with counter.chain.work("customer", system("customer")) as work:
        at = clock.now() - years_ago * 365.25 * DAY
        commands_erasure.note_visit(
            work, visit_id=new_id("vis"), customer_id=customer_id, opened_at=at
        )


def ordered(counter: Counter, customer_id: str, order_id: str, *, is_open: bool) -> None:
    """Let customer hear how an order stands."""
    with counter.chain.work("customer", system("customer")) as work:
        commands_erasure.note_order(
            work, order_id=order_id, customer_id=customer_id, is_open=is_open
        )


def grown_old(counter: Counter, days: int) -> None:
    """Let everything that customer keeps be so much older; its past no longer verifies."""
    with counter.chain.owner("customer").begin() as connection:
        for table, column in (("record", "recorded_at"), ("known_business", "last_at")):
            connection.execute(
                text(f"UPDATE {table} SET {column} = {column} - make_interval(days => :days)"),
                {"days": days},
            )


def everything(chain: Chain) -> str:
    """Return every value of every table of customer as text, bytes decoded, as the owner sees
    it."""
    with chain.owner("customer").connect() as connection:
        tables = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).scalars()
        rows = [
            one
            for table in tables.all()
            for row in connection.execute(text(f'SELECT * FROM "{table}"'))
            for one in row
        ]
    return "\n".join(
        bytes(one).decode("utf-8", "replace") if isinstance(one, bytes | memoryview) else str(one)
        for one in rows
    )


def flaws(chain: Chain) -> list[proof.Finding]:
    database = chain.database("customer")
    with database.snapshot() as connection:
        seal = database.seal_in(connection)
        return list(proof.verify(connection, seal, most=10_000).findings)


def test_an_erased_person_is_nowhere_in_any_table(counter: Counter, manager: Person) -> None:
    customer_id = wang_fangfang(counter)
    before = everything(counter.chain)
    assert [one for one in PLANTED if one not in before] == []

    erase(counter, customer_id, manager)

    # The lookalike, who has the name and the phone, is somebody else and stays.
    with counter.chain.owner("customer").begin() as connection:
        others = update(person_search).where(person_search.c.person_id != customer_id)
        connection.execute(
            others.values(name_folded="", name_turned="", initials="", phone_e164="")
        )
        connection.execute(
            text("UPDATE record SET content = '{}' WHERE customer_id <> :id AND kind = :kind"),
            {"id": as_uuid(customer_id), "kind": PERSON.name},
        )
        connection.execute(text("DELETE FROM reply WHERE rpc NOT LIKE '%Erasure'"))
    after = everything(counter.chain)
    assert [one for one in PLANTED if one in after] == []


def test_the_past_of_an_erased_person_is_unreadable_and_verifies(
    counter: Counter, manager: Person
) -> None:
    customer_id = wang_fangfang(counter)

    erase(counter, customer_id, manager)

    assert flaws(counter.chain) == []
    message = records.ListChangesRequest(record_id=customer_id)
    told = counter.chain.ask(
        message, records.ListChangesResponse, as_=counter.reception, of="customer"
    )
    assert [one.reason_code for one in told.changes] == ["", "PERSON_CORRECTED", "ERASED"]
    assert {field.new_value for one in told.changes for field in one.fields} == {""}


def test_a_person_put_back_after_the_erasure_is_a_flaw(counter: Counter, manager: Person) -> None:
    customer_id = wang_fangfang(counter)
    erase(counter, customer_id, manager)

    with counter.chain.owner("customer").begin() as connection:
        connection.execute(
            text(
                "UPDATE record SET content = jsonb_set(content, '{name}', '\"X\"') WHERE id = :id"
            ),
            {"id": as_uuid(customer_id)},
        )

    assert [(one.record_id, one.flaw) for one in flaws(counter.chain)] == [
        (customer_id, Flaw.RECORD_DIFFERS)
    ]


def test_what_is_left_is_a_tombstone_that_says_why_when_and_by_which_erasure(
    counter: Counter, manager: Person
) -> None:
    customer_id = counter.id_of()
    erasure = erase(counter, customer_id, manager)

    with pytest.raises(Refused) as refused:
        counter.person(customer_id)

    assert refused.value.code == "PERSON_ERASED"
    assert refused.value.details["erasure_id"] == erasure.envelope.id
    assert refused.value.details["ground"] == "asked_by_person"
    assert refused.value.details["erased_at"][:10] == clock.now().date().isoformat()
    assert erasure.envelope.state == "erased"
    assert erasure.reason == "said so at the counter"


@pytest.mark.parametrize("words", ["王芳", "wf", "8000", PHONE, "code"])
def test_no_search_finds_an_erased_person(counter: Counter, manager: Person, words: str) -> None:
    answer = counter.register().person
    said = answer.short_code if words == "code" else words
    assert counter.found(said) == ["王芳"]

    erase(counter, answer.envelope.id, manager)

    assert counter.found(said) == []


def test_the_same_person_may_come_again_with_the_same_phone(
    counter: Counter, manager: Person
) -> None:
    erased = counter.id_of()
    erase(counter, erased, manager)

    again = counter.register()

    assert not again.duplicates
    assert not again.candidates
    assert again.person.envelope.id != erased
    assert counter.found(PHONE) == ["王芳"]


def test_nobody_goes_on_with_an_erased_person(counter: Counter, manager: Person) -> None:
    customer_id = counter.id_of()
    erase(counter, customer_id, manager)

    for step in (
        lambda: counter.ready(customer_id),
        lambda: counter.verify(customer_id),
        lambda: counter.answer(customer_id, contact_pb2.PURPOSE_RECALL),
        lambda: request(counter, customer_id),
    ):
        with pytest.raises(Refused) as refused:
            step()
        assert refused.value.code == "PERSON_ERASED"


def test_an_alias_of_an_erased_person_is_erased_with_the_person(
    counter: Counter, manager: Person
) -> None:
    stays, goes = counter.id_of(), counter.id_of(address="Nanjing Road 7")
    counter.resolve(stays, goes, surviving_id=stays)

    erase(counter, stays, manager)

    assert "Nanjing Road 7" not in everything(counter.chain)
    with pytest.raises(Refused) as refused:
        counter.person(goes)
    assert refused.value.code == "PERSON_ERASED"


def test_links_suspicions_and_plans_that_name_the_person_have_ended(
    counter: Counter, manager: Person
) -> None:
    customer_id = wang_fangfang(counter)
    person = counter.person(customer_id)
    child = counter.found("王小明")
    assert person.duplicates
    assert child

    erase(counter, customer_id, manager)

    with counter.chain.database("customer").snapshot() as connection:
        states = connection.execute(
            text(
                "SELECT kind, state FROM record WHERE kind IN ('customer.duplicate',"
                " 'customer.guardian_link', 'customer.follow_up') ORDER BY kind"
            )
        ).all()
    assert {tuple(one) for one in states} == {
        ("customer.duplicate", "lapsed"),
        ("customer.follow_up", "waived"),
        ("customer.guardian_link", "revoked"),
    }


def test_no_answer_given_about_the_person_is_kept_for_a_repeat(
    counter: Counter, manager: Person
) -> None:
    customer_id = counter.id_of(request_id="first")
    other = counter.id_of("李雷", phone="139 0013 9000", request_id="other")

    erase(counter, customer_id, manager)

    with counter.chain.database("customer").snapshot() as connection:
        kept = connection.execute(select(reply.c.response)).scalars().all()
        told = connection.execute(select(outbox.c.body)).scalars().all()
    assert [other.encode() in bytes(one) for one in kept] == [True]
    assert not any("王芳".encode() in bytes(one) for one in told)


def test_evidence_of_the_person_is_let_go(counter: Counter, manager: Person) -> None:
    customer_id = counter.id_of()
    key = counter.upload(b"a scan", as_=counter.reception, media_type="image/png")

    erasure = decide(counter, request(counter, customer_id, object_keys=[key]), manager)
    assert carry_out(counter)

    with counter.chain.database("customer").snapshot() as connection:
        let_go = select(evidence.c.object_key).where(evidence.c.let_go_at.is_not(None))
        assert [erasure.envelope.evidence[0].object_key] == connection.execute(
            let_go
        ).scalars().all()


def test_who_asked_does_not_decide(counter: Counter) -> None:
    customer_id = counter.id_of()
    both = counter.chain.person(Role.BRANCH_MANAGER, Role.QUALITY_MANAGER)
    counter.reception = both
    erasure = request(counter, customer_id)

    with pytest.raises(Refused) as refused:
        decide(counter, erasure, both)
    assert refused.value.code == "SEPARATION_OF_DUTIES"


def test_only_a_role_of_the_rule_decides(counter: Counter) -> None:
    erasure = request(counter, counter.id_of())

    with pytest.raises(NotPermitted) as refused:
        decide(counter, erasure, counter.chain.person(Role.BRANCH_MANAGER))
    assert refused.value.code == "ROLE_NOT_PERMITTED"


def test_an_erasure_is_asked_for_once(counter: Counter, manager: Person) -> None:
    customer_id = counter.id_of()
    request(counter, customer_id)

    with pytest.raises(AlreadyThere) as refused:
        request(counter, customer_id)
    assert refused.value.code == "ERASURE_UNDER_WAY"


def test_a_refused_erasure_leaves_the_person_and_may_be_asked_for_again(
    counter: Counter, manager: Person
) -> None:
    customer_id = counter.id_of()
    refused = decide(counter, request(counter, customer_id), manager, REFUSE)

    assert refused.envelope.state == "refused"
    assert not carry_out(counter)
    assert counter.found("王芳") == ["王芳"]
    assert request(counter, customer_id).envelope.state == "requested"
    with pytest.raises(Refused) as twice:
        decide(counter, refused, manager)
    assert twice.value.code == "MOVE_FORBIDDEN"


@pytest.mark.parametrize("words", ["王芳 asks", "call 138 0013 8000", "13800138000", "A@b.CN"])
def test_words_that_outlive_the_person_name_nobody(counter: Counter, words: str) -> None:
    customer_id = counter.id_of(email="a@b.cn")

    with pytest.raises(Invalid) as refused:
        request(counter, customer_id, reason=words)
    assert words not in str(refused.value)


def test_who_asks_for_himself_is_looked_at(counter: Counter) -> None:
    with pytest.raises(Invalid):
        request(
            counter,
            counter.id_of(),
            identity_check=erasure_pb2.IDENTITY_CHECK_NOBODY_ASKED,
        )


def test_an_order_that_has_not_ended_is_named_and_nothing_is_decided(
    counter: Counter, manager: Person
) -> None:
    customer_id, order_id = counter.id_of(), new_id("ord")
    ordered(counter, customer_id, order_id, is_open=True)
    erasure = request(counter, customer_id)

    with pytest.raises(Refused) as refused:
        decide(counter, erasure, manager)

    assert refused.value.code == "BUSINESS_OPEN"
    assert refused.value.missing == (f"end of {order_id}",)
    assert counter.found("王芳") == ["王芳"]


def test_an_order_that_was_heard_to_end_before_it_began_has_ended(
    counter: Counter, manager: Person
) -> None:
    customer_id, order_id = counter.id_of(), new_id("ord")
    ordered(counter, customer_id, order_id, is_open=False)
    ordered(counter, customer_id, order_id, is_open=True)

    erasure = decide(counter, request(counter, customer_id), manager)

    assert erasure.envelope.state == "restricted"


def test_who_was_seen_is_restricted_and_hears_what_holds_and_until_when(
    counter: Counter, manager: Person
) -> None:
    customer_id = counter.id_of()
    seen(counter, customer_id)
    ordered(counter, customer_id, new_id("ord"), is_open=False)

    erasure = decide(counter, request(counter, customer_id), manager)

    today = clock.now().date()
    assert erasure.envelope.state == "restricted"
    assert [(one.retention_class, one.edition) for one in erasure.held_by] == [
        ("vision_file", "2026-11"),
        ("sales_record", "2026-11"),
    ]
    assert date.fromisoformat(erasure.held_until) == today.replace(year=today.year + 15)
    assert erasure.held_by[0].confidence == "A"
    assert not carry_out(counter)
    assert flaws(counter.chain) == []


def test_a_guardian_is_kept_as_long_as_the_file_of_the_ward(
    counter: Counter, manager: Person
) -> None:
    mother = counter.id_of()
    child = counter.id_of("王小明", birthday="2020-01-01", phone="")
    counter.link(child, mother)
    seen(counter, child)

    erasure = decide(counter, request(counter, mother), manager)

    assert [one.retention_class for one in erasure.held_by] == ["vision_file_of_ward"]


def test_a_restricted_person_is_found_by_nobody_and_not_advertised_to_but_kept(
    counter: Counter, manager: Person
) -> None:
    customer_id = counter.id_of()
    counter.answer(customer_id, contact_pb2.PURPOSE_MARKETING, contact_pb2.CHANNEL_SMS)
    seen(counter, customer_id)
    decide(counter, request(counter, customer_id), manager)

    assert counter.found("王芳") == counter.found(PHONE) == []
    person = counter.person(customer_id)
    assert (person.person.name, person.person.envelope.state) == ("王芳", "restricted")
    asked = pb.GetContactPermissionRequest(
        customer_id=customer_id, purpose=contact_pb2.PURPOSE_MARKETING
    )
    answer = counter.chain.ask(asked, pb.GetContactPermissionResponse, as_=counter.reception)
    assert answer.permission.answer == contact_pb2.PERMISSION_ANSWER_NO
    for step in (
        lambda: counter.answer(customer_id, contact_pb2.PURPOSE_MARKETING, contact_pb2.CHANNEL_SMS),
        lambda: counter.amend(customer_id, name="王芳芳"),
        lambda: counter.ready(customer_id),
        lambda: counter.verify(customer_id),
    ):
        with pytest.raises(Refused) as refused:
            step()
        assert refused.value.code == "PERSON_RESTRICTED"
    assert not counter.register().duplicates


def test_a_restriction_is_due_again_when_nothing_holds_any_more_and_not_before(
    counter: Counter, manager: Person
) -> None:
    customer_id = counter.id_of()
    seen(counter, customer_id)
    erasure = decide(counter, request(counter, customer_id), manager)

    assert due(counter, manager) == []
    with pytest.raises(Refused) as refused:
        decide(counter, erasure, manager)
    assert refused.value.code == "RETENTION_HOLDS"
    assert refused.value.details["until"] == erasure.held_until

    grown_old(counter, 16 * 365)
    with counter.chain.owner("customer").begin() as connection:
        connection.execute(
            text(
                "UPDATE record SET content = jsonb_set(content, '{held_until}', '\"2020-01-01\"')"
                " WHERE kind = 'customer.erasure'"
            )
        )
    assert [one.envelope.id for one in due(counter, manager)] == [erasure.envelope.id]
    assert decide(counter, erasure, manager).envelope.state == "approved"
    assert carry_out(counter)


def test_an_approved_erasure_is_decided_again_when_a_visit_was_heard_of_since(
    counter: Counter, manager: Person
) -> None:
    customer_id = counter.id_of()
    erasure = decide(counter, request(counter, customer_id), manager)
    seen(counter, customer_id)

    assert carry_out(counter)

    again = get(counter, erasure.envelope.id, manager)
    assert again.envelope.state == "requested"
    assert counter.person(customer_id).person.name == "王芳"
    assert decide(counter, again, manager).envelope.state == "restricted"


def propose(counter: Counter) -> None:
    with counter.chain.work("customer", system("customer")) as work:
        assert commands_erasure.propose_due(work)


def look_today(counter: Counter) -> None:
    with counter.chain.owner("customer").begin() as connection:
        connection.execute(update(person_search).values(look_on=None))


def test_whom_nothing_keeps_is_proposed_and_not_erased(counter: Counter, manager: Person) -> None:
    old, lately = counter.id_of(), counter.id_of("李雷", phone="139 0013 9000")
    seen(counter, old)
    propose(counter)
    assert due(counter, manager) == []

    grown_old(counter, 16 * 365)
    seen(counter, lately)
    look_today(counter)
    propose(counter)

    (proposed,) = due(counter, manager)
    assert proposed.envelope.customer_id == old
    assert proposed.envelope.state == "proposed"
    assert proposed.ground == erasure_pb2.ERASURE_GROUND_RETENTION_OVER
    assert not carry_out(counter)
    assert counter.found("王芳") == ["王芳"]
    assert decide(counter, proposed, manager).envelope.state == "approved"


def test_nobody_is_looked_at_again_before_the_last_hold_ends(counter: Counter) -> None:
    seen(counter, counter.id_of())
    propose(counter)

    with counter.chain.database("customer").snapshot() as connection:
        look_on = connection.execute(select(person_search.c.look_on)).scalar_one()
    today = clock.now().date()
    assert look_on == today.replace(year=today.year + 15) + DAY
    with counter.chain.work("customer", system("customer")) as work:
        assert not commands_erasure.propose_due(work)


CSV = "name,phone,birthday\n王芳,13800138000,1988-05-21\n李雷,13900139000,1990-01-01\n".encode()


def imported(counter: Counter, manager: Person) -> str:
    """Take in a file of old customers, and return the key under which it is kept."""
    branch_manager = counter.chain.person(Role.BRANCH_MANAGER)
    key = counter.upload(CSV, as_=branch_manager)
    for dry_run in (True, False):
        message = pb.StartImportRequest(object_key=key, dry_run=dry_run)
        batch = counter.chain.ask(
            message, pb.StartImportResponse, as_=branch_manager
        ).import_batch.envelope
        with counter.chain.work("customer", system("customer")) as work:
            chunk = read_chunk(iter([CSV]))
            commands_import.work_through(work, import_id=batch.id, chunk=chunk)
    return str(batch.evidence[0].object_key)


def let_go(counter: Counter) -> list[str]:
    with counter.chain.database("customer").snapshot() as connection:
        found = select(evidence.c.object_key).where(evidence.c.let_go_at.is_not(None))
        return list(connection.execute(found).scalars())


def dry_run_keys(counter: Counter) -> int:
    with counter.chain.database("customer").snapshot() as connection:
        asked = select(import_row).where(import_row.c.name_key.is_not(None))
        return len(connection.execute(asked).all())


def test_the_file_from_which_an_erased_person_came_goes_with_the_person(
    counter: Counter, manager: Person
) -> None:
    key = imported(counter, manager)
    asked = pb.SearchPeopleRequest(text="王芳")
    found = counter.chain.ask(asked, pb.SearchPeopleResponse, as_=counter.reception)
    assert dry_run_keys(counter) == 2

    erase(counter, found.people[0].customer_id, manager)

    assert let_go(counter) == [key]
    assert dry_run_keys(counter) == 0
    assert counter.found("李雷") == ["李雷"]


def test_a_file_of_old_customers_goes_when_its_time_is_over(
    counter: Counter, manager: Person
) -> None:
    key = imported(counter, manager)
    with counter.chain.work("customer", system("customer")) as work:
        assert not commands_erasure.let_old_files_go(work)
    with counter.chain.owner("customer").begin() as connection:
        month_ago = evidence.c.confirmed_at - 31 * DAY
        connection.execute(update(evidence).values(confirmed_at=month_ago))

    with counter.chain.work("customer", system("customer")) as work:
        assert commands_erasure.let_old_files_go(work)

    assert let_go(counter) == [key]
    assert dry_run_keys(counter) == 0


def test_every_personal_kind_says_what_is_left_of_its_words(counter: Counter) -> None:
    """A field that may hold words or a contact is blanked; ids, enums and dates of ours stay."""
    ids = {"answered_by_id", "guardian_id", "other_id", "order_id", "told_id"}
    for kind in (PERSON, CONTACT_VERIFICATION, CONTACT_PERMISSION, MESSAGE, FOLLOW_UP, DUPLICATE):
        hints = get_type_hints(kind.content)
        words = {name for name, hint in hints.items() if hint is str} - ids
        assert words <= kind.erased.keys(), kind.name
