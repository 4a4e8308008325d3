"""People leave and branches close: from then on nobody acts there, or in that name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from chain import Chain
from chassis import clock
from chassis.actor import system
from chassis.errors import (
    AlreadyThere,
    DomainError,
    NotPermitted,
    Outdated,
    Refused,
    Unauthenticated,
)
from chassis.roles import Role
from office import FIRST, Office
from optichain.auth.v1 import role_pb2
from optichain.organisation.v1 import organisation_service_pb2 as pb
from optichain.organisation.v1 import staff_pb2
from organisation import commands_sign_in


@pytest.fixture
def office(chain: Chain) -> Office:
    return Office.of(chain)


def told(chain: Chain) -> list[str]:
    with chain.database("organisation").snapshot() as connection:
        rows = connection.execute(text("SELECT type FROM outbox ORDER BY seq")).scalars()
        return [str(one).rpartition(".")[2] for one in rows]


def qualifies(office: Office, staff: staff_pb2.Staff, first: str, last: str) -> str:
    request = pb.RecordQualificationRequest(
        staff_id=staff.envelope.id,
        course="refraction",
        valid_from=first,
        valid_to=last,
        assessor="Head office",
    )
    answer = office.chain.ask(request, pb.RecordQualificationResponse, as_=office.person)
    return answer.qualification.envelope.id


def require(office: Office, staff: staff_pb2.Staff) -> str:
    request = pb.RequireQualificationRequest(staff_id=staff.envelope.id, course="refraction")
    answer = office.chain.ask_as_service("clinical", request, pb.RequireQualificationResponse)
    return answer.qualification.envelope.id


def refusal(office: Office, staff: staff_pb2.Staff) -> str:
    with pytest.raises(Refused) as refused:
        require(office, staff)
    return refused.value.code


def why_not(office: Office, staff: staff_pb2.Staff) -> str:
    with pytest.raises(Refused) as refused:
        require(office, staff)
    assert refused.value.details["course"] == "refraction"
    return refused.value.details["why"]


def test_who_has_left_neither_signs_in_nor_renews_and_is_told_no_more_than_a_stranger(
    office: Office,
) -> None:
    staff = office.appoints(office.opens().envelope.id)
    session = office.signs_in()
    left = office.dismisses(staff)

    assert (left.envelope.state, left.envelope.closure.closed_by) == ("left", office.person.id)
    with pytest.raises(Unauthenticated) as renewed:
        office.renews(session)
    assert renewed.value.code == "SESSION_ENDED"
    with pytest.raises(Unauthenticated) as again:
        office.signs_in()
    with pytest.raises(Unauthenticated) as stranger:
        office.signs_in(login="nobody")
    assert (again.value.code, again.value.text) == (stranger.value.code, stranger.value.text)
    assert told(office.chain)[-1] == "StaffLeft"


def test_the_right_password_of_who_has_left_locks_like_a_wrong_one(office: Office) -> None:
    office.dismisses(office.appoints(office.opens().envelope.id))
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            office.signs_in()
    with pytest.raises(DomainError) as locked:
        office.signs_in()
    assert locked.value.code == "LOGIN_LOCKED"


def test_employment_ends_once_by_head_office_and_never_ones_own(office: Office) -> None:
    branch = office.opens()
    staff = office.appoints(branch.envelope.id)
    with pytest.raises(NotPermitted) as role:
        office.dismisses(staff, as_=office.chain.person(Role.BRANCH_MANAGER))
    assert role.value.code == "ROLE_NOT_PERMITTED"
    own = pb.EndEmploymentRequest(staff_id=office.person.id, revision=1, reason="enough")
    with pytest.raises(Refused) as oneself:
        office.chain.ask(own, pb.EndEmploymentResponse, as_=office.person)
    assert oneself.value.code == "OWN_EMPLOYMENT"

    left = office.dismisses(staff)
    with pytest.raises(Outdated):
        office.dismisses(staff)
    with pytest.raises(Refused) as twice:
        office.dismisses(left)
    assert twice.value.code == "MOVE_FORBIDDEN"


def test_who_has_left_is_neither_amended_nor_released_nor_qualified(office: Office) -> None:
    branch = office.opens()
    left = office.dismisses(office.appoints(branch.envelope.id))
    amend = pb.AmendStaffRequest(
        staff_id=left.envelope.id,
        revision=left.envelope.revision,
        roles=[role_pb2.ROLE_CASHIER],
        branch_ids=[branch.envelope.id],
        reason="came back",
    )
    with pytest.raises(Refused) as amended:
        office.chain.ask(amend, pb.AmendStaffResponse, as_=office.person)
    release = pb.ReleaseLoginRequest(staff_id=left.envelope.id, first_password=FIRST)
    with pytest.raises(Refused) as released:
        office.chain.ask(release, pb.ReleaseLoginResponse, as_=office.person)
    with pytest.raises(Refused) as qualified:
        qualifies(office, left, "2026-01-01", "2099-12-31")
    codes = {one.value.code for one in (amended, released, qualified)}
    assert codes == {"STAFF_LEFT"}


def test_a_qualification_lets_somebody_sign_until_it_ends_is_revoked_or_the_person_leaves(
    office: Office,
) -> None:
    branch = office.opens()
    staff = office.appoints(branch.envelope.id, role=role_pb2.ROLE_OPTOMETRIST)
    assert why_not(office, staff) == "none was recorded"
    qualifies(office, staff, "2020-01-01", "2020-12-31")
    assert why_not(office, staff) == "it ended on 2020-12-31"
    assert refusal(office, staff) == "QUALIFICATION_NOT_IN_FORCE"

    standing = qualifies(office, staff, "2026-01-01", "2099-12-31")
    assert require(office, staff) == standing
    revoke = pb.RevokeQualificationRequest(qualification_id=standing, reason="not attended")
    office.chain.ask(revoke, pb.RevokeQualificationResponse, as_=office.person)
    assert why_not(office, staff) == "it was revoked"

    again = qualifies(office, staff, "2026-01-01", "2099-12-31")
    assert require(office, staff) == again
    office.dismisses(staff)
    assert why_not(office, staff) == "the person has left"


@pytest.mark.parametrize(
    ("now", "holds"),
    [
        ("2026-06-30T15:59:00+00:00", False),
        ("2026-06-30T16:01:00+00:00", True),
        ("2026-07-31T15:59:00+00:00", True),
        ("2026-07-31T16:01:00+00:00", False),
    ],
)
def test_a_qualification_begins_and_ends_with_the_days_of_the_branch(
    office: Office, monkeypatch: pytest.MonkeyPatch, now: str, holds: bool
) -> None:
    staff = office.appoints(office.opens().envelope.id)
    qualifies(office, staff, "2026-07-01", "2026-07-31")
    monkeypatch.setattr(clock, "now", lambda: datetime.fromisoformat(now).astimezone(UTC))

    assert (require(office, staff) != "") if holds else refusal(office, staff)


def test_a_branch_closes_when_everybody_has_left_or_moved_and_nobody_is_appointed_there_again(
    office: Office,
) -> None:
    branch, other = office.opens(), office.opens("XH2")
    leaves = office.appoints(branch.envelope.id)
    moves = office.appoints(other.envelope.id, branch.envelope.id, login="courier")
    with pytest.raises(Refused) as there:
        office.closes(branch)
    assert there.value.code == "STAFF_THERE"
    assert sorted(there.value.missing) == sorted(
        f"{one.envelope.id} has left or moved" for one in (leaves, moves)
    )

    office.dismisses(leaves)
    amend = pb.AmendStaffRequest(
        staff_id=moves.envelope.id,
        revision=moves.envelope.revision,
        roles=moves.roles,
        branch_ids=[other.envelope.id],
        reason="branch closes",
    )
    office.chain.ask(amend, pb.AmendStaffResponse, as_=office.person)
    closed = office.closes(branch)
    assert closed.envelope.state == "closed"
    assert told(office.chain)[-1] == "BranchClosed"
    with pytest.raises(Refused) as appointed:
        office.appoints(branch.envelope.id, login="late")
    assert appointed.value.code == "BRANCH_CLOSED"
    with pytest.raises(Refused) as twice:
        office.closes(closed)
    assert twice.value.code == "MOVE_FORBIDDEN"
    with pytest.raises(AlreadyThere) as code:
        office.opens()
    assert code.value.code == "CODE_TAKEN"


def test_of_a_branch_that_closes_while_somebody_is_appointed_there_one_is_refused(
    office: Office,
) -> None:
    for number in range(4):
        branch = office.opens(f"B{number}")

        def attempt(is_closing: bool, branch: object = branch, number: int = number) -> str:
            try:
                if is_closing:
                    office.closes(branch)  # type: ignore[arg-type]  # a Branch
                else:
                    office.appoints(branch.envelope.id, login=f"new{number}")  # type: ignore[attr-defined]  # as above
            except Refused as refused:
                return refused.code
            return "done"

        with ThreadPoolExecutor(2) as hands:
            outcome = set(hands.map(attempt, (True, False)))
        assert outcome in ({"done", "STAFF_THERE"}, {"done", "BRANCH_CLOSED"})


def test_of_two_who_open_a_branch_under_the_same_code_at_once_one_is_told_so(
    office: Office,
) -> None:
    def attempt(_number: int) -> str:
        try:
            return office.opens("NEW").code
        except AlreadyThere as refused:
            return refused.code

    with ThreadPoolExecutor(4) as hands:
        assert sorted(hands.map(attempt, range(4))) == ["CODE_TAKEN"] * 3 + ["NEW"]


def test_attempts_on_logins_that_do_not_exist_are_forgotten_in_the_end(office: Office) -> None:
    with pytest.raises(Unauthenticated):
        office.signs_in(login="nobody")

    def kept() -> int:
        with office.chain.database("organisation").snapshot() as connection:
            return int(connection.execute(text("SELECT count(*) FROM stranger")).scalar_one())

    with office.chain.work("organisation", system("organisation")) as work:
        commands_sign_in.forget_strangers(work)
    assert kept() == 1
    with office.chain.work("organisation", system("organisation")) as work:
        commands_sign_in.forget_strangers(replace(work, at=work.at + timedelta(days=2)))
    assert kept() == 0
