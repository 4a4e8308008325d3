"""Who may look at whose vision file, and that every look stands in the book."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from chain import Person
from chassis import clock
from chassis.actor import system
from chassis.errors import NotPermitted, Unavailable
from chassis.ids import new_id
from chassis.roles import Role
from clinical.worker import ClinicalWorker
from optichain.auth.v1 import access_pb2
from optichain.clinical.v1 import clinical_service_pb2 as pb
from optichain.customer.v1 import customer_service_pb2 as customer_pb2
from optichain.customer.v1 import events_pb2 as customer_events
from optichain.customer.v1 import protection_pb2
from optichain.record.v1 import look_pb2
from optichain.record.v1 import record_service_pb2 as records


def read(clinic: Any, prescription: Any, *, as_: Person) -> Any:
    request = pb.GetPrescriptionRequest(prescription_id=prescription.id)
    return clinic.chain.ask(request, pb.GetPrescriptionResponse, as_=as_).prescription


def looks(clinic: Any, **wanted: Any) -> list[look_pb2.Look]:
    request = records.ListAccessRequest(**wanted)
    auditor = clinic.chain.person(Role.AUDITOR)
    answer = clinic.chain.ask(request, records.ListAccessResponse, as_=auditor, of="clinical")
    return list(answer.looks)


def registered(clinic: Any) -> str:
    """Somebody whom a shop far away has registered."""
    request = customer_pb2.RegisterPersonRequest(name="王芳", birthday="1988-05-21")
    reception = clinic.chain.person(Role.RECEPTION)
    answer = clinic.chain.ask(request, customer_pb2.RegisterPersonResponse, as_=reception)
    return str(answer.person.envelope.id)


def hear_tier(clinic: Any, customer_id: str, tier: str, *, at: Any = None) -> None:
    event = customer_events.ProtectionTierSet(
        customer_id=customer_id,
        protection_tier=protection_pb2.ProtectionTier.Value(f"PROTECTION_TIER_{tier}"),
    )
    event.set_at.FromDatetime(at or clock.now())
    with clinic.chain.work("clinical", system("clinical")) as work:
        ClinicalWorker().keep_tier(work, event)


def test_a_look_at_a_prescription_stands_in_the_book_and_a_services_question_does_not(
    clinic: Any,
) -> None:
    clinic.chain.serve("clinical")
    prescription = clinic.prescription()

    read(clinic, prescription, as_=clinic.optician)
    request = pb.GetPrescriptionRequest(prescription_id=prescription.id)
    clinic.chain.ask_as_service(
        "billing", request, pb.GetPrescriptionResponse, actor=clinic.optician.actor
    )

    (look,) = looks(clinic)
    assert (look.actor_id, look.record_id) == (clinic.optician.id, prescription.id)
    assert list(look.customer_ids) == [prescription.customer_id]
    assert look.kind == access_pb2.ACCESS_KIND_VISION_FILE


def test_the_branch_that_sees_a_person_reads_what_others_prescribed_and_no_other_branch_does(
    clinic: Any,
) -> None:
    clinic.chain.serve("clinical", "customer")
    customer_id = registered(clinic)
    prescription = clinic.prescription(clinic.visit(customer_id=customer_id))
    other = type(clinic)(clinic.chain)

    with pytest.raises(NotPermitted) as refused:
        read(clinic, prescription, as_=other.optician)
    other.visit(customer_id=customer_id)

    assert (refused.value.code, refused.value.details["closed_by"]) == (
        "BREAK_GLASS_NEEDED",
        "other_branch",
    )
    assert read(clinic, prescription, as_=other.optician).envelope.id == prescription.id
    first, second = looks(clinic, actor_id=other.optician.id)
    assert (first.refused_with, second.refused_with) == ("BREAK_GLASS_NEEDED", "")


def test_the_glass_broken_at_the_customer_service_opens_the_vision_file(clinic: Any) -> None:
    clinic.chain.serve("clinical", "customer")
    customer_id = registered(clinic)
    prescription = clinic.prescription(clinic.visit(customer_id=customer_id))
    other = type(clinic)(clinic.chain)
    asked = customer_pb2.BreakGlassRequest(
        customer_id=customer_id,
        purpose=access_pb2.ACCESS_PURPOSE_CARE,
        reason="lost the glasses on a journey",
    )
    glass = clinic.chain.ask(asked, customer_pb2.BreakGlassResponse, as_=other.optician).break_glass

    assert read(clinic, prescription, as_=other.optician)

    (look,) = looks(clinic, unusual_only=True, actor_id=other.optician.id)
    assert look.break_glass_id == glass.envelope.id
    request = pb.GetVisionFileRequest(customer_id=customer_id)
    with pytest.raises(NotPermitted):
        clinic.chain.ask(request, pb.GetVisionFileResponse, as_=other.optometrist)


def test_the_lab_reads_the_powers_of_every_branch(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    prescription = clinic.prescription()
    edger = clinic.chain.person(Role.LAB_TECHNICIAN)

    assert read(clinic, prescription, as_=edger).envelope.id == prescription.id


def test_a_vips_file_is_closed_to_roles_that_do_not_see_the_tier_at_its_own_branch_too(
    clinic: Any,
) -> None:
    clinic.chain.serve("clinical", "customer")
    customer_id = registered(clinic)
    visit = clinic.visit(customer_id=customer_id)
    manager = clinic.chain.person(Role.BRANCH_MANAGER)
    asked = customer_pb2.SetProtectionTierRequest(
        customer_id=customer_id,
        revision=1,
        protection_tier=protection_pb2.PROTECTION_TIER_VIP,
        reason="known from television",
    )
    clinic.chain.ask(asked, customer_pb2.SetProtectionTierResponse, as_=manager)
    hear_tier(clinic, customer_id, "VIP")
    request = pb.GetVisitRequest(visit_id=visit.id)

    with pytest.raises(NotPermitted) as refused:
        clinic.chain.ask(request, pb.GetVisitResponse, as_=clinic.reception)

    assert refused.value.details["closed_by"] == "protection_tier"
    assert clinic.chain.ask(request, pb.GetVisitResponse, as_=clinic.optometrist).visit


def test_of_two_tiers_the_later_one_counts_in_whatever_order_they_are_heard(clinic: Any) -> None:
    customer_id = new_id("cus")
    early, late = clock.now(), clock.now()
    hear_tier(clinic, customer_id, "ORDINARY", at=late)
    hear_tier(clinic, customer_id, "VIP", at=early)

    with clinic.chain.database("clinical").snapshot() as connection:
        kept = connection.execute(text("SELECT tier FROM protected_person")).scalars().all()
    assert kept == ["ordinary"]


def test_the_day_list_says_whom_it_showed(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    visits = [clinic.visit(), clinic.visit()]

    clinic.chain.ask(pb.ListDayRequest(), pb.ListDayResponse, as_=clinic.reception)

    (look,) = looks(clinic)
    assert look.kind == access_pb2.ACCESS_KIND_WORKLIST
    assert set(look.customer_ids) == {one.customer_id for one in visits}


@pytest.mark.parametrize(
    "change",
    ["UPDATE access SET actor = 'x'", "DELETE FROM access", "TRUNCATE access"],
)
def test_the_service_itself_can_neither_change_nor_remove_a_look(clinic: Any, change: str) -> None:
    clinic.chain.serve("clinical")
    read(clinic, clinic.prescription(), as_=clinic.optician)

    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        clinic.chain.work("clinical", system("clinical")) as work,
    ):
        work.connection.execute(text(change))

    assert len(looks(clinic)) == 1


def test_who_must_be_asked_and_cannot_be_leaves_the_file_closed(clinic: Any) -> None:
    clinic.chain.serve("clinical", "customer")
    clinic.chain.stop("customer")
    prescription = clinic.prescription()
    elsewhere = clinic.chain.person(Role.OPTICIAN)

    with pytest.raises(Unavailable):
        read(clinic, prescription, as_=elsewhere)

    assert read(clinic, prescription, as_=clinic.optician), "its own branch asks nobody"
