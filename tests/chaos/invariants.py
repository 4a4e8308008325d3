"""What must hold, whatever happened: judged from what the witness saw and from what people sent,
never by the product's own functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from chaos import issues
from chaos.line import Attempt
from chaos.witness import Facts, PinSeen, Row, plain

VOIDING = frozenset({"superseded", "revoked", "expired", "locked", "merged"})
_CHANGING = VOIDING | {"amended"}
_REVIEWED = frozenset({"billing.order", "labjob.job", "clinical.refraction"})
"""Kinds whose holders are asked when what they stand on changes."""

_LOST = frozenset({"lost", "UNAVAILABLE"})
_LONGEST_CALL_SECONDS = 12.0

_ENDED_BY_COMMIT_SECONDS = 2.0
"""By when a commit can be seen that no answer told of."""

_CLOCK_SECONDS = 0.5
"""How far the moment of a commit and the moment it can be seen may lie apart."""

_GATE_STATES = {
    "labjob.job": {
        "accepted": ("released",),
        "edging": None,
        "surfacing": None,
        "shipped": ("qc_passed",),
        "ready": ("branch_checked",),
        "collected": ("ready",),
    },
    "billing.order": {"approved": None, "confirmed": ("approved",)},
}
"""Which states are entered through a gate only, and from where (anywhere when None)."""

_STATION = frozenset({"edging", "surfacing"})
_OPERATIONS = {
    "accepted": "labjob.AcceptJob",
    "edging": "labjob.StartStation",
    "surfacing": "labjob.StartStation",
    "shipped": "labjob.ShipJob",
    "ready": "labjob.MarkReady",
    "collected": "labjob.CollectJob",
    "released": "labjob.ReleaseJob",
    "revised": "labjob.ReviseJob",
    "approved": "billing.ApproveOrder",
    "confirmed": "billing.TakePayment",
}


@dataclass(frozen=True)
class Violation:
    """One law that did not hold, in one case."""

    law: str
    case_id: str
    text: str


@dataclass(frozen=True)
class Passing:
    """A gate that a holder passed, with the pins it stood on after it."""

    row: Row
    gate: str
    pins: tuple[PinSeen, ...]


@dataclass
class Case:
    """What is known of one case: its facts, and what people sent."""

    case_id: str
    facts: Facts = field(default_factory=Facts)
    attempts: list[Attempt] = field(default_factory=list)

    def changes_of(self, record_id: str) -> list[Row]:
        """Return the changes of a record that others hear of."""
        return [
            row for row in self.facts.rows if row.record_id == record_id and row.what in _CHANGING
        ]


def violations(case: Case) -> list[Violation]:
    """Return the laws that do not hold in a case that has come to rest."""
    found: list[Violation] = []
    for law, broken in _LAWS.items():
        found += [Violation(law, case.case_id, text) for text in broken(case)]
    return found


# -- gates


def passings(case: Case) -> list[Passing]:
    """Return every gate that was passed, in the order of the commits."""
    before: dict[str, str] = {}
    found = []
    for row in case.facts.rows:
        gate = _gate(row, before.get(row.record_id, ""))
        before[row.record_id] = row.state
        if gate:
            found.append(Passing(row, gate, pins_at(case, row)))
    return found


def _gate(row: Row, before: str) -> str:
    if row.kind == "labjob.job" and row.what == "recorded":
        return "released"
    if row.kind == "labjob.job" and row.what == "amended" and row.state == "released":
        return "revised"
    entered = _GATE_STATES.get(row.kind, {})
    if row.state == before or row.state not in entered:
        return ""
    origin = entered[row.state]
    return row.state if origin is None or before in origin else ""


def pins_at(case: Case, row: Row) -> tuple[PinSeen, ...]:
    """Return the pins a record stood on once the commit of one of its rows was done."""
    standing: dict[str, PinSeen] = {}
    for seen in case.facts.pins:
        if seen.holder_id == row.record_id and (seen.commit == row.commit or seen.at < row.at):
            standing[seen.record_id] = seen
    return tuple(seen for seen in standing.values() if not seen.gone)


def is_behind(pin: PinSeen, change: Row) -> bool:
    """Tell whether a change makes a pin stale."""
    if pin.fixed or (change.what == "expired" and pin.may_expire):
        return False
    if change.what in VOIDING:
        return change.version > pin.settled_version or not pin.settled_void
    if change.version <= pin.settled_version:
        return False
    return not pin.fields or any(name in pin.fields for name in change.fields)


def _stale(case: Case, passing: Passing) -> Iterator[tuple[PinSeen, Row]]:
    """Return what was stale, each with the change, of changes that came before the gate."""
    for pin in passing.pins:
        for change in case.changes_of(pin.record_id):
            if change.at < passing.row.at and is_behind(pin, change):
                yield pin, change


def changed_before(
    case: Case, holder_id: str, at: float, before: float
) -> Iterator[tuple[PinSeen, Row]]:
    """Return what a record stood on at a moment that had changed, and could be seen to, before
    another. What was judged and kept meanwhile is settled, though the record did not move."""
    standing = {
        seen.record_id: seen
        for seen in case.facts.pins
        if seen.holder_id == holder_id and seen.at <= at
    }
    for pin in standing.values():
        for change in case.changes_of(pin.record_id) if not pin.gone else ():
            if _seen_at(case, change) < before and is_behind(pin, change):
                yield pin, change


def _passed_after_a_change(case: Case) -> Iterator[str]:
    """A gate whose request was sent after a change could be seen never passes on the older pin."""
    for passing in passings(case):
        sent_at = _sent_at(case, passing)
        if sent_at is None or passing.gate in _STATION:
            continue
        for pin, change in _stale(case, passing):
            if _seen_at(case, change) < sent_at:
                yield _told(passing, pin, change)


def _station_on_a_stale_pin(case: Case) -> Iterator[str]:
    """The same of what cannot be undone."""
    for passing in passings(case):
        sent_at = _sent_at(case, passing)
        if sent_at is None or passing.gate not in _STATION:
            continue
        for pin, change in _stale(case, passing):
            if _seen_at(case, change) < sent_at:
                yield _told(passing, pin, change)


def _two_gates_on_a_stale_pin(case: Case) -> Iterator[str]:
    """After a change a holder passes at most one more gate."""
    passed: dict[tuple[str, str, int, str], int] = defaultdict(int)
    for passing in passings(case):
        for pin, change in _stale(case, passing):
            if change.at + _CLOCK_SECONDS > passing.row.at:
                continue
            key = (passing.row.record_id, change.record_id, change.version, change.what)
            passed[key] += 1
            if passed[key] == 2:
                yield _told(passing, pin, change)


def _sent_at(case: Case, passing: Passing) -> float | None:
    """Return when the request was sent that passed a gate. Where it is not certain which of several
    it was (an answer was lost, two pressed at once), the first: what was sent before a change may
    pass."""
    operation, at = _OPERATIONS[passing.gate], passing.row.at
    sent = [
        one.sent_at
        for one in case.attempts
        if one.operation == operation
        and one.sent_at <= at <= one.sent_at + _LONGEST_CALL_SECONDS
        and (one.answer in _LOST or (one.answer == "ok" and at <= one.ended_at))
    ]
    return min(sent, default=None)


def _seen_at(case: Case, change: Row) -> float:
    """Return by when everybody could see a change: once its request was answered, or a while after
    its commit when the answer was lost."""
    answered = [
        one.ended_at
        for one in case.attempts
        if one.answer == "ok"
        and one.sent_at <= change.at <= one.ended_at
        and one.operation.startswith(f"{change.service}.")
    ]
    late = change.at + _ENDED_BY_COMMIT_SECONDS
    return min(max(answered), late) if answered else late


def passed_while_away(case: Case, away: Iterable[tuple[str, float, float]]) -> list[Violation]:
    """Return the gates that were passed though an owner of a pin could not be asked: each owner
    with the moments from which and to which it was away."""
    found = []
    for owner, since, until in away:
        for passing in passings(case):
            sent_at = _sent_at(case, passing)
            asks = any(not p.fixed and p.kind.startswith(f"{owner}.") for p in passing.pins)
            is_own = passing.row.service == owner
            if sent_at is None or is_own or not asks:
                continue
            if since < sent_at and passing.row.at < until:
                text = f"{passing.row.kind} was {passing.gate} while {owner} was away"
                found.append(Violation("a gate passed on trust", case.case_id, text))
    return found


def _told(passing: Passing, pin: PinSeen, change: Row) -> str:
    late = round((passing.row.at - change.at) * 1000)
    return (
        f"{passing.row.kind} was {passing.gate} on version {pin.settled_version} of a {pin.kind} "
        f"that was {change.what} to version {change.version} {late} ms before"
    )


# -- reviews


def _change_without_its_review(case: Case) -> Iterator[str]:
    """Whoever still stands on what has changed is asked."""
    asked = {
        (one["holder_id"], plain(one["record_id"]), one["version"], one["is_void"])
        for one in case.facts.reviews
        if one["closed_at"] is None
    }
    for one in case.facts.standing:
        if one["kind"] not in _REVIEWED or one["void"] or not one["responsible_role"]:
            continue
        pin = _standing_pin(one)
        behind = [row for row in case.changes_of(pin.record_id) if is_behind(pin, row)]
        if not behind:
            continue
        last = behind[-1]
        key = (one["id"], pin.record_id, last.version, last.what in VOIDING)
        if key not in asked:
            yield (
                f"nobody was asked about {one['kind']} ({one['state']}), which stands on version "
                f"{pin.settled_version} of a record that was {last.what} to {last.version}"
            )


def _standing_pin(one: dict[str, object]) -> PinSeen:
    return PinSeen(
        holder_id=str(one["id"]),
        record_id=plain(str(one["record_id"])),
        kind="",
        settled_version=int(str(one["settled_version"])),
        settled_void=bool(one["settled_void"]),
        settled_by="",
        fields=tuple(one["fields"] or ()),  # type: ignore[call-overload]  # a list of names
        fixed=bool(one["fixed"]),
        may_expire=bool(one["may_expire"]),
        gone=False,
        at=0.0,
        commit="",
    )


def _review_without_an_owner(case: Case) -> Iterator[str]:
    for one in case.facts.reviews:
        is_open = one["closed_at"] is None
        if is_open and not (one["asked"] or one["owner"]):
            yield f"an open review of a {one['content']['holder_kind']} has nobody to decide it"
        if is_open and not one["held_at_id"]:
            yield f"an open review of a {one['content']['holder_kind']} belongs to no branch"


def _review_twice(case: Case) -> Iterator[str]:
    seen = set()
    for one in case.facts.reviews:
        key = (one["holder_id"], one["record_id"], one["version"], one["is_void"])
        if key in seen:
            yield f"two reviews ask the same of a {one['content']['holder_kind']}"
        seen.add(key)


def _decided_on_an_older_version(case: Case) -> Iterator[str]:
    """A decision judges the live version: one that was sent after a later change is refused."""
    for row in case.facts.rows:
        if not row.kind.endswith("review") or row.what != "moved":
            continue
        judged = int(row.content.get("judged_version") or 0)
        sent = [one.sent_at for one in case.attempts if _decides(one, row, judged)]
        for change in case.changes_of(plain(row.content["record_id"])) if sent else ():
            if change.version > judged and _seen_at(case, change) < max(sent):
                yield (
                    f"a review was decided on version {judged} though version {change.version} "
                    "could be seen"
                )


def _decides(attempt: Attempt, row: Row, judged: int) -> bool:
    """Tell whether a row of a review's history comes of this request."""
    return (
        attempt.operation.endswith(".DecideReview")
        and (attempt.answer == "ok" or attempt.answer in _LOST)
        and attempt.judged_version == judged
        and attempt.sent_at <= row.at <= max(attempt.ended_at, attempt.sent_at)
        and row.record_id in {plain(one) for one in attempt.ids}
    )


def _settled_past_what_matters(case: Case) -> Iterator[str]:
    """The system settles a pin by itself only past changes that touch nothing relied on."""
    before: dict[tuple[str, str], PinSeen] = {}
    for seen in case.facts.pins:
        key = (seen.holder_id, seen.record_id)
        older = before.get(key)
        before[key] = seen
        if older is None or older.gone or seen.gone or seen.settled_by != "system":
            continue
        if (older.settled_version, older.fields) == (seen.settled_version, seen.fields):
            continue
        for change in case.changes_of(seen.record_id):
            is_past = older.settled_version < change.version <= seen.settled_version
            if is_past and is_behind(older, change) and not is_behind(seen, change):
                yield f"the system settled a pin past version {change.version}, which matters to it"


def _closed_while_false(case: Case) -> Iterator[str]:
    """A review that was closed by keeping leaves no pin behind what it was about, and no issue ends
    before its condition holds."""
    yield from issues.closed_while_false(case)
    for one in case.facts.reviews:
        content = one["content"]
        if one["closed_at"] is None or content.get("decision") != "keep":
            continue
        for held in case.facts.standing:
            is_asked = held["responsible_role"] and not held["void"]
            if held["id"] != one["holder_id"] or not is_asked:
                continue  # nobody has to act on what has ended
            pin = _standing_pin(held)
            is_void_left = one["is_void"] and not pin.settled_void
            is_left = pin.settled_version < one["version"] or is_void_left
            if pin.record_id == plain(one["record_id"]) and is_left:
                yield f"a review was closed, and its pin still stands at {pin.settled_version}"


_LAWS = {
    "a gate passed after a change": _passed_after_a_change,
    "an irreversible station started on a stale pin": _station_on_a_stale_pin,
    "two gates passed on one stale pin": _two_gates_on_a_stale_pin,
    "a change without its review": _change_without_its_review,
    "a review without an owner": _review_without_an_owner,
    "a review asked twice": _review_twice,
    "a decision on an older version": _decided_on_an_older_version,
    "a pin settled past what matters": _settled_past_what_matters,
    "closed on a false condition": _closed_while_false,
    "an issue without an owner": issues.without_an_owner,
}


def opened_after_ms(cases: Iterable[Case]) -> list[float]:
    """Return for each review how long after the commit of its change it stood, in milliseconds."""
    found = []
    for case in cases:
        changed = {
            (row.record_id, row.version, row.what in VOIDING): row.at
            for row in case.facts.rows
            if row.what in _CHANGING
        }
        stood = {
            row.record_id: row.at
            for row in case.facts.rows
            if row.kind.endswith(".review") and row.what == "recorded"
        }
        for one in case.facts.reviews:
            at = changed.get((plain(one["record_id"]), one["version"], one["is_void"]))
            if at is not None and one["id"] in stood:
                found.append(max(stood[one["id"]] - at, 0.0) * 1000)
    return found
