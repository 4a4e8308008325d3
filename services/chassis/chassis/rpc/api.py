"""A service's gRPC face as a table: which function serves which RPC, in three kinds.

    api = Api(labjob_service_pb2, "LabjobService")
    api.commands(AcceptJob=commands.accept_job)     # (work, **fields) -> record: one unit of work
    api.queries(GetJob=queries.get_job)             # (reading, **fields) -> value: a short snapshot

    @api.asks("ReleaseJob")                         # (call, request) -> response: asks other
    services first def release_job(call, request): ...

A command or query is plain Python: the chassis turns the request's fields into its keyword
arguments and what it returns into the response.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from google.protobuf.message import Message

from chassis.access import Access, access_of
from chassis.contract import Rule, path_of, rule_of
from chassis.errors import DomainError
from chassis.rpc.call import Call
from chassis.wire import message_class_of

F = TypeVar("F", bound=Callable[..., Any])
Serve = Callable[[Call, Message], Message]


class RpcUnserved(Exception):
    """The contract has an RPC that nothing serves, or the table names one that the contract has
    not."""


@dataclass(frozen=True)
class Method:
    """One RPC ready to be served."""

    name: str
    path: str
    rule: Rule
    request: type[Message]
    response: type[Message]
    serve: Serve
    access: Access | None = None


class Api:
    """The RPCs of one gRPC service and the functions that serve them."""

    def __init__(self, module: Any, service: str) -> None:
        self.descriptor: Any = module.DESCRIPTOR.services_by_name[service]
        self._methods: dict[str, Method] = {}

    def commands(self, **table: Callable[..., Any]) -> None:
        """Serve RPCs by commands: `(work, **fields)`."""
        for name, command in table.items():
            self._add(name, partial(_run, command))

    def queries(self, **table: Callable[..., Any]) -> None:
        """Serve RPCs by queries: `(reading, **fields)`."""
        for name, query in table.items():
            self._add(name, partial(_read, query))

    def asks(self, name: str) -> Callable[[F], F]:
        """Serve an RPC by a function that asks other services before it runs its command."""

        def register(function: F) -> F:
            self._add(name, partial(_ask, function))
            return function

        return register

    def _add(self, name: str, serve: Serve) -> None:
        method: Any = self.descriptor.methods_by_name.get(name)
        if method is None:
            raise RpcUnserved(f"{self.descriptor.full_name} has no RPC {name}")
        self._methods[name] = Method(
            name=name,
            path=path_of(self.descriptor, method),
            rule=rule_of(method),
            request=message_class_of(method.input_type),
            response=message_class_of(method.output_type),
            serve=serve,
            access=access_of(method),
        )

    @property
    def methods(self) -> list[Method]:
        """Every RPC of the contract, each served. Raises RpcUnserved, RuleMissing."""
        missing = sorted(m.name for m in self.descriptor.methods if m.name not in self._methods)
        if missing:
            raise RpcUnserved(f"{self.descriptor.full_name}: nothing serves {', '.join(missing)}")
        return list(self._methods.values())


def _run(command: Callable[..., Any], call: Call, _request: Message) -> Message:
    return call.run(command)


def _ask(function: Callable[..., Message], call: Call, request: Message) -> Message:
    """Serve by asking; a repeat of what was served may be refused before it comes to its command,
    since things have moved on by then."""
    try:
        return function(call, request)
    except DomainError:
        return call.replayed_or_raise()


def _read(query: Callable[..., Any], call: Call, _request: Message) -> Message:
    return call.read(query)
