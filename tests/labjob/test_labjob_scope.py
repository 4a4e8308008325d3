"""Whoever belongs to another branch moves no job here: every RPC of own-branch scope is tried."""

from __future__ import annotations

from typing import Any

from chassis.actor import Scope
from chassis.contract import rule_of
from chassis.errors import NotPermitted
from chassis.wire import message_class_of
from minimal import filled
from optichain.labjob.v1 import labjob_service_pb2 as pb

SERVICE: Any = pb.DESCRIPTOR.services_by_name["LabjobService"]
OWN_BRANCH = [
    m for m in SERVICE.methods if rule_of(m).scope is Scope.OWN_BRANCH and m.name != "DecideReview"
]
"""But for the decision of a review, which is tried where there is one (test_labjob_reviews)."""


def test_nobody_of_another_branch_moves_a_job(bench: Any) -> None:
    bench.order_glasses()
    job = bench.release()
    bench.send_tray()
    before = bench.job()
    known = {
        "job_id": job.envelope.id,
        "order_id": bench.order_id,
        "lab_id": bench.lab_id,
        "slip_number": job.slip_number,
    }
    assert len(OWN_BRANCH) > 20
    for method in OWN_BRANCH:
        stranger = bench.chain.person(rule_of(method).roles[0])
        request = filled(method.input_type, known)
        refused = bench.refusal(
            lambda request=request, method=method, stranger=stranger: bench.chain.ask(
                request, message_class_of(method.output_type), as_=stranger
            )
        )
        assert isinstance(refused, NotPermitted), (method.name, refused)
        assert refused.code == "WRONG_BRANCH", method.name
    assert bench.job() == before
