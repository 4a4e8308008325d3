"""Who is shown the ordered power of a job, over the real API: the lab, and who ordered it."""

from __future__ import annotations

import json
from typing import Any

from chassis.roles import Role
from gateway.into_json import json_of
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.clinical.v1 import clinical_service_pb2 as clinical
from optichain.labjob.v1 import labjob_service_pb2 as pb

READS = (
    Role.OPTICIAN,
    Role.OPTOMETRIST,
    Role.LAB_CLERK,
    Role.LAB_TECHNICIAN,
    Role.QC_INSPECTOR,
    Role.QUALITY_MANAGER,
    Role.AUDITOR,
)
NEEDS_NONE = (
    Role.RECEPTION,
    Role.CASHIER,
    Role.FRAME_CONTROLLER,
    Role.COURIER,
    Role.BRANCH_MANAGER,
    Role.HEAD_OFFICE,
)


def test_the_power_of_a_job_is_shown_to_who_orders_makes_and_measures_it_and_nobody_else(
    bench: Any,
) -> None:
    bench.order_glasses()
    slip = bench.release().slip_number
    job_id = bench.job_id
    for role in READS:
        job = bench.ask(role, pb.GetJobRequest(job_id=job_id), pb.GetJobResponse).job
        assert job.ordered.od.sphere_centidioptres, role
    for role in NEEDS_NONE:
        asked = (
            bench.ask(role, pb.GetJobRequest(job_id=job_id), pb.GetJobResponse),
            bench.ask(role, pb.GetTicketRequest(slip_number=slip), pb.GetTicketResponse),
            bench.ask(role, pb.ListJobsRequest(order_id=bench.order_id), pb.ListJobsResponse),
        )
        assert asked[0].job.envelope.id == job_id
        for told in asked:
            text = json.dumps(json_of(told))
            assert "sphere_centidioptres" not in text, role
            assert "axis_degrees" not in text, role


def test_a_prescription_in_the_lab_has_powers_and_no_words_of_the_examiner(bench: Any) -> None:
    bench.prescribe()
    bench.note_on_prescription()
    asked = clinical.GetPrescriptionRequest(prescription_id=bench.rx.id)
    own, lab = (
        bench.ask(role, asked, clinical.GetPrescriptionResponse).prescription
        for role in (Role.OPTOMETRIST, Role.LAB_TECHNICIAN)
    )
    assert lab.od == own.od
    assert own.notes
    assert own.notes not in json.dumps(json_of(lab), ensure_ascii=False)
    assert own.notes.encode() not in lab.SerializeToString()


def test_a_gate_that_holds_tells_a_cashier_which_fields_differ_and_an_optician_how(
    bench: Any,
) -> None:
    bench.prescribe()
    bench.dispense()
    bench.hold_stock()
    bench.quote()
    bench.approve()
    bench.amend_axis(175)
    confirm = billing.ConfirmOrderRequest(order_id=bench.order_id)
    told = {}
    for role in (Role.OPTICIAN, Role.CASHIER):
        refused = bench.refusal(
            lambda role=role: bench.ask(role, confirm, billing.ConfirmOrderResponse)
        )
        assert refused.code == "PIN_STALE", refused.text
        told[role] = {
            change.field: change.new_value for one in refused.stale for change in one.change.fields
        }
    assert "175" in told[Role.OPTICIAN]["od"]
    assert told[Role.CASHIER] == dict.fromkeys(told[Role.OPTICIAN], "")
