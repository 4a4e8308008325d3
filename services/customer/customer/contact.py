"""How a person may be reached: contacts verified on a day, and permission asked and answered for
each purpose. Unanswered is not yes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from chassis.errors import invalid
from chassis.records.envelope import Record
from chassis.records.kinds import Kind, Transitions
from customer.person import READERS, Person


class Channel(StrEnum):
    """A way to reach somebody."""

    PHONE_CALL = "phone_call"
    SMS = "sms"
    WECHAT = "wechat"
    EMAIL = "email"
    IN_PERSON = "in_person"


class Purpose(StrEnum):
    """What a contact is for."""

    ORDER_SERVICE = "order_service"
    RECALL = "recall"
    MARKETING = "marketing"


class PermissionAnswer(StrEnum):
    """What was answered; unasked is said of a purpose without an answer, and never stored."""

    YES = "yes"
    NO = "no"
    UNASKED = "unasked"


class VerificationMethod(StrEnum):
    """How somebody made sure that a contact reaches the person."""

    SAID_IN_PERSON = "said_in_person"
    CALLED = "called"
    CODE_READ_BACK = "code_read_back"
    SAID_TO_HAVE_NONE = "said_to_have_none"


FIELD_OF_CHANNEL = {
    Channel.PHONE_CALL: "phone_e164",
    Channel.SMS: "phone_e164",
    Channel.WECHAT: "wechat_id",
    Channel.EMAIL: "email",
}
"""The field of a person that a channel reaches; a word at the counter reaches nobody from afar."""


def contact_of(person: Person, channel: Channel) -> str:
    """Return where a channel reaches a person; empty when it does not."""
    return str(getattr(person, FIELD_OF_CHANNEL[channel])) if channel in FIELD_OF_CHANNEL else ""


def is_reachable(person: Person) -> bool:
    """Tell whether any contact of a person is known."""
    return any(contact_of(person, channel) for channel in FIELD_OF_CHANNEL)


@dataclass(frozen=True, kw_only=True)
class ContactVerification:
    """A contact as it stood when it was checked; or in person, and then empty, that there is none.
    Raises Invalid for another channel that reaches nobody from afar."""

    channel: Channel
    contact: str
    method: VerificationMethod
    verified_on: date

    def __post_init__(self) -> None:
        if self.is_none and self.channel is not Channel.IN_PERSON:
            raise invalid("method", "channel", "goes with the channel in_person only")
        if not self.is_none and self.channel not in FIELD_OF_CHANNEL:
            raise invalid("channel", "channel", "reaches nobody from afar; nothing to verify")

    @property
    def is_none(self) -> bool:
        """True when the person said that there is no contact."""
        return self.method is VerificationMethod.SAID_TO_HAVE_NONE

    def still_verifies(self, person: Person, since: date) -> bool:
        """Tell whether it was checked on `since` or later, and still stands as it was."""
        if self.is_none:
            return self.verified_on >= since and not is_reachable(person)
        return self.verified_on >= since and self.contact == contact_of(person, self.channel)


CONTACT_VERIFICATION = Kind(
    "customer.contact_verification",
    "cvf",
    ContactVerification,
    Transitions("verified"),
    readers=READERS,
    personal=True,
    erased={"contact": ""},
)


@dataclass(frozen=True, kw_only=True)
class ContactPermission:
    """The answer for one purpose, who gave it, and the channels permitted. Raises Invalid."""

    purpose: Purpose
    answer: PermissionAnswer
    channels: tuple[Channel, ...]
    answered_by_id: str
    follow_up_wanted: bool = False

    def __post_init__(self) -> None:
        is_yes = self.answer is PermissionAnswer.YES
        if self.answer is PermissionAnswer.UNASKED:
            raise invalid("answer", "answer", "must be yes or no; unasked is no answer")
        if is_yes and not self.channels:
            raise invalid("channels", "required", "must name a channel for a yes")
        if not is_yes and self.channels:
            raise invalid("channels", "empty", "must be empty for a no")
        if len(set(self.channels)) != len(self.channels):
            raise invalid("channels", "unique", "names a channel twice")
        if self.follow_up_wanted and not (is_yes and self.purpose is Purpose.ORDER_SERVICE):
            raise invalid("follow_up_wanted", "purpose", "needs a yes for order service")

    def permits(self, channel: Channel) -> bool:
        """Tell whether the person may be contacted so. A word at the counter contacts nobody."""
        return channel is Channel.IN_PERSON or channel in self.channels


CONTACT_PERMISSION = Kind(
    "customer.contact_permission",
    "cpm",
    ContactPermission,
    Transitions("answered"),
    readers=READERS,
    personal=True,
)


@dataclass(frozen=True, kw_only=True)
class PurposeAnswer:
    """How one purpose stands."""

    purpose: Purpose
    answer: PermissionAnswer = PermissionAnswer.UNASKED
    channels: tuple[Channel, ...] = ()
    follow_up_wanted: bool = False
    contact_permission_id: str = ""
    answered_at: datetime | None = None


def answers(permissions: Iterable[Record[ContactPermission]]) -> dict[Purpose, PurposeAnswer]:
    """Return how every purpose stands, the newest answer counting for each."""
    found = {purpose: PurposeAnswer(purpose=purpose) for purpose in Purpose}
    for one in sorted(permissions, key=lambda record: record.recorded_at):
        found[one.content.purpose] = PurposeAnswer(
            purpose=one.content.purpose,
            answer=one.content.answer,
            channels=one.content.channels,
            follow_up_wanted=one.content.follow_up_wanted,
            contact_permission_id=one.id,
            answered_at=one.recorded_at,
        )
    return found
