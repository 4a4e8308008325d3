"""The door: who may be seen, whose station it is, and what the day list shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chassis import clock
from chassis.errors import Invalid, NotPermitted, Outdated, Refused, Unknown
from chassis.ids import new_id
from chassis.roles import Role
from clinical import commands_visit
from clinical.appointment import VisitPurpose
from optichain.auth.v1 import role_pb2
from optichain.clinical.v1 import appointment_pb2
from optichain.clinical.v1 import clinical_service_pb2 as pb
from optichain.customer.v1 import contact_pb2
from optichain.customer.v1 import customer_service_pb2 as customer_pb
from optichain.record.v1 import record_service_pb2 as records

PURPOSES = (
    contact_pb2.PURPOSE_ORDER_SERVICE,
    contact_pb2.PURPOSE_RECALL,
    contact_pb2.PURPOSE_MARKETING,
)


def register(clinic: Any, *, ready: bool = True) -> str:
    """Somebody at the desk; ready when the contact is verified and every purpose answered."""
    ask, who = clinic.chain.ask, clinic.reception
    request = customer_pb.RegisterPersonRequest(
        name="王芳", birthday="1988-05-21", phone="138 0013 8000"
    )
    customer_id = ask(request, customer_pb.RegisterPersonResponse, as_=who).person.envelope.id
    for purpose in PURPOSES if ready else ():
        answer = customer_pb.RecordContactPermissionRequest(
            customer_id=customer_id, purpose=purpose, answer=contact_pb2.PERMISSION_ANSWER_NO
        )
        ask(answer, customer_pb.RecordContactPermissionResponse, as_=who)
    if ready:
        verify = customer_pb.VerifyContactRequest(
            customer_id=customer_id,
            channel=contact_pb2.CHANNEL_PHONE_CALL,
            method=contact_pb2.VERIFICATION_METHOD_SAID_IN_PERSON,
        )
        ask(verify, customer_pb.VerifyContactResponse, as_=who)
    return str(customer_id)


def test_a_walk_in_whom_the_customer_service_calls_ready_is_seen_and_waits_for_the_technician(
    clinic: Any,
) -> None:
    clinic.chain.serve("customer", "clinical")
    customer_id = register(clinic)
    request = pb.OpenVisitRequest(
        request_id="v1", customer_id=customer_id, purpose=appointment_pb2.VISIT_PURPOSE_SPECTACLES
    )
    first = clinic.chain.ask(request, pb.OpenVisitResponse, as_=clinic.reception).visit
    again = clinic.chain.ask(request, pb.OpenVisitResponse, as_=clinic.reception).visit

    assert first == again
    assert first.envelope.case_id.startswith("case_")
    assert first.envelope.customer_id == customer_id
    assert first.age_years >= 38
    assert not first.is_minor
    day = clinic.chain.ask(pb.ListDayRequest(), pb.ListDayResponse, as_=clinic.reception)
    assert [entry.visit.envelope.id for entry in day.entries] == [first.envelope.id]


def test_somebody_who_was_not_asked_for_permission_is_not_seen_yet(clinic: Any) -> None:
    clinic.chain.serve("customer", "clinical")
    request = pb.OpenVisitRequest(
        customer_id=register(clinic, ready=False),
        purpose=appointment_pb2.VISIT_PURPOSE_SPECTACLES,
    )
    with pytest.raises(Refused) as refused:
        clinic.chain.ask(request, pb.OpenVisitResponse, as_=clinic.reception)
    assert refused.value.code == "PERMISSION_UNASKED"
    assert len(refused.value.missing) >= 3


def test_only_reception_opens_visits_and_other_branches_do_not_see_the_day(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    request = pb.OpenVisitRequest(customer_id=new_id("cus"))
    with pytest.raises(NotPermitted):
        clinic.chain.ask(request, pb.OpenVisitResponse, as_=clinic.optician)
    with pytest.raises(NotPermitted) as refused:
        clinic.chain.ask(
            pb.ListDayRequest(branch_id=clinic.branch_id),
            pb.ListDayResponse,
            as_=clinic.chain.person(Role.RECEPTION),
        )
    assert refused.value.code == "WRONG_BRANCH"
    with pytest.raises(Invalid) as wrong:
        clinic.chain.ask(
            pb.GetVisitRequest(visit_id=new_id("rx")), pb.GetVisitResponse, as_=clinic.optician
        )
    assert wrong.value.code == "ID_OF_WRONG_KIND"


def test_an_appointment_becomes_a_visit_once_and_stands_in_one_line_of_the_day(clinic: Any) -> None:
    customer_id = new_id("cus")
    booked = clinic.run(
        clinic.reception,
        commands_visit.book_appointment,
        customer_id=customer_id,
        starts_at=clock.now() + timedelta(minutes=1),
        purpose=VisitPurpose.RECHECK,
    )
    visit = clinic.visit(customer_id=customer_id, purpose=None, appointment_id=booked.id)
    walk_in = clinic.visit()

    assert visit.content.purpose is VisitPurpose.RECHECK
    with pytest.raises(Refused) as refused:
        clinic.visit(customer_id=customer_id, appointment_id=booked.id)
    assert refused.value.code == "MOVE_FORBIDDEN"
    clinic.chain.serve("clinical")
    seen: list[tuple[str, str]] = []
    token = ""
    while True:
        page = clinic.chain.ask(
            pb.ListDayRequest(page_size=1, page_token=token, day=booked.content.day.isoformat()),
            pb.ListDayResponse,
            as_=clinic.reception,
        )
        seen += [(e.appointment.envelope.id, e.visit.envelope.id) for e in page.entries]
        token = page.next_page_token
        if not token:
            break
    assert sorted(seen) == sorted([("", walk_in.id), (booked.id, visit.id)])


def test_an_appointment_of_somebody_else_opens_no_visit(clinic: Any) -> None:
    booked = clinic.run(
        clinic.reception,
        commands_visit.book_appointment,
        customer_id=new_id("cus"),
        starts_at=clock.now(),
        purpose=VisitPurpose.RECHECK,
    )
    with pytest.raises(Refused) as refused:
        clinic.visit(appointment_id=booked.id)
    assert refused.value.code == "APPOINTMENT_OF_ANOTHER"


def test_the_visit_passes_from_reception_to_the_technician_to_the_optometrist(clinic: Any) -> None:
    visit = clinic.visit()
    clinic.arm(visit)
    clinic.run(clinic.technician, commands_visit.hand_to_examiner, visit_id=visit.id)
    clinic.refraction(visit)
    clinic.chain.serve("clinical")
    answer = clinic.chain.ask(
        records.ListHandoversRequest(case_id=visit.case_id),
        records.ListHandoversResponse,
        as_=clinic.optometrist,
        of="clinical",
    )
    given = [(h.from_role, h.to_role, h.accepted_by) for h in answer.handovers]
    assert given == [
        (role_pb2.ROLE_RECEPTION, role_pb2.ROLE_TECHNICIAN, clinic.technician.id),
        (role_pb2.ROLE_TECHNICIAN, role_pb2.ROLE_OPTOMETRIST, clinic.optometrist.id),
    ]


def test_a_closed_visit_has_no_armed_station_and_takes_no_refraction(clinic: Any) -> None:
    visit = clinic.visit()
    clinic.arm(visit)
    closed = clinic.run(
        clinic.reception, commands_visit.close_visit, visit_id=visit.id, outcome="came back later"
    )
    assert closed.closure.closed_by == clinic.reception.id
    assert clinic.reading().state == "unclaimed"
    with pytest.raises(Refused) as refused:
        clinic.arm(visit)
    assert refused.value.code == "VISIT_CLOSED"
    with pytest.raises(Refused) as refraction:
        clinic.refraction(visit)
    assert refraction.value.code == "VISIT_CLOSED"
    with pytest.raises(Outdated):
        clinic.run(
            clinic.reception, commands_visit.close_visit, visit_id=visit.id, revision=1, outcome="x"
        )


def test_the_day_follows_the_zone_of_the_branch(clinic: Any) -> None:
    clinic.run(
        clinic.reception,
        commands_visit.keep_branch_zone,
        branch_id=clinic.branch_id,
        time_zone="Pacific/Kiritimati",
    )
    assert clinic.visit().content.day == clock.today("Pacific/Kiritimati")


def test_an_unknown_visit_is_unknown(clinic: Any) -> None:
    with pytest.raises(Unknown):
        clinic.run(clinic.technician, commands_visit.hand_to_examiner, visit_id=new_id("vis"))
