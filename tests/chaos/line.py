"""Everybody's desk over gRPC: the same requests as through the gateway, straight to the apis, each
attempt kept with its moments, so that what was sent after a change can be told from what crossed
it."""

from __future__ import annotations

import hashlib
import importlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import grpc
import httpx

from chassis.errors import DomainError, TooManyAttempts, Unavailable
from chassis.records.pins import StalePins
from chassis.rpc.peers import rpc_of
from chassis.rpc.status import from_status
from gateway import into_message
from gateway.into_json import json_of
from local_platform.demo.desk import ApiRefused, Desk, Json
from optichain.object.v1 import object_service_pb2 as objects

_DEADLINE_SECONDS = 6.0
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.15
_SESSION_SECONDS = 150.0
_OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
)


@dataclass
class Attempt:
    """One sending of one request: what, about which ids, when it left and when its answer came
    (seconds since the epoch), and the answer: `ok`, the reason of the refusal, or `lost`."""

    operation: str
    ids: frozenset[str]
    sent_at: float
    ended_at: float = 0.0
    answer: str = "lost"
    judged_version: int = 0


@dataclass
class Session:
    """Somebody who is signed in, for a while."""

    told: Json
    signed_in_at: float


@dataclass
class Line:
    """The wires to every api, who is signed in, and what was uploaded: shared by all desks."""

    environment: Mapping[str, str]
    patience_seconds: float = _PATIENCE_SECONDS
    _channels: dict[str, grpc.Channel] = field(default_factory=dict)
    _sessions: dict[str, Session] = field(default_factory=dict)
    _uploads: dict[tuple[str, ...], str] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def desk(self, *_address: Any) -> LineDesk:
        """Return a desk; the arguments are those of `local_platform.demo.desk.Desk`."""
        return LineDesk(*_address, line=self)

    def call(self, service: str, request: Any, token: str = "") -> Any:
        """Send once. Raises what the service refuses with, Unavailable when it cannot be asked."""
        rpc = rpc_of(type(request))
        with self._lock:
            if service not in self._channels:
                address = self.environment[f"{service.upper()}_ADDRESS"]
                self._channels[service] = grpc.insecure_channel(address, options=_OPTIONS)
            channel = self._channels[service]
        method: Any = channel.unary_unary(
            rpc.path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=rpc.response.FromString,
        )
        sent = [("authorization", f"Bearer {token}")] if token else []
        try:
            return method(request, timeout=_DEADLINE_SECONDS, metadata=sent)
        except grpc.RpcError as failure:
            refusal = from_status(failure, service)
            raise refusal or failure from failure

    def patiently(self, once: Callable[[], Any]) -> Any:
        """Do again what could not be asked or was cut off, as long as there is patience."""
        ends = time.monotonic() + self.patience_seconds
        while True:
            try:
                return once()
            except (Unavailable, TooManyAttempts):
                if time.monotonic() > ends:
                    raise
            except grpc.RpcError:  # without a status of ours: the process died or was not there
                if time.monotonic() > ends:
                    raise
            time.sleep(_PAUSE_SECONDS)

    def session(self, login: str, password: str) -> Json:
        """Return a session of that login; one sign-in serves every desk."""
        with self._lock:
            held = self._sessions.get(login)
            if held is None or time.monotonic() - held.signed_in_at > _SESSION_SECONDS:
                request = message_of("organisation.SignIn", {"login": login, "password": password})
                answer = self.patiently(lambda: self.call("organisation", request))
                held = Session(json_of(answer.session), time.monotonic())
                self._sessions[login] = held
            return held.told

    def forget(self, login: str) -> None:
        """Sign somebody in anew the next time."""
        with self._lock:
            self._sessions.pop(login, None)

    def uploaded(self, key: tuple[str, ...], upload: Callable[[], str]) -> str:
        """Return the object key of an upload; one picture serves every case of whoever sent it."""
        with self._lock:
            if key not in self._uploads:
                self._uploads[key] = upload()
            return self._uploads[key]

    def close(self) -> None:
        """Hang up."""
        for channel in self._channels.values():
            channel.close()


def message_of(operation: str, fields: Json) -> Any:
    """Return the request of an operation. Raises ValueError for fields it does not have."""
    service, _, name = operation.partition(".")
    module = importlib.import_module(f"optichain.{service}.v1.{service}_service_pb2")
    request = getattr(module, f"{name}Request")()
    problems: into_message.Problems = []
    into_message.fill(request, fields, problems)
    if problems:
        raise ValueError(f"{operation}: {problems}")
    return request


@dataclass
class LineDesk(Desk):
    """One person's place of work, on the line."""

    line: Line = field(default_factory=lambda: Line({}))
    on_attempt: Callable[[Attempt], None] = lambda attempt: None

    def sign_in(self) -> None:
        """Sign in anew."""
        self.line.forget(self.login)
        self._signed_in()

    def make_password_own(self, own: str) -> None:
        """Change the password that somebody else gave."""
        super().make_password_own(own)
        self.line.forget(self.login)

    def upload(self, service: str, purpose: str, media_type: str, data: bytes, note: str) -> str:
        """Return the key of a confirmed upload of this person's."""
        key = (self.login, service, purpose)
        return self.line.uploaded(key, lambda: self._uploaded(service, purpose, media_type, data))

    def records(self, service: str, request: Any) -> Any:
        """Call what every service has (RecordService, ObjectService). Raises ApiRefused."""
        name = f"{service}.{type(request).__name__}"
        return self._answered(name, lambda: self.line.call(service, request, self._token()))

    def close(self) -> None:
        """Leave the desk; the line stays."""

    def _uploaded(self, service: str, purpose: str, media_type: str, data: bytes) -> str:
        offer = self.records(
            service, objects.OfferUploadRequest(purpose=purpose, media_type=media_type)
        )
        httpx.put(
            offer.url, content=data, headers={"Content-Type": media_type}, trust_env=False
        ).raise_for_status()
        shown = objects.ConfirmObjectRequest(
            object_key=offer.object_key, sha256=hashlib.sha256(data).hexdigest()
        )
        self.records(service, shown)
        return str(offer.object_key)

    def _token(self) -> str:
        return str(self._signed_in()["token"])

    def _signed_in(self) -> Json:
        return self.line.session(self.login, self.password)

    def _act(self, key: str, operation: str, fields: Json) -> Json:
        request = message_of(operation, fields)
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            request.request_id = key or str(uuid4())
        ids = frozenset(
            value for value in fields.values() if isinstance(value, str) and "_" in value
        )
        judged = int(fields.get("judged_version", 0))

        def once() -> Any:
            attempt = Attempt(operation, ids, time.time(), judged_version=judged)
            try:
                answer = self.line.call(operation.partition(".")[0], request, self._token())
                attempt.answer = "ok"
                return answer
            except DomainError as refused:
                attempt.answer = refused.code
                raise
            finally:
                attempt.ended_at = time.time()
                self.on_attempt(attempt)

        return json_of(self._answered(operation, once))

    def _answered(self, operation: str, once: Callable[[], Any]) -> Any:
        try:
            return self.line.patiently(once)
        except DomainError as refused:
            raise ApiRefused(operation, _problem(refused)) from refused
        except grpc.RpcError as failure:
            raise ApiRefused(operation, {"reason": "INTERNAL", "detail": str(failure)}) from failure


def _problem(refused: DomainError) -> Json:
    stale = [one.pin.record_id for one in refused.stale] if isinstance(refused, StalePins) else []
    return {"reason": refused.code, "detail": str(refused), "stale": stale}
