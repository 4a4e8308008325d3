"""Who is shown what of a person, over the real API: each role as much as its work needs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chassis.roles import Role
from counter import Counter
from gateway.into_json import json_of
from optichain.customer.v1 import customer_service_pb2 as pb

NAME, PHONE, E164 = "欧阳静", "139 1600 0199", "+8613916000199"
HOW_REACHED = {"email": "jing@example.com", "wechat_id": "ouyang-jing", "address": "愚园路20号"}
BIRTHDAY = "1990-03-14"

REACH = (
    Role.RECEPTION,
    Role.OPTOMETRIST,
    Role.OPHTHALMOLOGIST,
    Role.CONTACT_LENS_FITTER,
    Role.OPTICIAN,
    Role.BRANCH_MANAGER,
    Role.HEAD_OFFICE,
    Role.AUDITOR,
)
"""Who calls or writes to a customer, answers for it, or looks into everything."""

EXAMINE = (Role.TECHNICIAN, Role.TRAINER, Role.PHARMACIST)
"""Who must know how old the customer is, and reaches nobody."""


@pytest.fixture
def customer_id(counter: Counter) -> str:
    return counter.id_of(NAME, phone=PHONE, birthday=BIRTHDAY, **HOW_REACHED)


def shown(counter: Counter, customer_id: str, role: Role) -> tuple[pb.GetPersonResponse, str]:
    """Return a person as a role is shown it, and everything that travelled, as text."""
    asking = counter.chain.person(role, branch_id=counter.reception.actor.branch_id)
    one, many = (
        counter.chain.ask(
            pb.GetPersonRequest(customer_id=customer_id), pb.GetPersonResponse, as_=asking
        ),
        counter.chain.ask(pb.SearchPeopleRequest(text=PHONE), pb.SearchPeopleResponse, as_=asking),
    )
    assert [found.customer_id for found in many.people] == [customer_id]
    return one, _travelled(one) + _travelled(many)


def _travelled(message: Any) -> str:
    sent = message.SerializeToString().decode(errors="replace")
    return str(sent + json.dumps(json_of(message), ensure_ascii=False))


@pytest.mark.parametrize("role", REACH)
def test_who_reaches_a_customer_reads_how(counter: Counter, customer_id: str, role: Role) -> None:
    found, _ = shown(counter, customer_id, role)
    person = found.person
    assert (person.name, person.phone_e164, person.birthday) == (NAME, E164, BIRTHDAY)
    assert {name: getattr(person, name) for name in HOW_REACHED} == HOW_REACHED
    assert found.age_years >= 36


@pytest.mark.parametrize("role", EXAMINE)
def test_who_examines_reads_name_and_age_and_the_end_of_the_phone(
    counter: Counter, customer_id: str, role: Role
) -> None:
    found, told = shown(counter, customer_id, role)
    person = found.person
    assert (person.name, person.phone_e164, person.birthday) == (NAME, "***0199", BIRTHDAY)
    for hidden in (E164, E164[3:], *HOW_REACHED.values()):
        assert hidden not in told


def test_a_cashier_reads_name_and_the_end_of_the_phone_only(
    counter: Counter, customer_id: str
) -> None:
    found, told = shown(counter, customer_id, Role.CASHIER)
    assert (found.person.name, found.person.phone_e164) == (NAME, "***0199")
    assert not found.HasField("age_years")
    for hidden in (E164, E164[3:], BIRTHDAY, *HOW_REACHED.values()):
        assert hidden not in told


def test_a_repeat_of_a_registration_is_covered_like_the_first_answer(counter: Counter) -> None:
    cashier = counter.chain.person(Role.CASHIER, branch_id=counter.reception.actor.branch_id)
    request = pb.RegisterPersonRequest(request_id="once", name=NAME, phone=PHONE, birthday=BIRTHDAY)
    first, again = (
        counter.chain.ask(request, pb.RegisterPersonResponse, as_=cashier) for _ in range(2)
    )
    assert first == again
    assert first.person.phone_e164 == "***0199"
    # What was kept is whole: somebody else is shown it.
    found = counter.person(first.person.envelope.id)
    assert (found.person.phone_e164, found.person.birthday) == (E164, BIRTHDAY)


def test_a_correction_by_who_was_shown_a_covered_phone_cannot_write_the_stars(
    counter: Counter, customer_id: str
) -> None:
    found, _ = shown(counter, customer_id, Role.CASHIER)
    with pytest.raises(Exception, match="phone") as refused:
        counter.amend(customer_id, phone=found.person.phone_e164)
    assert [one.rule for one in refused.value.problems] == ["covered"]  # type: ignore[attr-defined]
