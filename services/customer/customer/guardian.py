"""Guardians: the adults who consent and are contacted for a minor, and the household they make."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chassis.records.kinds import Kind, Transitions
from customer.person import READERS, FoundPerson


class Relationship(StrEnum):
    """What a guardian is to the ward."""

    MOTHER = "mother"
    FATHER = "father"
    GRANDPARENT = "grandparent"
    OTHER_GUARDIAN = "other_guardian"


@dataclass(frozen=True, kw_only=True)
class GuardianLink:
    """The adult, and what he or she is to the ward, whom the envelope names."""

    guardian_id: str
    relationship: Relationship


GUARDIAN_LINK = Kind(
    "customer.guardian_link",
    "gdl",
    GuardianLink,
    Transitions("linked"),
    readers=READERS,
    personal=True,
)


@dataclass(frozen=True, kw_only=True)
class HouseholdMember:
    """One person of a household, with the guardians he or she has inside it."""

    person: FoundPerson
    guardian_ids: tuple[str, ...]
    is_minor: bool
