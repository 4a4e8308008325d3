"""Names of staff and branches instead of ids, where they can be had."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.composed import Asked
from optichain.organisation.v1 import organisation_service_pb2 as organisation

_MOST_NAMES = 40
_BRANCHES, _STAFF = "branches", "stf_"


def asked_for(people: Iterable[str]) -> dict[str, Asked]:
    """Return what to ask for the names of these people (who are no staff have none) and of every
    branch."""
    known = sorted({one for one in people if one.startswith(_STAFF)})[:_MOST_NAMES]
    asked: dict[str, Asked] = {
        one: ("organisation", organisation.GetStaffRequest(staff_id=one)) for one in known
    }
    return {_BRANCHES: ("organisation", organisation.ListBranchesRequest()), **asked}


class Names:
    """Names of staff and codes of branches by id; an id stands for itself where there is no
    name."""

    def __init__(self, answers: dict[str, Any]) -> None:
        branches = answers.get(_BRANCHES)
        self._names: dict[str, str] = {}
        for branch in branches.branches if branches else ():
            self._names[branch.envelope.id] = branch.code
        for name, answer in answers.items():
            if name.startswith(_STAFF):
                self._names[name] = answer.staff.name

    def __getitem__(self, identifier: str) -> str:
        return self._names.get(identifier, identifier)
