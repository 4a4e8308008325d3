"""Who acts, where, and how far the rule of the RPC lets them reach."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chassis.roles import Role


class Scope(StrEnum):
    """The reach of a caller, the same list as `optichain.auth.v1.Scope`."""

    OWN_BRANCH = "own_branch"
    CHAIN = "chain"
    SELF = "self"
    OWN_LAB = "own_lab"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """The person or service behind a command.

    `id` is the staff id, or the service's name when no person stands behind it; `role` is the
    role the rule was met with; `branch_id` is where the person is signed in (empty for services);
    `session_id` is that of a person who calls with no service in between, and `authenticated_at`
    when that person last confirmed the own password; `drill` the drill that the actor takes part
    in, empty in real work.
    """

    id: str
    role: Role
    roles: frozenset[Role] = frozenset()
    branch_id: str = ""
    scope: Scope = Scope.OWN_BRANCH
    service: str = ""
    session_id: str = ""
    authenticated_at: datetime | None = None
    drill: str = ""

    def reaches(self, *places: str) -> bool:
        """Tell whether one of the branches lies within the caller's scope. A scope that says
        nothing about branches reaches none."""
        if self.scope is Scope.CHAIN:
            return True
        return self.scope is Scope.OWN_BRANCH and self.branch_id != "" and self.branch_id in places


def system(service: str, drill: str = "") -> Actor:
    """Return the actor of a worker that acts by rule; upon a fact of a drill, within that drill."""
    return Actor(id=service, role=Role.SYSTEM, scope=Scope.CHAIN, service=service, drill=drill)
