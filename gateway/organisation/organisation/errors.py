"""Organisation's refusals stand beside what they guard: here they can be read in one place."""

from __future__ import annotations

from organisation.branch import CodeTaken, NotOpen, StaffThere
from organisation.drill import DrillsRunning
from organisation.login import LoginLocked, SessionEnded, SignInRefused
from organisation.staff import HasLeft, NotYours, OwnEmployment, QualificationNotInForce

__all__ = [
    "CodeTaken",
    "DrillsRunning",
    "HasLeft",
    "LoginLocked",
    "NotOpen",
    "NotYours",
    "OwnEmployment",
    "QualificationNotInForce",
    "SessionEnded",
    "SignInRefused",
    "StaffThere",
]
