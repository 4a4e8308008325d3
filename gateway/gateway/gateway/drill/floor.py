"""The shop and the lab of a drill at work: everybody does, with a token of the drill, what the
contract lets the role do."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

import httpx
from google.protobuf.message import Message

from chassis.errors import DomainError
from chassis.rpc.peers import rpc_of
from chassis.wire import to_message
from gateway.clients import Clients
from gateway.drill.report import GateTried, Injected, Report, Step, Telling, instant
from optichain.auth.v1 import role_pb2
from optichain.object.v1 import object_service_pb2 as objects

T = TypeVar("T")

_LOOKS_AGAIN_SECONDS = 0.2
_UPLOAD_SECONDS = 10.0
SHOP, LAB = "shop", "lab"

SIGNATURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c494441"
    "54789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
)
"""The smallest PNG: it stands for every photo and signature of a drill."""


class DrillBroken(Exception):
    """The drill could not be gone through with."""


@dataclass
class Floor:
    """Everybody at work, and what is known of the glasses so far."""

    clients: Clients
    begun: Any
    report: Report
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def shop_id(self) -> str:
        """The drill's shop."""
        return str(self.begun.drill.shop_id)

    @property
    def lab_id(self) -> str:
        """The drill's lab."""
        return str(self.begun.drill.lab_id)

    async def do(
        self, role: str, request: type[Message], *, at: str = "", of: str = "", **fields: Any
    ) -> Any:
        """Do something as somebody of the drill. Raises what is refused."""
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            fields["request_id"] = str(uuid4())
        message = to_message(fields, request)
        began = time.perf_counter()
        answer = await self.clients.ask(
            message, rpc_of(request).response, token=self._token(role, at), of=of
        )
        ms = round((time.perf_counter() - began) * 1000, 1)
        what = request.DESCRIPTOR.name.removesuffix("Request")
        if not what.startswith(("Get", "List")):
            self.report.steps.append(Step(role=role, what=what, ms=ms))
        return answer

    async def upload(self, role: str, service: str, purpose: str) -> str:
        """Put a picture into the object store and return its key. Raises what is refused."""
        offer = await self.do(
            role, objects.OfferUploadRequest, of=service, purpose=purpose, media_type="image/png"
        )
        async with httpx.AsyncClient(timeout=_UPLOAD_SECONDS, trust_env=False) as store:
            sent = await store.put(
                offer.url, content=SIGNATURE, headers={"Content-Type": "image/png"}
            )
            sent.raise_for_status()
        await self.do(
            role,
            objects.ConfirmObjectRequest,
            of=service,
            object_key=offer.object_key,
            sha256=hashlib.sha256(SIGNATURE).hexdigest(),
            note="drill",
        )
        return str(offer.object_key)

    async def until(self, look: Callable[[], Awaitable[T | None]], seconds: float) -> T | None:
        """Look again and again until something is seen; None when the time is over."""
        ends = time.monotonic() + seconds
        while True:
            seen = await look()
            if seen or time.monotonic() > ends:
                return seen or None
            await asyncio.sleep(_LOOKS_AGAIN_SECONDS)

    async def require(
        self, what: str, look: Callable[[], Awaitable[T | None]], seconds: float = 30.0
    ) -> T:
        """Wait for something that the journey needs. Raises DrillBroken."""
        seen = await self.until(look, seconds)
        if seen is None:
            raise DrillBroken(f"still not so after {seconds:.0f} s: {what}")
        return seen

    def injected(self, what: str, record_id: str) -> None:
        """Note what was changed, and when."""
        at = instant(datetime.now(UTC))
        self.report.injected.append(Injected(what=what, record_id=record_id, at=at))

    async def must_refuse(
        self, gate: str, reasons: tuple[str, ...], attempt: Awaitable[Any]
    ) -> DomainError | None:
        """Try a step that must be refused with one of the reasons, and note what became of it."""
        expected = " or ".join(reasons)
        try:
            await attempt
        except DomainError as refused:
            tried = GateTried(
                gate=gate,
                expected_reason=expected,
                is_held=refused.code in reasons,
                reason=refused.code,
                detail=refused.text,
            )
            self.report.gates.append(tried)
            return refused
        self.report.gates.append(GateTried(gate=gate, expected_reason=expected, is_held=False))
        return None

    def told(self, telling: Telling) -> None:
        """Note a telling, or that it did not come."""
        self.report.tellings.append(telling)

    def _token(self, role: str, at: str) -> str:
        number = role_pb2.Role.Value(f"ROLE_{role.upper()}")
        branch = {SHOP: self.shop_id, LAB: self.lab_id}.get(at, "")
        for one in self.begun.staff:
            if one.role == number and branch in ("", one.branch_id):
                return str(one.token)
        raise DrillBroken(f"nobody takes part as {role}")

    def staff_id(self, role: str) -> str:
        """Return who takes part in a role."""
        number = role_pb2.Role.Value(f"ROLE_{role.upper()}")
        return next(str(one.staff_id) for one in self.begun.staff if one.role == number)
