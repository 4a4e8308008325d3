"""Kinds of record: what a domain module declares so that the chassis can do the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

import msgspec

from chassis.actor import Actor
from chassis.errors import Refused, Unknown
from chassis.ids import prefix_of
from chassis.roles import Role

C = TypeVar("C")


class MoveForbidden(Refused):
    """The transition table has no such move from the record's state."""

    reason = "MOVE_FORBIDDEN"


@dataclass(frozen=True)
class Transitions:
    """A record's life: for each verb, the states it may start from and where it ends."""

    start: str
    moves: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def after(self, state: str, verb: str) -> str:
        """Return the state after the verb. Raises MoveForbidden when the table has no such move."""
        try:
            return self.moves[verb][state]
        except KeyError:
            allowed = ", ".join(sorted(self.moves.get(verb, {}))) or "no state"
            raise MoveForbidden(
                f"cannot {verb} while {state}; possible from: {allowed}", verb=verb, state=state
            ) from None


def moves(**verbs: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Spell a transition table: `moves(sign={"drafted": "signed"})`."""
    return {verb: dict(table) for verb, table in verbs.items()}


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """Declared on a kind whose records rely on others: while such a record is open (somebody must
    act next), a change of what it stands on opens a review at its branch for `role`, or else for
    the role that must act next.

    `redo` is what must be done again, in order, when the new version is adopted; with nothing to
    redo, adopting settles the pin. `allows` names what may be decided besides adopting and keeping.
    """

    role: Role | None = None
    redo: tuple[str, ...] = ()
    allows: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Kind(Generic[C]):
    """A kind of record: its name, the prefix of its ids, its content and its transition table.

    `progress` names the content fields that later steps fill in; they move the revision, never
    the version, and no pin rests on them. `readers` are the roles that may see values in its
    history; the rest see field names. `personal` content is sealed in history with the customer's
    own key; `erased` is what its personal fields say once that key was destroyed. Every other
    content field changes by an amendment only. `chain_wide` records (a catalogue, a price list)
    belong to no branch: every branch reaches them. `reviewed` says who is asked when something a
    record stands on changes; without it nobody is, and only its gates hold.
    """

    name: str
    prefix: str
    content: type[C]
    transitions: Transitions
    progress: frozenset[str] = frozenset()
    readers: frozenset[Role] = frozenset()
    personal: bool = False
    chain_wide: bool = False
    reviewed: Reviewed | None = None
    erased: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = {f.name for f in fields(self.content)}  # type: ignore[arg-type]  # content classes are dataclasses
        unknown = (self.progress | self.erased.keys()) - names
        if unknown:
            raise ValueError(f"{self.name}: progress or erased name no field: {sorted(unknown)}")
        _BY_NAME[self.name] = self
        _BY_PREFIX[self.prefix] = self

    @property
    def owner(self) -> str:
        """The service that owns records of this kind."""
        return owner_of(self.name)

    @property
    def settled_fields(self) -> tuple[str, ...]:
        """The content fields that only an amendment may change."""
        names = (f.name for f in fields(self.content))  # type: ignore[arg-type]  # as above
        return tuple(name for name in names if name not in self.progress)

    def is_within_reach(self, actor: Actor, *places: str) -> bool:
        """Tell whether a record that was made, or waits, at these places lies within the caller's
        scope."""
        return self.chain_wide or actor.reaches(*places)

    def pack(self, content: C) -> Any:
        """Return the content as plain JSON values."""
        return msgspec.to_builtins(content)

    def unpack(self, stored: Any) -> C:
        """Return the content that was stored as plain JSON values."""
        return msgspec.convert(stored, self.content)


_BY_NAME: dict[str, Kind[Any]] = {}
_BY_PREFIX: dict[str, Kind[Any]] = {}


def kind_named(name: str) -> Kind[Any]:
    """Return this service's kind of that name. Raises KeyError."""
    return _BY_NAME[name]


def kind_of(identifier: str) -> Kind[Any]:
    """Return this service's kind of an id. Raises Unknown for an id of another service."""
    try:
        return _BY_PREFIX[prefix_of(identifier)]
    except KeyError:
        raise Unknown(f"no {prefix_of(identifier)}_ record is kept here", id=identifier) from None


def is_kept_here(identifier: str) -> bool:
    """Tell whether an id is of a kind that this service owns."""
    return prefix_of(identifier) in _BY_PREFIX


def owner_of(kind_name: str) -> str:
    """Return the service that owns a kind: the first part of its dotted name."""
    return kind_name.partition(".")[0]
