"""Asking other services: one channel each, a service token with the acting person beside it, a
deadline on every call.

The type of a request names its RPC, since every RPC has a request of its own.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from chassis import telemetry
from chassis.actor import Actor
from chassis.contract import path_of
from chassis.errors import Unavailable
from chassis.records.gates import Comparison
from chassis.records.pins import Pin, StalePin
from chassis.rpc.status import from_status
from chassis.settings import SharedSettings
from chassis.tokens import KeyCache, ServiceToken
from chassis.wire import message_class_of, to_message, value_of
from optichain.auth.v1 import token_service_pb2 as token_pb2
from optichain.record.v1 import pin_pb2
from optichain.record.v1 import record_service_pb2 as record_pb2

R = TypeVar("R", bound=Message)

DEFAULT_DEADLINE_SECONDS = 10.0
_OPENLY_SECONDS = 5.0
TOKEN, ACTOR, ROLE, BRANCH, DRILL, TRACE = (
    "authorization",
    "x-actor",
    "x-actor-role",
    "x-actor-branch",
    "x-actor-drill",
    "traceparent",
)
_ends_at: ContextVar[float | None] = ContextVar("ends_at", default=None)

_OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),  # a proxy in the environment is for the world outside
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
)


def must_end_within(seconds: float | None) -> None:
    """Say how long the call under way may still take; whoever it asks gets what is left of it. None
    stands for a caller that did not say."""
    patience = DEFAULT_DEADLINE_SECONDS if seconds is None else seconds
    _ends_at.set(time.monotonic() + min(patience, DEFAULT_DEADLINE_SECONDS))


def seconds_left() -> float:
    """Return what is left of the call under way; all there is outside of one."""
    ends_at = _ends_at.get()
    return DEFAULT_DEADLINE_SECONDS if ends_at is None else max(ends_at - time.monotonic(), 0.0)


@dataclass(frozen=True)
class Rpc:
    """An RPC as its request type names it."""

    service: str
    path: str
    response: type[Message]


def rpc_of(request: type[Message]) -> Rpc:
    """Return the RPC that takes this request type."""
    name = request.DESCRIPTOR.full_name
    if name not in _rpcs:
        _rpcs[name] = _find(request)
    return _rpcs[name]


def _find(request: type[Message]) -> Rpc:
    file = request.DESCRIPTOR.file
    service: Any
    for service in file.services_by_name.values():
        for method in service.methods:
            if method.input_type.full_name == request.DESCRIPTOR.full_name:
                owner = file.package.split(".")[1]
                return Rpc(owner, path_of(service, method), message_class_of(method.output_type))
    raise LookupError(f"no RPC takes a {request.DESCRIPTOR.full_name}")


_rpcs: dict[str, Rpc] = {}


class Peers:
    """The other services, as this one asks them."""

    def __init__(self, settings: SharedSettings, *, service: str, secret: str) -> None:
        self._settings = settings
        self._service = service
        self._secret = secret
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()
        self.token = ServiceToken(self._issue)
        self.keys = KeyCache(self._fetch_keys)

    def ask(
        self, request: Message, response: type[R], *, actor: Actor | None = None, of: str = ""
    ) -> R:
        """Call the RPC that takes this request, in the actor's name. Raises what the other service
        refused with."""
        rpc = rpc_of(type(request))
        service = of or rpc.service
        with telemetry.span(f"ask {rpc.path}", telemetry.SpanKind.CLIENT):
            try:
                answer: R = self._method(service, rpc)(
                    request, timeout=seconds_left(), metadata=self._metadata(actor, service)
                )
                return answer
            except grpc.RpcError as failure:
                raise _refusal(failure, service) from failure

    def check_versions(self, pins: Mapping[str, Sequence[Pin]], actor: Actor) -> list[Comparison]:
        """Ask every owner once, all at the same time, about the pins on its records (step ii of a
        gate).

        Raises Unavailable when one of them cannot be asked: never on trust.
        """
        rpc = rpc_of(record_pb2.CheckVersionsRequest)
        pending = []
        for owner, held in pins.items():
            request = record_pb2.CheckVersionsRequest(
                pins=[to_message(one, pin_pb2.Pin) for one in held]
            )
            call = self._method(owner, rpc).future(
                request, timeout=seconds_left(), metadata=self._metadata(actor, owner)
            )
            pending.append((owner, call))
        return [_comparison(owner, call) for owner, call in pending]

    def close(self) -> None:
        """Close every channel."""
        for channel in self._channels.values():
            channel.close()

    def _method(self, service: str, rpc: Rpc) -> Any:
        return _stub(self._channel(service), rpc)

    def _channel(self, service: str) -> grpc.Channel:
        with self._lock:
            if service not in self._channels:
                self._channels[service] = grpc.insecure_channel(
                    self._settings.address_of(service), _OPTIONS
                )
            return self._channels[service]

    def _metadata(self, actor: Actor | None, service: str) -> list[tuple[str, str]]:
        carried = [(TRACE, telemetry.traceparent())]
        if actor is not None:
            carried += [(ACTOR, actor.id), (ROLE, actor.role), (BRANCH, actor.branch_id)]
            if actor.drill:
                carried.append((DRILL, actor.drill))
        carried.append((TOKEN, f"Bearer {self.token.current()}"))
        return carried

    def _issue(self) -> tuple[str, float]:
        request = token_pb2.IssueServiceTokenRequest(service=self._service, secret=self._secret)
        answer = self._ask_openly(request)
        return answer.token, float(answer.expires_at.seconds)

    def _fetch_keys(self) -> dict[str, Any]:
        answer = self._ask_openly(token_pb2.ListTokenKeysRequest())
        keys: dict[str, Any] = json.loads(answer.key_set_json)
        return keys

    def _ask_openly(self, request: Message) -> Any:
        try:
            return self._method("organisation", rpc_of(type(request)))(
                request, timeout=min(_OPENLY_SECONDS, seconds_left())
            )
        except grpc.RpcError as failure:
            raise _refusal(failure, "organisation") from failure


@lru_cache(maxsize=1024)
def _stub(channel: grpc.Channel, rpc: Rpc) -> Any:
    return channel.unary_unary(
        rpc.path,
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=rpc.response.FromString,
    )


def _comparison(owner: str, call: Any) -> Comparison:
    try:
        answer = call.result()
    except grpc.RpcError as failure:
        raise _refusal(failure, owner) from failure
    return Comparison(
        stale=tuple(value_of(one, StalePin) for one in answer.stale),
        live={one.record_id: one.version for one in answer.live},
        void=frozenset(one.record_id for one in answer.live if one.is_void),
    )


def _refusal(failure: grpc.RpcError, service: str) -> Exception:
    refusal = from_status(failure, service)
    return refusal or Unavailable(f"{service} failed", service=service, reason="PEER_FAILED")
