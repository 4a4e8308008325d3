"""Who is told of a change: the reviews of a case, the promises at risk, what a refusal names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chassis.errors import DomainError
from gateway.drill.floor import Floor
from gateway.drill.report import Telling, instant
from optichain.auth.v1 import role_pb2
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.record.v1 import record_service_pb2 as records

_MS = 1000


async def review_of(floor: Floor, holder_kind: str, changed_id: str, *, role: str) -> Any:
    """Expect that the holder's review of what changed comes to a role at the drill's shop in time,
    and note whether it did; returns the review, or None."""
    seconds = float(floor.begun.told_within_seconds)

    async def seen() -> Any:
        found = await floor.do(
            "branch_manager",
            records.ListCaseReviewsRequest,
            of=holder_kind.partition(".")[0],
            case_id=floor.known["case_id"],
        )
        for one in found.reviews:
            if one.holder_kind == holder_kind and one.record_id == changed_id:
                return one
        return None

    review = await floor.until(seen, seconds)
    expected = f"{role} at the shop is asked about the {holder_kind}"
    if review is None:
        within = int(seconds * _MS)
        floor.told(Telling(expected=expected, is_told=False, role=role, within_ms=within))
        return None
    envelope = review.envelope
    at = envelope.recorded_at.ToDatetime(tzinfo=UTC)
    after = at - review.changed_at.ToDatetime(tzinfo=UTC)
    asked = role_pb2.Role.Name(envelope.responsible_role).removeprefix("ROLE_").lower()
    after_ms = int(after.total_seconds() * _MS)
    floor.told(
        Telling(
            expected=expected,
            is_told=(
                asked in ("unspecified", role)  # nobody has to act on it once it was answered
                and envelope.branch_id == floor.shop_id
                and after_ms <= seconds * _MS
            ),
            role=asked,
            branch_id=envelope.branch_id,
            record_id=envelope.id,
            at=instant(at),
            after_ms=after_ms,
            within_ms=int(seconds * _MS),
        )
    )
    return review


async def promise_at_risk(floor: Floor) -> None:
    """Expect that the order's promise is listed as at risk at the drill's shop in time."""
    seconds = float(floor.begun.due_within_seconds)
    began = datetime.now(UTC)

    async def seen() -> Any:
        listed = await floor.do(
            "branch_manager", billing.ListPromisesAtRiskRequest, branch_id=floor.shop_id
        )
        for one in listed.risks:
            if one.order_id == floor.known["order_id"]:
                return one
        return None

    risk = await floor.until(seen, seconds)
    now = datetime.now(UTC)
    floor.told(
        Telling(
            expected="the shop sees the promise among those at risk",
            is_told=risk is not None,
            role="branch_manager",
            branch_id=floor.shop_id,
            record_id=floor.known["order_id"],
            at=instant(now) if risk is not None else "",
            after_ms=int((now - began).total_seconds() * _MS),
            within_ms=int(seconds * _MS),
        )
    )


def by_refusal(floor: Floor, role: str, named: str, refused: DomainError | None) -> None:
    """Expect that whoever was refused is told what is missing."""
    said = f"{refused.text} {refused.details}" if refused is not None else ""
    floor.told(
        Telling(
            expected=f"{role} is told by the refusal that {named} is missing",
            is_told=named in said,
            role=role,
            branch_id=floor.shop_id,
            at=instant(datetime.now(UTC)) if refused is not None else "",
        )
    )
