"""What a full journey planted of persons and eyes, and the search for it wherever it must not be:
logs, spans, dead letters, object keys, and what the services tell each other.

Walk a journey on a `Watched` platform; `left.holding(text)` then names the places that hold it.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from google.protobuf.descriptor_pool import Default
from google.protobuf.json_format import MessageToJson
from google.protobuf.message_factory import GetMessageClass
from kombu import Connection, Queue

from chassis import dead_letters
from chassis.amqp_queues import exchange_of
from chassis.objects import ObjectStore
from local_platform.platform import Platform
from local_platform.ports import SERVICES

NAMES = ("欧阳静", "李小明", "李红")
CONTACTS = ("13916000199", "139 1600 0199", "13716000155", "137 1600 0155", "愚园路")
PLANTED = (*NAMES, *CONTACTS)
"""Names, phones and addresses of the imported customers."""

POWERS = re.compile(r"(?<![\w.-])-(225|250|2\.25|2\.50)(?![\w.])")
"""What was prescribed, as an integer or as people write it."""

_WIRE = "planted"


@dataclass
class Left:
    """What a journey left behind, as text by where it lies."""

    texts: dict[str, str] = field(default_factory=dict)

    def holding(self, planted: str) -> list[str]:
        """Return the places that hold a text, as it is or as JSON writes it."""
        escaped = json.dumps(planted).strip('"')
        return [name for name, text in self.texts.items() if planted in text or escaped in text]

    def powers(self) -> dict[str, str]:
        """Return the places that hold a power, and which."""
        hits = {name: POWERS.search(text) for name, text in self.texts.items()}
        return {name: hit.group() for name, hit in hits.items() if hit}

    def kinds(self) -> set[str]:
        """Return what was looked into, so that an empty search is no proof."""
        return {name.partition(" ")[0] for name, text in self.texts.items() if text}


class Watched(Platform):
    """A platform whose events are overheard; once it stops, `left` tells what it leaves."""

    def __enter__(self) -> Self:
        super().__enter__()
        self.left = Left()
        with self._broker() as broker:
            queue = Queue(_WIRE, durable=True)(broker.channel())
            queue.queue_declare()
            for service in SERVICES:
                exchange_of(service)(broker.channel()).declare()
                queue.bind_to(exchange_of(service), routing_key="#")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.left.texts |= self._while_it_runs()
        super().__exit__(kind, error, trace)
        self.left.texts |= dict(_files(self.var))

    def dead_letters(self) -> int:
        """Return how many messages were given up by now."""
        url = self.environment["OPTICHAIN_AMQP_URL"]
        return sum(dead_letters.length(url, service) for service in SERVICES)

    def _while_it_runs(self) -> dict[str, str]:
        url = self.environment["OPTICHAIN_AMQP_URL"]
        store = ObjectStore(self.environment["OPTICHAIN_S3_URL"])
        dead = {
            f"dead-letters of {service}": dead_letters.as_text(dead_letters.buried(url, service))
            for service in SERVICES
        }
        return dead | {"object-keys": "\n".join(store.keys())} | dict(self._events())

    def _events(self) -> Iterator[tuple[str, str]]:
        with self._broker() as broker:
            channel = broker.channel()
            n = 0
            while (message := channel.basic_get(_WIRE, no_ack=True)) is not None:
                n += 1
                kind = str(message.headers["cloudEvents:type"])
                yield f"event {n} {kind}", _as_text(kind, bytes(message.body))

    def _broker(self) -> Any:
        return Connection(self.environment["OPTICHAIN_AMQP_URL"])


def _as_text(kind: str, body: bytes) -> str:
    importlib.import_module(f"{kind.rpartition('.')[0]}.events_pb2")
    event = GetMessageClass(Default().FindMessageTypeByName(kind)).FromString(body)
    return MessageToJson(event, ensure_ascii=False)


def _files(var: Path) -> Iterator[tuple[str, str]]:
    for path in (var / "logs").glob("*.log"):
        yield f"log {path.name}", path.read_text(errors="replace")
    for path in (var / "telemetry").glob("*.jsonl"):
        yield f"telemetry {path.name}", path.read_text(errors="replace")


PLACES = {"log", "telemetry", "dead-letters", "object-keys", "event"}
"""What every search looks into."""


def require_nothing_planted(left: Left) -> None:
    """Require that nothing personal or clinical reached any of the places. Raises
    AssertionError."""
    assert left.kinds() == PLACES
    assert {planted: left.holding(planted) for planted in PLANTED if left.holding(planted)} == {}
    assert left.powers() == {}


def require_told_nothing(told: Any) -> None:
    """Require that an answer or a page says nothing planted. Raises AssertionError."""
    text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
    assert [planted for planted in PLANTED if planted in text] == []
    assert POWERS.search(text) is None, text
