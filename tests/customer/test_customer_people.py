"""People at the counter: registered, corrected, found, taken for one another and merged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from chassis.errors import AlreadyThere, Invalid, NotPermitted, Outdated, Refused, Unknown
from chassis.ids import new_id
from chassis.roles import Role
from counter import PHONE, Counter
from optichain.customer.v1 import customer_service_pb2 as pb
from optichain.customer.v1 import duplicate_pb2, person_pb2
from optichain.record.v1 import record_service_pb2 as records


def test_a_person_is_kept_with_the_phone_in_one_form_and_a_code_to_read_aloud(
    counter: Counter,
) -> None:
    registered = counter.register("  王芳 ", sex=person_pb2.SEX_FEMALE)

    file = counter.person(registered.person.envelope.id)
    assert (file.person.name, file.person.phone_e164) == ("王芳", "+8613800138000")
    assert file.person.envelope.customer_id == file.person.envelope.id
    assert file.age_years >= 38
    assert not file.is_minor
    assert list(file.missing) == []
    assert counter.found(file.person.short_code.lower()) == ["王芳"]


def test_what_a_file_lacks_is_listed(counter: Counter) -> None:
    bare = counter.id_of("Ann", birthday="", phone="")

    file = counter.person(bare)
    assert list(file.missing) == ["sex", "birthday", "phone_e164"]
    assert not file.HasField("age_years")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("phone", "12345"),
        ("birthday", "2999-01-01"),
        ("birthday", "1899-12-31"),
        ("birthday", "1988-02-30"),
        ("email", "not an address"),
        ("name", "···"),
    ],
)
def test_a_wrong_detail_is_refused_by_its_field_and_nobody_is_kept(
    counter: Counter, field: str, value: str
) -> None:
    details = {"name": "王芳", field: value}
    with pytest.raises(Invalid) as refused:
        counter.register(**details)

    assert [problem.field for problem in refused.value.problems] == [field]
    assert value not in refused.value.text
    assert counter.found("王") == []


def test_a_person_is_found_by_name_last_word_initials_and_digits(counter: Counter) -> None:
    counter.id_of("张伟", phone="13900001234")
    counter.id_of("Zoë van Wijk", phone="13900005678")
    counter.id_of("赵薇薇", phone="13911111234")

    assert counter.found("张") == ["张伟"]
    assert counter.found("ZOE") == ["Zoë van Wijk"]
    assert counter.found("wijk z") == ["Zoë van Wijk"]
    assert set(counter.found("zw")) == {"张伟", "赵薇薇"}
    assert counter.found("zvw") == ["Zoë van Wijk"]
    assert counter.found("1234") == ["张伟", "赵薇薇"]
    assert counter.found("139 0000 5678") == ["Zoë van Wijk"]
    assert counter.found("+8613911111234") == ["赵薇薇"]
    assert counter.found("李") == []
    assert counter.found("zw", by=pb.SEARCH_KIND_NAME) == []
    assert set(counter.found("ZW", by=pb.SEARCH_KIND_INITIALS)) == {"张伟", "赵薇薇"}


def test_found_people_come_by_page_and_each_once(counter: Counter) -> None:
    names = [f"王{second}" for second in "一二三四五六七"]
    for number, name in enumerate(names):
        counter.id_of(name, phone=f"1390000{number}234")

    for text in ("王", "w", "0234"):
        seen: list[str] = []
        request = pb.SearchPeopleRequest(text=text, page_size=3)
        while True:
            page = counter.chain.ask(request, pb.SearchPeopleResponse, as_=counter.reception)
            seen += [one.name for one in page.people]
            request.page_token = page.next_page_token
            if not request.page_token:
                break
        expected = sorted(names) if text != "0234" else [names[0]]
        assert sorted(seen) == expected, text


@pytest.mark.parametrize("token", ["nonsense", "WyJhIl0=", "WyJhIiwiYiJd"])
def test_a_page_token_of_another_list_is_refused(counter: Counter, token: str) -> None:
    with pytest.raises(Invalid) as refused:
        counter.found("王", page_token=token)
    assert refused.value.code == "PAGE_TOKEN_REFUSED"


def test_a_search_without_a_letter_or_enough_digits_is_refused(counter: Counter) -> None:
    for text in ("…", "123", "K7M2QX4Y"):
        kind = pb.SEARCH_KIND_SHORT_CODE if text[0] == "K" else pb.SEARCH_KIND_UNSPECIFIED
        with pytest.raises(Invalid):
            counter.found(text, by=kind)


def test_a_correction_keeps_the_earlier_value_and_moves_what_is_found(counter: Counter) -> None:
    customer_id = counter.id_of()

    counter.amend(customer_id, phone="13911112222", name="王方")

    assert counter.found("8000") == []
    assert counter.found("2222") == ["王方"]
    ask = records.ListChangesRequest(record_id=customer_id)
    changes = counter.chain.ask(
        ask, records.ListChangesResponse, as_=counter.reception, of="customer"
    ).changes
    assert [change.version for change in changes] == [1, 2]
    told = {field.field: (field.old_value, field.new_value) for field in changes[1].fields}
    assert told["phone_e164"] == ('"+8613800138000"', '"+8613911112222"')
    assert changes[1].reason == "said at the counter"


def test_those_who_may_not_see_people_see_which_fields_changed_only(counter: Counter) -> None:
    customer_id = counter.id_of()
    counter.amend(customer_id, phone="13911112222")

    ask = records.ListChangesRequest(record_id=customer_id)
    edger = counter.chain.person(Role.LAB_TECHNICIAN)
    changed = counter.chain.ask(ask, records.ListChangesResponse, as_=edger, of="customer")
    assert [field.field for field in changed.changes[1].fields] == ["phone_e164"]
    assert "138" not in str(changed) + str(changed.changes[1].fields[0].old_value)
    assert changed.changes[1].reason == ""
    with pytest.raises(NotPermitted):
        counter.chain.ask(
            pb.GetPersonRequest(customer_id=customer_id), pb.GetPersonResponse, as_=edger
        )


def test_a_correction_of_what_somebody_else_changed_meanwhile_is_refused(
    counter: Counter,
) -> None:
    customer_id = counter.id_of()
    counter.amend(customer_id, email="fang@example.org")

    stale = pb.AmendPersonRequest(
        customer_id=customer_id, revision=1, email="wang@example.org", reason="said so"
    )
    with pytest.raises(Outdated) as refused:
        counter.chain.ask(stale, pb.AmendPersonResponse, as_=counter.reception)
    assert refused.value.code == "REVISION_OUTDATED"


def test_a_contact_may_be_taken_away_and_a_correction_must_change_something(
    counter: Counter,
) -> None:
    customer_id = counter.id_of()

    assert counter.amend(customer_id, phone="").person.phone_e164 == ""
    assert counter.found("8000") == []
    with pytest.raises(Refused) as refused:
        counter.amend(customer_id, phone="")
    assert refused.value.code == "NOTHING_CHANGED"


def test_the_same_phone_with_the_same_name_or_birthday_warns_of_a_duplicate(
    counter: Counter,
) -> None:
    first = counter.id_of("Wang Fang")
    child = counter.register("王小明", birthday="2016-05-01")
    assert list(child.duplicates) == []

    again = counter.register("wang  FANG", birthday="")
    twin = counter.register("王芳")

    assert [one.other_id for one in again.duplicates] == [again.person.envelope.id]
    assert again.duplicates[0].envelope.customer_id == first
    assert list(again.duplicates[0].shared) == [
        duplicate_pb2.SHARED_TRAIT_PHONE,
        duplicate_pb2.SHARED_TRAIT_NAME,
    ]
    assert [one.envelope.customer_id for one in twin.duplicates] == [first]
    waiting = counter.chain.ask(
        pb.ListDuplicatesRequest(), pb.ListDuplicatesResponse, as_=counter.reception
    )
    assert len(waiting.duplicates) == 2
    elsewhere = counter.chain.person(Role.RECEPTION)
    other = counter.chain.ask(pb.ListDuplicatesRequest(), pb.ListDuplicatesResponse, as_=elsewhere)
    assert not other.duplicates


def test_somebody_with_a_new_phone_is_shown_the_namesake_born_on_the_same_day_and_held_up_by_none(
    counter: Counter,
) -> None:
    first = counter.id_of()
    answer = counter.register("王 芳", phone="13911112222")
    again = answer.person.envelope.id

    assert not answer.duplicates
    (shown,) = answer.candidates
    assert (shown.person.customer_id, shown.holds_up_visit) == (first, False)
    assert list(shown.shared) == [
        duplicate_pb2.SHARED_TRAIT_NAME,
        duplicate_pb2.SHARED_TRAIT_BIRTHDAY,
    ]
    counter.answer_all(again)
    counter.verify(again)
    assert counter.ready(again).person_id == again

    assert not counter.register(birthday="1988-05-22", phone="13911113333").candidates
    assert not counter.register(birthday="", phone="13911114444").candidates
    twice = counter.register("王芳")
    assert [one.envelope.customer_id for one in twice.duplicates] == [first]
    assert [one.person.customer_id for one in twice.candidates] == [again]


def test_a_corrected_birthday_shows_a_namesake_until_the_two_are_told_apart(
    counter: Counter,
) -> None:
    first = counter.id_of()
    second = counter.id_of(birthday="1988-05-12", phone="13911112222")
    amended = counter.amend(second, birthday="1988-05-21")
    assert [one.person.customer_id for one in amended.candidates] == [first]

    counter.resolve(first, second)
    assert not counter.amend(second, address="人民路 1 号").candidates


def test_who_looks_like_a_newcomer_is_shown_before_anybody_is_registered(
    counter: Counter,
) -> None:
    same = counter.id_of()
    namesake = counter.id_of(phone="13911112222")
    counter.id_of("王强", phone="13911113333")

    request = pb.FindDuplicatesRequest(phone=PHONE, name="王 芳", birthday="1988-05-21")
    answer = counter.chain.ask(request, pb.FindDuplicatesResponse, as_=counter.reception)
    shown = [(one.person.customer_id, one.holds_up_visit) for one in answer.candidates]
    assert shown == [(same, True), (namesake, False)]

    with pytest.raises(Invalid):
        counter.chain.ask(
            pb.FindDuplicatesRequest(name="王芳"), pb.FindDuplicatesResponse, as_=counter.reception
        )


def test_a_changed_phone_may_show_a_duplicate_that_was_not_seen_before(counter: Counter) -> None:
    counter.id_of()
    other = counter.id_of(phone="13911112222")

    assert len(counter.amend(other, phone=PHONE).duplicates) == 1


def test_two_who_were_told_apart_are_not_asked_about_again(counter: Counter) -> None:
    first, second = counter.id_of(), counter.id_of()
    counter.resolve(first, second)

    assert not counter.amend(second, address="Nanjing Road 1").duplicates
    assert not counter.person(first).duplicates
    with pytest.raises(Refused) as refused:
        counter.resolve(second, first)
    assert refused.value.code == "MOVE_FORBIDDEN"


def test_a_merge_makes_one_id_an_alias_and_fills_the_blanks_of_the_other(
    counter: Counter,
) -> None:
    first = counter.id_of(birthday="")
    second = counter.register("王芳", sex=person_pb2.SEX_FEMALE, wechat_id="fang88").person

    merged = counter.resolve(first, second.envelope.id, surviving_id=first)

    assert merged.duplicate.envelope.state == "merged"
    assert (merged.person.birthday, merged.person.wechat_id) == ("1988-05-21", "fang88")
    file = counter.person(second.envelope.id)
    assert file.person.envelope.id == first
    assert list(file.alias_ids) == [second.envelope.id]
    assert counter.found("王芳") == ["王芳"]
    assert counter.found(second.short_code) == ["王芳"]
    with pytest.raises(Refused) as refused:
        counter.resolve(first, second.envelope.id, surviving_id=second.envelope.id)
    assert refused.value.code == "RECORD_VOID"
    lost = records.GetRecordRequest(record_id=second.envelope.id)
    envelope = counter.chain.ask(
        lost, records.GetRecordResponse, as_=counter.reception, of="customer"
    ).envelope
    assert envelope.state == "merged"


def test_an_alias_of_an_alias_means_the_last_who_stays(counter: Counter) -> None:
    first, second, third = counter.id_of(), counter.id_of(), counter.id_of()

    counter.resolve(first, second, surviving_id=second)
    assert len(counter.person(second).duplicates) == 1
    counter.resolve(second, third, surviving_id=third)

    file = counter.person(first)
    assert file.person.envelope.id == third
    assert set(file.alias_ids) == {first, second}
    assert not file.duplicates


def test_a_merge_needs_two_people_and_one_of_them_to_stay(counter: Counter) -> None:
    first, second = counter.id_of(), counter.id_of()

    with pytest.raises(Invalid):
        counter.resolve(first, first, surviving_id=first)
    with pytest.raises(Invalid):
        counter.resolve(first, second, surviving_id=new_id("cus"))
    with pytest.raises(Unknown):
        counter.resolve(first, new_id("cus"))
    assert len(counter.person(first).duplicates) == 1


def test_two_counters_that_merge_each_other_leave_one_person(counter: Counter) -> None:
    first, second = counter.id_of(), counter.id_of()

    def merge(surviving: str) -> str:
        try:
            counter.resolve(first, second, surviving_id=surviving)
        except Refused as refused:
            return refused.code
        return "merged"

    with ThreadPoolExecutor(2) as hands:
        outcomes = sorted(hands.map(merge, (first, second)))

    assert outcomes == ["RECORD_VOID", "merged"]
    assert counter.person(first).person.envelope.id == counter.person(second).person.envelope.id


def test_one_person_registered_at_two_counters_at_once_is_seen_as_a_duplicate(
    counter: Counter,
) -> None:
    with ThreadPoolExecutor(4) as hands:
        registered = list(hands.map(lambda _: counter.register(), range(4)))

    assert sorted(len(one.duplicates) for one in registered) == [0, 1, 2, 3]


def test_a_registration_repeated_under_its_id_keeps_one_person(counter: Counter) -> None:
    first = counter.register(request_id="r1")
    again = counter.register(request_id="r1")

    assert again == first
    assert counter.found("王芳") == ["王芳"]
    with pytest.raises(AlreadyThere) as refused:
        counter.register("王强", request_id="r1")
    assert refused.value.code == "REQUEST_ID_REUSED"


def test_nobody_is_known_by_an_id_that_was_never_given(counter: Counter) -> None:
    with pytest.raises(Unknown):
        counter.person(new_id("cus"))
    with pytest.raises(Invalid) as refused:
        counter.person(new_id("ord"))
    assert refused.value.code == "ID_OF_WRONG_KIND"
