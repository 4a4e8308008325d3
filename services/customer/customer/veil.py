"""What a search shows of people whose protection tier the caller's roles do not see."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chassis.access import AccessPolicy
from chassis.actor import Actor
from customer.country import Country
from customer.duplicate import DuplicateCandidate
from customer.person import FoundPerson, veiled
from customer.protection import tier_now


@dataclass(frozen=True)
class Veil:
    """Hides from somebody what tells such people apart: name and code alone are shown."""

    policy: AccessPolicy
    country: Country
    actor: Actor

    def over(self, person: FoundPerson) -> FoundPerson:
        """Return a found person as the caller may see it."""
        is_minor = self.country.is_minor(person.birthday)
        tier = tier_now(person.protection_tier, is_minor=is_minor)
        return person if self.policy.sees(self.actor, tier) else veiled(person)

    def over_all(self, candidates: list[DuplicateCandidate]) -> list[DuplicateCandidate]:
        """Return candidates as the caller may see them."""
        return [replace(one, person=self.over(one.person)) for one in candidates]
