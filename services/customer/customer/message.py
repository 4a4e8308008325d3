"""What a customer was told, by whom and how; or that none was wanted. No order is ready before."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chassis.errors import invalid
from chassis.records.kinds import Kind, Transitions
from customer.contact import Channel, Purpose
from customer.person import ERASED, READERS


class MessageOutcome(StrEnum):
    """How a message ended."""

    TOLD = "told"
    NONE_WANTED = "none_wanted"


@dataclass(frozen=True, kw_only=True)
class Message:
    """What for, told or not wanted, on which channel, in which words, to whom. Raises Invalid."""

    purpose: Purpose
    outcome: MessageOutcome
    channel: Channel | None = None
    said: str = ""
    order_id: str = ""
    told_id: str

    def __post_init__(self) -> None:
        if self.outcome is MessageOutcome.NONE_WANTED and (self.channel or self.said):
            raise invalid("channel", "empty", "must be empty, and no words, when none is wanted")
        if self.outcome is MessageOutcome.TOLD and self.channel is None:
            raise invalid("channel", "required", "must be named when the customer was told")
        if self.outcome is MessageOutcome.TOLD and not self.said.strip():
            raise invalid("said", "required", "must say what the customer was told")


MESSAGE = Kind(
    "customer.message",
    "msg",
    Message,
    Transitions("recorded"),
    readers=READERS,
    personal=True,
    erased={"said": ERASED},
)


@dataclass(frozen=True, kw_only=True)
class CustomerInformed:
    """A customer was told something, or wants to be told nothing."""

    customer_id: str
    case_id: str
    order_id: str
    purpose: Purpose
    outcome: MessageOutcome
    channel: Channel | None
    message_id: str
