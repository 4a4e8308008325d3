"""Whether a caller may call: the identity its tokens prove against the rule the RPC carries."""

from __future__ import annotations

from chassis.actor import Actor, Scope
from chassis.contract import Rule
from chassis.errors import NotPermitted, Unauthenticated
from chassis.roles import Role
from chassis.tokens import Identity

NOBODY = Actor(id="anonymous", role=Role.SYSTEM, scope=Scope.SELF)


def admit(
    rule: Rule,
    identity: Identity | None,
    *,
    actor_id: str = "",
    actor_role: str = "",
    actor_branch: str = "",
    actor_drill: str = "",
) -> Actor:
    """Return the actor a call is made by. Raises Unauthenticated, NotPermitted
    (ROLE_NOT_PERMITTED, SERVICE_NOT_PERMITTED, PASSWORD_CHANGE_DUE).

    `actor_*` name the person in whose name a service calls; a person's own token never carries
    them.
    """
    if rule.open:
        return NOBODY
    if identity is None:
        raise Unauthenticated("sign in first", reason="TOKEN_MISSING")
    if identity.is_service:
        return _service(rule, identity, actor_id, actor_role, actor_branch, actor_drill)
    return _person(rule, identity)


def _service(
    rule: Rule,
    identity: Identity,
    actor_id: str,
    actor_role: str,
    actor_branch: str,
    actor_drill: str,
) -> Actor:
    name = identity.subject
    if not rule.any_service and name not in rule.services:
        raise NotPermitted(f"the service {name} may not call this", reason="SERVICE_NOT_PERMITTED")
    return Actor(
        id=actor_id or name,
        role=Role(actor_role) if actor_role else Role.SYSTEM,
        branch_id=actor_branch,
        scope=Scope.CHAIN,
        service=name,
        drill=actor_drill,
    )


def _person(rule: Rule, identity: Identity) -> Actor:
    if identity.is_password_due and not rule.before_password_change:
        raise NotPermitted(
            "your password was given by somebody else; change it first",
            reason="PASSWORD_CHANGE_DUE",
        )
    role = next((role for role in rule.roles if role in identity.roles), None)
    if role is None and rule.signed_in and identity.roles:
        role = identity.roles[0]
    if role is None:
        needed = ", ".join(rule.roles) or "a service"
        raise NotPermitted(f"this is for {needed}", reason="ROLE_NOT_PERMITTED")
    return Actor(
        id=identity.subject,
        role=role,
        roles=frozenset(identity.roles),
        branch_id=identity.branch_id,
        scope=Scope.CHAIN if rule.chain_roles.intersection(identity.roles) else rule.scope,
        session_id=identity.session_id,
        authenticated_at=identity.authenticated_at,
        drill=identity.drill,
    )
