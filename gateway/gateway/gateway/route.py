"""One row of a journey's table: an HTTP method and path, and the request type that names the RPC.

    post("/orders/{order_id}/approve", ApproveOrderRequest)
    get("/orders/{order_id}", GetOrderRequest)

What stands in the path, the query and the body fills the request by field name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from google.protobuf.message import Message

from chassis.contract import Rule, rule_of
from chassis.rpc.peers import Rpc, rpc_of

Owner = str | Callable[[Any], str]

_PLACE = re.compile(r"\{(\w+)\}")


class RouteUnfit(Exception):
    """A row cannot be served: its path names a field the request has not, or two rows collide."""


@dataclass(frozen=True)
class Route:
    """An RPC at an address. `of` names the service where several serve the RPC, or tells it from
    the request."""

    method: str
    path: str
    request: type[Message]
    of: Owner = ""

    def __post_init__(self) -> None:
        fields = self.request.DESCRIPTOR.fields_by_name
        unknown = [name for name in self.in_path if name not in fields]
        if unknown:
            raise RouteUnfit(f"{self.path}: {self.request.__name__} has no {', '.join(unknown)}")

    @property
    def in_path(self) -> tuple[str, ...]:
        """The fields that stand in the path."""
        return tuple(_PLACE.findall(self.path))

    @property
    def has_body(self) -> bool:
        """Tell whether the other fields come as a JSON body; else they come in the query."""
        return self.method not in ("GET", "DELETE")

    @cached_property
    def rpc(self) -> Rpc:
        """The RPC."""
        return rpc_of(self.request)

    @cached_property
    def descriptor(self) -> Any:
        """The RPC's method descriptor."""
        service, _, method = self.rpc.path.rpartition("/")
        name = service.rpartition(".")[2]
        services = self.request.DESCRIPTOR.file.services_by_name
        return services[name].methods_by_name[method]

    @cached_property
    def rule(self) -> Rule:
        """Who may call."""
        return rule_of(self.descriptor)

    def service(self, request: Message) -> str:
        """Return the service that is to be asked. Raises Unknown when no service keeps the id."""
        if callable(self.of):
            return self.of(request)
        return self.of or self.rpc.service


def get(path: str, request: type[Message], *, of: Owner = "") -> Route:
    """A read: other fields come in the query."""
    return Route("GET", path, request, of)


def post(path: str, request: type[Message], *, of: Owner = "") -> Route:
    """A command, or a read whose question does not fit in a query: other fields come as JSON."""
    return Route("POST", path, request, of)


def delete(path: str, request: type[Message], *, of: Owner = "") -> Route:
    """An ending."""
    return Route("DELETE", path, request, of)


def in_order(routes: list[Route]) -> list[Route]:
    """Return the rows so that a named path comes before one with a place in it. Raises RouteUnfit
    when two rows have the same address."""
    taken: dict[tuple[str, str], Route] = {}
    for route in routes:
        shape = (route.method, _PLACE.sub("{}", route.path))
        if shape in taken:
            raise RouteUnfit(f"{route.method} {route.path} and {taken[shape].path} are one address")
        taken[shape] = route
    return sorted(
        routes,
        key=lambda route: [(part.startswith("{"), part) for part in route.path.split("/")],
    )
