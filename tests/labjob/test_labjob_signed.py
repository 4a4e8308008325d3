"""What is signed says who signed it, and that this person had just said who that is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from chassis import clock
from chassis.errors import Unauthenticated
from chassis.records import proof
from chassis.roles import Role
from optichain.labjob.v1 import labjob_service_pb2 as pb


def test_a_qc_result_carries_its_signature_and_the_chain_of_its_history_holds_it(
    bench: Any,
) -> None:
    bench.make()
    result = bench.inspect().qc_result
    inspector = bench.person(Role.QC_INSPECTOR, bench.lab_id).actor
    signature = result.envelope.signature
    assert (signature.signed_by, signature.session_id) == (inspector.id, inspector.session_id)
    assert signature.authenticated_at.seconds == int(inspector.authenticated_at.timestamp())
    assert clock.now().timestamp() - signature.signed_at.seconds < 60
    (acceptance,) = bench.steps().acceptances
    assert acceptance.envelope.signature.signed_by == bench.person(Role.LAB_CLERK, bench.lab_id).id
    assert not bench.job().envelope.HasField("signature")

    with bench.chain.database("labjob").snapshot() as connection:
        assert proof.verify(connection, None).findings == ()
    forged = "UPDATE record SET signature = jsonb_set(signature, '{signed_by}', '\"stf_other\"')"
    with bench.chain.owner("labjob").begin() as connection:
        connection.execute(text(f"{forged} WHERE kind = 'labjob.qc_result'"))
    with bench.chain.database("labjob").snapshot() as connection:
        (found,) = proof.verify(connection, None).findings
    assert (found.flaw, found.record_id) == ("record_differs", result.envelope.id)


def test_who_signed_in_long_ago_judges_no_pair_until_the_password_is_confirmed(bench: Any) -> None:
    bench.make()
    stale = bench.chain.person(
        Role.QC_INSPECTOR,
        branch_id=bench.lab_id,
        authenticated_at=clock.now() - timedelta(hours=1),
    )
    bench.chain.qualify(stale, "inspection")
    start = pb.StartInspectionRequest(job_id=bench.job_id)
    bench.chain.ask(start, pb.StartInspectionResponse, as_=stale)
    sign = pb.RecordQcResultRequest(
        job_id=bench.job_id, measured=bench.measured(), surface=1, mounting=1
    )
    refused = bench.refusal(lambda: bench.chain.ask(sign, pb.RecordQcResultResponse, as_=stale))
    assert isinstance(refused, Unauthenticated)
    assert refused.code == "REAUTHENTICATION_NEEDED"
    assert bench.job().envelope.state == "inspecting"
