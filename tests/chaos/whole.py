"""What must hold of everything together: events arrive once in effect, stock and money conserve,
history verifies, nothing lies among the dead letters that was not poison."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from kombu import Connection

from chaos.invariants import Violation
from chaos.witness import Witness
from chassis.amqp_queues import dead_queue_of

_SENT = (
    "SELECT seq, event_id, type FROM witness_sent WHERE seq > %(after)s AND type = ANY(%(types)s)"
)
_HANDLED = "SELECT event_id FROM inbox WHERE subscription = %(queue)s AND event_id = ANY(%(ids)s)"
_CHAIN = (
    "SELECT record_id, revision, body, previous, hash FROM history ORDER BY record_id, revision"
)

_WRONG: dict[str, dict[str, str]] = {
    "billing": {
        "a posting whose entries do not add up": """
            SELECT posting_id::text AS one FROM ledger_entry GROUP BY posting_id
            HAVING sum(amount_minor) <> 0""",
        "a payment that was posted twice": """
            SELECT record_id AS one FROM posting WHERE posting_kind = 'payment'
            GROUP BY record_id HAVING count(*) > 1""",
        "a payment that was never posted": """
            SELECT 'payments' AS one FROM (
                SELECT (SELECT count(*) FROM record WHERE kind = 'billing.payment') AS taken,
                (SELECT count(*) FROM posting WHERE posting_kind = 'payment') AS posted) AS n
            WHERE taken <> posted""",
    },
    "inventory": {
        "a shelf that does not hold what was moved": """
            SELECT s.id::text AS one FROM shelf s LEFT JOIN (
                SELECT lot_id, branch_id, sphere, cylinder, addition, sum(quantity) AS n
                FROM movement WHERE piece_id IS NULL GROUP BY 1, 2, 3, 4, 5) m
            ON (m.lot_id, m.branch_id) = (s.lot_id, s.branch_id)
            AND m.sphere IS NOT DISTINCT FROM s.sphere
            AND m.cylinder IS NOT DISTINCT FROM s.cylinder
            AND m.addition IS NOT DISTINCT FROM s.addition
            WHERE s.on_hand <> coalesce(m.n, 0)""",
        "a shelf with more reserved than it holds": """
            SELECT id::text AS one FROM shelf WHERE reserved < 0 OR reserved > on_hand""",
        "other lenses reserved than reservations say": """
            SELECT 'lenses' AS one FROM (
                SELECT (SELECT sum(reserved) FROM shelf) AS kept,
                (SELECT coalesce(sum((content->>'quantity')::int), 0) FROM record
                 WHERE kind = 'inventory.reservation' AND state = 'reserved'
                 AND content->>'piece_id' = '') AS promised) AS n
            WHERE kept <> promised""",
        "a movement that was made twice": """
            SELECT record_id AS one FROM movement WHERE record_id <> ''
            GROUP BY record_id, cause, lot_id, branch_id, piece_id, sphere, cylinder, addition
            HAVING count(*) > 1""",
        "one piece for two": """
            SELECT content->>'piece_id' AS one FROM record
            WHERE kind = 'inventory.reservation' AND state IN ('reserved', 'drawn')
            AND content->>'piece_id' <> '' GROUP BY 1 HAVING count(*) > 1""",
    },
    "labjob": {
        "two live jobs of one release": """
            SELECT content->>'order_id' AS one FROM record WHERE kind = 'labjob.job'
            AND state NOT IN ('cancelled', 'remade') AND content->>'remake_of_id' = ''
            GROUP BY 1 HAVING count(*) > 1""",
    },
}


class Events:
    """Follows every event from the outbox it was put into to the inbox of each subscription."""

    def __init__(self, witness: Witness, subscriptions: list[str]) -> None:
        self._witness = witness
        self._subscriptions = [
            name for name in subscriptions if name.split(".")[1] in witness.services()
        ]
        self._after: dict[str, int] = defaultdict(int)
        self._open: dict[str, set[UUID]] = defaultdict(set)
        self.sent = 0

    def missing(self) -> int:
        """Return how many effects are still to come."""
        heard: dict[tuple[str, str], list[str]] = defaultdict(list)
        for name in self._subscriptions:
            _, publisher, event = name.split(".")
            package = "record" if event == "RecordChanged" else publisher
            heard[publisher, f"optichain.{package}.v1.{event}"].append(name)
        for publisher in {one.split(".")[1] for one in self._subscriptions}:
            types = [type_ for of, type_ in heard if of == publisher]
            rows = self._witness.ask(publisher, _SENT, after=self._after[publisher], types=types)
            for row in rows:
                self._after[publisher] = max(self._after[publisher], row["seq"])
                for name in heard[publisher, row["type"]]:
                    self._open[name].add(row["event_id"])
                    self.sent += 1
        for name, ids in self._open.items():
            if ids:
                asked = {"queue": name, "ids": list(ids)}
                for row in self._witness.ask(name.split(".")[0], _HANDLED, **asked):
                    ids.discard(row["event_id"])
        return sum(len(ids) for ids in self._open.values())

    def told(self) -> list[str]:
        """Return what is missing, in words."""
        return [f"{len(ids)} events for {name}" for name, ids in self._open.items() if ids]


def wrong_sums(witness: Witness) -> Iterator[Violation]:
    """Return where stock or money do not add up, or an effect stands twice."""
    for service, laws in _WRONG.items():
        for law, query in laws.items():
            for row in witness.ask(service, query):
                yield Violation(law, "", f"{service}: {row['one']}")


def broken_history(witness: Witness) -> Iterator[Violation]:
    """Return every row of history that does not follow from the one before it, by our own sum."""
    for service in witness.services():
        head: dict[Any, bytes] = {}
        for row in witness.ask(service, _CHAIN):
            before = head.get(row["record_id"], b"")
            previous = bytes(row["previous"] or b"")
            is_next = hashlib.sha256(previous + row["body"].encode()).digest()
            if previous != before or is_next != bytes(row["hash"]):
                where = f"{service}: {row['record_id']} revision {row['revision']}"
                yield Violation("history does not verify", "", where)
            head[row["record_id"]] = bytes(row["hash"])


def dead_letters(amqp_url: str, services: list[str]) -> Mapping[str, int]:
    """Return how many dead letters each service has."""
    with Connection(amqp_url) as broker:
        channel = broker.channel()
        return {
            name: channel.queue_declare(dead_queue_of(name).name, passive=True).message_count
            for name in services
        }
