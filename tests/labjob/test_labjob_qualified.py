"""Nobody cuts a lens or signs for a pair without the course that is asked for it, live."""

from __future__ import annotations

from typing import Any

from chassis.errors import Unavailable
from chassis.roles import Role
from labjob_bench import STATIONS, UNTIL_EDGING
from optichain.labjob.v1 import job_pb2, making_pb2
from optichain.labjob.v1 import labjob_service_pb2 as pb
from optichain.organisation.v1 import organisation_service_pb2 as organisation

EDGING = job_pb2.STATION_EDGING
LAB = making_pb2.FAULT_SIDE_LAB


def revoke_course_of(bench: Any, role: Role) -> None:
    """Revoke every qualification of the person of a role at the lab."""
    staff_id = bench.person(role, bench.lab_id).id
    asked = organisation.ListQualificationsRequest(staff_id=staff_id)
    held = bench.ask(Role.HEAD_OFFICE, asked, organisation.ListQualificationsResponse)
    for one in held.qualifications:
        revoke = organisation.RevokeQualificationRequest(
            qualification_id=one.envelope.id, reason="the course was not attended"
        )
        bench.ask(Role.HEAD_OFFICE, revoke, organisation.RevokeQualificationResponse)


def test_a_qualification_revoked_between_two_stations_stops_the_second(bench: Any) -> None:
    bench.take_to_lab()
    bench.work_stations(*STATIONS)
    bench.inspect(measured=bench.measured(sphere_centidioptres=50))
    rework = pb.ReworkJobRequest(
        job_id=bench.job_id,
        station=job_pb2.STATION_BLOCKING,
        reason_code="POWER_OUT",
        fault_side=LAB,
        reason="as measured",
    )
    bench.ask(Role.LAB_CLERK, rework, pb.ReworkJobResponse, bench.lab_id)
    bench.work_stations(job_pb2.STATION_BLOCKING)
    revoke_course_of(bench, Role.LAB_TECHNICIAN)

    refused = bench.refusal(lambda: bench.start(EDGING))

    assert refused.code == "QUALIFICATION_NOT_IN_FORCE"
    assert refused.missing == ("qualification in force: lens_making (it was revoked)",)
    assert bench.job().envelope.state == "blocking"


def test_a_station_that_can_be_undone_needs_the_role_alone(bench: Any) -> None:
    bench.take_to_lab()
    revoke_course_of(bench, Role.LAB_TECHNICIAN)
    bench.work_stations(*UNTIL_EDGING)
    assert bench.refusal(lambda: bench.start(EDGING)).code == "QUALIFICATION_NOT_IN_FORCE"


def test_a_qc_result_is_signed_only_by_a_qualified_inspector(bench: Any) -> None:
    bench.make()
    revoke_course_of(bench, Role.QC_INSPECTOR)
    refused = bench.refusal(bench.inspect)
    assert refused.code == "QUALIFICATION_NOT_IN_FORCE"
    assert refused.details["course"] == "inspection"
    assert bench.job().envelope.state == "inspecting"


def test_no_lens_is_cut_while_nobody_can_be_asked_who_is_qualified(bench: Any) -> None:
    bench.take_to_lab()
    bench.work_stations(*UNTIL_EDGING)
    bench.chain.stop("organisation")
    try:
        refused = bench.refusal(lambda: bench.start(EDGING))
    finally:
        bench.chain.serve()
    assert isinstance(refused, Unavailable)
    assert bench.job().envelope.state == "blocking"
