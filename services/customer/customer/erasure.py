"""An erasure: a person's identity is destroyed for good, asked for by one, decided by another, and
put off to a restriction while a retention rule holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from chassis.errors import invalid
from chassis.records.kinds import Kind, Transitions, moves
from chassis.roles import Role
from customer.person import Person
from customer.retention import Hold

UNDER_WAY = ("proposed", "requested", "restricted", "approved")
"""States in which a person has an erasure that has not ended."""


class ErasureGround(StrEnum):
    """Why a person is to be erased."""

    ASKED_BY_PERSON = "asked_by_person"
    ASKED_BY_GUARDIAN = "asked_by_guardian"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    REGISTERED_IN_ERROR = "registered_in_error"
    RETENTION_OVER = "retention_over"


class IdentityCheck(StrEnum):
    """How somebody made sure that it is the person, or the guardian, who asks."""

    DOCUMENT_SEEN = "document_seen"
    CODE_READ_BACK = "code_read_back"
    KNOWN_AT_COUNTER = "known_at_counter"
    NOBODY_ASKED = "nobody_asked"


class ErasureDecision(StrEnum):
    """What was decided about an erasure."""

    APPROVE = "approve"
    REFUSE = "refuse"


class ErasureState(StrEnum):
    """The states of an erasure, as lists ask for them."""

    PROPOSED = "proposed"
    REQUESTED = "requested"
    RESTRICTED = "restricted"
    APPROVED = "approved"
    REFUSED = "refused"
    ERASED = "erased"


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """Why, in words that name nobody, how the identity was checked; then the decision in words,
    what holds it up until which day, and when it was carried out. Raises Invalid."""

    ground: ErasureGround
    reason: str
    identity_check: IdentityCheck
    decision_reason: str = ""
    held_by: tuple[Hold, ...] = ()
    held_until: date | None = None
    erased_at: datetime | None = None

    def __post_init__(self) -> None:
        asked = self.ground in (ErasureGround.ASKED_BY_PERSON, ErasureGround.ASKED_BY_GUARDIAN)
        if asked and self.identity_check is IdentityCheck.NOBODY_ASKED:
            raise invalid("identity_check", "required", "must say how it was seen who asks")


ERASURE = Kind(
    "customer.erasure",
    "ers",
    Erasure,
    Transitions(
        "requested",
        moves(
            approve=dict.fromkeys(("proposed", "requested", "restricted"), "approved"),
            refuse=dict.fromkeys(("proposed", "requested"), "refused"),
            restrict={"requested": "restricted"},
            reopen={"approved": "requested"},
            erase={"approved": "erased"},
        ),
    ),
    progress=frozenset({"decision_reason", "held_by", "held_until", "erased_at"}),
    readers=frozenset({Role.QUALITY_MANAGER, Role.HEAD_OFFICE, Role.AUDITOR}),
)
"""Not personal: it stays readable when the person's key is gone, so its words may name nobody."""


def require_impersonal(field: str, words: str, person: Person) -> None:
    """Refuse words that outlive a person and hold the name or a contact. Raises Invalid."""
    said = words.casefold()
    told = (person.name, person.email, person.wechat_id, person.address)
    digits = "".join(one for one in words if one.isdigit())
    number = person.phone_e164.removeprefix("+")
    has_phone = bool(number) and any(one in digits for one in (number, number[-8:]))
    if has_phone or any(one and one.casefold() in said for one in told):
        raise invalid(field, "impersonal", "must not hold the person's name or contacts")
