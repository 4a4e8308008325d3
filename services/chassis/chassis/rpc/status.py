"""Refusals on the wire: domain errors to rich gRPC status, and back again."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from chassis import errors
from chassis.errors import DomainError, FieldProblem, Invalid, Refused
from chassis.records.pins import StalePin, StalePins
from chassis.wire import to_message, value_of
from optichain.record.v1 import pin_pb2

DOMAIN = "optichain"

_CODES: tuple[tuple[type[DomainError], int], ...] = (
    (errors.Invalid, code_pb2.INVALID_ARGUMENT),
    (errors.Unknown, code_pb2.NOT_FOUND),
    (errors.Refused, code_pb2.FAILED_PRECONDITION),
    (errors.Outdated, code_pb2.ABORTED),
    (errors.AlreadyThere, code_pb2.ALREADY_EXISTS),
    (errors.Unauthenticated, code_pb2.UNAUTHENTICATED),
    (errors.NotPermitted, code_pb2.PERMISSION_DENIED),
    (errors.TooManyAttempts, code_pb2.RESOURCE_EXHAUSTED),
    (errors.Unavailable, code_pb2.UNAVAILABLE),
)


def to_status(error: DomainError) -> Any:
    """Return the rich gRPC status of a refusal."""
    code = next(code for kind, code in _CODES if isinstance(error, kind))
    status = status_pb2.Status(code=code, message=error.text)
    _pack(
        status,
        error_details_pb2.ErrorInfo(reason=error.code, domain=DOMAIN, metadata=error.details),
    )
    if isinstance(error, Invalid):
        _pack(status, _bad_request(error))
    if isinstance(error, Refused) and error.missing:
        _pack(status, _precondition(error))
    if isinstance(error, StalePins):
        for stale in error.stale:
            _pack(status, to_message(stale, pin_pb2.StalePin))
    return rpc_status.to_status(status)


def _pack(status: Any, detail: Any) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    status.details.append(packed)


def _bad_request(error: Invalid) -> error_details_pb2.BadRequest:
    violation = error_details_pb2.BadRequest.FieldViolation
    return error_details_pb2.BadRequest(
        field_violations=[
            violation(field=p.field, description=p.text, reason=p.rule) for p in error.problems
        ]
    )


def _precondition(error: Refused) -> error_details_pb2.PreconditionFailure:
    violation = error_details_pb2.PreconditionFailure.Violation
    return error_details_pb2.PreconditionFailure(
        violations=[violation(type=error.code, description=one) for one in error.missing]
    )


def from_status(failure: grpc.RpcError, service: str) -> DomainError | None:
    """Return the refusal another service answered with; None when it failed without saying why.

    A service that cannot be reached, or is too late, is Unavailable.
    """
    code = failure.code()
    status = rpc_status.from_call(failure)
    if status is None:
        if code in (
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
            grpc.StatusCode.CANCELLED,
        ):
            return errors.Unavailable(f"{service} cannot be asked now", service=service)
        return None
    return _error_of(status)


def _error_of(status: Any) -> DomainError:
    info, problems, missing, stale = _details(status)
    kind = next((kind for kind, code in _CODES if code == status.code), Refused)
    details = dict(info.metadata)
    if stale:
        error: DomainError = StalePins(stale)
    elif kind is Invalid:
        error = Invalid(problems)
    elif kind is Refused:
        error = Refused(status.message, missing=missing)
    else:
        error = kind(status.message)
    error.code = info.reason or error.code
    error.details = details
    return error


def _details(status: Any) -> tuple[Any, list[FieldProblem], list[str], list[StalePin]]:
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    precondition = error_details_pb2.PreconditionFailure()
    stale = []
    for detail in status.details:
        message = pin_pb2.StalePin()
        if detail.Unpack(info) or detail.Unpack(bad) or detail.Unpack(precondition):
            continue
        if detail.Unpack(message):
            stale.append(value_of(message, StalePin))
    problems = [FieldProblem(v.field, v.reason, v.description) for v in bad.field_violations]
    return info, problems, [v.description for v in precondition.violations], stale
