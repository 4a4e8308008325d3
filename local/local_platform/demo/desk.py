"""People at work: each signs in with a login of their own and works through the gateway's HTTP API.

What they do is called as the contract calls it, `optician.do("clinical.SpecifyLens", ...)`; the
API's own OpenAPI document says at which address.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

Json = dict[str, Any]

_RENEW_AFTER_SECONDS = 200.0
_PATIENCE_SECONDS = 20.0
_BY_PROXY = False
"""Everything is on this machine: a proxy set in the environment has no business here."""

_PLACE = re.compile(r"\{(\w+)\}")
_AWAY = (httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT)


class ApiRefused(Exception):
    """The gateway answered with a problem."""

    def __init__(self, operation: str, problem: Json) -> None:
        self.problem = problem
        self.reason = str(problem.get("reason", ""))
        fields = "; ".join(f"{one['field']}: {one['text']}" for one in problem.get("fields", ()))
        super().__init__(f"{operation}: {self.reason}: {problem.get('detail', '')} {fields}")


@dataclass(frozen=True)
class Operation:
    """Where an RPC is reached over HTTP."""

    method: str
    path: str


def operations_of(base_url: str) -> dict[str, Operation]:
    """Return the address of every operation that the API's OpenAPI document names."""
    asked = httpx.get(f"{base_url}/api/openapi.json", timeout=30, trust_env=_BY_PROXY)
    document = asked.raise_for_status().json()
    return {
        operation["operationId"]: Operation(method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "operationId" in operation
    }


@dataclass(frozen=True)
class Click:
    """One request that somebody made: what, its trace, how long it took, whether it wrote."""

    operation: str
    trace_id: str
    ms: float
    is_entry: bool


@dataclass
class Desk:
    """One person's place of work."""

    base_url: str
    operations: Mapping[str, Operation]
    login: str
    password: str
    role: str
    on_click: Callable[[Click], None] = lambda click: None
    _session: Json = field(default_factory=dict)
    _signed_in_at: float = -_RENEW_AFTER_SECONDS
    _http: httpx.Client | None = None

    @property
    def staff_id(self) -> str:
        """Who works here."""
        return str(self._signed_in()["staff_id"])

    @property
    def branch_id(self) -> str:
        """Where."""
        return str(self._signed_in()["branch_id"])

    def sign_in(self) -> None:
        """Sign in anew, where the first thing done would do it by itself. Raises ApiRefused."""
        self._signed_in_at = -_RENEW_AFTER_SECONDS
        self._signed_in()

    def make_password_own(self, own: str) -> None:
        """Change the password that somebody else gave, unless it was changed to this one before;
        until then nothing else can be done. Raises ApiRefused."""
        given = {"present_password": self.password, "new_password": own}
        try:
            self.do("organisation.ChangePassword", **given)
        except ApiRefused as refused:
            if refused.reason != "SIGN_IN_REFUSED":
                raise
        self.password = own
        self._signed_in_at = -_RENEW_AFTER_SECONDS

    def do(self, operation: str, **fields: Any) -> Json:
        """Do or read something. A repeat after a lost answer carries the same key, so it happens
        once.

        Raises ApiRefused.
        """
        return self._act(str(uuid4()), operation, fields)

    def once(self, key: str, operation: str, **fields: Any) -> Json:
        """Do something under a key that outlives this run: who does it again with the same fields,
        after an interruption say, gets the first answer.

        Raises ApiRefused.
        """
        return self._act(key, operation, fields)

    def upload(self, service: str, purpose: str, media_type: str, data: bytes, note: str) -> str:
        """Put bytes straight into the object store, have them confirmed, and return their key."""
        uploads = f"/api/v1/{service}/uploads"
        wanted = {"purpose": purpose, "media_type": media_type}
        offer = self._send("upload", "POST", uploads, json=wanted)
        sent = httpx.put(
            offer["url"],
            content=data,
            headers={"Content-Type": media_type},
            timeout=20,
            trust_env=_BY_PROXY,
        )
        sent.raise_for_status()
        key = str(offer["object_key"])
        shown = {"object_key": key, "sha256": hashlib.sha256(data).hexdigest(), "note": note}
        self._send("confirm", "POST", f"{uploads}/confirm", json=shown)
        return key

    def close(self) -> None:
        """Leave the desk."""
        if self._http is not None:
            self._http.close()

    def _act(self, key: str, operation: str, fields: Json) -> Json:
        address = self.operations[operation]
        places = _PLACE.findall(address.path)
        path = _PLACE.sub(lambda place: str(fields[place.group(1)]), address.path)
        rest = {name: value for name, value in fields.items() if name not in places}
        sent = "params" if address.method in ("GET", "DELETE") else "json"
        return self._send(operation, address.method, path, key, **{sent: rest})

    def _signed_in(self) -> Json:
        if time.monotonic() - self._signed_in_at > _RENEW_AFTER_SECONDS:
            given = {"login": self.login, "password": self.password}
            answer = self._patiently("POST", "/api/v1/sessions", {}, {"json": given})
            self._session = self._answer("sign in", answer)["session"]
            self._signed_in_at = time.monotonic()
        return self._session

    def _send(self, operation: str, method: str, path: str, key: str = "", **sent: Any) -> Json:
        headers = {
            "Authorization": f"Bearer {self._signed_in()['token']}",
            "Idempotency-Key": key or str(uuid4()),
        }
        began = time.perf_counter()
        answer = self._patiently(method, path, headers, sent)
        ms = (time.perf_counter() - began) * 1000
        trace_id = answer.headers.get("Trace-Id", "")
        self.on_click(Click(operation, trace_id, round(ms, 1), method != "GET"))
        return self._answer(operation, answer)

    def _patiently(self, method: str, path: str, headers: Json, sent: Json) -> httpx.Response:
        """Send, and send again while the gateway or a service behind it is away."""
        if self._http is None:
            self._http = httpx.Client(
                base_url=self.base_url, timeout=_PATIENCE_SECONDS, trust_env=_BY_PROXY
            )
        ends = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                answer = self._http.request(method, path, headers=headers, **sent)
                if answer.status_code not in _AWAY or time.monotonic() > ends:
                    return answer
            except httpx.TransportError:
                if time.monotonic() > ends:
                    raise
            time.sleep(0.2)

    @staticmethod
    def _answer(operation: str, answer: httpx.Response) -> Json:
        body: Json = answer.json() if answer.content else {}
        if answer.is_error:
            raise ApiRefused(operation, body)
        return body
