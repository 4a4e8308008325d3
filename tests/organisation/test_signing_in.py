"""Signing in: who may, who may not, and what is never said."""

from __future__ import annotations

import pytest

from chain import Chain, Person
from chassis.errors import Invalid, NotPermitted, TooManyAttempts, Unauthenticated
from chassis.roles import Role
from optichain.auth.v1 import role_pb2
from optichain.organisation.v1 import branch_pb2
from optichain.organisation.v1 import organisation_service_pb2 as pb

PASSWORD = "correct horse battery"


@pytest.fixture
def office(chain: Chain) -> Person:
    chain.serve()
    return chain.person(Role.HEAD_OFFICE)


@pytest.fixture
def branch_id(chain: Chain, office: Person) -> str:
    request = pb.OpenBranchRequest(
        name="Jing'an",
        code="JA1",
        branch_kind=branch_pb2.BRANCH_KIND_SHOP,
        time_zone="Asia/Shanghai",
    )
    return chain.ask(request, pb.OpenBranchResponse, as_=office).branch.envelope.id


@pytest.fixture
def staff_id(chain: Chain, office: Person, branch_id: str) -> str:
    request = pb.AppointStaffRequest(
        name="Optician JA1",
        roles=[role_pb2.ROLE_OPTICIAN],
        branch_ids=[branch_id],
        login="optician.ja1",
        first_password=PASSWORD,
    )
    return chain.ask(request, pb.AppointStaffResponse, as_=office).staff.envelope.id


def sign_in(chain: Chain, password: str = PASSWORD, login: str = "optician.ja1") -> pb.Session:
    request = pb.SignInRequest(login=login, password=password)
    return chain.ask(request, pb.SignInResponse).session


def test_a_person_signs_in_at_home_and_renews_the_session_once_per_secret(
    chain: Chain, staff_id: str, branch_id: str
) -> None:
    session = sign_in(chain)

    assert (session.staff_id, session.branch_id) == (staff_id, branch_id)
    assert session.password_change_due
    renewal = pb.RenewSessionRequest(session_id=session.id, renewal_secret=session.renewal_secret)
    assert chain.ask(renewal, pb.RenewSessionResponse).session.token
    with pytest.raises(Unauthenticated) as refused:
        chain.ask(renewal, pb.RenewSessionResponse)
    assert refused.value.code == "SESSION_ENDED"


def test_a_wrong_password_and_an_unknown_login_are_refused_in_the_same_words(
    chain: Chain, staff_id: str
) -> None:
    with pytest.raises(Unauthenticated) as wrong:
        sign_in(chain, password="not the password")
    with pytest.raises(Unauthenticated) as unknown:
        sign_in(chain, login="nobody")

    assert (wrong.value.code, wrong.value.text) == (unknown.value.code, unknown.value.text)


def test_five_failures_lock_the_login_even_for_the_right_password_until_it_is_released(
    chain: Chain, office: Person, staff_id: str
) -> None:
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            sign_in(chain, password="not the password")
    with pytest.raises(TooManyAttempts) as locked:
        sign_in(chain)
    assert locked.value.code == "LOGIN_LOCKED"

    release = pb.ReleaseLoginRequest(staff_id=staff_id, first_password="another long secret")
    chain.ask(release, pb.ReleaseLoginResponse, as_=office)
    assert sign_in(chain, password="another long secret").password_change_due


def test_a_short_password_is_refused_and_nobody_is_appointed(
    chain: Chain, office: Person, branch_id: str
) -> None:
    request = pb.AppointStaffRequest(
        name="Cashier JA1",
        roles=[role_pb2.ROLE_CASHIER],
        branch_ids=[branch_id],
        login="cashier.ja1",
        first_password="short",
    )
    with pytest.raises(Invalid) as refused:
        chain.ask(request, pb.AppointStaffResponse, as_=office)

    assert refused.value.code == "PASSWORD_WEAK"
    listed = chain.ask(pb.ListStaffRequest(), pb.ListStaffResponse, as_=office)
    assert "cashier.ja1" not in [one.login for one in listed.staff]


def test_an_optician_may_not_appoint_staff_and_nobody_may_without_a_token(
    chain: Chain, branch_id: str
) -> None:
    request = pb.OpenBranchRequest(
        name="X", code="X1", branch_kind=branch_pb2.BRANCH_KIND_SHOP, time_zone="Asia/Shanghai"
    )
    with pytest.raises(NotPermitted) as refused:
        chain.ask(request, pb.OpenBranchResponse, as_=chain.person(Role.OPTICIAN))
    assert refused.value.code == "ROLE_NOT_PERMITTED"
    with pytest.raises(Unauthenticated) as anonymous:
        chain.ask(request, pb.OpenBranchResponse)
    assert anonymous.value.code == "TOKEN_MISSING"


def test_a_request_repeated_under_its_id_answers_the_same_and_another_body_is_refused(
    chain: Chain, office: Person
) -> None:
    request = pb.OpenBranchRequest(
        request_id="r1",
        name="Lab",
        code="LAB",
        branch_kind=branch_pb2.BRANCH_KIND_CENTRAL_LAB,
        time_zone="Asia/Shanghai",
    )
    first = chain.ask(request, pb.OpenBranchResponse, as_=office)
    again = chain.ask(request, pb.OpenBranchResponse, as_=office)
    assert first == again

    request.name = "Another lab"
    with pytest.raises(Exception, match="request id") as refused:
        chain.ask(request, pb.OpenBranchResponse, as_=office)
    assert getattr(refused.value, "code", "") == "REQUEST_ID_REUSED"
