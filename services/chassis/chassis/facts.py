"""What other services are told: a fact of the domain and its message share name and fields.

A noun module declares `@dataclass(frozen=True) class JobReleased`; the service's `events.proto`
has the message of the same name. The unit of work writes it to the outbox, the relay publishes
it.
"""

from __future__ import annotations

from typing import Any, Protocol

from google.protobuf.message import Message

from chassis.wire import to_message


class Events(Protocol):
    """The generated module of a service's events."""

    DESCRIPTOR: Any


class FactUnknown(Exception):
    """A fact was told that the service's events.proto does not declare."""


class FactBook:
    """Turns facts into event messages by name."""

    def __init__(self, *modules: Any) -> None:
        self._classes: dict[str, type[Message]] = {}
        for module in modules:
            for name in module.DESCRIPTOR.message_types_by_name:
                self._classes[name] = getattr(module, name)

    def encode(self, fact: Any) -> tuple[str, bytes]:
        """Return the full name and the bytes of a fact. Raises FactUnknown."""
        try:
            message_class = self._classes[type(fact).__name__]
        except KeyError:
            raise FactUnknown(type(fact).__name__) from None
        return message_class.DESCRIPTOR.full_name, to_message(
            fact, message_class
        ).SerializeToString()
