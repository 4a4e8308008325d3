"""A branch: the place where a pair of glasses is chosen, made, stored or decided on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chassis.errors import invalid
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


@dataclass(frozen=True, kw_only=True)
class BranchOpened:
    """A branch was opened."""

    branch_id: str
    code: str
    branch_kind: BranchKind
    time_zone: str
    name: str
