"""Nobody of another branch acts on what a branch has: every RPC is tried, as far as its rule and
its request say that it reaches."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from asking import call
from chain import Chain, Person
from chassis.contract import rule_of
from chassis.errors import DomainError
from chassis.roles import Role
from contract import SERVICES, methods
from elsewhere import everything, furnish, qualify, revisions_at, signed_in
from minimal import filled
from reach import OF_A_BRANCH, Reach, kind_in, named_by, reach_of

BY_REACH: dict[Reach, list[Any]] = {reach: [] for reach in Reach}
for _method in methods():
    BY_REACH[reach_of(_method)].append(_method)

REFUSED = {
    Reach.RECORD: {"WRONG_BRANCH"},
    Reach.BRANCH: {"WRONG_BRANCH"},
    Reach.OBJECT: {"WRONG_BRANCH", "OBJECT_UNKNOWN"},
}
"""What somebody of another branch hears who names something of a branch. An upload that no record
names yet is its uploader's alone, and nothing is said of it to others."""


ARRIVALS = {"ReceiveTransfer", "ReceiveTray", "ReceiveJob"}
"""What is received was sent from elsewhere; nothing is on its way to this branch."""


class Shop:
    """A branch with a record of every kind, its people, and those of another branch."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        first = chain.person(Role.OPTICIAN)
        named = {kind_in(field) for method in methods() for field in method.input_type.fields}
        kinds = (named & OF_A_BRANCH) | {"br"}
        self.branch_id = first.branch_id
        self.known = furnish(chain, first, kinds)
        self.own = self._people(first.branch_id)
        self.strangers = self._people("")
        for role in Role:
            qualify(chain, first, self.own[role].id)
            qualify(chain, first, self.strangers[role].id)

    def _people(self, branch_id: str) -> dict[Role, Person]:
        return {role: self.chain.person(role, branch_id=branch_id) for role in Role}

    def request(self, method: Any) -> Any:
        """Return a request that names what this branch has."""
        request = filled(method.input_type, self.known)
        named = named_by(method)
        if named and not named.is_repeated:
            setattr(request, named.name, self.known[kind_in(named)])
        if "branch_id" in method.input_type.fields_by_name:
            request.branch_id = self.branch_id
        return request

    def heard(self, method: Any, request: Any, who: Person) -> str:
        """Return the reason of the refusal; empty for an answer."""
        try:
            call(self.chain, method, request, as_=who)
        except DomainError as refused:
            return refused.code
        except grpc.RpcError:
            return "INTERNAL"  # a record of next to nothing is no record a command can go on with
        return ""


@pytest.fixture(scope="module")
def shop(whole_chain: Chain) -> Shop:
    whole_chain.serve(*(name for name in SERVICES if name != "organisation"))
    whole_chain.empty()
    return Shop(whole_chain)


def each(*reaches: Reach) -> Any:
    found = [method for reach in reaches for method in BY_REACH[reach]]
    return pytest.mark.parametrize("method", found, ids=lambda method: method.full_name)


def test_of_every_rpc_it_is_said_how_far_it_reaches() -> None:
    assert [method.full_name for method in BY_REACH[Reach.UNSAID]] == []


@each(*REFUSED)
def test_nobody_of_another_branch_acts_on_what_a_branch_has(shop: Shop, method: Any) -> None:
    rule = rule_of(method)
    before = everything(shop.chain)
    answers = {
        role: shop.heard(method, shop.request(method), shop.strangers[role])
        for role in rule.roles
        if role not in rule.chain_roles
    }
    wrong = {role: code for role, code in answers.items() if code not in REFUSED[reach_of(method)]}
    assert wrong == {}
    assert everything(shop.chain) == before


@each(*REFUSED)
def test_it_is_the_branch_that_was_refused(shop: Shop, method: Any) -> None:
    """Whoever calls at the branch itself hears anything else of the same request, and so does a
    role that reaches every branch."""
    rule = rule_of(method)
    people = [] if method.name in ARRIVALS else [shop.own[role] for role in rule.roles]
    people += [shop.strangers[role] for role in rule.chain_roles]
    assert "WRONG_BRANCH" not in {shop.heard(method, shop.request(method), who) for who in people}


@each(Reach.CHAIN)
def test_what_every_branch_has_is_refused_to_no_branch(shop: Shop, method: Any) -> None:
    rule = rule_of(method)
    request = shop.request(method)
    answers = {role: shop.heard(method, request, shop.strangers[role]) for role in rule.roles}
    assert "WRONG_BRANCH" not in answers.values(), answers


@each(Reach.LIST)
def test_a_list_shows_nothing_of_another_branch(shop: Shop, method: Any) -> None:
    for role in rule_of(method).roles:
        answer = call(shop.chain, method, shop.request(method), as_=shop.strangers[role])
        assert not answer.ListFields()


@each(Reach.PLACE)
def test_what_comes_to_be_is_where_the_caller_is_signed_in(shop: Shop, method: Any) -> None:
    """Whatever it writes, no record of another branch is written, and none comes to be there."""
    before = revisions_at(shop.chain, shop.branch_id)
    for role in rule_of(method).roles:
        shop.heard(method, filled(method.input_type, shop.known), shop.strangers[role])
    assert revisions_at(shop.chain, shop.branch_id) == before


@each(Reach.SELF)
def test_what_is_somebody_elses_own_stays_as_it_is(shop: Shop, method: Any) -> None:
    own, other = shop.own[Role.CASHIER], shop.strangers[Role.CASHIER]
    known = shop.known | {"session_id": signed_in(shop.chain, own)}
    before = everything(shop.chain)
    shop.heard(method, filled(method.input_type, known), other)
    assert everything(shop.chain) == before
