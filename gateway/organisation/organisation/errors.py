"""Organisation's refusals stand beside what they guard: here they can be read in one place."""

from __future__ import annotations

from organisation.commands import CodeTaken, SessionEnded
from organisation.login import LoginLocked, SignInRefused
from organisation.staff import QualificationMissing

__all__ = ["CodeTaken", "LoginLocked", "QualificationMissing", "SessionEnded", "SignInRefused"]
