"""The services as the gateway asks them: one channel each, the caller's own token, the trace of the
step, a deadline on every call. Only this module knows grpc."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from chassis import telemetry
from chassis.access import PURPOSE, AccessPurpose
from chassis.errors import DomainError, Unauthenticated, Unavailable
from chassis.rpc.masks import MASKED
from chassis.rpc.peers import TOKEN, TRACE, Rpc, rpc_of
from chassis.rpc.status import from_status
from gateway.errors import ServiceFailed, TooLate
from gateway.settings import Settings
from optichain.auth.v1 import token_service_pb2

R = TypeVar("R", bound=Message)

said_purpose: ContextVar[AccessPurpose | None] = ContextVar("said_purpose", default=None)
"""What the request under way says that it looks at people for."""

_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),  # a proxy in the environment is for the world outside
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
)


class Clients:
    """A channel to each service, opened when it is first asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._methods: dict[tuple[str, str], Any] = {}

    async def ask(
        self,
        request: Message,
        response: type[R],
        *,
        token: str = "",
        of: str = "",
        seconds: float | None = None,
        masked: set[str] | None = None,
    ) -> R:
        """Call the RPC that takes this request, with the caller's token. `of` names the service
        where several serve the RPC; `masked` takes up the fields that were covered for the caller.

        Raises what the service refuses with, Unavailable, TooLate, ServiceFailed.
        """
        rpc = rpc_of(type(request))
        service = of or rpc.service
        deadline = min(seconds or self._settings.call_seconds, self._settings.call_seconds)
        with telemetry.span(f"ask {rpc.path}", telemetry.SpanKind.CLIENT) as span:
            metadata = [(TRACE, telemetry.traceparent())]
            if token:
                metadata.append((TOKEN, f"Bearer {_checked(token)}"))
            if purpose := said_purpose.get():
                metadata.append((PURPOSE, purpose))
            try:
                call = self._method(service, rpc)(request, timeout=deadline, metadata=metadata)
                answer: R = await call
                if masked is not None:
                    masked |= _masked_in(await call.trailing_metadata())
            except grpc.RpcError as failure:
                refusal = _refusal(failure, service)
                said = refusal.code if isinstance(refusal, DomainError) else "INTERNAL"
                span.set_attribute(telemetry.RPC_STATUS, said)
                raise refusal from failure
            return answer

    async def reaches_organisation(self, seconds: float) -> bool:
        """Tell whether organisation answers, and so whether anybody can sign in."""
        try:
            await self.ask(
                token_service_pb2.ListTokenKeysRequest(),
                token_service_pb2.ListTokenKeysResponse,
                of="organisation",
                seconds=seconds,
            )
        except (DomainError, ServiceFailed):
            return False
        return True

    async def close(self) -> None:
        """Close every channel."""
        for channel in self._channels.values():
            await channel.close()

    def _method(self, service: str, rpc: Rpc) -> Any:
        key = (service, rpc.path)
        if key not in self._methods:
            self._methods[key] = self._channel(service).unary_unary(
                rpc.path,
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=rpc.response.FromString,
            )
        return self._methods[key]

    def _channel(self, service: str) -> grpc.aio.Channel:
        if service not in self._channels:
            address = self._settings.address_of(service)
            self._channels[service] = grpc.aio.insecure_channel(address, options=_OPTIONS)
        return self._channels[service]


def _masked_in(trailing: Any) -> set[str]:
    return {path for path in str((trailing or {}).get(MASKED, "")).split(",") if path}


def _checked(token: str) -> str:
    """Return a token that can travel as metadata. Raises Unauthenticated (TOKEN_REFUSED)."""
    if _BEARER.fullmatch(token) is None:
        raise Unauthenticated("the token is malformed", reason="TOKEN_REFUSED")
    return token


def _refusal(failure: grpc.RpcError, service: str) -> Exception:
    refusal = from_status(failure, service)
    if refusal is None:
        return ServiceFailed(f"{service} failed with {failure.code()}")
    if type(refusal) is Unavailable and failure.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TooLate(f"{service} did not answer in time", service=service)
    return refusal
