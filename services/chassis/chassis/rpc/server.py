"""The gRPC server of a service: every call passes the same steps, and every refusal leaves by the
same door."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol

import grpc
import structlog
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from chassis import auth, contract, memory, telemetry
from chassis.access import PURPOSE, Guard, purpose_of
from chassis.actor import Actor
from chassis.db import Database
from chassis.errors import DomainError
from chassis.fresh import require_fresh
from chassis.objects import ObjectStore
from chassis.rpc import looking
from chassis.rpc import peers as names
from chassis.rpc.api import Api, Method
from chassis.rpc.call import Call
from chassis.rpc.masks import Masks, header_of
from chassis.rpc.peers import Peers, must_end_within
from chassis.rpc.status import to_status
from chassis.settings import ServiceSettings
from chassis.stopping import StopSignal
from chassis.tokens import Verifier

log = structlog.get_logger()

_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class Steps:
    """What each call is carried through. `guard` says to whom one person's file is open, in a
    service that keeps files."""

    database: Database
    peers: Peers
    verifier: Verifier
    objects: ObjectStore
    settings: ServiceSettings
    guard: Guard | None = None

    @cached_property
    def masks(self) -> Masks:
        """What is covered in what leaves."""
        return Masks(self.database)

    def serve(self, method: Method, request: Message, context: grpc.ServicerContext) -> Message:
        """Serve one call: trace, deadline, identity, rule, border, function, the
        book of looks, masks, log line."""
        sent = dict(context.invocation_metadata())
        must_end_within(context.time_remaining())
        started = time.perf_counter()
        with telemetry.span(
            method.path, telemetry.SpanKind.SERVER, traceparent=str(sent.get(names.TRACE, ""))
        ) as span:
            seen = _Seen()
            try:
                reply = self._serve(method, request, sent, seen)
                covered = self.masks.cover(reply, seen.actor)
                if covered:
                    context.set_trailing_metadata(header_of(covered))
                return reply
            except DomainError as refused:
                seen.status = refused.code
                seen.refused = refused
            except Exception:
                seen.status = "INTERNAL"
                log.exception("call failed", rpc=method.path)
            finally:
                span.set_attribute(telemetry.RPC_STATUS, seen.status)
                _say(method, seen, (time.perf_counter() - started) * 1000)
        if seen.refused is not None:
            cover = partial(self.masks.cover, actor=seen.actor)
            context.abort_with_status(to_status(seen.refused, cover))
        context.abort(grpc.StatusCode.INTERNAL, "something went wrong here; it has been recorded")
        raise AssertionError("abort does not return")

    def _serve(
        self, method: Method, request: Message, sent: dict[str, Any], seen: _Seen
    ) -> Message:
        actor = self._actor(method, sent)
        seen.actor = actor
        telemetry.mark(branch=actor.branch_id, role=actor.role)
        contract.check(request)
        if method.rule.fresh:
            require_fresh(self.database, actor)
        call = Call(
            rpc=method.path,
            request=request,
            response=method.response,
            actor=actor,
            database=self.database,
            peers=self.peers,
            objects=self.objects,
            settings=self.settings,
        )
        if method.access is None or actor.service:
            return method.serve(call, request)
        purpose = purpose_of(str(sent.get(PURPOSE, "")), method.access)
        answer = method.serve(call, request)
        looking.account_for(call, method.access, purpose, answer, self.guard)
        return answer

    def _actor(self, method: Method, sent: dict[str, Any]) -> Actor:
        bearer = str(sent.get(names.TOKEN, ""))
        token = bearer.removeprefix("Bearer ")
        identity = self.verifier.verify(token) if token and not method.rule.open else None
        return auth.admit(
            method.rule,
            identity,
            actor_id=str(sent.get(names.ACTOR, "")),
            actor_role=str(sent.get(names.ROLE, "")),
            actor_branch=str(sent.get(names.BRANCH, "")),
            actor_drill=str(sent.get(names.DRILL, "")),
        )


@dataclass
class _Seen:
    status: str = "OK"
    actor: Actor | None = None
    refused: DomainError | None = None


def _say(method: Method, seen: _Seen, ms: float) -> None:
    telemetry.calls.record(
        ms, {telemetry.RPC_METHOD: method.path, telemetry.RPC_STATUS: seen.status}
    )
    actor = seen.actor
    log.info(
        "call",
        rpc=method.path,
        status=seen.status,
        ms=round(ms, 1),
        actor=actor.id if actor else "",
        role=actor.role if actor else "",
        branch=actor.branch_id if actor else "",
    )


def _handler(steps: Steps, method: Method) -> grpc.RpcMethodHandler[Any, Any]:
    def unary(request: Message, context: grpc.ServicerContext) -> Message:
        return steps.serve(method, request, context)

    return grpc.unary_unary_rpc_method_handler(
        unary,
        request_deserializer=method.request.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )


def make_server(apis: Iterable[Api], steps: Steps) -> grpc.Server:
    """Return a server for these services. Raises RuleMissing or RpcUnserved when the contract is
    not kept."""
    server = grpc.server(
        ThreadPoolExecutor(max_workers=steps.settings.threads, thread_name_prefix="call"),
        options=(("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 4 * 1024 * 1024)),
    )
    for api in apis:
        handlers = {method.name: _handler(steps, method) for method in api.methods}
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(api.descriptor.full_name, handlers),)
        )
    return server


class Background(Protocol):
    """Work that goes on in an api process beside its calls."""

    def stop(self) -> None:
        """End it, and return when it has ended."""


def serve(
    apis: Iterable[Api],
    steps: Steps,
    background: Callable[[Steps], Background] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish the calls under way. `background` starts what
    goes on beside them. Raises OSError when the port is taken."""
    told_to_stop = StopSignal()
    server = make_server(apis, steps)
    condition = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(condition, server)
    if server.add_insecure_port(steps.settings.listen) == 0:
        raise OSError(f"{steps.settings.listen} is taken")
    server.start()
    beside = background(steps) if background else None
    memory.settle()
    condition.set("", health_pb2.HealthCheckResponse.SERVING)
    log.info("ready", listen=steps.settings.listen)
    told_to_stop.wait()
    condition.enter_graceful_shutdown()
    if beside is not None:
        beside.stop()
    server.stop(_GRACE_SECONDS).wait()
    steps.peers.close()
    steps.database.close()
