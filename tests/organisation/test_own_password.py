"""The password is the person's own: one that somebody else gave opens nothing but its change."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from chain import Chain
from chassis import settings
from chassis.actor import system
from chassis.errors import Invalid, NotPermitted, TooManyAttempts, Unauthenticated
from office import FIRST, OWN, Office, person_of
from optichain.auth.v1 import role_pb2
from optichain.organisation.v1 import organisation_service_pb2 as pb
from organisation import commands_sign_in, founding
from organisation.login import SignInRefused
from organisation.settings import Settings


@pytest.fixture
def office(chain: Chain) -> Office:
    return Office.of(chain)


@pytest.fixture
def branch_id(office: Office) -> str:
    return office.opens().envelope.id


@pytest.fixture
def staff_id(office: Office, branch_id: str) -> str:
    return office.appoints(branch_id).envelope.id


def works(office: Office, session: pb.Session) -> bool:
    """Tell whether a session is good for more than changing the password."""
    try:
        office.chain.ask(pb.ListBranchesRequest(), pb.ListBranchesResponse, as_=person_of(session))
    except NotPermitted as refused:
        if refused.code != "PASSWORD_CHANGE_DUE":
            raise
        return False
    return True


def wrong(office: Office, login: str = "optician.ja1") -> str:
    with pytest.raises((Unauthenticated, TooManyAttempts)) as refused:
        office.signs_in(login, "not the password")
    return refused.value.code


def test_a_password_that_somebody_else_gave_opens_nothing_until_it_is_changed(
    office: Office, staff_id: str
) -> None:
    session = office.signs_in()
    assert session.password_change_due
    assert not works(office, session)
    renewed = office.renews(session)
    assert renewed.password_change_due
    assert not works(office, renewed)

    office.changes_password(renewed)
    assert not works(office, renewed), "the token says so until its next"
    renewed = office.renews(renewed)
    assert not renewed.password_change_due
    assert works(office, renewed)
    assert works(office, office.signs_in(password=OWN))


def test_who_will_not_change_the_password_may_sign_out(office: Office, staff_id: str) -> None:
    session = office.signs_in()
    office.chain.ask(
        pb.SignOutRequest(session_id=session.id), pb.SignOutResponse, as_=person_of(session)
    )
    with pytest.raises(Unauthenticated):
        office.renews(session)


def test_the_old_password_is_gone_and_every_other_session_with_it(
    office: Office, staff_id: str
) -> None:
    elsewhere, here = office.signs_in(), office.signs_in()
    office.changes_password(here)

    with pytest.raises(Unauthenticated) as ended:
        office.renews(elsewhere)
    assert ended.value.code == "SESSION_ENDED"
    assert office.renews(here).token
    assert wrong(office) == "SIGN_IN_REFUSED"
    with pytest.raises(Unauthenticated):
        office.signs_in(password=FIRST)


def test_a_wrong_present_password_changes_nothing_and_counts_like_a_wrong_sign_in(
    office: Office, staff_id: str
) -> None:
    session = office.signs_in()
    for _ in range(5):
        with pytest.raises(Unauthenticated) as refused:
            office.changes_password(session, present="a guess at it")
        assert refused.value.code == SignInRefused.reason
    with pytest.raises(TooManyAttempts):
        office.changes_password(session)
    with pytest.raises(TooManyAttempts):
        office.signs_in()


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("short", "PASSWORD_WEAK"),
        ("optician.ja1 again", "PASSWORD_WEAK"),
        (FIRST, "PASSWORD_UNCHANGED"),
    ],
)
def test_a_weak_password_or_the_same_again_is_no_change(
    office: Office, staff_id: str, new: str, code: str
) -> None:
    session = office.signs_in()
    with pytest.raises(Invalid) as refused:
        office.changes_password(session, new=new)
    assert refused.value.code == code
    assert office.signs_in().password_change_due


def test_a_released_login_gets_a_password_to_be_changed_and_its_sessions_end(
    office: Office, staff_id: str
) -> None:
    session = office.signs_in()
    office.changes_password(session)
    release = pb.ReleaseLoginRequest(staff_id=staff_id, first_password=FIRST)
    office.chain.ask(release, pb.ReleaseLoginResponse, as_=office.person)
    with pytest.raises(Unauthenticated):
        office.renews(session)
    assert not works(office, office.signs_in())


def test_a_person_whose_roles_or_branches_change_signs_in_anew(
    office: Office, staff_id: str, branch_id: str
) -> None:
    session = office.signs_in()
    amend = pb.AmendStaffRequest(
        staff_id=staff_id,
        revision=1,
        roles=[role_pb2.ROLE_CASHIER],
        branch_ids=[branch_id],
        reason="moved to the till",
    )
    amended = office.chain.ask(amend, pb.AmendStaffResponse, as_=office.person).staff
    assert list(amended.roles) == [role_pb2.ROLE_CASHIER]
    with pytest.raises(Unauthenticated) as ended:
        office.renews(session)
    assert ended.value.code == "SESSION_ENDED"
    assert list(office.signs_in().roles) == [role_pb2.ROLE_CASHIER]


def test_nobody_signs_in_at_a_branch_that_is_not_theirs(office: Office, staff_id: str) -> None:
    other = office.opens("XH2").envelope.id
    with pytest.raises(NotPermitted) as refused:
        office.signs_in(branch_id=other)
    assert refused.value.code == "BRANCH_NOT_YOURS"


def test_a_login_that_does_not_exist_is_locked_like_one_that_does(
    office: Office, staff_id: str
) -> None:
    known = [wrong(office) for _ in range(7)]
    unknown = [wrong(office, "nobody") for _ in range(3)]
    unknown += [wrong(office, "Nobody") for _ in range(4)]
    assert known == unknown == ["SIGN_IN_REFUSED"] * 5 + ["LOGIN_LOCKED"] * 2
    assert wrong(office, "somebody.else") == "SIGN_IN_REFUSED"


@pytest.mark.parametrize("login", ["optician.ja1", "nobody"])
def test_a_lock_ends_by_itself(office: Office, staff_id: str, login: str) -> None:
    for _ in range(5):
        wrong(office, login)

    def after(minutes: int, password: str) -> bool:
        with office.chain.work("organisation", system("organisation")) as work:
            later = replace(work, at=work.at + timedelta(minutes=minutes))
            started = commands_sign_in.sign_in(later, login=login, password=password, branch_id="")
            return started is not None

    with pytest.raises(TooManyAttempts):
        after(14, FIRST)
    assert after(16, FIRST) == (login != "nobody")


def test_a_new_chain_has_one_administrator_who_must_change_the_password(chain: Chain) -> None:
    office = Office.of(chain)
    told = cast(Settings, settings.load("organisation"))
    for _start in range(2):
        founding.found(chain.database("organisation"), told)

    first = told.first_password.get_secret_value()
    session = office.signs_in(told.first_login, first)
    assert list(session.roles) == [role_pb2.ROLE_HEAD_OFFICE]
    assert not works(office, session)
    office.changes_password(session, present=first)
    again = office.renews(session)
    listed = chain.ask(pb.ListStaffRequest(), pb.ListStaffResponse, as_=person_of(again))
    assert [one.login for one in listed.staff] == [told.first_login]
    places = chain.ask(pb.ListBranchesRequest(), pb.ListBranchesResponse, as_=person_of(again))
    assert [one.code for one in places.branches] == ["HQ"]
