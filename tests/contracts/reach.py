"""How far the callers of an RPC reach, derived from its rule and from what its request names."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from chassis.actor import Scope
from chassis.contract import rule_of
from gateway.owners import OWNERS
from optichain.field.v1 import rule_pb2

OF_EVERY_BRANCH = {"cus", "case", "prd", "trm", "pls", "stf"}
"""Kinds of id that no branch has for itself: people and their cases, the catalogue,
terms, prices and staff."""

OF_A_BRANCH = set(OWNERS) - OF_EVERY_BRANCH - {"br"}


class Reach(StrEnum):
    """What somebody who may call an RPC may act on with it."""

    ANYBODY = "anybody calls it, without a token"
    SERVICES = "only services call it"
    CHAIN = "what every branch has"
    SELF = "what is the caller's own"
    RECORD = "a record of the caller's branch, which the request names"
    BRANCH = "the caller's branch, which the request names"
    OBJECT = "an object of the caller's branch, which the request names"
    LIST = "what the caller's branch has, and the answer shows"
    PLACE = "what comes to be at the caller's branch; the request names nothing of a branch"
    UNSAID = "neither rule nor request says"


def reach_of(method: Any) -> Reach:
    """Return how far an RPC reaches."""
    rule = rule_of(method)
    if rule.open:
        return Reach.ANYBODY
    if not (rule.roles or rule.signed_in):
        return Reach.SERVICES
    if rule.scope is Scope.OWN_BRANCH:
        return _at_a_branch(method)
    return {Scope.CHAIN: Reach.CHAIN, Scope.SELF: Reach.SELF}.get(rule.scope, Reach.UNSAID)


def _at_a_branch(method: Any) -> Reach:
    fields, named = method.input_type.fields_by_name, named_by(method)
    is_list = method.name.startswith("List")
    if named and (_rule(named).required or not is_list):
        return Reach.RECORD
    if "branch_id" in fields:
        return Reach.BRANCH
    if "object_key" in fields:
        return Reach.OBJECT
    if is_list:
        return Reach.LIST
    kinds = {kind_in(field) for field in method.input_type.fields} - {""}
    return Reach.PLACE if kinds <= OF_EVERY_BRANCH else Reach.UNSAID


def named_by(method: Any) -> Any:
    """Return the field that names the record of some branch which an RPC is about, if one does."""
    found = [field for field in method.input_type.fields if kind_in(field) in OF_A_BRANCH]
    return next((field for field in found if _rule(field).required), found[0] if found else None)


def kind_in(field: Any) -> str:
    """Return the kind of id a field holds; an issue may be of any service, and is of labjob here,
    which answers for all of them."""
    kind: str = _rule(field).id
    return "labjob_issue" if field.name == "issue_id" else kind


def _rule(field: Any) -> Any:
    return field.GetOptions().Extensions[rule_pb2.rule]
