"""Gates: where every live pin is read again before the next action. One order of steps, and no
other.

(i) load the holder's revision and pins; (ii) ask every owning service once; (iii) commit where
the revision is still the loaded one, with this service's own pins held for share. Reading before
loading would let a holder pass twice on an old assumption; this order does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlalchemy import ARRAY, Connection, Uuid, any_, bindparam, func, select

from chassis.errors import Unknown
from chassis.ids import as_uuid
from chassis.records import history
from chassis.records.changes import TOLD_TO_OTHERS, VOIDING, FieldChange, difference
from chassis.records.kinds import Kind, is_kept_here, kind_of, owner_of
from chassis.records.pins import Pin, StalePin, StalePins
from chassis.records.rows import pin_of
from chassis.records.tables import pin as pin_table
from chassis.records.tables import record as record_table
from chassis.records.tables import review as review_table

F = TypeVar("F", bound=Callable[..., Any])

_LOAD = (
    select(
        record_table.c.revision,
        record_table.c.branch_id,
        record_table.c.held_at_id,
        record_table.c.drill,
        pin_table,
        select(func.count())
        .where(review_table.c.holder_id == record_table.c.id, review_table.c.closed_at.is_(None))
        .scalar_subquery()
        .label("reviews"),
    )
    .outerjoin(pin_table, pin_table.c.holder_id == record_table.c.id)
    .where(record_table.c.id == bindparam("holder_id"))
)
_LIVE = (
    select(record_table.c.id, record_table.c.version, record_table.c.void)
    .where(record_table.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
    .order_by(record_table.c.id)
)
_LIVE_HELD = _LIVE.with_for_update(read=True)
_CONTENTS = select(record_table.c.id, record_table.c.version, record_table.c.content).where(
    record_table.c.id == any_(bindparam("ids", type_=ARRAY(Uuid)))
)


@dataclass(frozen=True)
class Gate:
    """A gate declared on a command: which record holds the pins, which argument names it, and when
    it applies."""

    name: str
    holder: Kind[Any]
    argument: str
    when: Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True)
class Loaded:
    """Step (i): the holder's revision, the pins it stands on, and where it was made and waits."""

    holder_id: str
    revision: int
    pins: tuple[Pin, ...]
    places: tuple[str, str]
    drill: str = ""
    reviews: int = 0
    """How many reviews of the holder wait for their decision."""


@dataclass(frozen=True)
class Comparison:
    """What an owner answers: the stale pins, the live version of every pinned record, and which of
    them nobody may rely on any more."""

    stale: tuple[StalePin, ...] = ()
    live: Mapping[str, int] = field(default_factory=dict)
    void: frozenset[str] = frozenset()


def gate(
    name: str,
    holder: Kind[Any],
    by: str,
    when: Callable[[Mapping[str, Any]], bool] = lambda _arguments: True,
) -> Callable[[F], F]:
    """Declare that a command is a gate of the record its argument `by` names.

    `when` looks at the command's arguments and tells whether this call is one (a reversible
    station is not).
    """

    def declare(command: F) -> F:
        command.gate = Gate(name, holder, by, when)  # type: ignore[attr-defined]  # a mark read by the chassis only
        return command

    return declare


def gate_of(command: Callable[..., Any], arguments: Mapping[str, Any]) -> Gate | None:
    """Return the gate that this call of the command must pass, if any."""
    declared: Gate | None = getattr(command, "gate", None)
    return declared if declared is not None and declared.when(arguments) else None


def load(connection: Connection, holder_id: str) -> Loaded:
    """Step (i). Raises Unknown."""
    rows = connection.execute(_LOAD, {"holder_id": as_uuid(holder_id)}).mappings().all()
    if not rows:
        raise Unknown(f"{holder_id} is not kept here", id=holder_id)
    pins = tuple(pin_of(row) for row in rows if row["holder_id"] is not None)
    first = rows[0]
    places = (first["branch_id"] or "", first["held_at_id"] or "")
    return Loaded(holder_id, first["revision"], pins, places, first["drill"], first["reviews"])


def by_owner(pins: Iterable[Pin]) -> dict[str, list[Pin]]:
    """Return the live pins by the service that must be asked about them."""
    owners: dict[str, list[Pin]] = {}
    for one in pins:
        if not one.fixed:
            owners.setdefault(owner_of(one.kind), []).append(one)
    return owners


def compare(
    connection: Connection,
    pins: Sequence[Pin],
    *,
    seal: history.Seal | None = None,
    hold: bool = False,
) -> Comparison:
    """Compare pins with this service's live records; with `hold` they stay as they are until the
    commit.

    One statement when nothing changed; a history read for each record that did. Raises Unknown.
    """
    live = _live_rows(connection, pins, hold=hold)
    stale = []
    for one in pins:
        row = live.get(one.record_id)
        if row is None:
            raise Unknown(f"{one.record_id} is not kept here", id=one.record_id)
        found = _stale(connection, one, row, seal)
        if found is not None:
            stale.append(found)
    return Comparison(
        tuple(stale),
        {record_id: row.version for record_id, row in live.items()},
        frozenset(record_id for record_id, row in live.items() if row.void),
    )


def require(comparisons: Iterable[Comparison]) -> dict[str, int]:
    """Raise StalePins when any owner found one; else return the live versions."""
    stale: list[StalePin] = []
    live: dict[str, int] = {}
    for one in comparisons:
        stale.extend(one.stale)
        live.update(one.live)
    if stale:
        raise StalePins(stale)
    return live


def _live_rows(connection: Connection, pins: Sequence[Pin], *, hold: bool) -> dict[str, Any]:
    ids = {as_uuid(one.record_id): one.record_id for one in pins}
    rows = connection.execute(_LIVE_HELD if hold else _LIVE, {"ids": list(ids)})
    return {ids[row.id]: row for row in rows}


def _stale(
    connection: Connection, pin: Pin, row: Any, seal: history.Seal | None
) -> StalePin | None:
    is_void = bool(row.void) and not pin.settled_void
    if pin.fixed or (not is_void and row.version <= pin.settled_version):
        return None
    with_values = not kind_of(pin.record_id).personal
    for past in history.changes_of(connection, pin.record_id, after_version=pin.settled_version):
        change = history.change_in(past, seal, with_values=with_values)
        if change.what in VOIDING and not row.void:
            continue  # a lock that has ended
        if change.what in TOLD_TO_OTHERS and pin.is_touched_by(change):
            stale = StalePin(pin=pin, live_version=row.version, change=change)
            return _against_successor(connection, stale, with_values=with_values)
    return None


def _against_successor(connection: Connection, stale: StalePin, *, with_values: bool) -> StalePin:
    """Let a refusal for a record that another one took the place of tell what differs in that one,
    of what the pin relied on: the content of the old one never changed."""
    old_id, new_id = stale.pin.record_id, stale.change.successor_id
    if not new_id or not is_kept_here(new_id):
        return stale
    ids = {"ids": [as_uuid(old_id), as_uuid(new_id)]}
    rows = {row.id: row for row in connection.execute(_CONTENTS, ids)}
    old, new = rows[as_uuid(old_id)], rows[as_uuid(new_id)]
    relied_on = stale.pin.fields
    fields = tuple(
        one if with_values else FieldChange(one.field, "", "")
        for one in difference(old.content, new.content)
        if not relied_on or one.field in relied_on
    )
    change = replace(stale.change, fields=fields)
    return replace(stale, change=change, successor_version=new.version)


def holder_id_of(gate: Gate, arguments: Mapping[str, Any]) -> str:
    """Return the id of the record whose pins this call must re-read."""
    return str(arguments[gate.argument])
