"""A branch: the place where a pair of glasses is chosen, made, stored or decided on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chassis.errors import AlreadyThere, Refused, invalid
from chassis.records.envelope import Record
from chassis.records.kinds import Kind, Transitions, moves


class BranchKind(StrEnum):
    """What kind of place a branch is."""

    SHOP = "shop"
    CENTRAL_LAB = "central_lab"
    CENTRAL_STORE = "central_store"
    HEAD_OFFICE = "head_office"


@dataclass(frozen=True, kw_only=True)
class Branch:
    """Name, short code, kind, IANA time zone, and what receipts print. Raises Invalid for an
    unknown zone."""

    name: str
    code: str
    branch_kind: BranchKind
    time_zone: str
    address: str = ""
    telephone: str = ""

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise invalid(
                "time_zone", "time_zone", "is no IANA time zone such as Asia/Shanghai"
            ) from error


BRANCH = Kind(
    "organisation.branch", "br", Branch, Transitions("open", moves(close={"open": "closed"}))
)


class CodeTaken(AlreadyThere):
    """Another branch has this short code."""

    reason = "CODE_TAKEN"


class NotOpen(Refused):
    """The branch is closed: nobody is appointed there."""

    reason = "BRANCH_CLOSED"


class StaffThere(Refused):
    """People still belong to the branch, so that it cannot close."""

    reason = "STAFF_THERE"


def require_open(branch: Record[Branch]) -> Record[Branch]:
    """Return a branch that is open. Raises NotOpen."""
    if branch.state != "open":
        raise NotOpen(f"{branch.id} is closed", id=branch.id)
    return branch


@dataclass(frozen=True, kw_only=True)
class BranchClosed:
    """A branch was closed."""

    branch_id: str


@dataclass(frozen=True, kw_only=True)
class BranchOpened:
    """A branch was opened."""

    branch_id: str
    code: str
    branch_kind: BranchKind
    time_zone: str
    name: str
