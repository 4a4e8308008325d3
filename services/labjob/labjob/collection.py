"""The pair at the counter: branch check, fitting check on the wearer, collection against a
signature, and the warranty that begins with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from chassis.errors import invalid
from chassis.records.kinds import Kind, Transitions
from chassis.roles import Role
from labjob.inspection import LookedOver


@dataclass(frozen=True, kw_only=True)
class BranchCheck:
    """The finished pair looked over before the wearer comes."""

    job_id: str
    qc_result_id: str
    as_ordered: LookedOver
    appearance: LookedOver
    passed: bool
    note: str


BRANCH_CHECK = Kind("labjob.branch_check", "bck", BranchCheck, Transitions("recorded"))


class AcuityNotation(StrEnum):
    """How an acuity is written."""

    DECIMAL = "decimal"
    FIVE_GRADE = "five_grade"
    SNELLEN = "snellen"
    LOGMAR = "logmar"


_WRITTEN = {
    AcuityNotation.DECIMAL: re.compile(r"[0-2]\.\d{1,2}"),
    AcuityNotation.FIVE_GRADE: re.compile(r"[0-5]\.\d"),
    AcuityNotation.SNELLEN: re.compile(r"\d{1,2}/\d{1,3}"),
    AcuityNotation.LOGMAR: re.compile(r"-?[01]\.\d{1,2}"),
}


@dataclass(frozen=True, kw_only=True)
class GlassesAcuity:
    """Acuity through the finished glasses, as read off the chart; empty where not measured.

    Raises Invalid (ACUITY_MALFORMED).
    """

    notation: AcuityNotation | None
    od: str = ""
    os: str = ""
    ou: str = ""

    def __post_init__(self) -> None:
        if self.notation is None:
            raise invalid("acuity.notation", "required", "must be given")
        for name, value in (("od", self.od), ("os", self.os), ("ou", self.ou)):
            if value and not _WRITTEN[self.notation].fullmatch(value):
                raise invalid(
                    f"acuity.{name}",
                    "acuity",
                    f"is no acuity in {self.notation} notation",
                    reason="ACUITY_MALFORMED",
                )
        if not (self.od or self.os or self.ou):
            raise invalid("acuity", "required", "must be measured for an eye at least")


class CollectorRelation(StrEnum):
    """Who came for the glasses."""

    WEARER = "wearer"
    GUARDIAN = "guardian"
    FAMILY = "family"
    FRIEND = "friend"
    CARRIER = "carrier"


class IdentityProof(StrEnum):
    """How identity was shown."""

    KNOWN_WEARER = "known_wearer"
    PHONE = "phone"
    DOCUMENT = "document"


@dataclass(frozen=True, kw_only=True)
class FittingCheck:
    """The finished pair on the wearer, tied to its inspection; or waived for a proxy, with a
    reason. Raises Invalid for what is missing."""

    job_id: str
    qc_result_id: str
    acuity: GlassesAcuity | None
    adjustment: str
    passed: bool
    is_waived: bool
    reason: str

    def __post_init__(self) -> None:
        if self.is_waived and (self.acuity is not None or self.passed):
            raise invalid("is_waived", "fitting_check", "a waived check has no result")
        if not self.is_waived and self.acuity is None:
            raise invalid("acuity", "required", "must be measured through the glasses")
        if not self.passed and not self.reason.strip():
            raise invalid("reason", "required", "must say why it is waived or did not pass")


FITTING_CHECK = Kind(
    "labjob.fitting_check",
    "fck",
    FittingCheck,
    Transitions("recorded"),
    readers=frozenset({Role.OPTICIAN, Role.OPTOMETRIST, Role.OPHTHALMOLOGIST, Role.AUDITOR}),
)


@dataclass(frozen=True, kw_only=True)
class Collection:
    """The pair was handed over and signed for. Raises Invalid when identity does not fit who
    came."""

    job_id: str
    order_id: str
    collected_by: CollectorRelation
    identity_proof: IdentityProof
    fitting_check_id: str
    is_care_explained: bool
    is_warranty_told: bool
    collected_at: datetime

    def __post_init__(self) -> None:
        is_wearer = self.collected_by is CollectorRelation.WEARER
        if self.identity_proof is IdentityProof.KNOWN_WEARER and not is_wearer:
            raise invalid("identity_proof", "identity", "a proxy shows more than the slip")


COLLECTION = Kind("labjob.collection", "col", Collection, Transitions("recorded"))


@dataclass(frozen=True, kw_only=True)
class Warranty:
    """Warranty of a made pair, both days included."""

    job_id: str
    order_id: str
    collection_id: str
    terms_id: str
    terms_version: int
    starts_on: date
    ends_on: date


WARRANTY = Kind("labjob.warranty", "war", Warranty, Transitions("running"))
