"""Covers in the replies of a service, and in its refusals, what is not for the person who asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, partial

import structlog
from google.protobuf.message import Message

from chassis import masking, rules
from chassis.actor import Actor
from chassis.clock import now
from chassis.db import Database
from chassis.errors import DomainError
from chassis.masking import Audiences
from chassis.roles import Role

log = structlog.get_logger()

MASKED = "x-masked"
"""The trailing header that names the covered fields of a reply."""

_REMEMBERED_SECONDS = 60.0
_LONGEST_HEADER = 2_000


class Masks:
    """Knows which audiences are withheld from whom, as the rule `masking` was at most a minute
    ago, so that no reply waits for a statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known_until = 0.0
        self._withheld: Callable[[frozenset[Role]], Audiences]

    def cover(self, message: Message, actor: Actor | None) -> set[str]:
        """Cover in a message what is not for the caller; return the paths of the covered fields. A
        service gets everything; a caller who was not admitted belongs to no audience."""
        is_service = actor is not None and bool(actor.service)
        if is_service or not masking.has_audiences(message.DESCRIPTOR):
            return set()
        roles = actor.roles | {actor.role} if actor is not None else frozenset[Role]()
        return masking.cover(message, self._withheld_from(roles))

    def _withheld_from(self, roles: frozenset[Role]) -> Audiences:
        if self._known_until < time.monotonic():
            sees = self._read()
            if sees is None:
                return masking.ALL
            self._withheld = cache(partial(masking.withheld_from, sees=sees))
            self._known_until = time.monotonic() + _REMEMBERED_SECONDS
        return self._withheld(roles)

    def _read(self) -> dict[str, list[str]] | None:
        """Return who sees what. None when that cannot be known: then nobody sees anything, since
        the reply may be that of a command which is already committed."""
        try:
            with self._database.snapshot() as connection:
                found = rules.in_force(connection, "masking", now().date())
        except DomainError as error:
            log.error("masking rule not to be had", error=type(error).__name__)
            return None
        sees: dict[str, list[str]] = found.body["sees"]
        return sees


def header_of(covered: set[str]) -> tuple[tuple[str, str], ...]:
    """Return the trailing header that names what was covered; of very many fields only the parts
    of the reply that they stand in."""
    text = ",".join(sorted(covered))
    if len(text) > _LONGEST_HEADER:
        text = ",".join(sorted({path.partition(".")[0] for path in covered}))
    return ((MASKED, text),)
