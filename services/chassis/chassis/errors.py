"""Everything that can be wrong with a request, as classes with a reason a machine can read.

    DomainError
    ├── Invalid              the request itself (names field, rule and place)
    ├── Unknown              what it names is not there
    ├── Refused              forbidden now: a state, a missing fact
    │   └── StalePins        what the holder relied on has moved on
    ├── Outdated             somebody wrote in between: read again, then retry
    ├── AlreadyThere         it exists, or the request id was used for something else
    ├── Unauthenticated      nobody, or nobody we know
    ├── NotPermitted         the caller's roles or branch do not reach there
    ├── TooManyAttempts      wait before trying again
    └── Unavailable          somebody who must be asked cannot be

Texts never hold names, phone numbers or clinical values: they may reach logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class SettingMissing(Exception):
    """A process cannot start: a setting is absent or wrong. The text names the environment
    variable."""


@dataclass(frozen=True)
class FieldProblem:
    """One thing wrong with one field: where it stands, the rule it breaks, in words."""

    field: str
    rule: str
    text: str


class DomainError(Exception):
    """A refusal that the caller can understand. `reason` is stable and tested; the text is for
    people."""

    reason: ClassVar[str] = "DOMAIN_ERROR"

    def __init__(self, text: str, *, reason: str | None = None, **details: str | int) -> None:
        super().__init__(text)
        self.text = text
        self.code = reason or type(self).reason
        self.details = {name: str(value) for name, value in details.items()}


class Invalid(DomainError):
    """The request breaks a rule; `problems` says which fields, which rules."""

    reason = "INVALID"

    def __init__(self, problems: Sequence[FieldProblem], *, reason: str | None = None) -> None:
        super().__init__("; ".join(f"{p.field}: {p.text}" for p in problems), reason=reason)
        self.problems = tuple(problems)


class Unknown(DomainError):
    """Nothing stands under this id."""

    reason = "RECORD_UNKNOWN"


class Refused(DomainError):
    """The move is forbidden as things stand. `missing` lists what would have to be true."""

    reason = "REFUSED"

    def __init__(
        self,
        text: str,
        *,
        reason: str | None = None,
        missing: Sequence[str] = (),
        **details: str | int,
    ) -> None:
        super().__init__(text, reason=reason, **details)
        self.missing = tuple(missing)


class Outdated(DomainError):
    """The record was written after the caller read it."""

    reason = "REVISION_OUTDATED"


class AlreadyThere(DomainError):
    """The thing exists already."""

    reason = "ALREADY_THERE"


class Unauthenticated(DomainError):
    """No token, or one that does not verify."""

    reason = "UNAUTHENTICATED"


class NotPermitted(DomainError):
    """The caller's roles, branch or kind do not reach there."""

    reason = "NOT_PERMITTED"


class TooManyAttempts(DomainError):
    """Refused for a while."""

    reason = "TOO_MANY_ATTEMPTS"


class Unavailable(DomainError):
    """A service that must be asked cannot be; nothing was changed."""

    reason = "UNAVAILABLE"


def invalid(field: str, rule: str, text: str, *, reason: str | None = None) -> Invalid:
    """Return the refusal of one field: where it stands, the rule it breaks, in words."""
    return Invalid([FieldProblem(field, rule, text)], reason=reason)
