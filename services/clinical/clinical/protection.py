"""To whom a vision file is open: at branches that keep some of it, to roles that see the person's
protection tier."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chassis.access import ORDINARY, AccessPolicy, Standing
from chassis.actor import Actor

MINOR = "minor"
"""The tier that follows from a birthday, which is not kept here."""


@dataclass(frozen=True)
class KnownHere:
    """What clinical itself knows of a person: the tier that was set, and whether the branch keeps a
    record of the person or has seen the person lately."""

    tier: str
    is_known_here: bool

    def also_here(self, keeps_record: bool) -> KnownHere:
        """Return the same, knowing whether a record that is shown is the branch's own."""
        return replace(self, is_known_here=self.is_known_here or keeps_record)

    def also_as(self, told: Standing) -> Standing:
        """Return what the customer service tells, with what is known here besides."""
        return replace(told, is_known_here=told.is_known_here or self.is_known_here)

    def standing(self, policy: AccessPolicy, actor: Actor) -> Standing | None:
        """Return how the file stands towards somebody, or None when the customer service must say:
        the branch does not know the person, or the tier is, or may be, above the actor's roles."""
        tier = MINOR if self.tier == ORDINARY else self.tier
        is_here = self.is_known_here or policy.serves_every_branch(actor)
        if is_here and policy.sees(actor, tier):
            return Standing(tier=self.tier, is_known_here=self.is_known_here)
        return None
