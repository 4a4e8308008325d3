"""Rechecks and the vision file: planned when a pair is collected, and what a file still lacks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.actor import system
from chassis.errors import Refused, Unknown
from chassis.ids import new_id
from chassis.records.changes import ChangeKind
from chassis.records.envelope import SourceKind
from chassis.wire import instant
from clinical import commands_recheck
from clinical.appointment import VisitPurpose
from clinical.dispensing.fitting_measurement import EyeFitting
from clinical.prescription import PRESCRIPTION
from clinical.recheck_plan import RECHECK_PLAN
from clinical.validity import months_after
from clinical.worker import ClinicalWorker
from optichain.clinical.v1 import clinical_service_pb2 as pb
from optichain.labjob.v1.events_pb2 import JobCollected
from optichain.organisation.v1.events_pb2 import BranchOpened


def collect(clinic: Any, prescription: Any, job_id: str) -> None:
    """Hear of a collection as the worker does."""
    event = JobCollected(
        job_id=job_id,
        order_id=new_id("ord"),
        case_id=prescription.case_id,
        customer_id=prescription.customer_id,
        branch_id=clinic.branch_id,
        collected_at=instant(datetime.now(UTC)),
    )
    with clinic.chain.work("clinical", system("clinical")) as work:
        ClinicalWorker().plan_recheck(work, event)


def plans(clinic: Any, due_by: Any) -> list[Any]:
    answer = clinic.chain.ask(
        pb.ListRecheckPlansRequest(due_by=due_by.isoformat()),
        pb.ListRecheckPlansResponse,
        as_=clinic.reception,
    )
    return list(answer.recheck_plans)


def test_a_collection_plans_one_recheck_by_rule_however_often_it_is_heard(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    prescription = clinic.prescription()
    job_id = new_id("job")
    collect(clinic, prescription, job_id)
    collect(clinic, prescription, job_id)

    due = months_after(clinic.today, 12)
    found = plans(clinic, due)
    assert [(one.due_on, one.prescription_id, one.rule_edition) for one in found] == [
        (due.isoformat(), prescription.id, "1")
    ]
    with clinic.chain.work("clinical", clinic.reception.actor) as work:
        kept = work.records.get(RECHECK_PLAN, found[0].envelope.id)
    assert (kept.source.kind, kept.recorded_by) == (SourceKind.SYSTEM, "clinical")
    assert plans(clinic, due - timedelta(days=1)) == []


def test_the_day_the_examiner_chose_comes_before_the_rule_and_a_later_plan_takes_over(
    clinic: Any,
) -> None:
    clinic.chain.serve("clinical")
    visit = clinic.visit()
    older = clinic.prescription(visit)
    collect(clinic, older, new_id("job"))
    chosen = clinic.today + timedelta(days=40)
    newer = clinic.prescription(visit, recheck_on=chosen, supersedes_id=older.id)
    collect(clinic, newer, new_id("job"))
    found = plans(clinic, months_after(clinic.today, 24))
    assert [(one.due_on, one.rule_edition) for one in found] == [(chosen.isoformat(), "")]


def test_a_pair_on_a_prescription_of_an_earlier_case_is_rechecked_by_that_prescription(
    clinic: Any,
) -> None:
    clinic.chain.serve("clinical")
    earlier = clinic.prescription(os=None)
    visit = clinic.visit(customer_id=earlier.customer_id, purpose=VisitPurpose.DISPENSING)
    frame = clinic.frame(earlier, visit_id=visit.id)
    clinic.lens(earlier, frame, visit_id=visit.id)
    one_eyed = EyeFitting(monocular_pd_micrometres=clinic.prescribed()["pd"].od_micrometres)
    clinic.fitting(frame, visit_id=visit.id, od=one_eyed, os=None)
    collect(clinic, visit, new_id("job"))
    [plan] = plans(clinic, months_after(clinic.today, 24))
    assert plan.prescription_id == earlier.id


def test_a_pair_collected_after_its_prescription_expired_is_rechecked_all_the_same(
    clinic: Any,
) -> None:
    clinic.chain.serve("clinical")
    prescription = clinic.prescription()
    clinic.lens(prescription, clinic.frame(prescription))
    with clinic.chain.work("clinical", system("clinical")) as work:
        work.records.void(
            work.records.find(PRESCRIPTION, prescription.id),
            ChangeKind.EXPIRED,
            reason_code="EXPIRED",
            reason="its last day is over",
        )
    collect(clinic, prescription, new_id("job"))
    [plan] = plans(clinic, months_after(clinic.today, 24))
    assert plan.prescription_id == prescription.id


def test_a_case_without_a_prescription_plans_nothing(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    collect(clinic, clinic.visit(), new_id("job"))
    assert plans(clinic, months_after(clinic.today, 24)) == []


def test_a_recheck_is_kept_by_the_same_persons_visit_or_waived_with_a_reason(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    prescription = clinic.prescription()
    collect(clinic, prescription, new_id("job"))
    plan = plans(clinic, months_after(clinic.today, 24))[0].envelope.id
    with pytest.raises(Refused) as refused:
        clinic.run(
            clinic.reception,
            commands_recheck.keep_recheck,
            recheck_plan_id=plan,
            visit_id=clinic.visit().id,
        )
    assert refused.value.code == "CUSTOMER_DIFFERS"
    visit = clinic.visit(customer_id=prescription.customer_id, purpose=VisitPurpose.RECHECK)
    kept = clinic.run(
        clinic.reception,
        commands_recheck.keep_recheck,
        recheck_plan_id=plan,
        visit_id=visit.id,
    )
    assert (kept.state, kept.content.visit_id) == ("kept", visit.id)
    with pytest.raises(Refused) as ended:
        clinic.run(
            clinic.reception,
            commands_recheck.waive_recheck,
            recheck_plan_id=plan,
            reason="moved away",
        )
    assert ended.value.code == "MOVE_FORBIDDEN"


def test_the_worker_keeps_the_zone_of_a_branch_it_hears_of(clinic: Any) -> None:
    event = BranchOpened(branch_id=clinic.branch_id, code="X", time_zone="Pacific/Kiritimati")
    with clinic.chain.work("clinical", system("clinical")) as work:
        ClinicalWorker().keep_branch_zone(work, event)
    here = datetime.now(UTC) + timedelta(hours=14)
    assert clinic.visit().content.day == here.date()


def test_a_vision_file_says_what_it_has_and_what_it_lacks(clinic: Any) -> None:
    clinic.chain.serve("clinical", "customer")
    prescription = clinic.prescription()
    frame = clinic.frame(prescription)
    clinic.lens(prescription, frame)
    clinic.prescription()  # somebody else's
    request = pb.GetVisionFileRequest(customer_id=prescription.customer_id)
    file = clinic.chain.ask(request, pb.GetVisionFileResponse, as_=clinic.optometrist).vision_file

    assert [one.envelope.id for one in file.prescriptions] == [prescription.id]
    assert (len(file.visits), len(file.refractions), len(file.lens_specifications)) == (1, 1, 1)
    lacking = {one.name for one in file.completeness if not one.is_present}
    assert lacking == {"present_correction", "needs_analysis", "fitting_measurement"}
    newcomer = clinic.visit()
    request = pb.GetVisionFileRequest(customer_id=newcomer.customer_id)
    empty = clinic.chain.ask(request, pb.GetVisionFileResponse, as_=clinic.optometrist).vision_file
    assert [one.name for one in empty.completeness if one.is_present] == ["visit"]
    unknown = pb.GetVisionFileRequest(customer_id=new_id("cus"))
    with pytest.raises(Unknown):
        clinic.chain.ask(unknown, pb.GetVisionFileResponse, as_=clinic.optometrist)
