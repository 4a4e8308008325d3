"""Prescriptions: dated by rule, looked at for slips, and never overwritten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from chassis.actor import system
from chassis.errors import Invalid, NotPermitted, Outdated, Refused
from chassis.records.duties import DutiesNotSeparate
from chassis.records.tables import outbox
from chassis.roles import Role
from clinical import commands_prescription
from clinical.prescription import (
    PRESCRIPTION,
    PrescribedEye,
    PrescriptionPurpose,
    PupillaryDistance,
)
from clinical.refraction import BothEyes, EyeRefraction
from clinical.validity import months_after
from clinical.value import Eye, Measured, ValueState
from optichain.clinical.v1 import clinical_service_pb2 as pb
from optichain.clinical.v1 import prescription_pb2
from optichain.record.v1 import pin_pb2
from optichain.record.v1 import record_service_pb2 as records
from optichain.record.v1.events_pb2 import RecordChanged
from organisation.staff import QUALIFICATION, Qualification

AXIS_12 = PrescribedEye(sphere_centidioptres=-200, cylinder_centidioptres=-75, axis_degrees=12)
FAR_OFF = PrescribedEye(sphere_centidioptres=200, cylinder_centidioptres=-75, axis_degrees=10)


def right(
    sphere: int, cylinder: int = 0, axis: int | None = None, add: int | None = None
) -> PrescribedEye:
    """A right eye as it is prescribed."""
    return PrescribedEye(
        sphere_centidioptres=sphere,
        cylinder_centidioptres=cylinder,
        axis_degrees=axis,
        add_centidioptres=add,
    )


def measured(amount: int) -> Measured:
    """A number that somebody measured."""
    return Measured(state=ValueState.MEASURED, amount=amount)


def changes_told(clinic: Any) -> list[RecordChanged]:
    """What the outbox tells others of changed records."""
    with clinic.chain.work("clinical", system("clinical")) as work:
        rows = work.connection.execute(select(outbox).order_by(outbox.c.seq)).all()
    return [
        RecordChanged.FromString(bytes(row.body))
        for row in rows
        if row.type == "optichain.record.v1.RecordChanged"
    ]


def test_a_prescription_is_dated_by_rule_and_waits_for_the_optician(clinic: Any) -> None:
    adult = clinic.prescription()
    child = clinic.prescription(clinic.visit(age_years=9))

    assert adult.content.issued_on == clinic.today
    assert adult.content.expires_on == months_after(clinic.today, 12)
    assert child.content.expires_on == months_after(clinic.today, 6)
    assert child.content.recheck_on == months_after(clinic.today, 3)
    assert adult.responsible_role is Role.OPTICIAN
    assert adult.content.source_name == clinic.optometrist.id


def test_an_examiner_may_shorten_the_days_but_not_lengthen_them(clinic: Any) -> None:
    sooner = clinic.today + timedelta(days=30)
    short = clinic.prescription(expires_on=sooner, recheck_on=sooner)
    assert (short.content.expires_on, short.content.is_recheck_by_rule) == (sooner, False)
    with pytest.raises(Invalid) as refused:
        clinic.prescription(expires_on=clinic.today + timedelta(days=400))
    assert refused.value.problems[0].field == "expires_on"


def test_nothing_is_prescribed_from_an_unsigned_or_an_instruments_refraction(clinic: Any) -> None:
    with pytest.raises(Refused) as unsigned:
        clinic.sign(clinic.refraction())
    assert unsigned.value.code == "REFRACTION_UNSIGNED"

    from clinical.appointment import VisitPurpose

    sphere = Measured(state=ValueState.MEASURED, amount=-200)
    visit = clinic.visit(purpose=VisitPurpose.ADJUSTMENT)
    objective = BothEyes(od=EyeRefraction(sphere_centidioptres=sphere))
    signed = clinic.signed_refraction(visit, subjective=None, objective=objective)
    with pytest.raises(Refused) as instrument:
        clinic.sign(signed)
    assert instrument.value.code == "SUBJECTIVE_MISSING"


def test_a_change_no_eye_makes_must_be_confirmed_by_its_rule_and_a_second_person(
    clinic: Any,
) -> None:
    visit = clinic.visit()
    older = clinic.prescription(visit)
    refraction = clinic.signed_refraction(visit)
    with pytest.raises(Refused) as refused:
        clinic.sign(refraction, od=FAR_OFF)
    assert refused.value.code == "PLAUSIBILITY_UNCONFIRMED"
    rules = tuple(refused.value.details["rules"].split(","))
    assert "R2" in rules
    assert not any("200" in one or "4.00" in one for one in refused.value.missing)
    with pytest.raises(Refused) as alone:
        clinic.sign(refraction, od=FAR_OFF, confirmed_rules=rules)
    assert alone.value.code == "SECOND_PERSON_MISSING"
    clinic.confirm(visit, rules, od=FAR_OFF)
    signed = clinic.sign(
        refraction,
        od=FAR_OFF,
        confirmed_rules=rules,
        second_person_id=clinic.colleague.id,
        supersedes_id=older.id,
    )
    assert signed.content.second_person_id == clinic.colleague.id
    assert {f.rule for f in signed.content.findings if f.is_confirmed} == set(rules)


def test_the_second_person_is_nobody_until_the_colleague_has_looked_at_these_very_powers(
    clinic: Any,
) -> None:
    visit = clinic.visit()
    older = clinic.prescription(visit)
    refraction = clinic.signed_refraction(visit)
    rules = ("R1", "R2", "R5")

    def sign(**changed: Any) -> Any:
        known: dict[str, Any] = {"od": FAR_OFF, "second_person_id": clinic.colleague.id, **changed}
        return clinic.sign(refraction, confirmed_rules=rules, supersedes_id=older.id, **known)

    def refused(**changed: Any) -> tuple[str, ...]:
        with pytest.raises(Refused) as refusal:
            sign(**changed)
        assert refusal.value.code == "SECOND_PERSON_MISSING"
        return refusal.value.missing

    assert refused() == ("second person for R1", "second person for R5")
    clinic.confirm(visit, ("R1",), od=FAR_OFF)
    assert refused() == ("second person for R5",)
    clinic.confirm(visit, rules, od=replace(FAR_OFF, axis_degrees=11))
    clinic.confirm(clinic.visit(), rules, od=FAR_OFF)
    clinic.confirm(visit, rules, by=clinic.optometrist, od=FAR_OFF)
    assert refused() == ("second person for R5",)
    clinic.confirm(visit, rules, od=FAR_OFF)
    with pytest.raises(DutiesNotSeparate) as alone:
        sign(second_person_id=clinic.optometrist.id)
    assert (alone.value.details["duty"], alone.value.details["other"]) == (
        "second_person",
        "signer",
    )
    assert refused(second_person_id=clinic.person(Role.OPTOMETRIST).id)
    assert sign().content.second_person_id == clinic.colleague.id


def test_a_colleague_confirms_with_a_login_and_a_qualification_of_their_own(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    visit = clinic.visit()
    request = pb.ConfirmPlausibilityRequest(
        visit_id=visit.id,
        purpose=prescription_pb2.PRESCRIPTION_PURPOSE_DISTANCE,
        od=prescription_pb2.PrescribedEye(sphere_centidioptres=200),
        confirmed_rules=["R2"],
    )
    ask = clinic.chain.ask
    elsewhere = clinic.chain.person(Role.OPTOMETRIST)
    with pytest.raises(Refused) as unqualified:
        ask(request, pb.ConfirmPlausibilityResponse, as_=elsewhere)
    assert unqualified.value.code == "QUALIFICATION_NOT_IN_FORCE"
    with pytest.raises(NotPermitted):
        ask(request, pb.ConfirmPlausibilityResponse, as_=clinic.optician)
    qualify(clinic, elsewhere)
    told = ask(request, pb.ConfirmPlausibilityResponse, as_=elsewhere).plausibility_confirmation
    assert (told.envelope.recorded_by, told.envelope.customer_id) == (
        elsewhere.id,
        visit.customer_id,
    )
    assert told.envelope.branch_id == clinic.branch_id
    assert list(told.confirmed_rules) == ["R2"]


def qualify(clinic: Any, who: Any) -> None:
    """Let somebody have passed the course that prescribing needs."""
    office = clinic.chain.head_office()
    with clinic.chain.work("organisation", office.actor) as work:
        work.records.add(
            QUALIFICATION,
            Qualification(
                staff_id=who.id,
                course="refraction",
                valid_from=clinic.today - timedelta(days=9),
                valid_to=clinic.today + timedelta(days=9),
                assessor="x",
            ),
        )


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        (right(-200, -75, 10), right(-200, -75, 100), "R4"),
        (right(-200, -75, 10), right(-275, -75, 10), "R1"),
        (right(-200, -75, 10), right(-200, -150, 10), "R3"),
        (right(-200, -75, 10, 200), right(-200, -75, 10, 150), "R9"),
    ],
)
def test_a_difference_from_the_earlier_prescription_is_signed_only_when_it_is_confirmed(
    clinic: Any, old: PrescribedEye, new: PrescribedEye, rules: str
) -> None:
    visit = clinic.visit()
    first = clinic.prescription(visit, od=old)
    refraction = clinic.signed_refraction(visit)
    with pytest.raises(Refused) as refused:
        clinic.sign(refraction, od=new, supersedes_id=first.id)
    assert refused.value.code == "PLAUSIBILITY_UNCONFIRMED"
    asked = refused.value.details["rules"]
    assert set(rules.split(",")) <= set(asked.split(","))
    signed = clinic.sign(
        refraction, od=new, supersedes_id=first.id, confirmed_rules=tuple(asked.split(","))
    )
    assert all(one.is_confirmed for one in signed.content.findings if one.is_comparison)


def test_an_axis_slip_in_an_amendment_is_asked_about_too(clinic: Any) -> None:
    prescription = clinic.prescription()
    with pytest.raises(Refused) as refused:
        clinic.amend(prescription, od=right(-200, -75, 100))
    assert "R4" in refused.value.details["rules"]


def test_what_is_unusual_in_itself_is_shown_and_nothing_is_asked(clinic: Any) -> None:
    far_apart = clinic.prescription(od=right(-500))
    assert [(one.rule, one.is_confirmed) for one in far_apart.content.findings] == [("R8", False)]


def test_a_prescription_is_compared_with_the_earlier_one_for_the_same_distance(
    clinic: Any,
) -> None:
    visit = clinic.visit(age_years=52)
    near, weaker = right(75), right(-75)
    far = clinic.prescription(visit, od=right(-200), os=None)
    reading = clinic.prescription(
        visit, od=near, os=None, purpose=PrescriptionPurpose.NEAR, confirmed_rules=("R9",)
    )
    assert not [one for one in reading.content.findings if one.is_comparison]
    with pytest.raises(Refused) as refused:
        clinic.prescription(
            visit,
            od=weaker,
            os=None,
            purpose=PrescriptionPurpose.NEAR,
            supersedes_id=reading.id,
        )
    assert "R2" in refused.value.details["rules"]
    both = {"purpose": PrescriptionPurpose.DISTANCE_AND_NEAR, "os": None}
    with pytest.raises(Refused) as progressive:
        clinic.prescription(visit, od=right(200, add=175), supersedes_id=far.id, **both)
    assert "R2" in progressive.value.details["rules"]


def test_a_new_prescription_supersedes_the_one_that_stands_or_says_why_it_stays(
    clinic: Any,
) -> None:
    visit = clinic.visit()
    main = clinic.prescription(visit)
    with pytest.raises(Refused) as refused:
        clinic.prescription(visit)
    assert refused.value.code == "PRESCRIPTION_STANDS"
    assert refused.value.details["prescriptions"] == main.id
    assert refused.value.missing == (f"{main.id} superseded or kept beside",)

    kept: dict[str, Any] = {"kept_beside_ids": (main.id,)}
    with pytest.raises(Invalid) as no_reason:
        clinic.prescription(visit, **kept)
    assert no_reason.value.problems[0].field == "kept_beside_reason"
    kept["kept_beside_reason"] = "spare glasses on the older power"
    spare = clinic.prescription(visit, **kept)
    assert spare.content.kept_beside_ids == (main.id,)
    with pytest.raises(Refused) as other:
        clinic.prescription(visit, supersedes_id=main.id)
    assert other.value.details["prescriptions"] == spare.id
    assert clinic.prescription(visit, purpose=PrescriptionPurpose.NEAR).id


def test_only_what_stands_can_be_kept_beside(clinic: Any) -> None:
    elsewhere = clinic.prescription()
    with pytest.raises(Invalid) as refused:
        clinic.prescription(kept_beside_ids=(elsewhere.id,), kept_beside_reason="spare glasses")
    assert refused.value.problems[0].field == "kept_beside_ids"


def test_an_external_prescription_too_says_what_becomes_of_the_one_that_stands(
    clinic: Any,
) -> None:
    visit = clinic.visit()
    own = clinic.prescription(visit)
    with pytest.raises(Refused) as refused:
        external(clinic, visit_id=visit.id)
    assert refused.value.code == "PRESCRIPTION_STANDS"
    assert external(clinic, visit_id=visit.id, supersedes_id=own.id).content.is_external


def test_an_amendment_gives_no_purpose_a_second_prescription_in_silence(clinic: Any) -> None:
    visit = clinic.visit()
    far = clinic.prescription(visit)
    near = clinic.prescription(visit, purpose=PrescriptionPurpose.NEAR)
    with pytest.raises(Refused) as refused:
        clinic.amend(near, purpose=PrescriptionPurpose.DISTANCE)
    assert refused.value.details["prescriptions"] == far.id
    assert clinic.amend(near, purpose=PrescriptionPurpose.INTERMEDIATE).version == 2


def test_two_prescribers_at_once_never_leave_two_that_stand(clinic: Any) -> None:
    visit = clinic.visit()
    refraction = clinic.signed_refraction(visit)

    def sign(_turn: int) -> str:
        try:
            return str(clinic.sign(refraction).id)
        except Refused as refused:
            return refused.code

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(sign, range(4)))
    assert sorted(answers)[:3] == ["PRESCRIPTION_STANDS"] * 3


def test_powers_measured_under_cycloplegia_are_prescribed_only_when_confirmed(clinic: Any) -> None:
    refraction = clinic.signed_refraction(is_cycloplegic=True, cycloplegia="atropine 1%")
    with pytest.raises(Refused) as refused:
        clinic.sign(refraction)
    assert refused.value.details["rules"] == "R14"
    assert clinic.sign(refraction, confirmed_rules=("R14",)).content.findings[0].rule == "R14"


def test_eyes_measured_within_ortho_k_wear_are_no_basis_without_a_second_person(
    clinic: Any,
) -> None:
    refraction = clinic.signed_refraction(is_within_ortho_k_wear=True)
    with pytest.raises(Refused) as refused:
        clinic.sign(refraction)
    assert refused.value.details["rules"] == "R13"
    with pytest.raises(Refused) as alone:
        clinic.sign(refraction, confirmed_rules=("R13",))
    assert alone.value.code == "SECOND_PERSON_MISSING"


def test_a_cylinder_written_the_other_way_than_the_house_writes_it_is_asked_about(
    clinic: Any,
) -> None:
    with pytest.raises(Refused) as refused:
        external(clinic, od=right(-275, 75, 100))
    assert refused.value.details["rules"] == "SIGN"
    recorded = external(clinic, od=right(-275, 75, 100), confirmed_rules=("SIGN",))
    assert recorded.content.od.cylinder_centidioptres == 75


def test_values_beyond_what_is_usual_are_shown_and_nothing_is_asked(clinic: Any) -> None:
    uneven = PupillaryDistance(
        od_micrometres=measured(28_000),
        os_micrometres=measured(35_000),
        binocular_micrometres=measured(63_000),
    )
    signed = clinic.prescription(od=right(-200, -425, 10), pd=uneven)
    shown = [(one.rule, one.eye, one.field) for one in signed.content.findings]
    assert ("RANGE", Eye.OD, "cylinder") in shown
    assert ("RANGE", Eye.OU, "monocular_distance") in shown
    assert not any("425" in one.text for one in signed.content.findings)


def test_an_eye_that_was_never_refracted_by_its_answers_is_not_amended_in(clinic: Any) -> None:
    refraction = clinic.signed_refraction(
        subjective=BothEyes(
            od=EyeRefraction(
                sphere_centidioptres=measured(-200), cylinder_centidioptres=measured(0)
            ),
            os=EyeRefraction(not_examined_reason="prosthesis"),
        )
    )
    one_eyed = clinic.sign(refraction, od=right(-200), os=None)
    with pytest.raises(Refused) as refused:
        clinic.amend(one_eyed, os=right(-100))
    assert refused.value.code == "SUBJECTIVE_MISSING"
    assert clinic.amend(one_eyed, od=right(-225)).version == 2


def test_an_amendment_keeps_the_earlier_value_and_tells_only_the_names_of_fields(
    clinic: Any,
) -> None:
    clinic.chain.serve("clinical")
    prescription = clinic.prescription()
    amended = clinic.amend(prescription, od=AXIS_12)

    assert (amended.version, amended.content.od.axis_degrees) == (2, 12)
    assert amended.content.os == prescription.content.os
    told = changes_told(clinic)[-1]
    assert (told.record_id, told.version, list(told.fields)) == (prescription.id, 2, ["od"])
    assert told.what == pin_pb2.CHANGE_KIND_AMENDED
    asked = records.ListChangesRequest(record_id=prescription.id)
    seen = {}
    for role in (Role.OPTICIAN, Role.CASHIER):
        reader = clinic.person(role)
        answer = clinic.chain.ask(asked, records.ListChangesResponse, as_=reader, of="clinical")
        seen[role] = answer.changes[-1].fields[0]
    assert '"axis_degrees":10' in seen[Role.OPTICIAN].old_value
    assert '"axis_degrees":12' in seen[Role.OPTICIAN].new_value
    assert (seen[Role.CASHIER].field, seen[Role.CASHIER].old_value) == ("od", "")


def test_an_amendment_needs_a_known_reason_a_change_and_the_live_revision(clinic: Any) -> None:
    prescription = clinic.prescription()
    with pytest.raises(Invalid) as code:
        clinic.amend(prescription, od=AXIS_12, reason_code="BECAUSE")
    assert code.value.problems[0].field == "reason_code"
    with pytest.raises(Refused) as nothing:
        clinic.amend(prescription, notes="")
    assert nothing.value.code == "NOTHING_CHANGED"
    with pytest.raises(Refused) as slip:
        clinic.amend(prescription, os=FAR_OFF)
    assert slip.value.code == "PLAUSIBILITY_UNCONFIRMED"
    amended = clinic.amend(prescription, notes="sits far from the screen")
    assert changes_told(clinic)[-1].fields == ["notes"]
    with pytest.raises(Outdated):
        clinic.amend(prescription, od=AXIS_12)
    assert clinic.amend(amended, od=AXIS_12).version == 3


def test_a_new_prescription_ends_the_old_one_and_names_itself_its_successor(clinic: Any) -> None:
    visit = clinic.visit()
    old = clinic.prescription(visit)
    refraction = clinic.signed_refraction(visit)
    new = clinic.sign(refraction, od=AXIS_12, supersedes_id=old.id)

    with clinic.chain.work("clinical", clinic.optometrist.actor) as work:
        ended = work.records.get(PRESCRIPTION, old.id)
    assert (ended.state, ended.void, ended.version) == ("superseded", "superseded", 1)
    told = changes_told(clinic)[-1]
    assert (told.record_id, told.successor_id) == (old.id, new.id)
    assert told.what == pin_pb2.CHANGE_KIND_SUPERSEDED
    with pytest.raises(Refused) as again:
        clinic.sign(refraction, supersedes_id=old.id)
    assert again.value.code == "RECORD_VOID"
    with pytest.raises(Refused) as amend:
        clinic.amend(ended, od=AXIS_12)
    assert amend.value.code == "RECORD_VOID"


def test_nobody_elses_prescription_is_superseded(clinic: Any) -> None:
    old = clinic.prescription()
    with pytest.raises(Refused) as refused:
        clinic.sign(clinic.signed_refraction(), supersedes_id=old.id)
    assert refused.value.code == "CUSTOMER_DIFFERS"


def test_a_revoked_prescription_is_dispensed_no_more(clinic: Any) -> None:
    prescription = clinic.prescription()
    frame = clinic.frame(prescription)
    clinic.run(
        clinic.optometrist,
        commands_prescription.revoke_prescription,
        prescription_id=prescription.id,
        revision=prescription.revision,
        reason_code="RX_CHANGE",
        reason="the eyes have changed",
    )
    assert changes_told(clinic)[-1].what == pin_pb2.CHANGE_KIND_REVOKED
    with pytest.raises(Refused) as refused:
        clinic.lens(prescription, frame)
    assert refused.value.code == "RECORD_VOID"


def external(clinic: Any, **changed: Any) -> Any:
    known = {
        "visit_id": clinic.visit().id,
        "issued_on": clinic.today - timedelta(days=20),
        "source_name": "上海第一医院",
        "evidence_keys": (clinic.photo(),),
        **changed,
    }
    return clinic.run(
        clinic.optometrist,
        commands_prescription.record_external_prescription,
        **clinic.prescribed(**known),
    )


def test_an_external_prescription_is_believed_by_its_image_while_it_is_in_force(
    clinic: Any,
) -> None:
    recorded = external(clinic)
    assert recorded.content.is_external
    assert recorded.evidence[0].media_type == "image/png"
    assert recorded.content.expires_on == months_after(clinic.today - timedelta(days=20), 12)
    with pytest.raises(Refused) as image:
        external(clinic, evidence_keys=())
    assert image.value.code == "IMAGE_MISSING"
    with pytest.raises(Refused) as unconfirmed:
        external(clinic, evidence_keys=("clinical/photo/never",))
    assert unconfirmed.value.code == "EVIDENCE_UNCONFIRMED"
    with pytest.raises(Refused) as expired:
        external(clinic, issued_on=clinic.today - timedelta(days=500))
    assert expired.value.code == "PRESCRIPTION_EXPIRED"
    with pytest.raises(Invalid):
        external(clinic, issued_on=clinic.today + timedelta(days=1))


def test_an_image_is_a_picture_or_a_pdf(clinic: Any) -> None:
    with pytest.raises(Refused) as refused:
        external(clinic, evidence_keys=(clinic.photo("text/csv"),))
    assert refused.value.code == "IMAGE_MISSING"
    assert external(clinic, evidence_keys=(clinic.photo("application/pdf"),)).evidence


def test_lab_roles_read_a_prescription_and_the_cashier_does_not(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    prescription = clinic.prescription(purpose=PrescriptionPurpose.DISTANCE)
    request = pb.GetPrescriptionRequest(prescription_id=prescription.id)
    edger = clinic.chain.person(Role.LAB_TECHNICIAN)
    found = clinic.chain.ask(request, pb.GetPrescriptionResponse, as_=edger).prescription
    assert found.od.sphere_centidioptres == -200
    assert found.pd.binocular_micrometres.amount == 63_500
    assert clinic.chain.ask_as_service("labjob", request, pb.GetPrescriptionResponse).prescription
    with pytest.raises(NotPermitted):
        clinic.chain.ask(request, pb.GetPrescriptionResponse, as_=clinic.person(Role.CASHIER))


def test_prescriptions_of_a_customer_are_listed_newest_first_by_page(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    visit = clinic.visit()
    made = [clinic.prescription(visit).id]
    for _ in range(2):
        made.append(clinic.prescription(visit, supersedes_id=made[-1]).id)
    request = pb.ListPrescriptionsRequest(customer_id=visit.customer_id, page_size=2)
    first = clinic.chain.ask(request, pb.ListPrescriptionsResponse, as_=clinic.optician)
    request.page_token = first.next_page_token
    rest = clinic.chain.ask(request, pb.ListPrescriptionsResponse, as_=clinic.optician)
    found = [one.envelope.id for one in (*first.prescriptions, *rest.prescriptions)]
    assert found == made[::-1]
    assert not rest.next_page_token
