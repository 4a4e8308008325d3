"""At the counter: who may take the glasses away, and what must have been done, paid and told."""

from __future__ import annotations

from typing import Any

from chassis.roles import Role
from optichain.labjob.v1 import collection_pb2
from optichain.labjob.v1 import labjob_service_pb2 as pb

FAMILY = collection_pb2.COLLECTOR_RELATION_FAMILY
KNOWN = collection_pb2.IDENTITY_PROOF_KNOWN_WEARER
WAIVED: dict[str, Any] = {
    "acuity": None,
    "passed": False,
    "is_waived": True,
    "reason": "her daughter collects",
}


def test_glasses_leave_only_fitted_signed_explained_and_to_the_right_slip(bench: Any) -> None:
    bench.make_ready()
    assert bench.refusal(bench.collect).code == "FITTING_CHECK_MISSING"
    bench.fit()
    for changed, code in (
        ({"slip_number": "26-999999-1"}, "WRONG_JOB"),
        ({"is_care_explained": False}, "NOT_TOLD"),
        ({"is_warranty_told": False}, "NOT_TOLD"),
        ({"signature_key": "labjob/signature/none"}, "EVIDENCE_UNCONFIRMED"),
        ({"signature_key": ""}, "INVALID"),
        ({"collected_by": FAMILY, "identity_proof": KNOWN}, "INVALID"),
    ):
        refused = bench.refusal(lambda changed=changed: bench.collect(**changed))
        assert refused.code == code, changed
    document = bench.upload("labjob", media_type="application/pdf")
    unseen = bench.refusal(lambda: bench.collect(signature_key=document))
    assert [(one.field, one.rule) for one in unseen.problems] == [("signature_key", "media_type")]
    assert not bench.steps().collections

    outcomes = bench.at_once(bench.collect, bench.collect)
    assert sum(not isinstance(one, str) for one in outcomes) == 1
    steps = bench.steps()
    assert (len(steps.collections), len(steps.warranties)) == (1, 1)
    assert len(bench.told("JobCollected")) == 1


def test_glasses_stay_while_a_balance_is_due(bench: Any) -> None:
    bench.order_glasses(deposit_only=True)
    bench.release()
    bench.tray_to_lab()
    bench.accept()
    bench.draw()
    bench.work_stations(*bench.job().stations)
    bench.inspect()
    bench.ship_back()
    bench.check()
    ready = pb.MarkReadyRequest(job_id=bench.job_id)
    bench.ask(Role.OPTICIAN, ready, pb.MarkReadyResponse)
    bench.fit()
    assert bench.refusal(bench.collect).code == "BALANCE_DUE"
    assert bench.job().envelope.state == "ready"
    bench.pay()
    assert bench.collect().job.envelope.state == "collected"


def test_a_proxy_collects_with_the_fitting_check_waived_and_no_name_kept(bench: Any) -> None:
    bench.make_ready()
    no_reason = bench.refusal(lambda: bench.fit(**(WAIVED | {"reason": ""})))
    assert no_reason.code == "INVALID"
    bench.fit(**WAIVED)
    # What is waived for a proxy is not waived for the wearer.
    assert bench.refusal(bench.collect).code == "FITTING_CHECK_MISSING"
    collected = bench.collect(collected_by=FAMILY)
    assert collected.collection.collected_by == FAMILY
    names = {field.name for field in collection_pb2.Collection.DESCRIPTOR.fields}
    assert not {name for name in names if "name" in name}


def test_a_pair_that_does_not_fit_stays_and_an_acuity_is_written_as_it_is_read(bench: Any) -> None:
    bench.make_ready()
    wrong = collection_pb2.GlassesAcuity(
        notation=collection_pb2.ACUITY_NOTATION_FIVE_GRADE, od="20/20"
    )
    assert bench.refusal(lambda: bench.fit(acuity=wrong)).code == "ACUITY_MALFORMED"
    assert bench.refusal(lambda: bench.fit(acuity=None)).code == "INVALID"
    check = bench.fit(passed=False, reason="presses behind the left ear").fitting_check
    assert check.qc_result_id == bench.job().qc_result_id
    assert bench.refusal(bench.collect).code == "FITTING_CHECK_FAILED"
    bench.fit(adjustment="temple bent outwards")
    assert bench.collect().job.envelope.state == "collected"
