"""Whoever belongs to another branch moves no job here: every RPC of own-branch scope is tried."""

from __future__ import annotations

from typing import Any

from chassis.actor import Scope
from chassis.contract import rule_of
from chassis.errors import NotPermitted
from chassis.ids import new_id
from chassis.wire import message_class_of
from optichain.field.v1 import rule_pb2
from optichain.labjob.v1 import labjob_service_pb2 as pb

SERVICE: Any = pb.DESCRIPTOR.services_by_name["LabjobService"]
OWN_BRANCH = [m for m in SERVICE.methods if rule_of(m).scope is Scope.OWN_BRANCH]


def filled(descriptor: Any, known: dict[str, str]) -> Any:
    """Return a request whose required fields hold something that the border lets pass."""
    message = message_class_of(descriptor)()
    for field in descriptor.fields:
        rule = field.GetOptions().Extensions[rule_pb2.rule]
        if not rule.required:
            continue
        if field.message_type is not None:
            getattr(message, field.name).SetInParent()
            continue
        value: Any = known.get(field.name) or ("2026-12-24" if rule.date else "x")
        if rule.id and field.name not in known:
            value = new_id(rule.id)
        if field.cpp_type != field.CPPTYPE_STRING:
            value = 1
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
    return message


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
