"""Refraction: signed by who examined, complete for the visit, on readings that belong to it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from chassis import clock
from chassis.actor import system
from chassis.errors import Invalid, Outdated, Refused
from chassis.records import reviewing
from chassis.records.pins import StalePins
from chassis.records.tables import refusal
from chassis.roles import Role
from clinical import commands_reading, commands_refraction
from clinical.appointment import VisitPurpose
from clinical.refraction import BothEyes, EyeRefraction
from clinical.value import Measured, ValueState
from optichain.clinical.v1 import clinical_service_pb2 as pb
from optichain.organisation.v1 import organisation_service_pb2 as organisation
from optichain.record.v1 import review_pb2
from organisation import commands as organisation_commands


def qualify(clinic: Any, who: Any, course: str = "refraction") -> None:
    """Let somebody sign, as head office records it."""
    from organisation.staff import STAFF, Staff

    office = clinic.chain.head_office()
    with clinic.chain.work("organisation", office.actor) as work:
        work.records.add(
            STAFF,
            Staff(name="Li", roles=(Role.OPTOMETRIST,), branch_ids=(who.branch_id,), login=who.id),
            id=who.id,
        )
        organisation_commands.record_qualification(
            work,
            staff_id=who.id,
            course=course,
            valid_from=clock.now().date() - timedelta(days=1),
            valid_to=date(2099, 1, 1),
            assessor="Zhang",
        )


def sign(clinic: Any, refraction: Any, who: Any = None, **arguments: Any) -> Any:
    return clinic.run(
        who or clinic.optometrist,
        commands_refraction.sign_refraction,
        refraction_id=refraction.id,
        revision=refraction.revision,
        **arguments,
    )


def test_a_complete_refraction_is_signed_by_who_examined_and_by_nobody_else(clinic: Any) -> None:
    refraction = clinic.refraction()
    with pytest.raises(Refused) as refused:
        sign(clinic, refraction, clinic.colleague)
    assert refused.value.code == "NOT_THE_EXAMINER"
    signed = sign(clinic, refraction)
    assert (signed.state, signed.version) == ("signed", 1)
    assert signed.approval.decided_by == clinic.optometrist.id


def test_signing_asks_organisation_live_for_the_qualification(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    refraction = clinic.refraction()
    request = pb.SignRefractionRequest(refraction_id=refraction.id, revision=refraction.revision)
    with pytest.raises(Refused) as refused:
        clinic.chain.ask(request, pb.SignRefractionResponse, as_=clinic.optometrist)
    assert refused.value.code == "QUALIFICATION_NOT_IN_FORCE"
    assert refused.value.details["course"] == "refraction"

    qualify(clinic, clinic.optometrist)
    asked = organisation.RequireQualificationRequest(
        staff_id=clinic.optometrist.id, course="refraction"
    )
    clinic.chain.ask_as_service("clinical", asked, organisation.RequireQualificationResponse)
    signed = clinic.chain.ask(request, pb.SignRefractionResponse, as_=clinic.optometrist)
    assert signed.refraction.envelope.state == "signed"


def test_values_that_the_visit_requires_are_named_when_nobody_measured_them(clinic: Any) -> None:
    visit = clinic.visit()
    refraction = clinic.refraction(
        visit, subjective=BothEyes(od=EyeRefraction()), visual_acuities=()
    )
    with pytest.raises(Refused) as refused:
        sign(clinic, refraction)
    assert refused.value.code == "REFRACTION_INCOMPLETE"
    assert "subjective.os.sphere_centidioptres" in refused.value.missing
    assert "visual_acuities.od.best_corrected" in refused.value.missing
    adjusting = clinic.visit(purpose=VisitPurpose.ADJUSTMENT)
    unneeded = clinic.refraction(adjusting, subjective=None, visual_acuities=())
    assert sign(clinic, unneeded).state == "signed"


def test_an_untouched_dial_counts_only_when_the_examiner_says_so(clinic: Any) -> None:
    zero = Measured(state=ValueState.UNCONFIRMED, amount=0)
    sphere = Measured(state=ValueState.MEASURED, amount=-200)
    eye = EyeRefraction(sphere_centidioptres=sphere, cylinder_centidioptres=zero, axis_degrees=zero)
    refraction = clinic.refraction(subjective=BothEyes(od=eye, os=eye))
    with pytest.raises(Refused) as refused:
        sign(clinic, refraction)
    assert refused.value.code == "VALUES_UNCONFIRMED"
    assert "subjective.od.cylinder_centidioptres" in refused.value.missing

    signed = sign(clinic, refraction, are_unconfirmed_values_right=True)
    cylinder = signed.content.subjective.od.cylinder_centidioptres
    assert (cylinder.state, cylinder.amount) == (ValueState.MEASURED, 0)
    assert signed.content.subjective.od.axis_degrees.state is ValueState.NOT_MEASURED
    assert signed.version == 2


def test_cycloplegia_is_said_exactly_when_it_was_done(clinic: Any) -> None:
    with pytest.raises(Invalid):
        clinic.refraction(is_cycloplegic=True)
    with pytest.raises(Invalid):
        clinic.refraction(cycloplegia="cyclopentolate 1% 10:05")


def test_a_refraction_may_not_rest_on_a_reading_of_another_visit(clinic: Any) -> None:
    other = clinic.visit()
    clinic.arm(other)
    reading = clinic.reading()
    with pytest.raises(Refused) as refused:
        clinic.refraction(reading_ids=(reading.id,))
    assert refused.value.code == "READING_OF_ANOTHER_VISIT"


def test_a_revision_somebody_else_wrote_is_refused(clinic: Any) -> None:
    refraction = clinic.refraction()
    sign(clinic, refraction)
    with pytest.raises(Outdated):
        sign(clinic, refraction)


def test_the_gate_of_signing_holds_when_a_reading_turns_out_to_be_somebody_elses(
    clinic: Any,
) -> None:
    clinic.chain.serve("clinical")
    qualify(clinic, clinic.optometrist)
    visit, other = clinic.visit(), clinic.visit()
    clinic.arm(visit)
    reading = clinic.reading()
    refraction = clinic.refraction(visit, reading_ids=(reading.id,))
    clinic.run(
        clinic.technician,
        commands_reading.claim_reading,
        reading_id=reading.id,
        visit_id=other.id,
        reason="wrong person at the station",
    )
    request = pb.SignRefractionRequest(refraction_id=refraction.id, revision=refraction.revision)
    with pytest.raises(StalePins) as refused:
        clinic.chain.ask(request, pb.SignRefractionResponse, as_=clinic.optometrist)
    stale = refused.value.stale[0]
    assert (stale.pin.record_id, stale.pin.settled_version, stale.live_version) == (
        reading.id,
        1,
        2,
    )
    assert "visit_id" in {one.field for one in stale.change.fields}
    with clinic.chain.work("clinical", system("clinical")) as work:
        assert work.connection.execute(select(refusal.c.gate)).scalars().all() == [
            "sign_refraction"
        ]
        (asked,) = reviewing.open_reviews(work.connection)
    assert (asked.content.holder_id, asked.responsible_role) == (refraction.id, "optometrist")

    decision = pb.DecideReviewRequest(
        review_id=asked.id,
        revision=asked.revision,
        decision=review_pb2.REVIEW_DECISION_ADOPT,
        judged_version=2,
    )
    clinic.chain.ask(decision, pb.DecideReviewResponse, as_=clinic.optometrist)
    signed = clinic.chain.ask(request, pb.SignRefractionResponse, as_=clinic.optometrist)
    assert signed.refraction.envelope.state == "signed"
