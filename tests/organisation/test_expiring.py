"""What expires soon: whoever books the courses sees it before somebody may no longer sign."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chain import Chain, Person
from chassis import clock, evidence
from chassis.errors import NotPermitted
from chassis.ids import new_id
from chassis.records.envelope import Evidence
from chassis.roles import Role
from office import Office
from optichain.organisation.v1 import organisation_service_pb2 as pb
from optichain.organisation.v1 import staff_pb2

TODAY = clock.now().date()


@pytest.fixture
def office(chain: Chain) -> Office:
    return Office.of(chain)


def qualifies(
    office: Office,
    staff: staff_pb2.Staff,
    ends_in: int,
    course: str = "dispensing",
    evidence_keys: tuple[str, ...] = (),
) -> staff_pb2.Qualification:
    request = pb.RecordQualificationRequest(
        staff_id=staff.envelope.id,
        course=course,
        valid_from=(TODAY - timedelta(days=400)).isoformat(),
        valid_to=(TODAY + timedelta(days=ends_in)).isoformat(),
        assessor="Wang",
        evidence_keys=evidence_keys,
    )
    answer = office.chain.ask(request, pb.RecordQualificationResponse, as_=office.person)
    return answer.qualification


def listed(
    office: Office, as_: Person | None = None, **asked: object
) -> pb.ListExpiringQualificationsResponse:
    request = pb.ListExpiringQualificationsRequest(**asked)  # type: ignore[arg-type]
    return office.chain.ask(
        request, pb.ListExpiringQualificationsResponse, as_=as_ or office.person
    )


def courses(answer: pb.ListExpiringQualificationsResponse) -> list[str]:
    return [one.qualification.course for one in answer.qualifications]


def test_what_ends_within_sixty_days_is_listed_soonest_first_with_whose_it_is(
    office: Office,
) -> None:
    branch = office.opens().envelope.id
    staff = office.appoints(branch)
    for course, days in (("later", 61), ("second", 59), ("first", 3), ("over", -4), ("old", -70)):
        qualifies(office, staff, days, course)

    answer = listed(office)

    assert courses(answer) == ["over", "first", "second"]
    assert [one.has_ended for one in answer.qualifications] == [True, False, False]
    first = answer.qualifications[1]
    assert (first.staff_name, first.branch_id) == ("Optician JA1", branch)
    assert first.qualification.assessor == "Wang"
    assert answer.until == (TODAY + timedelta(days=60)).isoformat()
    assert "later" in courses(listed(office, days=90))


def test_what_was_renewed_or_revoked_and_who_has_left_is_not_listed(office: Office) -> None:
    branch = office.opens().envelope.id
    staff = office.appoints(branch)
    qualifies(office, staff, 10, "renewed")
    qualifies(office, staff, 400, "renewed")
    revoked = qualifies(office, staff, 10, "revoked").envelope.id
    revoke = pb.RevokeQualificationRequest(qualification_id=revoked, reason="not attended")
    office.chain.ask(revoke, pb.RevokeQualificationResponse, as_=office.person)
    leaver = office.appoints(branch, login="leaver.ja1")
    qualifies(office, leaver, 10, "leaver")
    assert courses(listed(office)) == ["leaver"]
    office.dismisses(leaver)
    assert courses(listed(office)) == []


def test_a_branch_manager_sees_the_own_branch_and_head_office_the_chain(office: Office) -> None:
    here, there = office.opens().envelope.id, office.opens("XH2").envelope.id
    qualifies(office, office.appoints(here), 10, "here")
    qualifies(office, office.appoints(there, login="optician.xh2"), 10, "there")
    manager = office.chain.person(Role.BRANCH_MANAGER, branch_id=here)
    quality = office.chain.person(Role.QUALITY_MANAGER)

    assert courses(listed(office, manager)) == ["here"]
    assert courses(listed(office, manager, branch_id=here)) == ["here"]
    with pytest.raises(NotPermitted) as refused:
        listed(office, manager, branch_id=there)
    assert refused.value.code == "WRONG_BRANCH"
    assert sorted(courses(listed(office, quality))) == ["here", "there"]
    assert courses(listed(office, quality, branch_id=there)) == ["there"]
    with pytest.raises(NotPermitted):
        listed(office, office.chain.person(Role.OPTICIAN, branch_id=here))


def test_the_list_goes_on_page_by_page(office: Office) -> None:
    staff = office.appoints(office.opens().envelope.id)
    for days in (5, 5, 6, 7, 7):
        qualifies(office, staff, days, f"course {days} {new_id('qlf')[-4:]}")
    found: list[str] = []
    token = ""
    while True:
        answer = listed(office, page_size=2, page_token=token)
        found += [one.qualification.envelope.id for one in answer.qualifications]
        token = answer.next_page_token
        if not token:
            break
    assert len(found) == len(set(found)) == 5


def test_a_qualification_carries_the_scan_that_shows_it(office: Office) -> None:
    staff = office.appoints(office.opens().envelope.id)
    key = f"organisation/scan/{new_id('obj')}"
    with office.chain.work("organisation", office.person.actor) as work:
        evidence.offered(work.connection, key, "application/pdf", work.actor, work.at)
        scan = Evidence(
            object_key=key, sha256="0" * 64, media_type="application/pdf", size_bytes=10
        )
        evidence.confirmed(work.connection, scan, work.at)
    held = qualifies(office, staff, 300, evidence_keys=(key,))
    assert [one.object_key for one in held.envelope.evidence] == [key]
