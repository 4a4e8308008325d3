"""Refusals on the wire: domain errors to rich gRPC status, and back again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from chassis import errors
from chassis.errors import DomainError, FieldProblem, Invalid, Refused
from chassis.records.pins import StalePin, StalePins
from chassis.wire import to_message, value_of
from optichain.record.v1 import pin_pb2

DOMAIN = "optichain"

_LONGEST_TEXT, _ROOM = 600, 3_600
"""Bytes of a refusal's text and of its details. A call's last headers have 8 KiB: the text stands
there twice, once with every byte of a Chinese letter as three, and the details as base64. Of more a
peer may drop everything, the reason too."""

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


def to_status(error: DomainError, cover: Callable[[Message], object] = lambda _: None) -> Any:
    """Return the rich gRPC status of a refusal. Of very much that is wrong it names what there is
    room for, and says in its details how many are `left_out`. `cover` hides in each detail what is
    not for the caller."""
    code = next(code for kind, code in _CODES if isinstance(error, kind))
    status = status_pb2.Status(code=code, message=_shortened(error.text))
    told, left_out = _fitting(error, cover)
    more = {"left_out": str(left_out)} if left_out else {}
    _pack(
        status,
        error_details_pb2.ErrorInfo(
            reason=error.code, domain=DOMAIN, metadata={**error.details, **more}
        ),
    )
    for detail in _together(error, told):
        _pack(status, detail)
    return rpc_status.to_status(status)


def _shortened(text: str) -> str:
    start = text.encode()[:_LONGEST_TEXT].decode(errors="ignore")
    return text if start == text else f"{start} …"


def _pack(status: Any, detail: Any) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    status.details.append(packed)


def _fitting(error: DomainError, cover: Callable[[Message], object]) -> tuple[list[Message], int]:
    """Return the first things wrong, as many as there is room for, and the number of the others."""
    wrong, told_as = _wrong(error)
    told: list[Message] = []
    room = _ROOM
    for one in wrong:
        detail = told_as(one)
        cover(detail)
        room -= detail.ByteSize()
        if room < 0:
            break
        told.append(detail)
    return told, len(wrong) - len(told)


def _wrong(error: DomainError) -> tuple[Sequence[Any], Callable[[Any], Message]]:
    if isinstance(error, Invalid):
        violation = error_details_pb2.BadRequest.FieldViolation
        return error.problems, lambda p: violation(field=p.field, description=p.text, reason=p.rule)
    if isinstance(error, StalePins):
        return error.stale, lambda stale: to_message(stale, pin_pb2.StalePin)
    missing = error.missing if isinstance(error, Refused) else ()
    unmet = error_details_pb2.PreconditionFailure.Violation
    return missing, lambda one: unmet(type=error.code, description=one)


def _together(error: DomainError, told: list[Message]) -> list[Message]:
    if not told or isinstance(error, StalePins):
        return told
    if isinstance(error, Invalid):
        return [error_details_pb2.BadRequest(field_violations=told)]
    return [error_details_pb2.PreconditionFailure(violations=told)]


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
