"""Who may call what: every RPC by every role and by nobody, answered as its rule says."""

from __future__ import annotations

from typing import Any

import pytest

from asking import call
from chain import Chain, Person
from chassis.contract import Rule, rule_of
from chassis.errors import DomainError
from chassis.roles import Role
from contract import SERVICES, methods

OPEN = {"SignIn", "RenewSession", "ListTokenKeys", "IssueServiceToken"}
REFUSALS = ("TOKEN_MISSING", "ROLE_NOT_PERMITTED")
"""What a caller hears whom the rule does not admit: without a token, with one."""

BY_SERVICE: dict[str, list[Any]] = {}
for _method in methods():
    BY_SERVICE.setdefault(_method.containing_service.full_name, []).append(_method)


@pytest.fixture(scope="module")
def signed_in(whole_chain: Chain) -> dict[Role, Person]:
    whole_chain.serve(*(name for name in SERVICES if name != "organisation"))
    return {role: whole_chain.person(role) for role in Role}


def expected(rule: Rule, role: Role | None) -> str:
    """Return the refusal that the rule has for a role, or for nobody; empty for who may call."""
    if rule.open or (role is not None and (rule.signed_in or role in rule.roles)):
        return ""
    return "TOKEN_MISSING" if role is None else "ROLE_NOT_PERMITTED"


def heard(chain: Chain, method: Any, who: Person | None) -> str:
    """Return how the call of an empty request is not admitted; empty when it came to the border or
    beyond."""
    try:
        call(chain, method, as_=who)
    except DomainError as refused:
        return refused.code if refused.code in REFUSALS else ""
    return ""


def test_without_a_token_people_sign_in_and_processes_get_keys_and_nothing_else() -> None:
    assert {method.name for method in methods() if rule_of(method).open} == OPEN


@pytest.mark.parametrize("service", BY_SERVICE)
def test_a_role_may_call_what_its_rule_says_and_nothing_else(
    whole_chain: Chain, signed_in: dict[Role, Person], service: str
) -> None:
    callers: list[tuple[Role | None, Person | None]] = [(None, None), *signed_in.items()]
    wrong = [
        f"{method.name} by {role or 'nobody'}: {found or 'admitted'}, not {wanted or 'admitted'}"
        for method in BY_SERVICE[service]
        for role, person in callers
        if (found := heard(whole_chain, method, person))
        != (wanted := expected(rule_of(method), role))
    ]
    assert wrong == []
