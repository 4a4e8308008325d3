"""The follow-up: after the sale, how the wearer gets on, if the wearer wants to be asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from chassis.errors import invalid
from chassis.records.kinds import Kind, Transitions, moves
from customer.contact import Channel, PermissionAnswer, PurposeAnswer
from customer.person import ERASED, READERS


class WaiverReason(StrEnum):
    """Why a follow-up was not made."""

    NOT_WANTED = "not_wanted"
    NOT_PERMITTED = "not_permitted"
    NOT_REACHED = "not_reached"
    OTHER = "other"


class FollowUpFinding(StrEnum):
    """How the customer gets on."""

    CONTENT = "content"
    ADJUSTMENT = "adjustment"
    DISCOMFORT = "discomfort"
    COMPLAINT = "complaint"


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    """When, about which order, what to ask; and once it is done or waived, how it went. Raises
    Invalid."""

    order_id: str
    due_on: date
    subject: str
    finding: FollowUpFinding | None = None
    channel: Channel | None = None
    said: str = ""
    waiver_reason: WaiverReason | None = None
    waiver_note: str = ""

    def __post_init__(self) -> None:
        if self.waiver_reason is WaiverReason.OTHER and not self.waiver_note.strip():
            raise invalid("waiver_note", "required", "must say why, for another reason")


FOLLOW_UP = Kind(
    "customer.follow_up",
    "fup",
    FollowUp,
    Transitions("planned", moves(make={"planned": "done"}, waive={"planned": "waived"})),
    progress=frozenset({"finding", "channel", "said", "waiver_reason", "waiver_note"}),
    readers=READERS,
    personal=True,
    erased={"subject": ERASED, "said": ERASED, "waiver_note": ERASED},
)


@dataclass(frozen=True, kw_only=True)
class FollowUpClosed:
    """A follow-up was made or waived."""

    follow_up_id: str
    customer_id: str
    case_id: str
    order_id: str
    is_done: bool


def waiver_by(order_service: PurposeAnswer) -> WaiverReason | None:
    """Return why no follow-up may be made, by the answer for order service; None when one may."""
    if order_service.answer is not PermissionAnswer.YES:
        return WaiverReason.NOT_PERMITTED
    return None if order_service.follow_up_wanted else WaiverReason.NOT_WANTED
